/*
 * Sequence counts: readers run without writing anything and find out afterwards whether a writer
 * was in the way. Odd means a writer is inside.
 *
 *   seqcount  the bare counter; writers are serialised by a lock of the structure it lies in
 *   seqlock   counter and spinlock together (rename_lock, mount_lock)
 *
 * Ordering: seqcount_begin is an acquire, seqcount_retry orders the section's loads before its own.
 * Its partner is the release in seqcount_write_end and the store fence in seqcount_write_begin.
 */
#pragma once

#include "kernel/spinlock.h"

struct seqcount {
	u32 sequence;
};

/* Sample without waiting; an odd sample (writer inside) is made even, so that retry will fail. */
static __always_inline u32 seqcount_begin_nowait(const struct seqcount *s)
{
	return load_acquire(&s->sequence) & ~1u;
}

/* Sample, waiting for a writer to leave. Writers hold a spinlock, so the wait is short. */
static __always_inline u32 seqcount_begin(const struct seqcount *s)
{
	u32 seq;

	while (unlikely((seq = load_acquire(&s->sequence)) & 1))
		arch_cpu_relax();
	return seq;
}

/* True when what was read since the sample may be torn. */
static __always_inline bool seqcount_retry(const struct seqcount *s, u32 seq)
{
	smp_rmb();
	return unlikely(READ_ONCE(s->sequence) != seq);
}

static inline void seqcount_write_begin(struct seqcount *s)
{
	WRITE_ONCE(s->sequence, s->sequence + 1);
	smp_wmb(); /* the odd value before the data; partner: seqcount_retry */
}

static inline void seqcount_write_end(struct seqcount *s)
{
	store_release(&s->sequence, s->sequence + 1);
}

/* For writers that change everything at once (unhash): any reader's later retry fails. */
static inline void seqcount_invalidate(struct seqcount *s)
{
	smp_wmb();
	WRITE_ONCE(s->sequence, s->sequence + 2);
	smp_wmb();
}

struct seqlock {
	struct seqcount count;
	struct spinlock lock;
};

#define SEQLOCK_INIT(rank)                                                                         \
	{                                                                                          \
		.count = {0}, .lock = SPINLOCK_INIT(rank)                                          \
	}

static inline u32 read_seqbegin(const struct seqlock *sl)
{
	return seqcount_begin(&sl->count);
}
static inline bool read_seqretry(const struct seqlock *sl, u32 seq)
{
	return seqcount_retry(&sl->count, seq);
}
static inline void write_seqlock(struct seqlock *sl)
{
	spin_lock(&sl->lock);
	seqcount_write_begin(&sl->count);
}
static inline void write_sequnlock(struct seqlock *sl)
{
	seqcount_write_end(&sl->count);
	spin_unlock(&sl->lock);
}
/* Exclude writers without becoming one: readers' samples stay valid. */
static inline void read_seqlock_excl(struct seqlock *sl)
{
	spin_lock(&sl->lock);
}
static inline void read_sequnlock_excl(struct seqlock *sl)
{
	spin_unlock(&sl->lock);
}
