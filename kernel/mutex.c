/*
 * The mutex.
 *
 * A mutex is its owner's address in one word: free is NULL, taking it is one compare-and-swap. A
 * waiter sleeps exclusively on the queue, unlock wakes one, and whoever comes first takes it (a
 * running thread may overtake a woken one; the woken one then queues again at its old place).
 *
 * Locking: the wait queue's lock inside.
 */
#include "kernel/mutex.h"
#include "kernel/lockrank_internal.h"
#include "kernel/panic.h"

#define CALLER ((u64)__builtin_return_address(0))

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->owner = NULL;
	m->rank = (u16)rank;
	waitqueue_init(&m->wq);
}

static bool mutex_take(struct mutex *m)
{
	struct thread *free = NULL;

	return READ_ONCE(m->owner) == NULL && atomic_cas(&m->owner, &free, current);
}

/* Wait until it is ours. A signal ends the wait only when interruptible. */
static int mutex_lock_slow(struct mutex *m, enum thread_state state)
{
	return wait_event_full_(&m->wq, mutex_take(m), state, DEADLINE_NEVER, true);
}

__noinline void mutex_lock_nested(struct mutex *m, unsigned subclass)
{
	might_sleep();
	debug_assert(!mutex_held(m));
	lock_rank_acquire_sleeping(m, m->rank ? m->rank + subclass : 0, false, CALLER);
	if (!mutex_take(m))
		(void)mutex_lock_slow(m, THREAD_SLEEPING);
}

__noinline void mutex_lock(struct mutex *m)
{
	might_sleep();
	debug_assert(!mutex_held(m));
	lock_rank_acquire_sleeping(m, m->rank, false, CALLER);
	if (!mutex_take(m))
		(void)mutex_lock_slow(m, THREAD_SLEEPING);
}

__noinline int mutex_lock_interruptible(struct mutex *m)
{
	int ret = 0;

	might_sleep();
	lock_rank_acquire_sleeping(m, m->rank, false, CALLER);
	if (!mutex_take(m))
		ret = mutex_lock_slow(m, THREAD_INTERRUPTIBLE);
	if (ret)
		lock_rank_release_sleeping(m);
	return ret;
}

__noinline bool mutex_trylock(struct mutex *m)
{
	if (!mutex_take(m))
		return false;
	lock_rank_acquire_sleeping(m, m->rank, true, CALLER);
	return true;
}

void mutex_unlock(struct mutex *m)
{
	debug_assert(mutex_held(m));
	lock_rank_release_sleeping(m);
	/* Fully ordered against the look at the queue; partner: waitqueue_add before mutex_take. */
	atomic_xchg(&m->owner, NULL);
	if (waitqueue_active(&m->wq))
		wake_up_one(&m->wq);
}
