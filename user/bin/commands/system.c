/* What concerns the whole machine or this program: stat df mount ps free dmesg uname uptime sync
 * poweroff clear id as sleep true false. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unlazy.h>

#include "commands.h"

#define SYSLOG_READ_ALL 3

extern char **environ;

int applet_true(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 0;
}

int applet_false(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 1;
}

int applet_clear(int argc, char **argv)
{
	(void)argc, (void)argv;
	fputs("\033[H\033[2J", stdout);
	return 0;
}

int applet_sleep(int argc, char **argv)
{
	char *end = NULL;
	double seconds = argc == 2 ? strtod(argv[1], &end) : -1;
	struct timespec left;

	if (!(seconds >= 0 && seconds < 1e9) || end == argv[1] || *end)
		return usage();
	left.tv_sec = (time_t)seconds;
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return 0;
}

int applet_sync(int argc, char **argv)
{
	(void)argc, (void)argv;
	sync();
	return 0;
}

int applet_poweroff(int argc, char **argv)
{
	long long status = argc > 1 ? number(argv[1]) : 0;

	if (argc > 2 || status < 0)
		return usage();
	sync();
	unlazy_poweroff((int)status);
	return complain("poweroff");
}

int applet_ps(int argc, char **argv)
{
	(void)argc, (void)argv;
	return show_file("/proc/threads");
}

int applet_uname(int argc, char **argv)
{
	struct utsname u;

	if (uname(&u) < 0)
		return complain("uname");
	if (argc < 2)
		return printf("%s\n", u.sysname) < 0;
	if (argc > 2 || strcmp(argv[1], "-a") != 0)
		return usage();
	return printf("%s %s %s %s %s\n", u.sysname, u.nodename, u.release, u.version, u.machine) <
	       0;
}

int applet_uptime(int argc, char **argv)
{
	struct timespec now;
	long long s;

	(void)argc, (void)argv;
	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return complain("clock");
	s = now.tv_sec;
	return printf("up %lld:%02lld:%02lld.%03ld\n", s / 3600, s / 60 % 60, s % 60,
		       now.tv_nsec / 1000000) < 0;
}

int applet_dmesg(int argc, char **argv)
{
	static char text[1 << 20];
	long n = syscall(__NR_syslog, SYSLOG_READ_ALL, text, sizeof(text));

	(void)argc, (void)argv;
	if (n < 0)
		return complain("the kernel's log");
	fwrite(text, 1, (size_t)n, stdout);
	return 0;
}

/* ---- users ---- */

bool parse_owner(const char *s, unsigned *uid, unsigned *gid)
{
	char *end;

	*uid = (unsigned)strtoul(s, &end, 10);
	*gid = *uid;
	if (end == s)
		return false;
	if (*end == ':') {
		s = end + 1;
		*gid = (unsigned)strtoul(s, &end, 10);
	}
	return *end == '\0' && end != s;
}

int applet_id(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("uid=%u gid=%u", (unsigned)getuid(), (unsigned)getgid());
	if (geteuid() != getuid() || getegid() != getgid())
		printf(" euid=%u egid=%u", (unsigned)geteuid(), (unsigned)getegid());
	putchar('\n');
	return 0;
}

int applet_as(int argc, char **argv)
{
	unsigned uid, gid;
	int status;
	pid_t pid;

	if (argc < 3 || !parse_owner(argv[1], &uid, &gid))
		return usage();
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return complain(argv[1]);
	pid = unlazy_spawn(applet_program(argv[2]), argv + 2, environ, NULL);
	if (pid < 0)
		return complain(argv[2]) + 126;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain("wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- memory and file systems ---- */

/* The value of a `Name:   123 kB` line, in KiB; 0 when there is none. */
static unsigned long long meminfo(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

int applet_free(int argc, char **argv)
{
	static char text[8192];
	unsigned long long total, available, cached, slab;
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	(void)argc, (void)argv;
	if (n < 0)
		return complain("/proc/meminfo");
	close(fd);
	total = meminfo(text, "MemTotal:");
	available = meminfo(text, "MemFree:");
	cached = meminfo(text, "\nCached:");
	slab = meminfo(text, "Slab:");
	printf("%10s %10s %10s %10s %10s  KiB\n", "total", "used", "free", "page cache", "slab");
	printf("%10llu %10llu %10llu %10llu %10llu\n", total, total - available, available, cached,
		slab);
	return 0;
}

int applet_mount(int argc, char **argv)
{
	const char *type = NULL, *source = "none";
	unsigned long flags = 0;
	int i = 1;

	if (argc == 1)
		return show_file("/proc/mounts");
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-t") && i + 1 < argc)
			type = argv[++i];
		else if (!strcmp(argv[i], "--bind"))
			flags |= MS_BIND;
		else
			return usage();
	}
	if (argc - i == 2)
		source = argv[i++];
	if (argc - i != 1 || (!type && !flags))
		return usage();
	return mount(source, argv[i], type ? type : "none", flags, NULL) < 0 ? complain(argv[i])
									     : 0;
}

int applet_umount(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "l", opt);

	if (first < 0)
		return 2;
	if (first + 1 != argc)
		return usage();
	return umount2(argv[first], opt['l'] ? MNT_DETACH : 0) < 0 ? complain(argv[first]) : 0;
}

int applet_df(int argc, char **argv)
{
	static char root[] = "/", *only_root[] = {root};
	int status = 0;

	argc--, argv++;
	if (argc == 0) {
		argc = 1;
		argv = only_root;
	}
	printf("%12s %12s %12s %12s  path\n", "KiB", "free", "inodes", "free");
	for (int i = 0; i < argc; i++) {
		struct statfs s;

		if (statfs(argv[i], &s) < 0)
			status = complain(argv[i]);
		else
			printf("%12llu %12llu %12llu %12llu  %s\n",
				(unsigned long long)s.f_blocks * (unsigned long long)s.f_bsize /
					1024,
				(unsigned long long)s.f_bfree * (unsigned long long)s.f_bsize /
					1024,
				(unsigned long long)s.f_files, (unsigned long long)s.f_ffree,
				argv[i]);
	}
	return status;
}

/* ---- stat ---- */

static void print_time(const char *name, const struct timespec *t)
{
	struct tm *tm = gmtime(&t->tv_sec);
	char text[32] = "?";

	if (tm)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", tm);
	printf("%s: %s.%09ld\n", name, text, (long)t->tv_nsec);
}

static const char *type_name(mode_t mode)
{
	return S_ISREG(mode)	? "regular file"
	       : S_ISDIR(mode)	? "directory"
	       : S_ISLNK(mode)	? "symbolic link"
	       : S_ISFIFO(mode) ? "FIFO"
	       : S_ISCHR(mode)	? "character device"
	       : S_ISBLK(mode)	? "block device"
				: "other";
}

static int stat_one(const char *path, bool follow)
{
	char mode[11], target[4096];
	struct stat st;
	ssize_t n;

	if ((follow ? stat(path, &st) : lstat(path, &st)) < 0)
		return complain(path);
	mode_string(st.st_mode, mode);
	printf("  File: %s", path);
	if (S_ISLNK(st.st_mode) && (n = readlink(path, target, sizeof(target))) >= 0)
		printf(" -> %.*s", (int)n, target);
	printf("\n  Size: %-10lld Blocks: %-8lld Block size: %-6ld %s\n", (long long)st.st_size,
		(long long)st.st_blocks, (long)st.st_blksize, type_name(st.st_mode));
	printf("Device: %u:%-8u Inode: %-9llu Links: %lu\n", (unsigned)major(st.st_dev),
		(unsigned)minor(st.st_dev), (unsigned long long)st.st_ino,
		(unsigned long)st.st_nlink);
	printf("  Mode: %04o/%s  Uid: %u  Gid: %u\n", (unsigned)st.st_mode & 07777, mode,
		(unsigned)st.st_uid, (unsigned)st.st_gid);
	print_time("Access", &st.st_atim);
	print_time("Modify", &st.st_mtim);
	print_time("Change", &st.st_ctim);
	return 0;
}

int applet_stat(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "L", opt), status = 0;

	if (first < 0)
		return 2;
	if (first >= argc)
		return usage();
	for (int i = first; i < argc; i++)
		status |= stat_one(argv[i], opt['L']);
	return status;
}
