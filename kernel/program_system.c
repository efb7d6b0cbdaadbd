/* System calls about the machine as a whole: uname, limits, memory figures, log, random, power. */
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/init.h"
#include "kernel/page.h"
#include "kernel/process_internal.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

struct utsname_abi {
	char field[6][65];
};

SYSCALL1(uname, struct utsname_abi __user *, out)
{
	static const struct utsname_abi name = {
		{"Unlazy", "unlazy", "0.1.0", "#1 SMP", "x86_64", "(none)"}};

	return copy_to_user(out, &name, sizeof(name));
}

struct sysinfo_abi {
	s64 uptime;
	u64 loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
	u16 procs, pad;
	u64 total_high, free_high;
	u32 mem_unit;
};

static void count_process(struct process *p, void *arg)
{
	(void)p;
	++*(u16 *)arg;
}

SYSCALL1(sysinfo, struct sysinfo_abi __user *, out)
{
	struct page_stats pages;
	struct sysinfo_abi info = {.mem_unit = 1};

	page_get_stats(&pages);
	process_for_each(count_process, &info.procs);
	info.uptime = (s64)(clock_ns() / NSEC_PER_SEC);
	info.total_ram = pages.total * PAGE_SIZE;
	info.free_ram = pages.free * PAGE_SIZE;
	info.buffer_ram = pages.page_cache * PAGE_SIZE;
	return put_user(info, out);
}

struct rlimit_abi {
	u64 soft, hard;
};
#define RLIM_INFINITY (~0ull)
#define RLIMIT_STACK  3
#define RLIMIT_NOFILE 7
#define RLIMIT_MAX    16

static long get_limit(unsigned resource, struct rlimit_abi *out)
{
	if (resource >= RLIMIT_MAX)
		return -EINVAL;
	*out = (struct rlimit_abi){RLIM_INFINITY, RLIM_INFINITY};
	if (resource == RLIMIT_NOFILE)
		*out = (struct rlimit_abi){READ_ONCE(current->process->nofile_limit), NOFILE_LIMIT};
	if (resource == RLIMIT_STACK)
		*out = (struct rlimit_abi){PROGRAM_STACK_SIZE, PROGRAM_STACK_SIZE};
	return 0;
}

/* Only RLIMIT_NOFILE can be changed; its hard limit is fixed. */
static long set_limit(unsigned resource, const struct rlimit_abi *limit)
{
	if (resource >= RLIMIT_MAX || limit->soft > limit->hard)
		return -EINVAL;
	if (resource != RLIMIT_NOFILE)
		return 0;
	if (limit->hard > NOFILE_LIMIT)
		return -EPERM;
	WRITE_ONCE(current->process->nofile_limit, limit->soft);
	return 0;
}

SYSCALL2(getrlimit, unsigned, resource, struct rlimit_abi __user *, out)
{
	struct rlimit_abi limit;
	long err = get_limit(resource, &limit);

	return err ? err : put_user(limit, out);
}

SYSCALL2(setrlimit, unsigned, resource, const struct rlimit_abi __user *, in)
{
	struct rlimit_abi limit;

	return get_user(limit, in) ? -EFAULT : set_limit(resource, &limit);
}

SYSCALL4(prlimit64, s32, pid, unsigned, resource, const struct rlimit_abi __user *, in,
	struct rlimit_abi __user *, out)
{
	struct rlimit_abi old, new_;
	long err;

	if (pid != 0 && (u32)pid != current->process->pid)
		return -ESRCH;
	if (in && get_user(new_, in))
		return -EFAULT;
	err = get_limit(resource, &old);
	if (!err && in)
		err = set_limit(resource, &new_);
	if (!err && out)
		err = put_user(old, out);
	return err;
}

struct rusage_abi {
	s64 utime[2], stime[2], rest[14];
};

SYSCALL2(getrusage, int, who, struct rusage_abi __user *, out)
{
	struct rusage_abi usage = {0};
	u64 ns = sched_thread_time();

	if (who < -1 || who > 1)
		return -EINVAL;
	if (who != -1) {
		usage.utime[0] = (s64)(ns / NSEC_PER_SEC);
		usage.utime[1] = (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return put_user(usage, out);
}

#define GETRANDOM_FLAGS 7u

SYSCALL3(getrandom, u8 __user *, buf, u64, len, unsigned, flags)
{
	u64 done = 0;

	if (flags & ~GETRANDOM_FLAGS)
		return -EINVAL;
	len = MIN(len, 1ull << 20);
	while (done < len) {
		u8 bytes[256];
		u64 n = MIN(len - done, sizeof(bytes));

		random_bytes(bytes, n);
		if (copy_to_user(buf + done, bytes, n))
			return -EFAULT;
		done += n;
	}
	return (long)done;
}

#define SYSLOG_READ_ALL	   3
#define SYSLOG_SIZE_UNREAD 9
#define SYSLOG_SIZE_BUFFER 10

/* dmesg: the newest messages that fit. */
SYSCALL3(syslog, int, action, char __user *, buf, int, len)
{
	size_t total = console_log_size(), offset, done = 0;
	char *piece;
	long ret = 0;

	if (action == SYSLOG_SIZE_UNREAD || action == SYSLOG_SIZE_BUFFER)
		return (long)total;
	if (action != SYSLOG_READ_ALL || len < 0)
		return -EINVAL;
	piece = kmalloc(PAGE_SIZE, ALLOC_WAIT);
	if (!piece)
		return -ENOMEM;
	offset = total > (size_t)len ? total - (size_t)len : 0;
	while (done < (size_t)len) {
		size_t n =
			console_log_read(piece, MIN(PAGE_SIZE, (size_t)len - done), offset + done);

		if (n == 0)
			break;
		if (copy_to_user(buf + done, piece, n)) {
			ret = -EFAULT;
			break;
		}
		done += n;
	}
	kfree(piece);
	return ret ? ret : (long)done;
}

#define REBOOT_MAGIC	 0xfee1deadu
#define REBOOT_POWER_OFF 0x4321fedcu
#define REBOOT_HALT	 0xcdef0123u
#define REBOOT_RESTART	 0x01234567u

SYSCALL4(reboot, u32, magic, u32, magic2, u32, command, void __user *, arg)
{
	(void)magic2, (void)arg;
	if (magic != REBOOT_MAGIC)
		return -EINVAL;
	if (command != REBOOT_POWER_OFF && command != REBOOT_HALT && command != REBOOT_RESTART)
		return -EINVAL;
	system_poweroff(0);
	return 0;
}

SYSCALL1(unlazy_poweroff, int, status)
{
	system_poweroff(status);
	return 0;
}
