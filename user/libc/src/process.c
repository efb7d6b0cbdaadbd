/* System calls about processes: identity, credentials, waiting, limits, scheduling, the machine. */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unlazy.h>

#include "internal.h"

long syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return sys_result(raw_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

pid_t unlazy_spawn(const char *name, char *const argv[], char *const envp[], const int fds[3])
{
	return (pid_t)SYS4(UNLAZY_SYS_SPAWN, name, argv, envp, fds);
}

int unlazy_poweroff(int status)
{
	return (int)SYS1(UNLAZY_SYS_POWEROFF, status);
}

void _exit(int status)
{
	for (;;)
		RAW1(__NR_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}

pid_t getpid(void)
{
	return (pid_t)RAW0(__NR_getpid);
}

pid_t getppid(void)
{
	return (pid_t)RAW0(__NR_getppid);
}

pid_t gettid(void)
{
	return (pid_t)RAW0(__NR_gettid);
}

uid_t getuid(void)
{
	return (uid_t)RAW0(__NR_getuid);
}

uid_t geteuid(void)
{
	return (uid_t)RAW0(__NR_geteuid);
}

gid_t getgid(void)
{
	return (gid_t)RAW0(__NR_getgid);
}

gid_t getegid(void)
{
	return (gid_t)RAW0(__NR_getegid);
}

int setuid(uid_t uid)
{
	return (int)SYS1(__NR_setuid, uid);
}

int setgid(gid_t gid)
{
	return (int)SYS1(__NR_setgid, gid);
}

int seteuid(uid_t uid)
{
	return setresuid((uid_t)-1, uid, (uid_t)-1);
}

int setegid(gid_t gid)
{
	return setresgid((gid_t)-1, gid, (gid_t)-1);
}

int setreuid(uid_t ruid, uid_t euid)
{
	return (int)SYS2(__NR_setreuid, ruid, euid);
}

int setregid(gid_t rgid, gid_t egid)
{
	return (int)SYS2(__NR_setregid, rgid, egid);
}

/* Credentials belong to the calling thread only, as in the kernel; POSIX would change all threads. */
int setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	return (int)SYS3(__NR_setresuid, ruid, euid, suid);
}

int setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	return (int)SYS3(__NR_setresgid, rgid, egid, sgid);
}

int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid)
{
	return (int)SYS3(__NR_getresuid, ruid, euid, suid);
}

int getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid)
{
	return (int)SYS3(__NR_getresgid, rgid, egid, sgid);
}

int setfsuid(uid_t uid)
{
	return (int)RAW1(__NR_setfsuid, uid);
}

int setfsgid(gid_t gid)
{
	return (int)RAW1(__NR_setfsgid, gid);
}

int getgroups(int size, gid_t list[])
{
	return (int)SYS2(__NR_getgroups, size, list);
}

int setgroups(int size, const gid_t *list)
{
	return (int)SYS2(__NR_setgroups, size, list);
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	return (pid_t)SYS4(__NR_wait4, pid, status, options, usage);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
	return wait4(-1, status, options, usage);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	return wait4(pid, status, options, NULL);
}

pid_t wait(int *status)
{
	return wait4(-1, status, 0, NULL);
}

int prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old)
{
	return (int)SYS4(__NR_prlimit64, pid, resource, new, old);
}

int getrlimit(int resource, struct rlimit *limit)
{
	return prlimit(0, resource, NULL, limit);
}

int setrlimit(int resource, const struct rlimit *limit)
{
	return prlimit(0, resource, limit, NULL);
}

int getrusage(int who, struct rusage *usage)
{
	return (int)SYS2(__NR_getrusage, who, usage);
}

int sched_yield(void)
{
	return (int)SYS0(__NR_sched_yield);
}

int sched_getcpu(void)
{
	unsigned int cpu;

	return SYS3(__NR_getcpu, &cpu, NULL, NULL) < 0 ? -1 : (int)cpu;
}

/* The kernel writes only as many bytes as it has CPUs for, and returns how many. */
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	long n = SYS3(__NR_sched_getaffinity, pid, size, set);

	if (n < 0)
		return -1;
	memset((char *)set + n, 0, size - (size_t)n);
	return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	return (int)SYS3(__NR_sched_setaffinity, pid, size, set);
}

int sched_get_priority_min(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR ? 1 : 0;
}

int sched_get_priority_max(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR ? 99 : 0;
}

int get_nprocs(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);
}

int get_nprocs_conf(void)
{
	return get_nprocs();
}

int uname(struct utsname *name)
{
	return (int)SYS1(__NR_uname, name);
}

int gethostname(char *name, size_t size)
{
	struct utsname uts;

	if (uname(&uts) < 0)
		return -1;
	if (strlen(uts.nodename) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(name, uts.nodename);
	return 0;
}

int sysinfo(struct sysinfo *info)
{
	return (int)SYS1(__NR_sysinfo, info);
}

int reboot(int command)
{
	return (int)SYS4(__NR_reboot, 0xfee1dead, 0x28121969, command, 0);
}

ssize_t getrandom(void *buf, size_t size, unsigned int flags)
{
	return SYS3(__NR_getrandom, buf, size, flags);
}

int getentropy(void *buf, size_t size)
{
	if (size > 256) {
		errno = EIO;
		return -1;
	}
	return getrandom(buf, size, 0) == (ssize_t)size ? 0 : -1;
}

int getpagesize(void)
{
	return 4096;
}

int getdtablesize(void)
{
	return (int)sysconf(_SC_OPEN_MAX);
}

static long memory_pages(bool all)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return -1;
	return (long)((all ? info.totalram : info.freeram) * info.mem_unit / 4096);
}

/* -1 with errno unchanged: no limit. */
long sysconf(int name)
{
	struct rlimit limit;

	switch (name) {
	case _SC_PAGESIZE:
		return getpagesize();
	case _SC_NPROCESSORS_CONF:
	case _SC_NPROCESSORS_ONLN:
		return get_nprocs();
	case _SC_PHYS_PAGES:
		return memory_pages(true);
	case _SC_AVPHYS_PAGES:
		return memory_pages(false);
	case _SC_OPEN_MAX:
		if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
			return -1;
		return limit.rlim_cur == RLIM_INFINITY ? -1 : (long)limit.rlim_cur;
	case _SC_CLK_TCK:
		return 100;
	case _SC_ARG_MAX:
		return ARG_MAX;
	case _SC_NGROUPS_MAX:
		return NGROUPS_MAX;
	case _SC_VERSION:
		return _POSIX_VERSION;
	case _SC_THREADS:
	case _SC_MONOTONIC_CLOCK:
		return 200809L;
	case _SC_THREAD_STACK_MIN:
		return PTHREAD_STACK_MIN;
	case _SC_THREAD_KEYS_MAX:
		return PTHREAD_KEYS_MAX;
	case _SC_IOV_MAX:
		return IOV_MAX;
	case _SC_LINE_MAX:
		return LINE_MAX;
	default:
		errno = EINVAL;
		return -1;
	}
}

long fpathconf(int fd, int name)
{
	(void)fd;
	return pathconf("/", name);
}

/* The same for every file system here. */
long pathconf(const char *path, int name)
{
	(void)path;
	switch (name) {
	case _PC_NAME_MAX:
		return NAME_MAX;
	case _PC_PATH_MAX:
		return PATH_MAX;
	case _PC_PIPE_BUF:
		return PIPE_BUF;
	case _PC_LINK_MAX:
		return LINK_MAX;
	case _PC_NO_TRUNC:
		return 1;
	default:
		errno = EINVAL;
		return -1;
	}
}
