/*
 * Read-copy-update. A read section disables preemption (one per-CPU increment, no shared write) and
 * may not sleep. A grace period ends when every CPU has been seen outside any section that began
 * before it: at a context switch, in idle, or in an interrupt that hit preemptible code. A CPU that
 * has not answered for 10 ms gets an IPI, so a program polling without a tick never holds one up.
 */
#pragma once

#include "kernel/preempt.h"

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};

static __always_inline void rcu_read_lock(void)
{
	preempt_disable();
}
static __always_inline void rcu_read_unlock(void)
{
	preempt_enable();
}
/* True inside a read section, or anything else that holds a grace period up. */
static inline bool rcu_read_lock_held(void)
{
	return !preemptible();
}

/* Publish and follow a pointer: release on one side, data dependence on the other. */
#define rcu_assign_pointer(p, v) store_release(&(p), (v))
#define rcu_dereference(p)	 load_acquire(&(p))

/* Call fn(head) after a grace period, from a kernel thread, preemptible but sleeping not allowed.
 * Context: any. */
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));
/* Wait for a grace period. Context: may sleep. */
void synchronize_rcu(void);
/* The same, by IPI to every CPU: microseconds instead of milliseconds. Context: may sleep. */
void synchronize_rcu_expedited(void);
/* Wait until every callback queued before has run. Context: may sleep. */
void rcu_barrier(void);
/* Callbacks are not to wait for company any longer: memory is short. Context: any. */
void rcu_hurry(void);

/*
 * Hooks of scheduler and interrupts: this CPU is outside any read section right now (context switch,
 * end of an interrupt that hit preemptible code); enters and leaves idle; an interrupt begins.
 * Context: interrupts off.
 */
void rcu_report_quiescent(void);
extern u64 rcu_waiting_cpus; /* rcu.c: the CPUs the grace period under way waits for */
static inline void rcu_note_quiescent(void)
{
	if (unlikely(load_acquire(&rcu_waiting_cpus) & (1ull << this_cpu_id())))
		rcu_report_quiescent();
}
void rcu_irq_enter(void);
void rcu_idle_enter(void);
void rcu_idle_exit(void);
void rcu_init(void);

struct rcu_stats {
	u64 grace_periods, expedited, callbacks_queued, callbacks_run, stalls, nudges;
};
void rcu_get_stats(struct rcu_stats *out);
