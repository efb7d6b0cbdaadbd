/* Every program thread sees its own FPU registers, whoever ran in between and on which CPU. */
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/sched.h"

#define NR_THREADS 4
#define ROUNDS	   200

static u32 wrong, finished;

static void set_registers(u64 value, u32 mxcsr)
{
	__asm__ volatile(
		"movq %0, %%xmm0\n\tmovq %0, %%xmm15\n\tldmxcsr %1" ::"r"(value), "m"(mxcsr));
}

static bool registers_are(u64 value, u32 mxcsr)
{
	u64 low, high;
	u32 control;

	__asm__ volatile("movq %%xmm0, %0\n\tmovq %%xmm15, %1\n\tstmxcsr %2"
			 : "=r"(low), "=r"(high), "=m"(control));
	return low == value && high == value && control == mxcsr;
}

static void keep_registers(void *arg)
{
	u64 value = 0x0123456789abcdefull * (u64)(uintptr_t)arg;
	u32 mxcsr = 0x1f80 | ((u32)(uintptr_t)arg & 3) << 13; /* a rounding mode each */

	if (arch_fpu_alloc(current) < 0) {
		atomic_add(&wrong, 1u);
		atomic_add(&finished, 1u);
		return;
	}
	set_registers(value, mxcsr);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 50 == 0)
			sleep_ns(NSEC_PER_MSEC); /* kernel threads and idle in between */
		yield();
		if (!registers_are(value, mxcsr))
			atomic_add(&wrong, 1u);
	}
	atomic_add(&finished, 1u);
}

KTEST(arch_fpu_state_belongs_to_the_thread)
{
	unsigned started = 0;

	WRITE_ONCE(wrong, 0);
	WRITE_ONCE(finished, 0);
	for (uintptr_t i = 1; i <= NR_THREADS; i++) {
		struct thread *t = thread_create("fpu-test", keep_registers, (void *)i);

		if (!t)
			continue;
		/* Two on one CPU, the others where the scheduler likes. */
		if (i <= 2)
			thread_bind(t, 0);
		thread_start(t);
		thread_put(t);
		started++;
	}
	while (READ_ONCE(finished) < started)
		sleep_ns(NSEC_PER_MSEC);
	KT_EQ(started, NR_THREADS);
	KT_EQ(READ_ONCE(wrong), 0);
}
