/*
 * Rows 2.x: what openat2 says of its struct and its flags before it looks at anything, how openat differs,
 * and the RESOLVE_ bits.
 */
#include "contract.h"

#include <stdlib.h>

#define NOT_ASKED   (-1)
#define TMPFILE_BIT ((uint64_t)(O_TMPFILE & ~O_DIRECTORY))

/* ---- Flags, mode and resolve, on the place's file or folder ---- */

static const struct flag_row {
	const char *row;
	unsigned on;
	bool folder;
	uint64_t flags, mode, resolve;
	int openat2, openat; /* NOT_ASKED: openat has no such argument */
} flag_rows[] = {
	{"2.05", ALL, false, 1ull << 31, 0, 0, EINVAL, 0},
	{"2.05", ALL, false, 1ull << 40, 0, 0, EINVAL, NOT_ASKED},
	{"2.06", ALL, false, O_RDONLY, 0, 0x40, EINVAL, NOT_ASKED},
	{"2.06", ALL, false, O_RDONLY, 0, 1ull << 63, EINVAL, NOT_ASKED},
	{"2.07", ALL, false, O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT, EINVAL, NOT_ASKED},
	{"2.08", ALL, false, O_RDONLY, 0644, 0, EINVAL, 0},
	{"2.09", ALL, false, O_RDONLY | O_CREAT, 010644, 0, EINVAL, 0},
	{"2.10", ALL, true, O_RDONLY | O_CREAT | O_DIRECTORY, 0644, 0, EINVAL, EINVAL},
	{"2.11", ALL, true, TMPFILE_BIT | O_RDWR, 0644, 0, EINVAL, EINVAL},
	{"2.12", ALL, true, O_TMPFILE | O_RDONLY, 0644, 0, EINVAL, EINVAL},
	{"2.13", ALL, false, O_PATH | O_WRONLY, 0, 0, EINVAL, 0},
	{"2.13", ALL, false, O_PATH | O_CREAT | O_EXCL, 0, 0, EINVAL, 0},
	{"2.13", ALL, false, O_PATH | O_TRUNC, 0, 0, EINVAL, 0},
	{"2.13", ALL, true, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0, 0},
	{"2.14", TMPFS, false, O_ACCMODE, 0, 0, 0, 0},
	{"2.15", ALL, false, O_RDONLY | O_EXCL, 0, 0, 0, 0},
	{"2.18", ALL, false, O_RDONLY | O_CREAT, 010644, RESOLVE_CACHED, EINVAL, NOT_ASKED},
	{"2.18", ALL, false, O_PATH | O_TRUNC, 0, RESOLVE_CACHED, EINVAL, NOT_ASKED},
	{"2.18", ALL, true, TMPFILE_BIT | O_RDWR, 0, RESOLVE_CACHED, EINVAL, NOT_ASKED},
	{"2.18", ALL, true, O_TMPFILE | O_RDWR, 0, RESOLVE_CACHED, EAGAIN, NOT_ASKED},
};

static void run_flag_row(const struct place *p, const struct flag_row *r)
{
	struct ask a = {r->folder ? p->folder : p->file, r->flags, r->mode, r->resolve, 0};
	int two = ask_openat2(p, &a), one = r->openat == NOT_ASKED ? NOT_ASKED : ask_openat(p, &a);
	int ring = have_ring() ? ask_ring(p, &a) : r->openat2;
	char details[160];

	snprintf(details, sizeof(details),
		"flags %llo mode %llo resolve %llx: openat2 %d, ring %d, expected %d; openat %d, "
		"expected %d",
		(unsigned long long)r->flags, (unsigned long long)r->mode,
		(unsigned long long)r->resolve, two, ring, r->openat2, one, r->openat);
	verdict(two == r->openat2 && ring == r->openat2 && one == r->openat, r->row, p, a.path,
		details);
}

/* ---- The struct ---- */

static const struct size_row {
	const char *row;
	size_t size;
	int tail; /* a byte that is not zero stands here; 0: none does */
	int openat2;
} size_rows[] = {
	{"2.01", 0, 0, EINVAL},
	{"2.01", 8, 0, EINVAL},
	{"2.01", 23, 0, EINVAL},
	{"2.02", 4097, 0, E2BIG},
	{"2.02", 1u << 20, 0, E2BIG},
	{"2.03", 24, 24, 0}, /* behind the end it is not ours */
	{"2.03", 32, 0, 0},
	{"2.03", 4096, 0, 0},
	{"2.03", 25, 24, E2BIG},
	{"2.03", 4096, 4095, E2BIG},
};

static void run_size_row(const struct place *p, const struct size_row *r)
{
	static unsigned char how[2 * 4096];
	char details[100];
	int answer;

	if (r->tail)
		how[r->tail] = 1;
	answer = ask_raw(p, p->file, how, r->size);
	if (r->tail)
		how[r->tail] = 0;
	snprintf(
		details, sizeof(details), "size %zu: %d, expected %d", r->size, answer, r->openat2);
	verdict(answer == r->openat2, r->row, p, p->file, details);
}

static void run_pointer_rows(const struct place *p)
{
	static const struct open_how creates = {O_RDONLY | O_CREAT, 0, RESOLVE_CACHED};
	int answer = ask_raw(p, p->file, (void *)8, sizeof(creates));

	verdict(answer == EFAULT, "2.04", p, "an unreadable struct", strerror(answer));
	/* What is refused by its flags alone is refused before the path is looked at. */
	answer = ask_raw(p, (const char *)8, &creates, sizeof(creates));
	verdict(answer == EAGAIN, "2.19", p, "an unreadable path", strerror(answer));
}

/* ---- What flags do to a walk ---- */

static const struct walk_row {
	const char *row;
	unsigned on;
	const char *path;
	uint64_t flags, resolve;
	int answer;
	unsigned needs;
} walk_rows[] = {
	{"2.16", TMPFS, "links/dangling", O_WRONLY | O_CREAT | O_EXCL, 0, EEXIST, 0},
	{"2.16", DISKS, "links/relative", O_RDONLY | O_CREAT | O_EXCL, 0, EEXIST, 0},
	{"2.17", TMPFS, "etc/motd", O_RDONLY | O_TRUNC, 0, EACCES, AS_USER},
	{"2.17", EXT4, "etc/motd", O_RDONLY | O_TRUNC, 0, EROFS, AS_USER},
	/* NO_XDEV */
	{"2.20", TMPFS, "cases/mounted", O_RDONLY, RESOLVE_NO_XDEV, EXDEV, 0},
	{"2.20", EXT4, "proc/meminfo", O_RDONLY, RESOLVE_NO_XDEV, EXDEV, 0},
	{"2.21", TMPFS, "../..", O_RDONLY, RESOLVE_NO_XDEV, EXDEV, 0},
	{"2.21", PROCFS, "..", O_RDONLY, RESOLVE_NO_XDEV, EXDEV, 0},
	{"2.22", EXT4, "/etc/motd", O_RDONLY, RESOLVE_NO_XDEV, 0, 0},
	{"2.23", TMPFS, "links/absolute", O_RDONLY, RESOLVE_NO_XDEV, EXDEV, 0},
	{"2.23", EXT4, "links/absolute", O_RDONLY, RESOLVE_NO_XDEV, 0, 0},
	/* NO_MAGICLINKS */
	{"2.24", PROCFS, "self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS, ELOOP, 0},
	{"2.24", DISKS, "links/relative", O_RDONLY, RESOLVE_NO_MAGICLINKS, 0, 0},
	/* NO_SYMLINKS */
	{"2.25", DISKS, "links/relative", O_RDONLY, RESOLVE_NO_SYMLINKS, ELOOP, 0},
	{"2.25", DISKS, "links/folder/motd", O_RDONLY, RESOLVE_NO_SYMLINKS, ELOOP, 0},
	{"2.25", PROCFS, "self/exe", O_RDONLY, RESOLVE_NO_SYMLINKS, ELOOP, 0},
	{"2.26", DISKS, "links/relative", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS, 0, 0},
	/* BENEATH */
	{"2.27", ALL, "/", O_RDONLY, RESOLVE_BENEATH, EXDEV, 0},
	{"2.27", DISKS, "links/absolute", O_RDONLY, RESOLVE_BENEATH, EXDEV, 0},
	{"2.28", ALL, "..", O_RDONLY, RESOLVE_BENEATH, EXDEV, 0},
	{"2.28", DISKS, "etc/../etc/motd", O_RDONLY, RESOLVE_BENEATH, 0, 0},
	{"2.28", DISKS, "links/relative", O_RDONLY, RESOLVE_BENEATH, 0, 0},
	{"2.29", PROCFS, "self/exe", O_RDONLY, RESOLVE_BENEATH, EXDEV, 0},
	/* IN_ROOT: `/` is the directory the walk started from */
	{"2.30", DISKS, "../../etc/motd", O_RDONLY, RESOLVE_IN_ROOT, 0, 0},
	{"2.30", PROCFS, "../../meminfo", O_RDONLY, RESOLVE_IN_ROOT, 0, 0},
	{"2.31", PROCFS, "self/exe", O_RDONLY, RESOLVE_IN_ROOT, EXDEV, 0},
};

static void run_walk_row(const struct place *p, const struct walk_row *r)
{
	struct ask a = {r->path, r->flags, 0, r->resolve, r->needs};
	int two = ask_openat2(p, &a), ring = have_ring() ? ask_ring(p, &a) : r->answer;
	char details[100];

	snprintf(details, sizeof(details), "flags %llo resolve %llx: %d, ring %d, expected %d",
		(unsigned long long)r->flags, (unsigned long long)r->resolve, two, ring, r->answer);
	verdict(two == r->answer && ring == r->answer, r->row, p, r->path, details);
}

/* An absolute path's root is the start: top itself is not put before it. */
static void run_in_root(const struct place *p)
{
	static const struct open_how how = {O_RDONLY, 0, RESOLVE_IN_ROOT};
	char path[64];
	int answer;

	snprintf(path, sizeof(path), "/%s", p->file);
	answer = ask_raw(p, path, &how, sizeof(how));
	verdict(answer == 0, "2.32", p, path, strerror(answer));
}

void rule_rows(const struct place *p)
{
	for (unsigned i = 0; i < sizeof(size_rows) / sizeof(*size_rows); i++)
		run_size_row(p, &size_rows[i]);
	run_pointer_rows(p);
	for (unsigned i = 0; i < sizeof(flag_rows) / sizeof(*flag_rows); i++)
		if (flag_rows[i].on & p->fs)
			run_flag_row(p, &flag_rows[i]);
	for (unsigned i = 0; i < sizeof(walk_rows) / sizeof(*walk_rows); i++)
		if (walk_rows[i].on & p->fs)
			run_walk_row(p, &walk_rows[i]);
	run_in_root(p);
}
