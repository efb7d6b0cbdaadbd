/*
 * What the files of the program contract share.
 *
 *	main.c		the file systems, the trees, asking
 *	cached.c	rows 1.x of docs/contract.md: what an open answers when it may not block
 *	rules.c		rows 2.x: openat2's struct and flags, the RESOLVE_ bits
 *
 * A case is a row on a file system. Every case prints a line, `ok contract ROW on FILESYSTEM: PATH`, so that one
 * finds the tests of a row, and the row of a test; tools/check-contract compares the two lists.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- File systems; a row is tried on some of them ---- */

#define TMPFS  1u
#define EXT4   2u /* read-only */
#define PROCFS 4u
#define DISKS  (TMPFS | EXT4)
#define ALL    (DISKS | PROCFS)

struct place {
	unsigned fs;
	const char *name;
	char top[64]; /* paths are below this directory; no slash at its end */
	int dirfd;    /* of top */
	const char *file, *folder;
};

extern bool on_unlazy;

/* ---- What an open may need ---- */

#define AS_USER	  1u /* as user 1000 */
#define FRESH	  2u /* a name nobody asked for: %u in the path becomes a new number */
#define BAD_DIRFD 4u /* from a descriptor that is not open */
#define BLOCKS	  8u /* without RESOLVE_CACHED it would wait for ever: not tried; and only the ring */
#define OURS	  16u /* Linux answers a cached-only open otherwise */
#define CLOSED_FD 32u /* the path's number is a descriptor, looked up before it was opened */

/*
 * An open: flags | O_DIRECTORY is not implied. A path with a slash in front is an absolute one: top is put
 * before it.
 */
struct ask {
	const char *path;
	uint64_t flags, mode, resolve;
	unsigned needs;
};

/* The four ways to ask; an errno, 0 for a success, which is closed again. */
int ask_openat(const struct place *p, const struct ask *a);
int ask_openat2(const struct place *p, const struct ask *a);
int ask_ring(const struct place *p, const struct ask *a);
/* openat2 with a struct of this size, which may be unreadable. */
int ask_raw(const struct place *p, const char *path, const void *how, size_t size);

/* A ring is there. Always on Unlazy; a sandbox's Linux may have none. */
bool have_ring(void);
/* /proc/unlazy/ring's; -1 where there is none. */
long ring_counter(const char *name);

/* One case: the line, and the counts. details: what was answered and what was expected. */
void verdict(
	bool good, const char *row, const struct place *p, const char *path, const char *details);

/* ---- cached.c, rules.c ---- */

void cached_rows(const struct place *p);
void rule_rows(const struct place *p);
