/*
 * Inline part of the host port. Threads are fibers; "interrupts" are a flag, because nothing arrives
 * on its own.
 */
#pragma once

#include "kernel/types.h"

struct arch_thread {
	void *fiber; /* struct fiber, arch/host/thread.c */
	u64 tls;
};

extern bool host_irqs_on;

static inline u64 arch_irq_save(void)
{
	u64 flags = host_irqs_on;

	host_irqs_on = false;
	return flags;
}
static inline void arch_irq_restore(u64 flags)
{
	host_irqs_on = flags;
}
static inline void arch_irq_enable(void)
{
	host_irqs_on = true;
}
static inline void arch_irq_disable(void)
{
	host_irqs_on = false;
}
static inline bool arch_irqs_enabled(void)
{
	return host_irqs_on;
}
static inline void arch_cpu_relax(void)
{
	__builtin_ia32_pause();
}
static inline u64 arch_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

/* On the metal these keep every register (arch/x86_64/thunk.S). */
#define arch_call_preempt_schedule()  preempt_schedule()
#define arch_call_raw_lock_wait(word) raw_lock_wait(word)
