/*
 * Hosted CPUs: start, interrupts, idle, calls to each other. host_cpu.h says when interrupts are taken.
 *
 * Why not real signals: an interrupt at any instruction of the kernel would hit libc and sanitizers'
 * run-times, which the port uses, in the middle of their own locks; it would make per-CPU access need
 * single instructions, which sanitizers cannot watch; and it would make runs impossible to replay. What is
 * lost is that an interrupt waits for the next point, at most the longest stretch of kernel code
 * without a lock, a read section or an allocation. Program code knows no points: there, and only there, a
 * signal does it (signal.c).
 *
 * host_raise and the CPU must not miss each other:
 *
 *	raiser:	pending |= bit; look at state	CPU: state = IDLE or IN_PROGRAM; look at pending
 *
 * with a full barrier between the two on both sides, so one of them sees the other. A raiser that finds
 * bits pending already leaves the waking to whoever set the first.
 *
 * Locking: none but call_lock, as in arch/x86_64/ipi.c.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <asm/prctl.h>

#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/entry.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"

/* Rounds of spinning before the processor is offered to others. */
#define RELAX_ROUNDS 64

/* Absent in a test that links without percpu.ld: then there is one CPU. */
extern char __start_percpu[] __weak, __stop_percpu[] __weak;

bool host_expects_events;
static unsigned wanted_cpus = 1;
static void *pristine_percpu;
static u32 released;

static void (*devices[8])(void);
static unsigned nr_devices;

static u32 call_lock;
static void (*call_fn)(void *arg);
static void *call_arg;
static u32 call_pending; /* atomic: CPUs that have not run call_fn yet */

/* ---- Interrupts ---- */

void host_raise(struct host_cpu *c, enum host_irq irq)
{
	if (atomic_fetch_or(&c->pending, 1u << irq))
		return;
	switch (READ_ONCE(c->state)) {
	case HOST_IDLE:
		syscall(SYS_futex, &c->pending, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		break;
	case HOST_IN_PROGRAM:
		syscall(SYS_tgkill, getpid(), c->tid, SIGUSR1);
		break;
	}
}

void host_device_register(void (*fn)(void))
{
	assert(nr_devices < ARRAY_SIZE(devices));
	devices[nr_devices++] = fn;
}

static void call_ipi(void)
{
	call_fn(call_arg);
	atomic_sub(&call_pending, 1u);
}

/* Context: interrupt. */
static void dispatch(u32 pending)
{
	if (pending & 1u << HOST_IRQ_TIMER)
		timer_interrupt();
	if (pending & 1u << HOST_IRQ_RESCHED)
		sched_resched_ipi();
	if (pending & 1u << HOST_IRQ_RCU)
		rcu_ipi();
	if (pending & 1u << HOST_IRQ_CALL)
		call_ipi();
	for (unsigned i = 0; (pending & 1u << HOST_IRQ_DEVICE) && i < nr_devices; i++)
		devices[i]();
}

void host_interrupts(void)
{
	while (atomic_fetch_or(&host_cpu()->pending, 0u)) {
		arch_irq_disable();
		irq_enter();
		dispatch(atomic_xchg(&host_cpu()->pending, 0u));
		irq_exit(); /* may come back on another CPU */
		host_cpu()->irqs_on = true;
	}
}

void host_preempt_point(void)
{
	struct host_cpu *c = host_cpu();

	if (c->irqs_on && READ_ONCE(c->pending))
		host_interrupts();
	if (this_cpu_read(preempt_word) == 0)
		preempt_schedule();
}

void arch_cpu_relax(void)
{
	struct host_cpu *c = host_cpu();

	__builtin_ia32_pause();
	if (++c->relaxed % RELAX_ROUNDS == 0)
		sched_yield();
	if (c->irqs_on && READ_ONCE(c->pending))
		host_interrupts();
}

/* ---- Idle ---- */

/* Sleep until something is pending or the deadline has come. */
static void wait_for_pending(struct host_cpu *c)
{
	u64 deadline = READ_ONCE(c->deadline), now = arch_clock_ns();
	struct timespec ts;

	if (deadline <= now) {
		WRITE_ONCE(c->deadline, ~0ull);
		atomic_fetch_or(&c->pending, 1u << HOST_IRQ_TIMER);
		return;
	}
	if (deadline == ~0ull && nr_cpus == 1 && !host_expects_events) {
		fprintf(stderr, "every thread sleeps and nothing can wake one\n");
		abort();
	}
	ts = (struct timespec){
		(time_t)((deadline - now) / NSEC_PER_SEC), (long)((deadline - now) % NSEC_PER_SEC)};
	syscall(SYS_futex, &c->pending, FUTEX_WAIT_PRIVATE, 0, deadline == ~0ull ? NULL : &ts, NULL,
		0);
}

void arch_idle_wait(void)
{
	struct host_cpu *c = host_cpu();

	host_console_flush();
	atomic_xchg(&c->state, (u32)HOST_IDLE);
	while (!READ_ONCE(c->pending))
		wait_for_pending(c);
	atomic_xchg(&c->state, (u32)HOST_IN_KERNEL);
	host_timer_look(c);
	arch_irq_enable();
}

/* ---- One CPU asking others for something ---- */

void arch_send_ipi(unsigned cpu, enum arch_ipi kind)
{
	static const enum host_irq irqs[] = {
		[ARCH_IPI_RESCHED] = HOST_IRQ_RESCHED,
		[ARCH_IPI_RCU] = HOST_IRQ_RCU,
		[ARCH_IPI_CALL] = HOST_IRQ_CALL,
	};

	if (kind == ARCH_IPI_STOP)
		host_request(&host_cpus[cpu], HOST_REQUEST_STOP);
	else
		host_raise(&host_cpus[cpu], irqs[kind]);
}

void arch_call_others(void (*fn)(void *arg), void *arg)
{
	unsigned cpu;

	if (nr_cpus == 1)
		return;
	assert(arch_irqs_enabled());
	preempt_disable();
	raw_lock(&call_lock);
	call_fn = fn;
	call_arg = arg;
	WRITE_ONCE(call_pending, nr_cpus - 1);
	for_each_cpu (cpu)
		if (cpu != this_cpu_id())
			arch_send_ipi(cpu, ARCH_IPI_CALL);
	while (load_acquire(&call_pending) != 0)
		arch_cpu_relax();
	raw_unlock(&call_lock);
	preempt_enable();
}

/* ---- Start ---- */

static size_t percpu_size(void)
{
	return (size_t)(__stop_percpu - __start_percpu);
}

void host_set_cpus(unsigned n)
{
	wanted_cpus = MIN(n, (unsigned)MAX_CPUS);
	/* Before anyone changes a per-CPU variable. */
	pristine_percpu = malloc(percpu_size());
	if (!pristine_percpu)
		abort();
	memcpy(pristine_percpu, __start_percpu, percpu_size());
}

bool host_start_pthread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, fn, arg) == 0 && pthread_detach(thread) == 0;
}

static void *cpu_main(void *arg)
{
	struct host_cpu *c = arg;

	syscall(SYS_arch_prctl, ARCH_SET_GS, c);
	host_signals_init_cpu(c);
	while (!load_acquire(&released))
		sched_yield();
	host_run_thread(current, sched_idle);
}

static bool prepare_cpu(unsigned cpu)
{
	struct host_cpu *c = &host_cpus[cpu];
	void *area = mmap(
		NULL, percpu_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return false;
	memcpy(area, pristine_percpu, percpu_size());
	c->self = c;
	c->index = cpu;
	c->percpu_offset = (u64)area - (u64)__start_percpu;
	store_release(&c->deadline, ~0ull); /* from here on the timer's thread looks at it */
	return sched_prepare_cpu(cpu) && host_start_pthread(cpu_main, c);
}

void arch_smp_start(void)
{
	unsigned cpu = 1;

	while (cpu < wanted_cpus && prepare_cpu(cpu))
		cpu++;
	nr_cpus = cpu;
	store_release(&released, 1u);
}
