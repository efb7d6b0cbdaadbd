/*
 * Each hosted CPU a pthread: starting it, waking it, letting it sleep.
 *
 * host_raise and the CPU must not miss each other:
 *
 *	raiser:	pending |= bit; look at state	CPU: state = IDLE or IN_PROGRAM; look at pending
 *
 * with a full barrier between the two on both sides, so one of them sees the other. A raiser that finds
 * bits pending already leaves the waking to whoever set the first.
 */
#include <asm/prctl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/entry.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"

/* Rounds of spinning before the processor is offered to others. */
#define RELAX_ROUNDS 64

#define PANIC_STATUS 101

static u32 released;

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

/* ---- Start and end ---- */

/* The caller is, or becomes, a CPU; what it starts begins as none. */
bool host_start_pthread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	bool started;

	host_take_end_signals(true);
	started = pthread_create(&thread, NULL, fn, arg) == 0 && pthread_detach(thread) == 0;
	host_take_end_signals(false);
	return started;
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

bool host_start_cpu(struct host_cpu *c)
{
	return host_start_pthread(cpu_main, c);
}

void host_release_cpus(void)
{
	store_release(&released, 1u);
}

void host_stop(struct host_cpu *c)
{
	host_request(c, HOST_REQUEST_STOP);
}

void arch_exit(int status)
{
	host_console_restore();
	if (status == PANIC_STATUS)
		abort(); /* let the sanitizer and the debugger see where */
	if (HOST_LOADS_PROGRAMS)
		_exit(status);
	/* A sanitizer has a last word, which comes with exit: nobody may disturb it. */
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != this_cpu_id())
			host_stop(&host_cpus[cpu]);
	exit(status);
}

void arch_backtrace_cpu(unsigned cpu)
{
	if (cpu == this_cpu_id())
		arch_backtrace();
	else
		host_request(&host_cpus[cpu], HOST_REQUEST_BACKTRACE);
}
