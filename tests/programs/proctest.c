/*
 * /proc as a program sees it: every file can be listed, read whole and in pieces; commands are taken or
 * refused with an errno; magic links lead where they should, and never in a cached walk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static unsigned passed, failed;

static int open_with(const char *path, int flags, unsigned long long resolve)
{
	struct open_how how = {.flags = (unsigned long long)flags, .resolve = resolve};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* open_with, closed again: 0 or -errno. */
static int try_open(const char *path, int flags, unsigned long long resolve)
{
	int fd = open_with(path, flags, resolve);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Read all of a file in pieces; returns the length, or -errno. */
static ssize_t slurp(int fd, char *buf, size_t size, size_t piece)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, buf + used, piece < size - used ? piece : size - used);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* One moment, whatever the pieces: a file open twice at once may differ, one open file not. */
static void read_in_pieces(const char *path)
{
	static char whole[1 << 18], pieces[1 << 18];
	int fd = open(path, O_RDONLY);
	ssize_t n, m;

	CHECK_EQ(fd >= 0, 1);
	n = slurp(fd, whole, sizeof(whole), sizeof(whole));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	m = slurp(fd, pieces, sizeof(pieces), 7);
	CHECK_EQ(n, m);
	CHECK_EQ(n >= 0, 1);
	if (n == m && n > 0)
		CHECK_EQ(memcmp(whole, pieces, (size_t)n), 0);
	CHECK_EQ(pread(fd, pieces, 1, n), 0);
	close(fd);
}

/* List, stat and read everything below path; returns the number of files. */
static unsigned visit(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	unsigned files = 0;

	CHECK_EQ(dir != NULL, 1);
	while (dir && (e = readdir(dir)) != NULL) {
		char name[600];
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		CHECK_EQ(lstat(name, &st), 0);
		CHECK_EQ(st.st_ino, e->d_ino);
		CHECK_EQ(e->d_type, st.st_mode >> 12 & 15);
		if (S_ISDIR(st.st_mode) && strcmp(e->d_name, "self") &&
			strcmp(e->d_name, "programs")) {
			files += visit(name);
		} else if (S_ISREG(st.st_mode)) {
			files++;
			read_in_pieces(name);
		}
	}
	if (dir)
		closedir(dir);
	return files;
}

static int command(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void commands(void)
{
	static const char drop[] = "/proc/sys/vm/drop_caches", trace[] = "/proc/unlazy/trace";
	static char long_one[5000];

	CHECK_EQ(command(drop, "1"), 0);
	CHECK_EQ(command(drop, "2\n"), 0);
	CHECK_EQ(command(drop, "3\n"), 0);
	CHECK_EQ(command(drop, "0"), -EINVAL);
	CHECK_EQ(command(drop, "4"), -EINVAL);
	CHECK_EQ(command(drop, "three"), -EINVAL);
	CHECK_EQ(command(drop, ""), -EINVAL);
	memset(long_one, '1', sizeof(long_one) - 1);
	CHECK_EQ(command(drop, long_one), -EINVAL);
	CHECK_EQ(command("/proc/unlazy/ring", "retry=resume\n"), 0);
	CHECK_EQ(command("/proc/unlazy/ring", "retry=rcu"), 0);
	CHECK_EQ(command("/proc/unlazy/ring", "retry=often"), -EINVAL);
	CHECK_EQ(command(trace, "on"), 0);
	CHECK_EQ(command(trace, "off"), 0);
	CHECK_EQ(command(trace, "clear"), 0);
	CHECK_EQ(command(trace, "louder"), -EINVAL);
	CHECK_EQ(command("/proc/meminfo", "1"),
		-EINVAL); /* root may open it, it takes no commands */
	CHECK_EQ(open("/proc/new", O_WRONLY | O_CREAT, 0600), -1);
	CHECK_EQ(mkdir("/proc/new", 0700), -1);
	CHECK_EQ(unlink("/proc/meminfo"), -1);
}

static void descriptors(void)
{
	char name[64], body[256];
	struct stat by_link, by_fd;
	int fd = open("/proc/uptime", O_RDONLY), other;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, body, sizeof(body) - 1);
	CHECK_EQ(n, strlen("/proc/uptime"));
	CHECK_EQ(memcmp(body, "/proc/uptime", n > 0 ? (size_t)n : 0), 0);
	CHECK_EQ(stat(name, &by_link), 0);
	CHECK_EQ(fstat(fd, &by_fd), 0);
	CHECK_EQ(by_link.st_ino, by_fd.st_ino);
	CHECK_EQ(lstat(name, &by_link), 0);
	CHECK_EQ(S_ISLNK(by_link.st_mode), 1);
	CHECK_EQ(try_open(name, O_RDONLY, 0), 0);
	/* A magic link is never followed in a cached walk, however warm it is (CONTRACT 1). */
	CHECK_EQ(try_open(name, O_RDONLY, RESOLVE_CACHED), -EAGAIN);
	CHECK_EQ(try_open("/proc/self/exe", O_RDONLY, RESOLVE_CACHED), -EAGAIN);
	CHECK_EQ(try_open(name, O_RDONLY, RESOLVE_NO_MAGICLINKS), -ELOOP);
	CHECK_EQ(try_open(name, O_RDONLY, RESOLVE_NO_SYMLINKS), -ELOOP);
	CHECK_EQ(try_open("/proc/uptime", O_RDONLY, RESOLVE_CACHED), 0);
	close(fd);
	/* The name was cached as existing; now it must be seen that it does not. */
	CHECK_EQ(try_open(name, O_RDONLY, RESOLVE_CACHED), -EAGAIN);
	CHECK_EQ(try_open(name, O_RDONLY, 0), -ENOENT);
	CHECK_EQ(lstat(name, &by_link), -1);
	other = open("/proc/cmdline", O_RDONLY);
	CHECK_EQ(other, fd);
	n = readlink(name, body, sizeof(body) - 1);
	CHECK_EQ(n, strlen("/proc/cmdline"));
	close(other);
	CHECK_EQ(try_open("/proc/self/fd/007", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(try_open("/proc/self/fd/99999999999999999999", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(try_open("/proc/self/fd/x", O_RDONLY, 0), -ENOENT);
}

static void listed_descriptors(void)
{
	bool seen[300] = {false};
	struct dirent *e;
	DIR *dir;
	int last = 0;

	while (last >= 0 && last < 250)
		last = dup(0);
	dir = opendir("/proc/self/fd");
	while (dir && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' && atoi(e->d_name) < 300)
			seen[atoi(e->d_name)] = true;
	for (int fd = 0; fd <= last; fd++)
		CHECK_EQ(seen[fd], 1);
	CHECK_EQ(seen[299], 0);
	if (dir)
		closedir(dir);
	for (int fd = 3; fd <= last; fd++)
		close(fd);
}

static void own_program(void)
{
	char body[64] = "";
	unsigned char magic[4] = {0};
	int fd = open("/proc/self/exe", O_RDONLY);

	CHECK_EQ(readlink("/proc/self/exe", body, sizeof(body) - 1),
		strlen("/proc/programs/proctest"));
	CHECK_EQ(strcmp(body, "/proc/programs/proctest"), 0);
	CHECK_EQ(read(fd, magic, 4), 4);
	CHECK_EQ(memcmp(magic, "\177ELF", 4), 0);
	close(fd);
	CHECK_EQ(try_open("/proc/programs/nothing", O_RDONLY, 0), -ENOENT);
}

int main(void)
{
	CHECK_EQ(visit("/proc") > 10, 1);
	commands();
	descriptors();
	listed_descriptors();
	own_program();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
