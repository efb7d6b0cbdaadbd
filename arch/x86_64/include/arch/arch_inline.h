/* The inline part of the x86-64 port: what kernel headers need without a function call. */
#pragma once

#include "kernel/types.h"

/* What a thread keeps while it does not run. Offsets are known to entry.S (asm_offsets.h). */
struct arch_thread {
	u64 sp;	       /* kernel stack pointer while switched out */
	u64 stack_top; /* where system calls and interrupts of program code start */
	u64 fs_base;   /* the program's thread pointer */
	void *fpu;     /* XSAVE area; NULL for kernel threads */
	u32 fpu_cpu;   /* CPU whose registers last held the FPU state */
	u32 reserved;
};

#define ARCH_RFLAGS_IF 0x200ull

static inline u64 arch_irq_save(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}

static inline void arch_irq_restore(u64 flags)
{
	if (flags & ARCH_RFLAGS_IF)
		__asm__ volatile("sti" ::: "memory");
}

static inline void arch_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void arch_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline bool arch_irqs_enabled(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	return flags & ARCH_RFLAGS_IF;
}

static inline void arch_cpu_relax(void)
{
	__builtin_ia32_pause();
}

static inline u64 arch_cycles(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

/*
 * Calls that change no register but flags (thunk.S). Nearly every function on the fast path ends a read
 * section or takes a lock; with ordinary calls in those unlikely branches the compiler saves and restores
 * half the register file on the likely ones.
 */
#define arch_call_preempt_schedule() __asm__ volatile("call preempt_schedule_thunk" ::: "memory")
#define arch_call_raw_lock_wait(word)                                                              \
	__asm__ volatile("call raw_lock_wait_thunk" ::"D"(word) : "memory")

/* A locked exchange orders everything. */
#define arch_mb_after_lock() __asm__ volatile("" ::: "memory")
