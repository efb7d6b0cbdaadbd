/*
 * Waiting for a spinlock, and the slow half of lockref.
 *
 * A waiter reads the word until it looks free and only then tries again, with twice the pause each
 * time. On purpose there is no queue: with more virtual CPUs than host cores, whoever runs takes it.
 */
#include "kernel/spinlock.h"
#include "kernel/lockref.h"
#include "kernel/panic.h"

#define BACKOFF_MAX 256u

void raw_lock_wait(const u32 *word)
{
	for (unsigned pauses = 1; READ_ONCE(*word); pauses = MIN(pauses * 2, BACKOFF_MAX))
		for (unsigned i = 0; i < pauses; i++)
			arch_cpu_relax();
}

bool lockref_get_slow(struct lockref *r, unsigned rank)
{
	bool alive;

	lockref_lock(r, rank);
	alive = lockref_count(r) >= 0;
	if (alive)
		WRITE_ONCE(r->count, lockref_count(r) + 1);
	lockref_unlock(r);
	return alive;
}
