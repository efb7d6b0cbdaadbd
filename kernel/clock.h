/* Time: nanoseconds. clock_ns() is monotonic since boot; wall time comes from the RTC once. */
#pragma once

#include "kernel/list.h"

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC  1000000000ull

u64 clock_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
u64 clock_wall_ns(void);

/*
 * One-shot timers, on the CPU that armed them. fn runs in interrupt context.
 * timer_cancel returns false when fn already ran or is about to; timer_cancel_sync then waits for
 * it to end (Context: not from fn itself).
 */
struct timer {
	u64 deadline_ns;
	void (*fn)(struct timer *t);
	struct list_head node; /* the CPU's timer list; guarded by its lock */
	u32 cpu;
	u32 armed;
	void *owner; /* whatever fn needs */
};

void timer_setup(struct timer *t, void (*fn)(struct timer *t));
void timer_arm(struct timer *t, u64 deadline_ns);
bool timer_cancel(struct timer *t);
void timer_cancel_sync(struct timer *t);
/* Called by the arch's timer interrupt. */
void timer_interrupt(void);
void clock_init(void);
