/* Barriers, spin locks and semaphores. */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "internal.h"

int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned needed)
{
	(void)attr;
	if (needed == 0)
		return EINVAL;
	*b = (pthread_barrier_t){.__needed = needed};
	return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *b)
{
	return LOAD(&b->__arrived) != 0 ? EBUSY : 0;
}

/* The last to arrive starts the next round and lets the others, who wait for that, go. */
int pthread_barrier_wait(pthread_barrier_t *b)
{
	unsigned int round = LOAD(&b->__round);

	if (FETCH_ADD(&b->__arrived, 1) + 1 == b->__needed) {
		STORE(&b->__arrived, 0);
		FETCH_ADD(&b->__round, 1);
		futex_wake(&b->__round, INT_MAX);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	while (LOAD(&b->__round) == round)
		futex_wait(&b->__round, round, CLOCK_REALTIME, NULL);
	return 0;
}

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	(void)shared;
	*lock = 0;
	return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
	(void)lock;
	return 0;
}

/* The holder may have lost its CPU: let it run after a while. */
int pthread_spin_lock(pthread_spinlock_t *lock)
{
	for (unsigned int tries = 1; EXCHANGE(lock, 1) != 0; tries++) {
		while (LOAD_RELAXED(lock) != 0 && (tries++ & 1023) != 0)
			__builtin_ia32_pause();
		if ((tries & 1023) == 0)
			sched_yield();
	}
	return 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	return EXCHANGE(lock, 1) != 0 ? EBUSY : 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	STORE(lock, 0);
	return 0;
}

int sem_init(sem_t *s, int shared, unsigned int value)
{
	if (shared != 0 || value > SEM_VALUE_MAX) {
		errno = shared != 0 ? ENOSYS : EINVAL;
		return -1;
	}
	*s = (sem_t){.__value = value};
	return 0;
}

int sem_destroy(sem_t *s)
{
	(void)s;
	return 0;
}

int sem_trywait(sem_t *s)
{
	unsigned int value;

	while ((value = LOAD(&s->__value)) != 0) {
		if (compare_exchange(&s->__value, value, value - 1))
			return 0;
	}
	errno = EAGAIN;
	return -1;
}

int sem_wait(sem_t *s)
{
	return sem_timedwait(s, NULL);
}

int sem_timedwait(sem_t *s, const struct timespec *deadline)
{
	int saved = errno, error = 0;

	while (sem_trywait(s) < 0) {
		if (error == ETIMEDOUT || error == EINVAL) {
			errno = error;
			return -1;
		}
		FETCH_ADD(&s->__waiters, 1);
		error = futex_wait(&s->__value, 0, CLOCK_REALTIME, deadline);
		FETCH_SUB(&s->__waiters, 1);
	}
	errno = saved;
	return 0;
}

int sem_post(sem_t *s)
{
	unsigned int value;

	do {
		value = LOAD(&s->__value);
		if (value == SEM_VALUE_MAX) {
			errno = EOVERFLOW;
			return -1;
		}
	} while (!compare_exchange(&s->__value, value, value + 1));
	if (LOAD(&s->__waiters) != 0)
		futex_wake(&s->__value, 1);
	return 0;
}

int sem_getvalue(sem_t *s, int *value)
{
	*value = (int)LOAD(&s->__value);
	return 0;
}
