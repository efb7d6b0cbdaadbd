/* Between sched.c (run queues), thread.c (thread lifetime) and clock.c (the tick). */
#pragma once

#include "kernel/sched.h"

/* First code of every thread that thread_create makes. */
void thread_entry(void);
/* The scheduler switched away from a dead thread for the last time. Context: preemption disabled. */
void thread_reap_later(struct thread *t);
/* Fill in a thread without a stack of our making (boot and idle threads). */
void thread_init_idle(struct thread *t, unsigned cpu);

/* Have timer_interrupt call sched_tick at deadline_ns, or no longer (~0). Context: interrupts off. */
void clock_set_tick(u64 deadline_ns);

void thread_init_cache(void);
/* This CPU switches as soon as it may. Context: interrupts off. */
void sched_set_need_resched(void);
/* Debug builds: count violations of might_sleep instead of panicking (its own test). */
extern bool sched_count_violations_only;
