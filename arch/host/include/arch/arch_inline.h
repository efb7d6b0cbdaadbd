/* The inline part of the host port: the interrupt flag is a variable of the hosted CPU (host_cpu.h). */
#pragma once

#include "arch/host_cpu.h"

struct host_frame;
struct host_fiber;

/* What a thread keeps while it does not run. */
struct arch_thread {
	u64 sp;			  /* while switched out */
	u64 fs_base;		  /* the program's thread pointer */
	struct host_frame *frame; /* the program's state, at the top of the kernel stack */
	struct host_fiber *fiber; /* what sanitizers want to know; arch/host/thread.c */
};

static inline bool arch_irqs_enabled(void)
{
	return host_cpu()->irqs_on;
}

static inline void arch_irq_disable(void)
{
	host_cpu()->irqs_on = false;
	__asm__ volatile("" ::: "memory");
}

static inline void arch_irq_enable(void)
{
	struct host_cpu *c = host_cpu();

	__asm__ volatile("" ::: "memory");
	c->irqs_on = true;
	if (unlikely(__atomic_load_n(&c->pending, __ATOMIC_RELAXED)))
		host_interrupts();
}

static inline u64 arch_irq_save(void)
{
	u64 flags = host_cpu()->irqs_on;

	arch_irq_disable();
	return flags;
}

static inline void arch_irq_restore(u64 flags)
{
	if (flags)
		arch_irq_enable();
}

/* One round of a loop that waits for another CPU, whose pthread may need this one's processor. */
void arch_cpu_relax(void);

#ifdef HOST_SIM
u64 sim_cycles(void);
#endif

static inline u64 arch_cycles(void)
{
#ifdef HOST_SIM
	return sim_cycles();
#else
	return __builtin_ia32_rdtsc();
#endif
}

/* Preemption is possible again, and a reschedule wanted or an interrupt pending. */
void host_preempt_point(void);

#define arch_call_preempt_schedule()  host_preempt_point()
#define arch_call_raw_lock_wait(word) raw_lock_wait(word)

/* The host is an x86, but the simulation's memory is weaker. */
#ifdef HOST_SIM
#define arch_mb_after_lock() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#else
#define arch_mb_after_lock() __asm__ volatile("" ::: "memory")
#endif
