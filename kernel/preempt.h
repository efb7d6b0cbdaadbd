/*
 * Preemption and interrupt state of this CPU, in one per-CPU word:
 *
 *   bits 0-15   preempt_disable depth (spinlocks and RCU read sections count here)
 *   bits 16-23  interrupt depth
 *   bit  31     set while NO reschedule is wanted, so that the last preempt_enable finds
 *               "depth zero and a reschedule wanted" as the single value 0
 *
 * A context switch only happens with a known depth, so the word belongs to the CPU and not to the
 * thread. Another CPU asks for a reschedule by IPI; the handler clears bit 31 here.
 */
#pragma once

#include "kernel/atomic.h"
#include "kernel/percpu.h"
#include "arch/arch_inline.h"

#define PREEMPT_DEPTH_MASK 0x0000ffffu
#define PREEMPT_IRQ_ONE	   0x00010000u
#define PREEMPT_IRQ_MASK   0x00ff0000u
#define PREEMPT_NO_RESCHED 0x80000000u

DECLARE_PERCPU(u32, preempt_word);

/* Switch away because a reschedule is wanted and preemption just became possible (sched.c). */
void preempt_schedule(void);

static __always_inline void preempt_disable(void)
{
	this_cpu_inc(preempt_word);
	barrier();
}

static __always_inline void preempt_enable_no_resched(void)
{
	barrier();
	this_cpu_dec(preempt_word);
}

static __always_inline void preempt_enable(void)
{
	barrier();
	if (unlikely(this_cpu_dec_and_test(preempt_word)))
		arch_call_preempt_schedule();
}

static inline bool in_interrupt(void)
{
	return this_cpu_read(preempt_word) & PREEMPT_IRQ_MASK;
}

/* True when the current code can be preempted: no spinlock, no RCU section, no interrupt. */
static inline bool preemptible(void)
{
	return !(this_cpu_read(preempt_word) & ~PREEMPT_NO_RESCHED);
}
