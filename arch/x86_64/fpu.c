/*
 * The FPU state of program threads. The kernel itself never uses FPU or vector registers, so the
 * state lives in the registers from one switch to the next: saved when a program thread is switched
 * out, loaded when it is switched in, unless this CPU's registers still hold it (a kernel thread ran
 * in between).
 *
 * Structures: an XSAVE area (FXSAVE without XSAVE) a program thread; fpu_owner, per CPU, who was saved
 * last, so whose state the registers hold while threads without one run. It counts only when the thread
 * agrees (thread->arch.fpu_cpu): it may have run elsewhere since, and a stale pointer to a thread long
 * gone does no harm.
 */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/internal.h"
#include "abi/errno.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define FPU_NO_CPU ~0u
#define FPU_MAX	   4096

static DEFINE_PERCPU(struct thread *, fpu_owner);
static struct slab_cache *fpu_cache;
/* What a program starts with: x87 and SSE at their reset values, everything else "initial". */
static u8 fresh_state[FPU_MAX] __aligned(64);

#define FCW_RESET   0x037f
#define MXCSR_RESET 0x1f80

static void save(void *area)
{
	u32 low = (u32)cpu_features.xsave_mask, high = (u32)(cpu_features.xsave_mask >> 32);

	if (cpu_features.xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(low), "d"(high) : "memory");
	else if (cpu_features.xsave)
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static void load(const void *area)
{
	u32 low = (u32)cpu_features.xsave_mask, high = (u32)(cpu_features.xsave_mask >> 32);

	if (cpu_features.xsave)
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void fpu_init(void)
{
	u16 fcw = FCW_RESET;
	u32 mxcsr = MXCSR_RESET;

	assert(cpu_features.fpu_size <= FPU_MAX);
	memcpy(fresh_state, &fcw, sizeof(fcw));
	memcpy(fresh_state + 24, &mxcsr, sizeof(mxcsr));
	fpu_cache = slab_cache_create("fpu", cpu_features.fpu_size, 64, 0, NULL);
	if (!fpu_cache)
		panic("fpu: no memory");
}

int arch_fpu_alloc(struct thread *t)
{
	if (t->arch.fpu)
		return 0;
	t->arch.fpu_cpu = FPU_NO_CPU;
	t->arch.fpu = slab_alloc(fpu_cache, ALLOC_WAIT);
	if (!t->arch.fpu)
		return -ENOMEM;
	memcpy(t->arch.fpu, fresh_state, cpu_features.fpu_size);
	return 0;
}

void fpu_free(struct thread *t)
{
	if (t->arch.fpu)
		slab_free(fpu_cache, t->arch.fpu);
	t->arch.fpu = NULL;
}

void fpu_switch(struct thread *prev, struct thread *next)
{
	if (prev->arch.fpu) {
		save(prev->arch.fpu);
		prev->arch.fpu_cpu = this_cpu_id();
		this_cpu_write(fpu_owner, prev);
	}
	if (!next->arch.fpu)
		return;
	if (this_cpu_read(fpu_owner) != next || next->arch.fpu_cpu != this_cpu_id())
		load(next->arch.fpu);
}

void fpu_reset_current(void)
{
	load(fresh_state);
}

void fpu_copy_current(struct thread *t)
{
	save(t->arch.fpu);
}
