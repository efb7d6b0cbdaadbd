/*
 * Rows 1.x: everything on the path is cached, and the open may not block. Each case is asked by openat2 and
 * by the ring, with RESOLVE_CACHED and without.
 */
#include "contract.h"

static const struct cached_row {
	const char *row;
	unsigned on;
	const char *path;
	uint64_t flags, resolve;
	int cached, plain;
	unsigned needs;
} rows[] = {
	/* found */
	{"1.01", DISKS, "etc/motd", O_RDONLY, 0, 0, 0, 0},
	{"1.01", PROCFS, "meminfo", O_RDONLY, 0, 0, 0, 0},
	{"1.02", DISKS, "etc", O_RDONLY, 0, 0, 0, 0},
	{"1.02", PROCFS, "sys", O_RDONLY, 0, 0, 0, 0},
	{"1.03", DISKS, "/etc/motd", O_RDONLY, 0, 0, 0, 0},
	{"1.03", PROCFS, "/meminfo", O_RDONLY, 0, 0, 0, 0},
	{"1.04", DISKS, "etc/../etc/motd", O_RDONLY, 0, 0, 0, 0},
	{"1.04", PROCFS, "sys/../meminfo", O_RDONLY, 0, 0, 0, 0},
	{"1.05", DISKS, "etc/..", O_RDONLY, 0, 0, 0, 0},
	{"1.05", PROCFS, "sys/..", O_RDONLY, 0, 0, 0, 0},
	{"1.06", DISKS, "etc/motd", O_PATH, 0, 0, 0, 0},
	{"1.06", PROCFS, "meminfo", O_PATH, 0, 0, 0, 0},
	{"1.07", TMPFS, "etc/motd", O_RDWR, 0, 0, 0, 0},
	{"1.07", PROCFS, "sys/vm/drop_caches", O_WRONLY, 0, 0, 0, OURS},
	{"1.08", EXT4, "etc/motd", O_RDWR, 0, EROFS, EROFS, 0},
	{"1.09", DISKS, "etc", O_RDONLY | O_DIRECTORY, 0, 0, 0, 0},
	{"1.09", PROCFS, "sys", O_RDONLY | O_DIRECTORY, 0, 0, 0, 0},
	/* not there; Linux' tmpfs keeps no negative entries */
	{"1.10", DISKS, "etc/missing", O_RDONLY, 0, ENOENT, ENOENT, OURS},
	{"1.10", PROCFS, "missing", O_RDONLY, 0, ENOENT, ENOENT, 0},
	{"1.11", DISKS, "missing/motd", O_RDONLY, 0, ENOENT, ENOENT, OURS},
	{"1.11", PROCFS, "missing/x", O_RDONLY, 0, ENOENT, ENOENT, 0},
	{"1.12", DISKS, "etc/never-%u", O_RDONLY, 0, EAGAIN, ENOENT, FRESH | OURS},
	{"1.12", PROCFS, "never-%u", O_RDONLY, 0, EAGAIN, ENOENT, FRESH | OURS},
	{"1.12", DISKS, "never-%u/motd", O_RDONLY, 0, EAGAIN, ENOENT, FRESH | OURS},
	{"1.13", DISKS, "", O_RDONLY, 0, ENOENT, ENOENT, 0},
	{"1.13", PROCFS, "", O_RDONLY, 0, ENOENT, ENOENT, 0},
	/* not what the path takes it for */
	{"1.14", DISKS, "etc/motd/x", O_RDONLY, 0, EAGAIN, ENOTDIR, 0},
	{"1.14", PROCFS, "meminfo/x", O_RDONLY, 0, EAGAIN, ENOTDIR, 0},
	{"1.15", DISKS, "etc/motd/", O_RDONLY, 0, ENOTDIR, ENOTDIR, 0},
	{"1.15", PROCFS, "meminfo/", O_RDONLY, 0, ENOTDIR, ENOTDIR, 0},
	{"1.16", DISKS, "etc/motd", O_RDONLY | O_DIRECTORY, 0, ENOTDIR, ENOTDIR, 0},
	{"1.16", PROCFS, "meminfo", O_RDONLY | O_DIRECTORY, 0, ENOTDIR, ENOTDIR, 0},
	{"1.17", DISKS, "etc", O_WRONLY, 0, EISDIR, EISDIR, 0},
	{"1.17", PROCFS, "sys", O_WRONLY, 0, EISDIR, EISDIR, 0},
	/* not allowed */
	{"1.18", DISKS, "cases/private/inside", O_RDONLY, 0, EAGAIN, EACCES, AS_USER},
	{"1.19", DISKS, "cases/root-only", O_RDONLY, 0, EACCES, EACCES, AS_USER},
	/* symbolic links */
	{"1.20", DISKS, "links/relative", O_RDONLY | O_NOFOLLOW, 0, ELOOP, ELOOP, 0},
	{"1.21", DISKS, "links/relative", O_RDONLY, RESOLVE_NO_SYMLINKS, ELOOP, ELOOP, 0},
	{"1.22", DISKS, "links/relative", O_RDONLY, 0, 0, 0, OURS},
	{"1.22", DISKS, "links/absolute", O_RDONLY, 0, 0, 0, OURS},
	{"1.22", DISKS, "links/folder/motd", O_RDONLY, 0, 0, 0, OURS},
	{"1.23", DISKS, "links/dangling", O_RDONLY, 0, ENOENT, ENOENT, OURS},
	{"1.24", DISKS, "links/self", O_RDONLY, 0, ELOOP, ELOOP, OURS},
	{"1.25", PROCFS, "self/exe", O_RDONLY, 0, EAGAIN, 0, 0},
	{"1.25", PROCFS, "self/fd/0", O_RDONLY, 0, EAGAIN, 0, 0},
	/* the file system must be asked */
	{"1.26", PROCFS, "self/fd/%u", O_PATH | O_NOFOLLOW, 0, EAGAIN, 0, CLOSED_FD | OURS},
	/* other mounts, scopes */
	{"1.27", EXT4, "proc/meminfo", O_RDONLY, RESOLVE_NO_XDEV, EAGAIN, EXDEV, 0},
	{"1.27", TMPFS, "cases/mounted", O_RDONLY, RESOLVE_NO_XDEV, EAGAIN, EXDEV, 0},
	{"1.27", PROCFS, "../etc", O_RDONLY, RESOLVE_NO_XDEV, EAGAIN, EXDEV, 0},
	{"1.28", DISKS, "etc/../../etc/motd", O_RDONLY, RESOLVE_BENEATH, EAGAIN, EXDEV, 0},
	{"1.28", PROCFS, "..", O_RDONLY, RESOLVE_BENEATH, EAGAIN, EXDEV, 0},
	{"1.29", DISKS, "/etc/motd", O_RDONLY, RESOLVE_BENEATH, EXDEV, EXDEV, 0},
	{"1.29", PROCFS, "/meminfo", O_RDONLY, RESOLVE_BENEATH, EXDEV, EXDEV, 0},
	{"1.29", DISKS, "links/absolute", O_RDONLY, RESOLVE_BENEATH, EXDEV, EXDEV, OURS},
	/* what creates or cuts */
	{"1.30", TMPFS, "etc/motd", O_RDONLY | O_CREAT, 0, EAGAIN, 0, 0},
	{"1.30", EXT4, "etc/motd", O_RDONLY | O_CREAT, 0, EAGAIN, 0, 0},
	{"1.30", PROCFS, "meminfo", O_RDONLY | O_CREAT, 0, EAGAIN, 0, 0},
	{"1.31", TMPFS, "etc/motd", O_RDWR | O_TRUNC, 0, EAGAIN, 0, 0},
	{"1.31", EXT4, "etc/motd", O_RDWR | O_TRUNC, 0, EAGAIN, EROFS, 0},
	{"1.32", TMPFS, "etc", O_TMPFILE | O_RDWR, 0, EAGAIN, 0, 0},
	{"1.32", EXT4, "etc", O_TMPFILE | O_RDWR, 0, EAGAIN, EROFS, 0},
	/* nowhere to start */
	{"1.33", ALL, "etc/motd", O_RDONLY, 0, EBADF, EBADF, BAD_DIRFD},
	/* what ->open may wait for */
	{"1.34", DISKS, "cases/fifo", O_WRONLY | O_NONBLOCK, 0, ENXIO, ENXIO, 0},
	{"1.35", DISKS, "cases/fifo", O_RDONLY, 0, EAGAIN, 0, BLOCKS | OURS},
};

#define CREATES ((uint64_t)(O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))

struct answers {
	int plain, cached, ring_plain, ring_cached;
	bool inline_only; /* the ring's cached-only open never met a worker */
};

static int ring_cached(const struct place *p, const struct ask *cached, bool *inline_only)
{
	long before = ring_counter("queued");
	int answer = ask_ring(p, cached);

	*inline_only = ring_counter("queued") == before;
	return answer;
}

static struct answers expected_answers(const struct cached_row *r)
{
	struct answers e = {r->plain, r->cached, r->plain, r->cached, true};

	return e;
}

/* Everything is asked once without RESOLVE_CACHED first, so that it is cached; but for FRESH. */
static struct answers collect(const struct place *p, const struct cached_row *r, const char *path)
{
	struct ask plain = {path, r->flags, 0, r->resolve, r->needs}, cached = plain;
	struct answers a = expected_answers(r);
	bool judge_cached = on_unlazy || (!(r->needs & OURS) && p->fs != PROCFS);

	cached.resolve |= RESOLVE_CACHED;
	if (r->needs & FRESH)
		a.cached = ask_openat2(p, &cached);
	if (!(r->needs & BLOCKS)) {
		a.plain = ask_openat2(p, &plain);
		if (have_ring())
			a.ring_plain = ask_ring(p, &plain);
	}
	if (!judge_cached)
		return a;
	if (!(r->needs & (FRESH | BLOCKS)))
		a.cached = ask_openat2(p, &cached);
	if (have_ring() && !(r->needs & FRESH))
		a.ring_cached = ring_cached(p, &cached, &a.inline_only);
	/* These are a worker's from the start. */
	if (r->flags & CREATES)
		a.inline_only = true;
	return a;
}

/* What was never looked up is known not to exist once somebody has asked. */
static bool known_afterwards(const struct place *p, const struct cached_row *r, const char *path)
{
	struct ask cached = {path, r->flags, 0, r->resolve | RESOLVE_CACHED, 0};

	return !(r->needs & FRESH) || !on_unlazy || ask_openat2(p, &cached) == r->plain;
}

/* Descriptor n is asked for while it is closed, and opened then. */
static void open_late(const struct place *p, const char *path, unsigned n)
{
	struct ask a = {path, O_PATH | O_NOFOLLOW, 0, 0, 0};

	close((int)n);
	ask_openat2(p, &a);
	dup2(p->dirfd, (int)n);
}

static void run_row(const struct place *p, const struct cached_row *r)
{
	static unsigned numbers = 40;
	char path[128], details[200];
	unsigned number = numbers++;
	struct answers a, e = expected_answers(r);
	bool later;

	snprintf(path, sizeof(path), r->path, number);
	if (r->needs & CLOSED_FD) {
		struct ask cached = {path, r->flags, 0, RESOLVE_CACHED, 0};

		open_late(p, path, number);
		a = e;
		a.cached = on_unlazy ? ask_openat2(p, &cached) : r->cached;
		open_late(p, path, number);
		if (have_ring() && on_unlazy)
			a.ring_cached = ring_cached(p, &cached, &a.inline_only);
		cached.resolve = 0;
		a.plain = ask_openat2(p, &cached);
		close((int)number);
		later = true;
	} else {
		a = collect(p, r, path);
		later = known_afterwards(p, r, path);
	}
	snprintf(details, sizeof(details),
		"plain %d, ring %d, expected %d; cached %d, ring %d, expected %d%s%s", a.plain,
		a.ring_plain, r->plain, a.cached, a.ring_cached, r->cached,
		a.inline_only ? "" : "; met a worker", later ? "" : "; not known afterwards");
	verdict(a.plain == e.plain && a.ring_plain == e.ring_plain && a.cached == e.cached &&
			a.ring_cached == e.ring_cached && a.inline_only && later,
		r->row, p, path, details);
}

void cached_rows(const struct place *p)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].on & p->fs)
			run_row(p, &rows[i]);
}
