/*
 * What the kernel holds, by slab cache, before and after; and whether RCU had to complain. Some of it goes a
 * little later (a grace period, a work item): it gets the time of many of both, with the caches dropped
 * again and again, before it counts as lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

#define MAX_CACHES 64
#define PATIENCE   100 /* times 50 ms */

struct counts {
	unsigned nr;
	struct {
		char name[32];
		unsigned long in_use;
	} caches[MAX_CACHES];
	unsigned long stalls;
};

static struct counts before;

static char *read_whole(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY);
	ssize_t n, length = 0;

	if (fd < 0)
		return NULL;
	while ((n = read(fd, text + length, sizeof(text) - 1 - (size_t)length)) > 0)
		length += n;
	close(fd);
	text[length] = '\0';
	return n < 0 ? NULL : text;
}

/* Lines of name, size, in use, pages; a name may have spaces and ends where its column does. */
static void parse_slabs(struct counts *c, char *text)
{
	enum { NAME_COLUMN = 24 };

	for (char *line = strtok(text, "\n"); line && c->nr < MAX_CACHES;
		line = strtok(NULL, "\n")) {
		size_t length = NAME_COLUMN;
		unsigned long size, in_use;

		if (*line == '#' || strlen(line) < NAME_COLUMN ||
			sscanf(line + NAME_COLUMN, "%lu %lu", &size, &in_use) != 2)
			continue;
		while (length && line[length - 1] == ' ')
			length--;
		memcpy(c->caches[c->nr].name, line, length);
		c->caches[c->nr].name[length] = '\0';
		c->caches[c->nr++].in_use = in_use;
	}
}

static bool take_counts(struct counts *c)
{
	char *text, *stalls;

	memset(c, 0, sizeof(*c));
	if (write_to("/proc/sys/vm/drop_caches", "3") < 0)
		return false;
	text = read_whole("/proc/slabinfo");
	if (!text)
		return false;
	parse_slabs(c, text);
	text = read_whole("/proc/unlazy/rcu");
	stalls = text ? strstr(text, "stalls ") : NULL;
	if (!stalls)
		return false;
	c->stalls = strtoul(stalls + 7, NULL, 10);
	return c->nr > 0;
}

/* Caches that hold more than before; said on stderr when tell is set. */
static unsigned grown(const struct counts *now, bool tell)
{
	unsigned n = 0;

	for (unsigned i = 0; i < before.nr; i++) {
		unsigned long was = before.caches[i].in_use, is = now->caches[i].in_use;

		if (is <= was)
			continue;
		n++;
		if (tell)
			fprintf(stderr, "stress: %s: %lu objects before, %lu after\n",
				before.caches[i].name, was, is);
	}
	return n;
}

bool counts_begin(void)
{
	struct counts now;

	/* What comes from before is on its way out, too: wait until nothing changes any more. */
	if (!take_counts(&before))
		goto unreadable;
	for (int still = 0, i = 0; still < 3 && i < PATIENCE; i++) {
		usleep(50000);
		if (!take_counts(&now))
			goto unreadable;
		still = memcmp(&now, &before, sizeof(now)) ? 0 : still + 1;
		before = now;
	}
	return true;

unreadable:
	fprintf(stderr, "stress: /proc does not tell what the kernel holds: %s\n", strerror(errno));
	return false;
}

bool counts_end(void)
{
	struct counts now;

	for (int i = 0; i < PATIENCE; i++) {
		if (!take_counts(&now))
			return false;
		if (!grown(&now, false))
			break;
		usleep(50000);
	}
	if (now.stalls != before.stalls)
		fprintf(stderr, "stress: RCU stalled %lu times\n", now.stalls - before.stalls);
	return grown(&now, true) == 0 && now.stalls == before.stalls;
}
