/* Clocks and sleeping. */
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include "internal.h"

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	return (int)SYS2(__NR_clock_gettime, clock, ts);
}

int clock_getres(clockid_t clock, struct timespec *ts)
{
	return (int)SYS2(__NR_clock_getres, clock, ts);
}

int clock_settime(clockid_t clock, const struct timespec *ts)
{
	return (int)SYS2(__NR_clock_settime, clock, ts);
}

/* Returns the error number; errno is left alone. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *want, struct timespec *left)
{
	return (int)-RAW4(__NR_clock_nanosleep, clock, flags, want, left);
}

int nanosleep(const struct timespec *want, struct timespec *left)
{
	return (int)SYS2(__NR_nanosleep, want, left);
}

int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts;

	(void)tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

/* Processor time in microseconds. */
clock_t clock(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) < 0)
		return -1;
	return ts.tv_sec * CLOCKS_PER_SEC + ts.tv_nsec / 1000;
}

clock_t times(struct tms *t)
{
	return SYS1(__NR_times, t);
}

int clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
	*clock = pid == 0 ? CLOCK_PROCESS_CPUTIME_ID : ((~pid << 3) | 2);
	return 0;
}

unsigned alarm(unsigned seconds)
{
	return (unsigned)RAW1(__NR_alarm, seconds);
}

int pause(void)
{
	return (int)SYS0(__NR_pause);
}
