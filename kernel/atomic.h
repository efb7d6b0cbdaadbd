/*
 * Shared memory: every access to a word that two CPUs may touch without a common lock goes
 * through one of these. A plain access to such a word is a bug (docs/locking.md).
 *
 *   READ_ONCE / WRITE_ONCE         exactly one access, no ordering
 *   load_acquire / store_release   a pair: what came before the release is seen after the acquire
 *   smp_mb                         orders everything before against everything after, loads included
 *   atomic_*                       read-modify-write; fully ordered unless the name says _relaxed
 *
 * The names are hooks: a build may bring its own of some (kernel/dawdle_hooks.h, tsan_once.h of the host port).
 * The simulation's weak mode (arch/host/sim/weak.c) does to a load whatever these rules leave open.
 */
#pragma once

#include "kernel/compiler.h"

#ifndef READ_ONCE /* a build may bring its own by -include */
#define READ_ONCE(x)	 (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#endif

#ifndef load_acquire
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#endif
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define barrier() __asm__ volatile("" ::: "memory")

#define atomic_fetch_add(p, v)	__atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add_return(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_sub_return(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add(p, v)	((void)__atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST))
#define atomic_sub(p, v)	((void)__atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, v)	({ __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_fetch_and(p, v)	({ __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_xchg(p, v)	({ __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST); })

/* Compare *p with *old and store new_ when equal; otherwise *old becomes what was there. */
#define atomic_cas(p, old, new_)                                                                   \
	__atomic_compare_exchange_n((p), (old), (new_), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

/* Add one unless the value is zero. Returns false, changing nothing, when it was zero. */
static inline bool atomic_inc_not_zero(u32 *p)
{
	u32 old = READ_ONCE(*p);

	while (old != 0)
		if (atomic_cas(p, &old, old + 1))
			return true;
	return false;
}
