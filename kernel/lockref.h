/*
 * A lock and a reference count in one 64-bit word, so that the common get and put are one
 * compare-and-swap that succeeds only while nobody holds the lock. Whoever holds the lock sees a
 * count that does not move: that is how "is this the last one" is decided. A dead lockref
 * (count < 0) hands out no more references.
 */
#pragma once

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

/* Add delta while the lock is free and the count is at least floor. Returns false otherwise. */
static __always_inline bool lockref_add_unlocked_(struct lockref *r, s32 floor, s32 delta)
{
	struct lockref old = {.both = READ_ONCE(r->both)};

	while (old.word == 0 && old.count >= floor) {
		struct lockref new_ = {.word = 0, .count = old.count + delta};

		if (likely(atomic_cas(&r->both, &old.both, new_.both)))
			return true;
	}
	return false;
}

/* Take a reference. The caller already has one, or otherwise knows it is alive. */
void lockref_get(struct lockref *r, unsigned rank);
/* Take a reference unless dead. Context: RCU read section; may spin, never sleeps. */
bool lockref_get_not_dead(struct lockref *r, unsigned rank);
/* Drop one of several. False, with the lock HELD and nothing dropped, when it may be the last. */
bool lockref_put_or_lock(struct lockref *r, unsigned rank);
/* Context: lock held, count zero. */
static inline void lockref_mark_dead(struct lockref *r)
{
	WRITE_ONCE(r->count, LOCKREF_DEAD);
}
