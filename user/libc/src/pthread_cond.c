/*
 * Condition variables: a sequence number that every signal and broadcast changes. A waiter reads it while
 * it still holds the mutex, and sleeps only if it is unchanged; so a signal between the unlock and the
 * sleep is not lost. Wake-ups without a signal happen, as POSIX allows.
 */
#include <limits.h>
#include <pthread.h>

#include "internal.h"

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
	*c = (pthread_cond_t){.__clock_plus_one = attr != NULL ? attr->__clock_plus_one : 0};
	return 0;
}

int pthread_cond_destroy(pthread_cond_t *c)
{
	(void)c;
	return 0;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	return pthread_cond_timedwait(c, m, NULL);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *deadline)
{
	clockid_t clock = c->__clock_plus_one == 0 ? CLOCK_REALTIME : c->__clock_plus_one - 1;
	unsigned int sequence = LOAD(&c->__sequence);
	int error;

	FETCH_ADD(&c->__waiters, 1);
	error = pthread_mutex_unlock(m);
	if (error != 0) {
		FETCH_SUB(&c->__waiters, 1);
		return error;
	}
	error = futex_wait(&c->__sequence, sequence, clock, deadline);
	FETCH_SUB(&c->__waiters, 1);
	pthread_mutex_lock(m);
	return error == EAGAIN ? 0 : error;
}

static void wake(pthread_cond_t *c, int count)
{
	FETCH_ADD(&c->__sequence, 1);
	if (LOAD(&c->__waiters) != 0)
		futex_wake(&c->__sequence, count);
}

int pthread_cond_signal(pthread_cond_t *c)
{
	wake(c, 1);
	return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	wake(c, INT_MAX);
	return 0;
}

int pthread_condattr_init(pthread_condattr_t *attr)
{
	attr->__clock_plus_one = 0;
	return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	attr->__clock_plus_one = clock + 1;
	return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *attr, clockid_t *clock)
{
	*clock = attr->__clock_plus_one == 0 ? CLOCK_REALTIME : attr->__clock_plus_one - 1;
	return 0;
}
