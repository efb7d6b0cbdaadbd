/*
 * A lock and a reference count in one 64-bit word, so that the common get and put are one
 * compare-and-swap that succeeds only while nobody holds the lock. Whoever holds the lock sees a
 * count that does not move: that is how "is this the last one" is decided. A dead lockref
 * (count < 0) hands out no more references.
 */
#pragma once

#include "kernel/panic.h"
#include "kernel/spinlock.h"

struct lockref {
	union {
		u64 both;
		struct {
			u32 word;  /* raw_lock */
			s32 count; /* guarded by word, or changed together with it */
		};
	};
} __aligned(8);

#define LOCKREF_DEAD (-128)

static inline void lockref_lock(struct lockref *r, unsigned rank)
{
	preempt_disable();
	lock_rank_acquire(r, rank, false);
	raw_lock(&r->word);
}

static inline bool lockref_trylock(struct lockref *r, unsigned rank)
{
	preempt_disable();
	if (raw_trylock(&r->word)) {
		lock_rank_acquire(r, rank, true);
		return true;
	}
	preempt_enable();
	return false;
}

static inline void lockref_unlock(struct lockref *r)
{
	lock_rank_release(r);
	raw_unlock(&r->word);
	preempt_enable();
}

/* One reference in `both`, of which the lock word is the lower half and the count the upper. */
#define LOCKREF_ONE (1ll << 32)

/* Take a reference while the lock is free and the object not dead. */
static __always_inline bool lockref_get_unlocked_(struct lockref *r)
{
	u64 old = READ_ONCE(r->both);

	while (likely((u32)old == 0 && (s64)old >= 0))
		if (likely(atomic_cas(&r->both, &old, old + LOCKREF_ONE)))
			return true;
	return false;
}

/* The same where the lock is held by somebody: wait for it. False when dead. */
bool lockref_get_slow(struct lockref *r, unsigned rank);

/* Take a reference unless dead. Context: RCU read section; may spin, never sleeps. */
static __always_inline bool lockref_get_not_dead(struct lockref *r, unsigned rank)
{
	return likely(lockref_get_unlocked_(r)) || lockref_get_slow(r, rank);
}

/* Take a reference. The caller already has one, or otherwise knows it is alive. */
static __always_inline void lockref_get(struct lockref *r, unsigned rank)
{
	if (!lockref_get_not_dead(r, rank))
		panic("lockref_get of a dead object at %p", (void *)r);
}

/*
 * Drop one, whatever is left: the new count, or -1 with nothing dropped when the lock is held or the
 * count was not positive. After a 0 the object may be gone unless something else keeps it.
 */
static __always_inline s32 lockref_put_return(struct lockref *r)
{
	u64 old = READ_ONCE(r->both);

	while (likely((u32)old == 0 && (s64)old > 0))
		if (likely(atomic_cas(&r->both, &old, old - LOCKREF_ONE)))
			return (s32)(old >> 32) - 1;
	return -1;
}
/* Context: lock held; then it does not move. */
static inline s32 lockref_count(const struct lockref *r)
{
	return READ_ONCE(r->count);
}

/* Context: lock held, count zero. */
static inline void lockref_mark_dead(struct lockref *r)
{
	WRITE_ONCE(r->count, LOCKREF_DEAD);
}
