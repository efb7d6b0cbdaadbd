/*
 * A hosted CPU, as kernel headers see it: a pthread whose GS base points at its struct host_cpu (libc has
 * no use for GS). A fiber may go to sleep on one CPU and wake up on another, so nobody keeps the pointer
 * over a place where the kernel may switch threads; the volatile load makes the compiler ask again.
 *
 * Interrupts are a word of pending bits that others set (host_raise, arch/host/pthread_cpu.c). The CPU itself
 * takes them at the points where it looks:
 *
 *	arch_irq_enable, arch_irq_restore	interrupts become possible
 *	preempt_enable				the last one of a nest: a read section or lock ends
 *	arch_cpu_relax				somebody spins
 *	arch_idle_wait				nothing to do
 *	the way back to program code		and a signal fetches a CPU out of program code
 *
 * Between two such points kernel code is never interrupted and never moves to another CPU.
 */
#pragma once

#include "kernel/compiler.h"

enum host_irq { HOST_IRQ_TIMER, HOST_IRQ_RESCHED, HOST_IRQ_RCU, HOST_IRQ_CALL, HOST_IRQ_DEVICE };

enum host_state { HOST_IN_KERNEL, HOST_IDLE, HOST_IN_PROGRAM };

struct host_cpu {
	struct host_cpu *self;
	u64 percpu_offset; /* from the template of .percpu to this CPU's copy */
	bool irqs_on;	   /* this CPU only */
	u32 pending;	   /* atomic; bits 1 << enum host_irq */
	u32 state;	   /* enum host_state; written by this CPU */
	u32 requests;	   /* atomic; what SIGUSR2 asks for (arch/host/signal.c) */
	u32 relaxed;	   /* rounds spun since the last sched_yield */
	unsigned index;
	int tid;	/* of the pthread */
	u64 libc_fs;	/* FS base of the pthread: libc's thread-local data */
	u64 deadline;	/* atomic; of arch_timer_arm, ~0: none */
	void *altstack; /* where signals are delivered */
	u64 altstack_size;
} __cacheline;

extern struct host_cpu host_cpus[MAX_CPUS];

#ifdef HOST_SIM
/* The CPU whose turn it is: they share one Linux thread (arch/host/sim). */
extern struct host_cpu *sim_this_cpu;
#define HOST_CPU_LOAD "movq sim_this_cpu(%%rip), %0"
#else
#define HOST_CPU_LOAD "movq %%gs:0, %0"
#endif

static __always_inline struct host_cpu *host_cpu(void)
{
	struct host_cpu *c;

	__asm__ volatile(HOST_CPU_LOAD : "=r"(c));
	return c;
}

/* Take what is pending. Context: interrupts on. */
void host_interrupts(void);
