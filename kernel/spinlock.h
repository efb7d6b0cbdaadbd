/*
 * Spinlocks: test-and-test-and-set with pause and back-off, on purpose not FIFO. With more virtual
 * CPUs than host cores a ticket lock stops everyone behind a descheduled CPU.
 *
 * Holding one disables preemption. A lock that an interrupt handler takes is only ever taken with
 * the _irqsave forms. raw_lock is the bare 32-bit word, for lockref and per-bucket locks.
 */
#pragma once

#include "kernel/lockrank.h"
#include "kernel/panic.h"
#include "kernel/preempt.h"
#include "arch/arch.h"

/* Wait for *word to look free, with back-off. Context: any; preemption off. */
void raw_lock_wait(const u32 *word);

static __always_inline bool raw_trylock(u32 *word)
{
	return READ_ONCE(*word) == 0 && __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) == 0;
}

static __always_inline void raw_lock(u32 *word)
{
	/* Mostly it is free: no look before the first try. The waiter looks. */
	while (unlikely(__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE)))
		arch_call_raw_lock_wait(word);
}

static __always_inline void raw_unlock(u32 *word)
{
	store_release(word, 0u);
}

/*
 * After raw_lock: what came before the lock is seen before what is looked at under it. An acquire alone lets
 * stores sink below it; on x86 the exchange is a full barrier and this costs nothing.
 */
#define smp_mb_after_lock() arch_mb_after_lock()

struct spinlock {
	u32 word;
	u16 rank;
};

#define SPINLOCK_INIT(r)                                                                           \
	{                                                                                          \
		.word = 0, .rank = (r)                                                             \
	}

static inline void spin_lock_init(struct spinlock *l, enum lock_rank rank)
{
	l->word = 0;
	l->rank = (u16)rank;
}

static inline void spin_lock_nested(struct spinlock *l, unsigned subclass)
{
	preempt_disable();
	lock_rank_acquire(l, l->rank ? l->rank + subclass : 0, false);
	raw_lock(&l->word);
}

static inline void spin_lock(struct spinlock *l)
{
	spin_lock_nested(l, 0);
}

static inline bool spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (raw_trylock(&l->word)) {
		lock_rank_acquire(l, l->rank, true);
		return true;
	}
	preempt_enable();
	return false;
}

static inline void spin_unlock(struct spinlock *l)
{
	lock_rank_release(l);
	raw_unlock(&l->word);
	preempt_enable();
}

/* The same two for who has preemption off anyway, before and after. */
static inline void spin_lock_nopreempt(struct spinlock *l)
{
	debug_assert(!preemptible());
	lock_rank_acquire(l, l->rank, false);
	raw_lock(&l->word);
}

static inline void spin_unlock_nopreempt(struct spinlock *l)
{
	lock_rank_release(l);
	raw_unlock(&l->word);
}

/* Returns the interrupt state to hand to spin_unlock_irqrestore. */
static inline u64 spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = arch_irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	lock_rank_release(l);
	raw_unlock(&l->word);
	arch_irq_restore(flags);
	preempt_enable();
}

#ifdef CONFIG_DEBUG
#define assert_spin_held(l) assert(lock_rank_held(l))
#else
#define assert_spin_held(l) ((void)(l))
#endif
