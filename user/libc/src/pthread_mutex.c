/*
 * Mutexes: a futex lock word (internal.h), and for the recursive and error-checking types the holder.
 * __owner is written by the holder only; others read it just to find that it is not themselves.
 */
#include <pthread.h>

#include "internal.h"

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	*m = (pthread_mutex_t){.__type = attr != NULL ? attr->__type : PTHREAD_MUTEX_NORMAL};
	return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
	return LOAD_RELAXED(&m->__word) != 0 ? EBUSY : 0;
}

static bool held_by_self(pthread_mutex_t *m)
{
	return LOAD_RELAXED(&m->__owner) == thread_self()->tid;
}

/* The caller holds it already: one level deeper, or the error of a second attempt. */
static int lock_again(pthread_mutex_t *m, int error)
{
	if (m->__type != PTHREAD_MUTEX_RECURSIVE)
		return error;
	if (m->__depth == ~0u)
		return EAGAIN;
	m->__depth++;
	return 0;
}

static void set_owner(pthread_mutex_t *m, int tid)
{
	if (m->__type != PTHREAD_MUTEX_NORMAL)
		__atomic_store_n(&m->__owner, tid, __ATOMIC_RELAXED);
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	return pthread_mutex_timedlock(m, NULL);
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *deadline)
{
	int error = 0;

	if (m->__type != PTHREAD_MUTEX_NORMAL && held_by_self(m))
		return lock_again(m, EDEADLK);
	if (!word_trylock(&m->__word))
		error = word_lock_slow(&m->__word, CLOCK_REALTIME, deadline);
	if (error == 0)
		set_owner(m, thread_self()->tid);
	return error;
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	if (m->__type != PTHREAD_MUTEX_NORMAL && held_by_self(m))
		return lock_again(m, EBUSY);
	if (!word_trylock(&m->__word))
		return EBUSY;
	set_owner(m, thread_self()->tid);
	return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (m->__type != PTHREAD_MUTEX_NORMAL) {
		if (!held_by_self(m))
			return EPERM;
		if (m->__depth != 0) {
			m->__depth--;
			return 0;
		}
		set_owner(m, 0);
	}
	word_unlock(&m->__word);
	return 0;
}

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
	attr->__type = PTHREAD_MUTEX_DEFAULT;
	return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
	if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK)
		return EINVAL;
	attr->__type = type;
	return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *type)
{
	*type = attr->__type;
	return 0;
}
