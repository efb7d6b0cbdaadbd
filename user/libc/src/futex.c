/*
 * Sleeping on a word of memory (futex(2)), and the lock built on it.
 *
 * Deadlines are absolute on a clock; the kernel is given what is left of them, so a step of the real
 * time clock during a wait is noticed only at the next wake-up.
 */
#include "internal.h"

/* What is left until the deadline. Returns 0, ETIMEDOUT when nothing is, or EINVAL. */
static int time_left(clockid_t clock, const struct timespec *deadline, struct timespec *left)
{
	struct timespec now;

	if (deadline->tv_nsec < 0 || deadline->tv_nsec >= 1000000000)
		return EINVAL;
	if (RAW2(__NR_clock_gettime, clock, &now) < 0)
		return EINVAL;
	left->tv_sec = deadline->tv_sec - now.tv_sec;
	left->tv_nsec = deadline->tv_nsec - now.tv_nsec;
	if (left->tv_nsec < 0) {
		left->tv_nsec += 1000000000;
		left->tv_sec--;
	}
	return left->tv_sec < 0 || (left->tv_sec == 0 && left->tv_nsec == 0) ? ETIMEDOUT : 0;
}

int futex_wait(
	unsigned int *word, unsigned int value, clockid_t clock, const struct timespec *deadline)
{
	struct timespec left;
	long ret;
	int error;

	if (deadline != NULL) {
		error = time_left(clock, deadline, &left);
		if (error != 0)
			return error;
	}
	ret = RAW4(__NR_futex, word, FUTEX_WAIT_ | FUTEX_PRIVATE_BIT_, value,
		deadline != NULL ? &left : NULL);
	if (ret == -EAGAIN)
		return EAGAIN;
	return ret == -ETIMEDOUT ? ETIMEDOUT : 0;
}

void futex_wake(unsigned int *word, int count)
{
	RAW3(__NR_futex, word, FUTEX_WAKE_ | FUTEX_PRIVATE_BIT_, count);
}

/*
 * Take a lock word that is not free: mark it waited for, and sleep until the exchange finds it free.
 * Whoever comes through here leaves a 2 behind even if nobody else waits; that costs one needless
 * wake-up and never loses one. Returns 0, ETIMEDOUT or EINVAL.
 */
int word_lock_slow(unsigned int *word, clockid_t clock, const struct timespec *deadline)
{
	int error;

	while (EXCHANGE(word, 2) != 0) {
		error = futex_wait(word, 2, clock, deadline);
		if (error == ETIMEDOUT || error == EINVAL)
			return error;
	}
	return 0;
}
