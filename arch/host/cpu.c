/*
 * Hosted CPUs, the part that does not depend on what a CPU is: taking interrupts, calls to each other,
 * per-CPU areas. host_cpu.h says when interrupts are taken; pthread_cpu.c makes each CPU a pthread,
 * sim/schedule.c runs all of them on one.
 *
 * Why not real signals: an interrupt at any instruction of the kernel would hit libc and sanitizers'
 * run-times, which the port uses, in the middle of their own locks; it would make per-CPU access need
 * single instructions, which sanitizers cannot watch; and it would make runs impossible to replay. What is
 * lost is that an interrupt waits for the next point, at most the longest stretch of kernel code
 * without a lock, a read section or an allocation. Program code knows no points: there, and only there, a
 * signal does it (signal.c).
 *
 * Locking: none but call_lock, as in arch/x86_64/ipi.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/entry.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"

/* Absent in a test that links without percpu.ld: then there is one CPU. */
extern char __start_percpu[] __weak, __stop_percpu[] __weak;

bool host_expects_events;
static unsigned wanted_cpus = 1;
static void *pristine_percpu;

static void (*devices[8])(void);
static unsigned nr_devices;

static u32 call_lock;
static void (*call_fn)(void *arg);
static void *call_arg;
static unsigned call_cpu; /* who asked */
static u32 call_pending;  /* atomic: CPUs that have not run call_fn yet */

/* ---- Interrupts ---- */

void host_device_register(void (*fn)(void))
{
	assert(nr_devices < ARRAY_SIZE(devices));
	devices[nr_devices++] = fn;
}

static void call_ipi(void)
{
	call_fn(call_arg);
	sim_weak_interrupt_sent(call_cpu); /* the end of the call is an order, too */
	atomic_sub(&call_pending, 1u);
}

/* Context: interrupt. */
static void dispatch(u32 pending)
{
	sim_weak_interrupt_taken();
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

/* ---- One CPU asking others for something ---- */

void arch_send_ipi(unsigned cpu, enum arch_ipi kind)
{
	static const enum host_irq irqs[] = {
		[ARCH_IPI_RESCHED] = HOST_IRQ_RESCHED,
		[ARCH_IPI_RCU] = HOST_IRQ_RCU,
		[ARCH_IPI_CALL] = HOST_IRQ_CALL,
	};

	sim_weak_interrupt_sent(cpu);
	if (kind == ARCH_IPI_STOP)
		host_stop(&host_cpus[cpu]);
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
	call_cpu = this_cpu_id();
	WRITE_ONCE(call_pending, nr_cpus - 1);
	for_each_cpu (cpu)
		if (cpu != this_cpu_id())
			arch_send_ipi(cpu, ARCH_IPI_CALL);
	while (load_acquire(&call_pending) != 0)
		arch_cpu_relax();
	sim_weak_interrupt_taken();
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
	return sched_prepare_cpu(cpu) && host_start_cpu(c);
}

void arch_smp_start(void)
{
	unsigned cpu = 1;

	while (cpu < wanted_cpus && prepare_cpu(cpu))
		cpu++;
	nr_cpus = cpu;
	host_release_cpus();
}
