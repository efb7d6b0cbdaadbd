/*
 * Time, and the timer interrupt. A CPU that is idle waits for its own deadline (pthread_cpu.c). For the others
 * one Linux thread sleeps until the earliest deadline of all and raises the interrupt; arming a deadline
 * costs a store, and a wake-up of that thread only when it would come too late.
 *
 *	arm:	deadline = d; look at sleeps_until	thread: sleeps_until = t; look at the deadlines
 *
 * with a full barrier between, so one of the two sees the other.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/clock.h"

static u64 sleeps_until; /* 0: no thread, or it is awake and will look again */
static u32 rounds;	 /* futex: changes when the thread is to look again */

static u64 start_ns; /* when this machine was switched on; written once, before there are threads */

static u64 linux_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

__attribute__((constructor)) static void switch_on(void)
{
	start_ns = linux_ns() - NSEC_PER_MSEC; /* zero is no time */
}

u64 arch_clock_ns(void)
{
	return linux_ns() - start_ns;
}

u64 arch_rtc_seconds(void)
{
	return (u64)time(NULL);
}

void host_timer_look(const struct host_cpu *c)
{
	if (READ_ONCE(c->deadline) >= READ_ONCE(sleeps_until))
		return;
	atomic_add(&rounds, 1u);
	syscall(SYS_futex, &rounds, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void arch_timer_arm(u64 deadline_ns)
{
	struct host_cpu *c = host_cpu();

	atomic_xchg(&c->deadline, deadline_ns);
	host_timer_look(c);
}

/* Raise what is due; returns the earliest deadline of the CPUs that do not wait for it themselves. */
static u64 raise_due(void)
{
	u64 now = arch_clock_ns(), first = ~0ull;

	for (unsigned i = 0; i < MAX_CPUS; i++) {
		struct host_cpu *c = &host_cpus[i];
		u64 deadline = load_acquire(&c->deadline);

		if (!deadline || READ_ONCE(c->state) == HOST_IDLE)
			continue;
		if (deadline > now)
			first = MIN(first, deadline);
		else if (atomic_cas(&c->deadline, &deadline, ~0ull))
			host_raise(c, HOST_IRQ_TIMER);
	}
	return first;
}

static void sleep_until(u64 deadline, u32 round)
{
	u64 now = arch_clock_ns();
	struct timespec ts;

	if (deadline <= now)
		return;
	ts = (struct timespec){
		(time_t)((deadline - now) / NSEC_PER_SEC), (long)((deadline - now) % NSEC_PER_SEC)};
	syscall(SYS_futex, &rounds, FUTEX_WAIT_PRIVATE, round, deadline == ~0ull ? NULL : &ts, NULL,
		0);
}

static void *timer_main(void *arg)
{
	(void)arg;
	prctl(PR_SET_TIMERSLACK, 10000ul);
	for (;;) {
		u32 round = load_acquire(&rounds);
		u64 first = raise_due();

		atomic_xchg(&sleeps_until, first);
		if (raise_due() >= first)
			sleep_until(first, round);
		atomic_xchg(&sleeps_until, 0ull);
	}
	return NULL;
}

void host_timer_start(void)
{
	if (!host_start_pthread(timer_main, NULL))
		abort();
}
