/*
 * Reader-writer locks: one word, 0 free, N readers, or all ones for a writer. Readers are let in while
 * others read, so a stream of readers can keep a writer out.
 */
#include <limits.h>
#include <pthread.h>

#include "internal.h"

#define WRITER (~0u)

int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
	(void)attr;
	*l = (pthread_rwlock_t){0};
	return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
	return LOAD_RELAXED(&l->__state) != 0 ? EBUSY : 0;
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	unsigned int state = LOAD(&l->__state);

	while (state < WRITER - 1) {
		if (compare_exchange(&l->__state, state, state + 1))
			return 0;
		state = LOAD(&l->__state);
	}
	return state == WRITER ? EBUSY : EAGAIN;
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return compare_exchange(&l->__state, 0, WRITER) ? 0 : EBUSY;
}

/* Sleep until the state is no longer what made the attempt fail. */
static void wait_while_busy(pthread_rwlock_t *l, bool writing)
{
	unsigned int state;

	FETCH_ADD(&l->__waiters, 1);
	state = LOAD(&l->__state);
	if (state == WRITER || (writing && state != 0))
		futex_wait(&l->__state, state, CLOCK_REALTIME, NULL);
	FETCH_SUB(&l->__waiters, 1);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	int error;

	while ((error = pthread_rwlock_tryrdlock(l)) == EBUSY)
		wait_while_busy(l, false);
	return error;
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	while (pthread_rwlock_trywrlock(l) != 0)
		wait_while_busy(l, true);
	return 0;
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	bool free_now = true;

	if (LOAD_RELAXED(&l->__state) == WRITER)
		EXCHANGE(&l->__state, 0);
	else
		free_now = FETCH_SUB(&l->__state, 1) == 1;
	if (free_now && LOAD(&l->__waiters) != 0)
		futex_wake(&l->__state, INT_MAX);
	return 0;
}
