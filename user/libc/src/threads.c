/* C11 threads, by pthreads: the same objects, other names and results. */
#include <stdlib.h>
#include <threads.h>

#include "internal.h"

static int result_of(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ETIMEDOUT:
		return thrd_timedout;
	case ENOMEM:
	case EAGAIN:
		return thrd_nomem;
	default:
		return thrd_error;
	}
}

void call_once(once_flag *flag, void (*function)(void))
{
	pthread_once(flag, function);
}

int cnd_init(cnd_t *c)
{
	return result_of(pthread_cond_init(c, NULL));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy(c);
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return result_of(pthread_cond_wait(c, m));
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *deadline)
{
	return result_of(pthread_cond_timedwait(c, m, deadline));
}

int cnd_signal(cnd_t *c)
{
	return result_of(pthread_cond_signal(c));
}

int cnd_broadcast(cnd_t *c)
{
	return result_of(pthread_cond_broadcast(c));
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr = {
		.__type = type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL};

	return result_of(pthread_mutex_init(m, &attr));
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy(m);
}

int mtx_lock(mtx_t *m)
{
	return result_of(pthread_mutex_lock(m));
}

int mtx_timedlock(mtx_t *m, const struct timespec *deadline)
{
	return result_of(pthread_mutex_timedlock(m, deadline));
}

int mtx_trylock(mtx_t *m)
{
	return result_of(pthread_mutex_trylock(m));
}

int mtx_unlock(mtx_t *m)
{
	return result_of(pthread_mutex_unlock(m));
}

/* A C11 thread's function returns an int; what is passed through pthread_create is this. */
struct start {
	thrd_start_t function;
	void *arg;
};

static void *start_thread(void *p)
{
	struct start start = *(struct start *)p;

	free(p);
	return (void *)(intptr_t)start.function(start.arg);
}

int thrd_create(thrd_t *t, thrd_start_t function, void *arg)
{
	struct start *start = malloc(sizeof(*start));
	int error;

	if (start == NULL)
		return thrd_nomem;
	*start = (struct start){function, arg};
	error = pthread_create(t, NULL, start_thread, start);
	if (error != 0)
		free(start);
	return result_of(error);
}

thrd_t thrd_current(void)
{
	return pthread_self();
}

int thrd_detach(thrd_t t)
{
	return result_of(pthread_detach(t));
}

int thrd_equal(thrd_t a, thrd_t b)
{
	return a == b;
}

void thrd_exit(int result)
{
	pthread_exit((void *)(intptr_t)result);
}

int thrd_join(thrd_t t, int *result)
{
	void *value = NULL;
	int error = pthread_join(t, &value);

	if (error == 0 && result != NULL)
		*result = (int)(intptr_t)value;
	return result_of(error);
}

/* 0, -1 when a signal ended it, less for another error. */
int thrd_sleep(const struct timespec *want, struct timespec *left)
{
	int error = clock_nanosleep(CLOCK_REALTIME, 0, want, left);

	if (error == 0)
		return 0;
	return error == EINTR ? -1 : -2;
}

void thrd_yield(void)
{
	sched_yield();
}

int tss_create(tss_t *key, tss_dtor_t destructor)
{
	return result_of(pthread_key_create(key, destructor));
}

void tss_delete(tss_t key)
{
	pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
	return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
	return result_of(pthread_setspecific(key, value));
}
