/* Time system calls: clocks and sleeping. */
#include "abi/errno.h"
#include "abi/time.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"

struct sum {
	const struct process *process;
	u64 ns;
};

static void add_thread(struct thread *t, void *arg)
{
	struct sum *s = arg;

	if (t->process == s->process)
		s->ns += READ_ONCE(t->run_ns);
}

/* False for a clock we do not have. */
static bool read_clock(int clock, u64 *ns)
{
	struct sum s = {.process = current->process};

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		*ns = clock_wall_ns();
		return true;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_ns();
		return true;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = sched_thread_time();
		return true;
	case CLOCK_PROCESS_CPUTIME_ID:
		thread_for_each(add_thread, &s);
		*ns = s.ns + sched_thread_time() - READ_ONCE(current->run_ns);
		return true;
	default:
		return false;
	}
}

SYSCALL2(clock_gettime, int, clock, struct timespec64 __user *, out)
{
	u64 ns;

	if (!read_clock(clock, &ns))
		return -EINVAL;
	return put_user(ns_to_timespec(ns), out);
}

SYSCALL2(clock_getres, int, clock, struct timespec64 __user *, out)
{
	u64 ns;

	if (!read_clock(clock, &ns))
		return -EINVAL;
	return out ? put_user(ns_to_timespec(1), out) : 0;
}

SYSCALL2(gettimeofday, struct timeval64 __user *, tv, void __user *, tz)
{
	u64 ns = clock_wall_ns();
	struct timeval64 now = {(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
	u64 no_zone = 0;

	if (tv && put_user(now, tv))
		return -EFAULT;
	return tz ? copy_to_user(tz, &no_zone, sizeof(no_zone)) : 0;
}

SYSCALL1(time, s64 __user *, out)
{
	s64 now = (s64)(clock_wall_ns() / NSEC_PER_SEC);

	if (out && put_user(now, out))
		return -EFAULT;
	return now;
}

/* Sleep until clock_ns() reaches deadline. 0 or -EINTR. */
static int sleep_until(u64 deadline)
{
	while (clock_ns() < deadline) {
		int err;

		thread_prepare_sleep(THREAD_INTERRUPTIBLE);
		err = wait_sleep(THREAD_INTERRUPTIBLE, deadline);
		thread_finish_sleep();
		if (err == -EINTR)
			return err;
	}
	return 0;
}

static long do_nanosleep(int clock, bool absolute, const struct timespec64 __user *request,
	struct timespec64 __user *remaining)
{
	struct timespec64 ts;
	u64 ns, now, deadline;
	int err;

	might_sleep();
	if (!read_clock(clock, &now) || clock == CLOCK_THREAD_CPUTIME_ID ||
		clock == CLOCK_PROCESS_CPUTIME_ID)
		return -EINVAL;
	if (get_user(ts, request))
		return -EFAULT;
	if (!timespec_to_ns(&ts, &ns))
		return -EINVAL;
	if (absolute)
		deadline = clock_ns() + (ns > now ? ns - now : 0);
	else
		deadline = clock_ns() + ns;
	err = sleep_until(deadline);
	if (err && !absolute && remaining) {
		now = clock_ns();
		if (put_user(ns_to_timespec(deadline > now ? deadline - now : 0), remaining))
			return -EFAULT;
	}
	return err;
}

SYSCALL2(
	nanosleep, const struct timespec64 __user *, request, struct timespec64 __user *, remaining)
{
	return do_nanosleep(CLOCK_MONOTONIC, false, request, remaining);
}

SYSCALL4(clock_nanosleep, int, clock, int, flags, const struct timespec64 __user *, request,
	struct timespec64 __user *, remaining)
{
	return do_nanosleep(clock, flags & TIMER_ABSTIME, request, remaining);
}
