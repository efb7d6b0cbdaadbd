/*
 * A cached-only walk never blocks: for every k, with the k-th component of a path not in the dcache, it
 * answers EAGAIN, takes no reference, leaves nothing behind, and succeeds after a blocking walk has been
 * that way. The assertion in every sleeping primitive (might_sleep) is armed in the debug build.
 *
 * Needs the standard disk image: /deep is a chain of folders d00/d01/..., each with a file.
 */
#include "abi/errno.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/open.h"

#define DEPTH 12

/* "/deep/d00/.../dNN" with components names in all, then "/file" when file is set. */
static void make_path(char *buf, unsigned components, bool file)
{
	char *p = buf;

	strlcpy(p, "/deep", 16);
	p += 5;
	for (unsigned i = 1; i < components; i++) {
		memcpy(p, "/d00", 4);
		p[2] = (char)('0' + (i - 1) / 10);
		p[3] = (char)('0' + (i - 1) % 10);
		p += 4;
	}
	strlcpy(p, file ? "/file" : "", 8);
}

static int try_walk(const char *name, unsigned flags)
{
	struct walk_start start = {.dirfd = AT_FDCWD, .flags = WALK_FOLLOW | flags, .name = name};
	struct path found;
	int err;

	if (flags & WALK_CACHED)
		nonblock_begin();
	err = walk_path(&start, &found);
	if (flags & WALK_CACHED)
		nonblock_end();
	if (!err)
		path_put(&found);
	return err;
}

static struct file *try_open(const char *name, u64 flags, bool cached)
{
	struct open_how how = {.flags = flags, .resolve = cached ? RESOLVE_CACHED : 0};
	struct walk_start start = {.dirfd = AT_FDCWD, .name = name};
	struct open_params params;
	struct file *f;
	int err = open_params_from_how(&how, &params);

	if (err)
		return ERR_PTR(err);
	if (cached)
		nonblock_begin();
	f = vfs_open(&start, &params, cached);
	if (cached)
		nonblock_end();
	return f;
}

static int open_errno(const char *name, u64 flags, bool cached)
{
	struct file *f = try_open(name, flags, cached);

	if (IS_ERR(f))
		return (int)-PTR_ERR(f);
	file_put(f);
	return 0;
}

static bool have_image(void)
{
	if (try_walk("/deep/d00/file\0       ", 0) == 0)
		return true;
	ktest_skip("no disk with /deep");
	return false;
}

KTEST(never_blocks_each_component)
{
	char path[256] = "", prefix[256] = "";

	if (!have_image())
		return;
	make_path(path, DEPTH, true);
	for (unsigned k = 1; k <= DEPTH + 1; k++) {
		u64 before;

		drop_caches(2);
		if (k > 1) {
			make_path(prefix, k - 1, false);
			KT_EQ(try_walk(prefix, 0), 0);
		}
		/* component k is missing, everything before it is there */
		before = walk_outcome_count(WALK_OUT_not_cached);
		KT_EQ(try_walk(path, WALK_CACHED), -EAGAIN);
		KT_EQ(walk_outcome_count(WALK_OUT_not_cached), before + 1);
		KT_EQ(open_errno(path, O_RDONLY, true), EAGAIN);
		KT_EQ(open_errno(path, O_RDONLY, false), 0);
		KT_EQ(open_errno(path, O_RDONLY, true), 0);
		KT_EQ(try_walk(path, WALK_CACHED), 0);
	}
}

KTEST(never_blocks_leaves_nothing_behind)
{
	char path[256] = "";
	struct dcache_stats before, after;
	u64 files = file_count();

	if (!have_image())
		return;
	make_path(path, DEPTH, true);
	drop_caches(2);
	dcache_get_stats(&before);
	for (int i = 0; i < 100; i++)
		KT_EQ(open_errno(path, O_RDONLY, true), EAGAIN);
	dcache_get_stats(&after);
	KT_EQ(after.dentries, before.dentries);
	KT_EQ(after.unused, before.unused);
	KT_EQ(file_count(), files);
}

/* CONTRACT 1: what a cached-only open returns when everything on the path is cached. */
static const struct contract_row {
	const char *path;
	u64 flags;
	int cached, plain;
} rows[] = {
	{"/etc/motd", O_RDONLY, 0, 0},
	{"/etc", O_RDONLY | O_DIRECTORY, 0, 0},
	{"/etc/../etc/motd", O_RDONLY, 0, 0},
	{"/etc/..", O_RDONLY, 0, 0},
	{"/..", O_RDONLY, 0, 0},
	{"/", O_RDONLY, 0, 0},
	{"/etc/./motd", O_RDONLY, 0, 0},
	{"/etc/motd", O_PATH, 0, 0},
	{"/etc/missing", O_RDONLY, ENOENT, ENOENT},
	{"/missing/motd", O_RDONLY, ENOENT, ENOENT},
	{"/etc/motd/x", O_RDONLY, EAGAIN, ENOTDIR},
	{"/etc/motd/", O_RDONLY, ENOTDIR, ENOTDIR},
	{"/etc/motd", O_RDONLY | O_DIRECTORY, ENOTDIR, ENOTDIR},
	{"/etc", O_WRONLY, EISDIR, EISDIR},
	{"/etc/motd", O_WRONLY, EROFS, EROFS},
	{"/links/relative", O_RDONLY | O_NOFOLLOW, ELOOP, ELOOP},
	{"/links/relative", O_RDONLY, 0, 0},
	{"/links/absolute", O_RDONLY, 0, 0},
	{"/links/folder/motd", O_RDONLY, 0, 0},
	{"/links/folder/", O_RDONLY, 0, 0},
	{"/links/root", O_RDONLY, 0, 0},
	{"/links/root/etc/motd", O_RDONLY, 0, 0},
	{"/links/dot", O_RDONLY, 0, 0},
	{"/links/dotdot/etc/motd", O_RDONLY, 0, 0},
	{"/links/up-and-down", O_RDONLY, 0, 0},
	{"/links/dangling", O_RDONLY, ENOENT, ENOENT},
	{"/links/a", O_RDONLY, ELOOP, ELOOP},
	{"/links/self/x", O_RDONLY, ELOOP, ELOOP},
	{"/links/chain40-40", O_RDONLY, 0, 0},
	{"/links/chain41-41", O_RDONLY, ELOOP, ELOOP},
	{"/links/through-file", O_RDONLY, EAGAIN, ENOTDIR},
	{"/etc/motd", O_RDWR | O_TRUNC, EAGAIN, EROFS},
	{"/etc/motd", O_RDONLY | O_CREAT, EAGAIN, 0},
	{"/etc/new", O_WRONLY | O_CREAT, EAGAIN, EROFS},
	{"/cases/fifo", O_WRONLY | O_NONBLOCK, ENXIO, ENXIO},
	{"/cases/fifo", O_RDONLY | O_NONBLOCK, 0, 0},
	{"/proc", O_RDONLY, 0, 0},
	{"/proc/../etc/motd", O_RDONLY, 0, 0},
	{"/proc/meminfo", O_RDONLY, 0, 0},
};

KTEST(contract_cached_open)
{
	if (!have_image())
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct contract_row *r = &rows[i];
		char path[128] = "";
		int plain, cached;

		strlcpy(path, r->path, sizeof(path) - NAME_SLACK);
		plain = open_errno(path, r->flags, false);
		cached = open_errno(path, r->flags, true);
		if (plain != r->plain || cached != r->cached) {
			ktest_fail(__FILE__, __LINE__,
				"%s flags %llx: plain %d (expected %d), cached %d (%d)", path,
				(unsigned long long)r->flags, plain, r->plain, cached, r->cached);
			return;
		}
	}
}

KTEST(cached_name_never_looked_up)
{
	if (!have_image())
		return;
	drop_caches(2);
	KT_EQ(try_walk("/etc/motd\0       ", 0), 0);
	KT_EQ(try_walk("/etc/never-seen\0       ", WALK_CACHED), -EAGAIN);
	KT_EQ(try_walk("/etc/never-seen\0       ", 0), -ENOENT);
	KT_EQ(try_walk("/etc/never-seen\0       ", WALK_CACHED), -ENOENT);
}

KTEST(walk_scoped)
{
	static const struct {
		const char *path;
		unsigned flags;
		int cached, plain;
	} scoped[] = {
		{"/etc/motd", WALK_BENEATH, -EXDEV, -EXDEV},
		{"..", WALK_BENEATH, -EAGAIN, -EXDEV},
		{"etc/../etc/motd", WALK_BENEATH, 0, 0},
		{"etc/../../etc/motd", WALK_BENEATH, -EAGAIN, -EXDEV},
		{"links/absolute", WALK_BENEATH, -EXDEV, -EXDEV},
		{"links/absolute", WALK_IN_ROOT, 0, 0},
		{"../../etc/motd", WALK_IN_ROOT, 0, 0},
		{"/etc/motd", WALK_IN_ROOT, 0, 0},
		{"links/relative", WALK_NO_SYMLINKS, -ELOOP, -ELOOP},
		{"etc/motd", WALK_NO_SYMLINKS, 0, 0},
		{"proc/meminfo", WALK_NO_XDEV, -EAGAIN, -EXDEV},
		{"etc/motd", WALK_NO_XDEV, 0, 0},
		{"/etc/motd", WALK_NO_XDEV, 0, 0},
	};

	if (!have_image())
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(scoped); i++) {
		char path[64] = "";
		int plain, cached;

		strlcpy(path, scoped[i].path, sizeof(path) - NAME_SLACK);
		plain = try_walk(path, scoped[i].flags);
		cached = try_walk(path, scoped[i].flags | WALK_CACHED);
		if (plain != scoped[i].plain || cached != scoped[i].cached) {
			ktest_fail(__FILE__, __LINE__,
				"%s flags %x: plain %d (expected %d), cached %d (%d)", path,
				scoped[i].flags, plain, scoped[i].plain, cached, scoped[i].cached);
			return;
		}
	}
}
