/* Part of libctest: threads and everything that synchronises them, with errno, TLS, malloc and stdio in many. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#include "libc_test.h"

#define NR_THREADS 8

static __thread int initialised = 1234;
static __thread char zeroed[100];
static __thread _Alignas(64) long aligned = 99;

static pthread_t threads[NR_THREADS];

/* Run function(0..NR_THREADS-1) in as many threads; true when all returned NULL. */
static bool run_all(void *(*function)(void *))
{
	bool ok = true;
	void *result;

	for (uintptr_t i = 0; i < NR_THREADS; i++) {
		if (pthread_create(&threads[i], NULL, function, (void *)i) != 0)
			return false;
	}
	for (int i = 0; i < NR_THREADS; i++)
		ok &= pthread_join(threads[i], &result) == 0 && result == NULL;
	return ok;
}

#define FAIL_UNLESS(cond)                                                                          \
	do {                                                                                       \
		if (!(cond))                                                                       \
			return (void *)(uintptr_t)__LINE__;                                        \
	} while (0)

static void *tls_and_errno(void *arg)
{
	int n = (int)(uintptr_t)arg;

	FAIL_UNLESS(initialised == 1234 && zeroed[0] == 0 && zeroed[99] == 0 && aligned == 99);
	FAIL_UNLESS((uintptr_t)&aligned % 64 == 0);
	initialised = n;
	zeroed[99] = (char)n;
	errno = 1000 + n;
	for (int i = 0; i < 100; i++) {
		FAIL_UNLESS(close(-1) == -1 && errno == EBADF);
		errno = 1000 + n;
		sched_yield();
		FAIL_UNLESS(initialised == n && zeroed[99] == n && errno == 1000 + n);
	}
	return NULL;
}

static void test_tls(void)
{
	initialised = 77;
	errno = 5;
	CHECK(run_all(tls_and_errno));
	CHECK(initialised == 77 && errno == 5);
}

static void *malloc_stress(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg + 1;
	struct {
		unsigned char *p;
		size_t size;
		unsigned char fill;
	} live[64] = {0};

	for (int i = 0; i < 20000; i++) {
		unsigned slot = (unsigned)rand_r(&seed) % 64;

		for (size_t j = 0; j < live[slot].size; j += 61)
			FAIL_UNLESS(live[slot].p[j] == live[slot].fill);
		free(live[slot].p);
		live[slot].size = (size_t)rand_r(&seed) % 3000 + 1;
		live[slot].fill = (unsigned char)rand_r(&seed);
		live[slot].p = malloc(live[slot].size);
		FAIL_UNLESS(live[slot].p != NULL);
		memset(live[slot].p, live[slot].fill, live[slot].size);
	}
	for (int i = 0; i < 64; i++)
		free(live[i].p);
	return NULL;
}

static FILE *shared_file;

static void *stdio_writer(void *arg)
{
	for (int i = 0; i < 500; i++)
		fprintf(shared_file, "thread %d line %d %f\n", (int)(uintptr_t)arg, i, i * 0.5);
	return NULL;
}

/* Lines of all threads arrive whole and in each thread's order. */
static void test_stdio_threads(void)
{
	int next[NR_THREADS] = {0}, t, n, lines = 0;
	bool good = true;
	double d;

	shared_file = fopen("lines", "w+");
	CHECK(shared_file != NULL);
	if (shared_file == NULL)
		return;
	CHECK(run_all(stdio_writer));
	rewind(shared_file);
	while (fscanf(shared_file, "thread %d line %d %lf\n", &t, &n, &d) == 3) {
		good &= t >= 0 && t < NR_THREADS && n == next[t] && d == n * 0.5;
		if (!good)
			break;
		next[t]++;
		lines++;
	}
	CHECK(good && lines == NR_THREADS * 500);
	CHECK(fclose(shared_file) == 0 && unlink("lines") == 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static long counters[3];
static int pair_a, pair_b;

static void *lock_stress(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		counters[0]++;
		pthread_mutex_unlock(&mutex);
		pthread_spin_lock(&spin);
		counters[1]++;
		pthread_spin_unlock(&spin);
		if (i % 8 == 0) {
			pthread_rwlock_wrlock(&rwlock);
			counters[2]++;
			pair_a++;
			pair_b++;
			pthread_rwlock_unlock(&rwlock);
		} else {
			pthread_rwlock_rdlock(&rwlock);
			FAIL_UNLESS(pair_a == pair_b);
			pthread_rwlock_unlock(&rwlock);
		}
	}
	return NULL;
}

static void test_locks(void)
{
	CHECK(pthread_spin_init(&spin, 0) == 0);
	CHECK(run_all(lock_stress));
	CHECK(counters[0] == NR_THREADS * 20000 && counters[1] == NR_THREADS * 20000);
	CHECK(counters[2] == NR_THREADS * 2500);
	CHECK(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_tryrdlock(&rwlock) == 0);
	CHECK(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
	CHECK(pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
	CHECK(pthread_rwlock_trywrlock(&rwlock) == 0 && pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
	CHECK(pthread_rwlock_unlock(&rwlock) == 0);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *try_mutex(void *m)
{
	return (void *)(uintptr_t)pthread_mutex_trylock(m);
}

static void *unlock_mutex(void *m)
{
	return (void *)(uintptr_t)pthread_mutex_unlock(m);
}

static int in_thread(void *(*function)(void *), void *arg)
{
	void *result = (void *)-1;
	pthread_t t;

	if (pthread_create(&t, NULL, function, arg) == 0)
		pthread_join(t, &result);
	return (int)(uintptr_t)result;
}

static void test_mutex_types(void)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 20);
	pthread_mutexattr_t attr;
	pthread_mutex_t m;

	pthread_mutexattr_init(&attr);
	CHECK(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0);
	CHECK(pthread_mutex_init(&m, &attr) == 0);
	CHECK(pthread_mutex_lock(&m) == 0 && pthread_mutex_lock(&m) == 0);
	CHECK(in_thread(try_mutex, &m) == EBUSY && in_thread(unlock_mutex, &m) == EPERM);
	CHECK(pthread_mutex_unlock(&m) == 0 && in_thread(try_mutex, &m) == EBUSY);
	CHECK(pthread_mutex_unlock(&m) == 0 && pthread_mutex_unlock(&m) == EPERM);
	CHECK(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) == 0);
	CHECK(pthread_mutex_init(&m, &attr) == 0 && pthread_mutex_lock(&m) == 0);
	CHECK(pthread_mutex_lock(&m) == EDEADLK && pthread_mutex_unlock(&m) == 0);
	CHECK(pthread_mutex_init(&m, NULL) == 0 && pthread_mutex_lock(&m) == 0);
	CHECK(pthread_mutex_timedlock(&m, &soon) == ETIMEDOUT);
	CHECK(pthread_mutex_unlock(&m) == 0 && pthread_mutex_timedlock(&m, &soon) == 0);
	CHECK(pthread_mutex_destroy(&m) == EBUSY && pthread_mutex_unlock(&m) == 0);
	CHECK(pthread_mutex_destroy(&m) == 0);
}

/* A queue of one slot between producers and consumers. */
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int slot, full;
static long consumed;

static void *produce_or_consume(void *arg)
{
	bool produce = (uintptr_t)arg % 2 == 0;

	for (int i = 1; i <= 1000; i++) {
		pthread_mutex_lock(&mutex);
		while (full == produce)
			pthread_cond_wait(produce ? &not_full : &not_empty, &mutex);
		if (produce)
			slot = i;
		else
			consumed += slot;
		full = produce;
		pthread_cond_signal(produce ? &not_empty : &not_full);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static int released;

static void *wait_for_release(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	while (!released)
		pthread_cond_wait(&not_empty, &mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void test_cond(void)
{
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 20), now;
	pthread_condattr_t attr;
	pthread_cond_t c;
	int error;

	CHECK(run_all(produce_or_consume));
	CHECK(consumed == NR_THREADS / 2 * 500500);
	pthread_condattr_init(&attr);
	CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&c, &attr) == 0);
	pthread_mutex_lock(&mutex);
	do
		error = pthread_cond_timedwait(&c, &mutex, &soon);
	while (error == 0);
	pthread_mutex_unlock(&mutex);
	clock_gettime(CLOCK_MONOTONIC, &now);
	CHECK(error == ETIMEDOUT);
	CHECK(now.tv_sec > soon.tv_sec ||
		(now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));

	pthread_t waiters[4];

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&waiters[i], NULL, wait_for_release, NULL) == 0);
	pthread_mutex_lock(&mutex);
	released = 1;
	pthread_cond_broadcast(&not_empty);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(waiters[i], NULL) == 0);
}

static pthread_key_t key;
static atomic_int destroyed, rounds;

static void destroy_value(void *value)
{
	if (value == (void *)&rounds && atomic_fetch_add(&rounds, 1) == 0)
		pthread_setspecific(key, &rounds); /* once more */
	atomic_fetch_add(&destroyed, 1);
}

static void *use_key(void *arg)
{
	FAIL_UNLESS(pthread_getspecific(key) == NULL);
	FAIL_UNLESS(pthread_setspecific(key, (char *)arg + 1) == 0);
	sched_yield();
	FAIL_UNLESS(pthread_getspecific(key) == (char *)arg + 1);
	return NULL;
}

static void *set_again(void *arg)
{
	(void)arg;
	pthread_setspecific(key, &rounds);
	pthread_exit((void *)123);
}

static void test_keys(void)
{
	pthread_key_t again;
	int old = key;

	CHECK(pthread_key_create(&key, destroy_value) == 0);
	CHECK(run_all(use_key) && destroyed == NR_THREADS);
	CHECK(in_thread(set_again, NULL) == 123 && rounds == 2 && destroyed == NR_THREADS + 2);
	CHECK(pthread_setspecific(key, &old) == 0 && pthread_key_delete(key) == 0);
	CHECK(pthread_setspecific(key, &old) == EINVAL && pthread_getspecific(key) == NULL);
	CHECK(pthread_key_create(&again, NULL) == 0 && pthread_getspecific(again) == NULL);
	CHECK(pthread_key_delete(again) == 0 && pthread_key_delete(again) == EINVAL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int initialisations;
static pthread_barrier_t barrier;
static atomic_int serial, phase;
static sem_t sem;

static void initialise(void)
{
	sched_yield();
	atomic_fetch_add(&initialisations, 1);
}

static void *once_and_barrier(void *arg)
{
	(void)arg;
	FAIL_UNLESS(pthread_once(&once, initialise) == 0 && initialisations == 1);
	for (int i = 0; i < 50; i++) {
		FAIL_UNLESS(phase / NR_THREADS == i);
		int result = pthread_barrier_wait(&barrier);

		FAIL_UNLESS(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
		if (result != 0)
			atomic_fetch_add(&serial, 1);
		atomic_fetch_add(&phase, 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void *post(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		FAIL_UNLESS(sem_post(&sem) == 0);
	return NULL;
}

static void test_once_barrier_sem(void)
{
	struct timespec soon;
	int value;

	CHECK(pthread_barrier_init(&barrier, NULL, NR_THREADS) == 0);
	CHECK(run_all(once_and_barrier));
	CHECK(initialisations == 1 && serial == 50);
	CHECK(pthread_barrier_destroy(&barrier) == 0);
	CHECK(sem_init(&sem, 0, 0) == 0 && sem_trywait(&sem) == -1 && errno == EAGAIN);
	CHECK(pthread_create(&threads[0], NULL, post, NULL) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(sem_wait(&sem) == 0);
	CHECK(pthread_join(threads[0], NULL) == 0);
	CHECK(sem_getvalue(&sem, &value) == 0 && value == 0);
	soon = in_ms(CLOCK_REALTIME, 10);
	CHECK(sem_timedwait(&sem, &soon) == -1 && errno == ETIMEDOUT);
}

static void *deep(void *arg)
{
	volatile char space[96 << 10];

	space[0] = space[sizeof(space) - 1] = 1;
	return space[0] == 1 ? arg : NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *announce(void *arg)
{
	(void)arg;
	sem_post(&sem);
	return NULL;
}

/* Many threads one after the other: none of them leaves its stack behind, or memory runs out. */
static void test_lifecycle(void)
{
	pthread_attr_t attr;
	size_t size;
	pthread_t t;
	int made = 0;

	CHECK(pthread_equal(pthread_self(), pthread_self()));
	CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
	pthread_attr_init(&attr);
	CHECK(pthread_attr_setstacksize(&attr, 1) == EINVAL);
	CHECK(pthread_attr_setstacksize(&attr, 512 << 10) == 0);
	CHECK(pthread_attr_getstacksize(&attr, &size) == 0 && size == 512 << 10);
	CHECK(pthread_create(&t, &attr, deep, (void *)55) == 0);
	void *result;

	CHECK(pthread_join(t, &result) == 0 && result == (void *)55);
	for (int i = 0; i < 1000; i++)
		made += in_thread(nothing, (void *)7) == 7;
	CHECK(made == 1000);
	CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
	for (int i = 0; i < 500; i++) {
		made += pthread_create(&t, i % 2 ? &attr : NULL, announce, NULL) == 0;
		if (i % 2 == 0)
			pthread_detach(t);
		sem_wait(&sem);
	}
	CHECK(made == 1500);
}

static mtx_t c11_mutex;
static cnd_t c11_cond;
static tss_t c11_key;
static int c11_turn;

static int c11_thread(void *arg)
{
	tss_set(c11_key, arg);
	mtx_lock(&c11_mutex);
	c11_turn++;
	cnd_signal(&c11_cond);
	mtx_unlock(&c11_mutex);
	thrd_yield();
	return tss_get(c11_key) == arg ? (int)(uintptr_t)arg : -1;
}

static void test_c11(void)
{
	int result = 0;
	thrd_t t;

	CHECK(mtx_init(&c11_mutex, mtx_recursive) == thrd_success);
	CHECK(cnd_init(&c11_cond) == thrd_success && tss_create(&c11_key, NULL) == thrd_success);
	mtx_lock(&c11_mutex);
	CHECK(mtx_lock(&c11_mutex) == thrd_success && mtx_unlock(&c11_mutex) == thrd_success);
	CHECK(thrd_create(&t, c11_thread, (void *)-7) == thrd_success);
	while (c11_turn == 0)
		cnd_wait(&c11_cond, &c11_mutex);
	mtx_unlock(&c11_mutex);
	CHECK(thrd_join(t, &result) == thrd_success && result == -7);
	CHECK(mtx_trylock(&c11_mutex) == thrd_success && tss_get(c11_key) == NULL);
	tss_delete(c11_key);
}

static void *print(void *arg)
{
	printf("%s", (const char *)arg);
	return NULL;
}

void print_in_thread(void)
{
	in_thread(print, "from a thread\n");
}

void test_threads(void)
{
	test_tls();
	CHECK(run_all(malloc_stress));
	test_stdio_threads();
	test_locks();
	test_mutex_types();
	test_cond();
	test_keys();
	test_once_barrier_sem();
	test_lifecycle();
	test_c11();
}
