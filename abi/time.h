/* Clocks and time structures, Linux x86-64 layout and values. */
#pragma once

#include "abi/stat.h" /* struct timespec64 */

#define CLOCK_REALTIME		 0
#define CLOCK_MONOTONIC		 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID	 3
#define CLOCK_MONOTONIC_RAW	 4
#define CLOCK_REALTIME_COARSE	 5
#define CLOCK_MONOTONIC_COARSE	 6
#define CLOCK_BOOTTIME		 7

#define TIMER_ABSTIME 1

struct timeval64 {
	s64 sec, usec;
};

/* Nanoseconds, saturating; false for a negative or unnormalised time. */
static inline bool timespec_to_ns(const struct timespec64 *ts, u64 *out)
{
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= 1000000000)
		return false;
	*out = ts->sec >= 9000000000 ? 9000000000000000000ull
				     : (u64)ts->sec * 1000000000ull + (u64)ts->nsec;
	return true;
}

static inline struct timespec64 ns_to_timespec(u64 ns)
{
	return (struct timespec64){(s64)(ns / 1000000000), (s64)(ns % 1000000000)};
}
