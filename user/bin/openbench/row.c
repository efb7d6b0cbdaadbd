/*
 * One row: from dropped caches, open the cached share once, then time the method over the whole list
 * with every descriptor kept open to the end.
 *
 * `Cached` means dentry and inode in memory. Level 2 drops both and keeps the block cache; level 3
 * drops everything. The kernel's own counters say afterwards how many opens were done inline.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "openbench.h"

#define RING_FILE "/proc/unlazy/ring"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Write text to a /proc file. 0 or -errno. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

bool retry_select(const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "retry=%s\n", name);
	return write_file(RING_FILE, text) == 0;
}

static void drop_caches(void)
{
	char level[4];
	int error;

	if (set.start == 0)
		return;
	/* Linux keeps inodes whose pages are dirty, and a first pass only marks some as old. */
	snprintf(level, sizeof(level), "%d\n", set.start);
	error = write_file("/proc/sys/vm/drop_caches", level);
	if (!error)
		error = write_file("/proc/sys/vm/drop_caches", level);
	if (error) {
		fprintf(stderr, "openbench: /proc/sys/vm/drop_caches: %s\n", strerror(-error));
		exit(1);
	}
}

static bool chosen(size_t i, int percent)
{
	return i * (size_t)percent % 100 < (size_t)percent;
}

/* Open and close a share of the paths, evenly spread over the list. */
static void touch(const struct paths *p, int percent)
{
	for (size_t i = 0; i < p->n; i++) {
		int fd = chosen(i, percent) ? open(p->path[i], O_RDONLY) : -1;

		if (fd >= 0)
			close(fd);
	}
}

void row_warm_up(const struct paths *p)
{
	touch(p, 100);
}

/* The number after `name` at the start of a line of the ring's /proc file; -1 when there is none. */
static long long counter(const char *name)
{
	static char text[8192];
	int fd = open(RING_FILE, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t len = strlen(name);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, len) == 0 && strchr(" \t:=", line[len]) && line[len])
			return atoll(line + len + 1 + strspn(line + len + 1, " \t"));
	return -1;
}

static long long delta(long long before, long long after)
{
	return before < 0 || after < 0 ? -1 : after - before;
}

int row_run(const struct method *m, int cached, const struct paths *p, int *fds, struct row *row)
{
	long long inline_before, queued_before;
	uint64_t start;
	int error;

	if (m->retry && !retry_select(m->retry) && strcmp(m->retry, "rcu") != 0)
		return -EOPNOTSUPP;
	*row = (struct row){.method = m->name, .cached = cached, .files = p->n};
	for (size_t i = 0; i < p->n; i++)
		fds[i] = -ECANCELED;
	drop_caches();
	touch(p, cached);
	inline_before = counter("inline");
	queued_before = counter("queued");
	start = now_ns();
	error = m->open_all(p, fds);
	row->ns = now_ns() - start;
	row->inline_hits = m->ring ? delta(inline_before, counter("inline")) : -1;
	row->queued = m->ring ? delta(queued_before, counter("queued")) : -1;
	for (size_t i = 0; i < p->n; i++) {
		if (fds[i] < 0 && !row->errors++)
			row->first_error = -fds[i];
		if (fds[i] >= 0 && !set.keep)
			close(fds[i]);
	}
	if (m->retry)
		retry_select("rcu");
	return error;
}
