/*
 * Memory pressure: shrinkers, the reclaim thread, drop_caches.
 *
 * A round first takes what shrinkers call spare, and then asks each for a share proportional to the
 * bytes it has, so that the big caches give most. A walk over more names than fit would otherwise be
 * the death of every cached name, in the order in which they are needed again, while pages that were
 * read once stay. The reclaim thread ("reclaim") is woken below the low watermark and works until free pages
 * are well above it or nothing more goes; ALLOC_WAIT allocations that fail do rounds of their own.
 *
 * Locking: register_lock (RANK_LRU) serialises registration; the list only grows and is read
 * without it.
 */
#include "kernel/reclaim.h"
#include "kernel/console.h"
#include "kernel/clock.h"
#include "kernel/mutex.h"
#include "kernel/panic.h"
#include "kernel/rcu.h"
#include "kernel/reclaim_internal.h"

static LIST_HEAD(shrinkers); /* grows at the tail, under register_lock */
static struct spinlock register_lock = SPINLOCK_INIT(RANK_LRU);
static struct thread *reclaimer;
static bool wanted; /* atomic: the reclaim thread has work */
static struct waitqueue wanted_wq = WAITQUEUE_INIT(wanted_wq);

#define RECLAIM_BATCH 256

void shrinker_register(struct shrinker *s)
{
	spin_lock(&register_lock);
	list_add_tail(&s->node, &shrinkers);
	spin_unlock(&register_lock);
}

bool reclaim_is_current(void)
{
	return current && (READ_ONCE(current->flags) & THREAD_RECLAIMING);
}

void reclaim_wake(void)
{
	if (READ_ONCE(wanted) || !READ_ONCE(reclaimer) || atomic_xchg(&wanted, true))
		return;
	thread_wake(reclaimer);
}

/* Up to nr_pages pages' worth of spare objects; returns the pages. */
static u64 take_spare(u64 nr_pages)
{
	struct shrinker *s;
	u64 freed = 0;

	list_for_each_entry_rcu (s, &shrinkers, node) {
		u64 n = s->spare ? s->spare(s) : 0;

		n = MIN(n, (nr_pages - freed) * PAGE_SIZE / s->object_size);
		if (n)
			freed += MIN(s->scan(s, n) * s->object_size / PAGE_SIZE, nr_pages - freed);
	}
	return freed;
}

/* About nr_pages pages' worth from all; returns the objects. */
static u64 take_shares(u64 nr_pages)
{
	struct shrinker *s;
	u64 total = 0, freed = 0;

	list_for_each_entry_rcu (s, &shrinkers, node)
		total += s->count(s) * s->object_size;
	list_for_each_entry_rcu (s, &shrinkers, node) {
		u64 count = s->count(s), share;

		if (count == 0)
			continue;
		share = total ? nr_pages * PAGE_SIZE * count / total : 0;
		share = MAX(share, 32ull);
		freed += s->scan(s, MIN(share, count));
	}
	return freed;
}

bool reclaim_pages(u64 nr_pages)
{
	might_sleep();
	if (reclaim_is_current())
		return false;
	atomic_fetch_or(&current->flags, THREAD_RECLAIMING);
	u64 freed = take_spare(nr_pages);

	if (freed < nr_pages)
		freed += take_shares(nr_pages - freed);
	rcu_hurry();
	page_drain_local();
	atomic_fetch_and(&current->flags, ~THREAD_RECLAIMING);
	return freed > 0;
}

void drop_caches(u32 bits)
{
	struct shrinker *s;

	might_sleep();
	list_for_each_entry_rcu (s, &shrinkers, node) {
		u64 count;

		if (!(s->drop_mask & bits))
			continue;
		while ((count = s->count(s)) > 0 && s->scan(s, count) > 0)
			;
	}
	rcu_barrier(); /* what was freed after a grace period is free when this returns */
}

static void reclaim_thread(void *arg)
{
	(void)arg;
	for (;;) {
		wait_event(&wanted_wq, READ_ONCE(wanted));
		while (page_below_low() && reclaim_pages(RECLAIM_BATCH))
			;
		/* With nothing left to give, do not spin: the next wish comes soon enough. */
		if (page_below_low())
			sleep_ns(10 * NSEC_PER_MSEC);
		atomic_xchg(&wanted, false);
	}
}

void reclaim_init(void)
{
	struct thread *t = thread_create("reclaim", reclaim_thread, NULL);

	if (!t)
		panic("no memory for the reclaim thread");
	thread_start(t);
	store_release(&reclaimer, t);
}
