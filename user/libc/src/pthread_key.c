/*
 * Thread-specific data and pthread_once.
 *
 * A key is a slot in a table; creating it gives the slot a new generation, so values that threads set for
 * the slot's previous key are not seen through the new one.
 */
#include <limits.h>
#include <pthread.h>

#include "internal.h"

static struct {
	unsigned int generation; /* odd while the key exists; guarded by keys_lock, read without */
	void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];
static unsigned int keys_lock;

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	int error = EAGAIN;

	word_lock(&keys_lock);
	for (unsigned int k = 0; k < PTHREAD_KEYS_MAX; k++) {
		if ((keys[k].generation & 1) != 0)
			continue;
		keys[k].destructor = destructor;
		STORE(&keys[k].generation, keys[k].generation + 1);
		*key = k;
		error = 0;
		break;
	}
	word_unlock(&keys_lock);
	return error;
}

/* Destructors are not called for what threads have set. */
int pthread_key_delete(pthread_key_t key)
{
	int error = EINVAL;

	word_lock(&keys_lock);
	if (key < PTHREAD_KEYS_MAX && (keys[key].generation & 1) != 0) {
		STORE(&keys[key].generation, keys[key].generation + 1);
		error = 0;
	}
	word_unlock(&keys_lock);
	return error;
}

void *pthread_getspecific(pthread_key_t key)
{
	struct key_value *v;

	if (key >= PTHREAD_KEYS_MAX)
		return NULL;
	v = &thread_self()->values[key];
	return v->generation == LOAD(&keys[key].generation) ? v->value : NULL;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
	unsigned int generation = key < PTHREAD_KEYS_MAX ? LOAD(&keys[key].generation) : 0;

	if ((generation & 1) == 0)
		return EINVAL;
	thread_self()->values[key] = (struct key_value){generation, (void *)value};
	return 0;
}

/* Take the thread's value for slot k out, if it has one with a destructor. */
static bool take_value(
	struct __pthread *self, unsigned int k, void (**destructor)(void *), void **value)
{
	struct key_value *v = &self->values[k];
	bool found = false;

	if (v->value == NULL)
		return false;
	word_lock(&keys_lock);
	if (v->generation == keys[k].generation && keys[k].destructor != NULL) {
		*destructor = keys[k].destructor;
		*value = v->value;
		found = true;
	}
	word_unlock(&keys_lock);
	v->value = NULL;
	return found;
}

/* A destructor may set values again: go round until none is left, or the limit. */
void thread_run_key_destructors(struct __pthread *self)
{
	bool again = true;

	for (int round = 0; again && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
		again = false;
		for (unsigned int k = 0; k < PTHREAD_KEYS_MAX; k++) {
			void (*destructor)(void *);
			void *value;

			if (take_value(self, k, &destructor, &value)) {
				destructor(value);
				again = true;
			}
		}
	}
}

enum { ONCE_FRESH, ONCE_RUNNING, ONCE_DONE };

int pthread_once(pthread_once_t *once, void (*function)(void))
{
	if (LOAD(once) == ONCE_DONE)
		return 0;
	if (compare_exchange(once, ONCE_FRESH, ONCE_RUNNING)) {
		function();
		STORE(once, ONCE_DONE);
		futex_wake(once, INT_MAX);
		return 0;
	}
	while (LOAD(once) != ONCE_DONE)
		futex_wait(once, ONCE_RUNNING, CLOCK_REALTIME, NULL);
	return 0;
}
