/* See world.h. */
#include "tests/fuzz/world/world.h"
#include "fs/ext4/ext4.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/clock.h"
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "ring/internal.h"
#include "vfs/generic.h"
#include "vfs/pagecache.h"

#define MNT_DETACH 2
/* Milliseconds that kernel threads get to give back what they hold. */
#define SETTLE_MS  5000
#define MAX_CACHES 64

struct process world_process = {.pid = 1000, .name = "fuzz", .nofile_limit = 64};
u8 *world_memory;
static struct fs_context fs;
static bool warm; /* what is made once has been made */

void world_init(void)
{
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	devfs_init();
	tmpfs_init();
	ext4_init();
	ring_init();
	if (mount_root(super_mount(file_system_find("tmpfs"), NULL, "", 0), "root", 0) ||
		devfs_start())
		fuzz_fail("no root");
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	world_process.fs = &fs;
	world_memory = vzalloc(WORLD_MEMORY);
	current->process = &world_process;
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	if (sys_mkdirat(AT_FDCWD, (long)"/world", 0755, 0, 0, 0))
		fuzz_fail("no mount point");
}

void world_warm_up(const u8 *data, size_t size)
{
	warm = false;
	fuzz_target.run(data, size);
	warm = true;
}

/* ---- Counting ---- */

struct counts {
	unsigned nr;
	struct {
		const char *name;
		u64 in_use;
	} caches[MAX_CACHES];
	u64 files,
		pages; /* pages: taken from the allocator by their owner, not for a cache or a slab */
};

static void count_cache(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct counts *c = arg;

	(void)size, (void)pages;
	if (c->nr == MAX_CACHES)
		fuzz_fail("more than %u caches", MAX_CACHES);
	c->caches[c->nr].name = name;
	c->caches[c->nr++].in_use = in_use;
}

static void take_counts(struct counts *c)
{
	struct page_stats p;

	page_get_stats(&p);
	*c = (struct counts){.files = file_count(),
		.pages = p.total - p.free - p.slab - p.page_cache - p.kernel_stacks - p.program};
	slab_for_each(count_cache, c);
}

static struct counts before;

/* The first cache that has more objects in use than before, or NULL. */
static const char *what_grew(u64 *by)
{
	struct counts now;

	take_counts(&now);
	for (unsigned i = 0; i < now.nr; i++)
		if (now.caches[i].in_use > before.caches[i].in_use) {
			*by = now.caches[i].in_use - before.caches[i].in_use;
			return now.caches[i].name;
		}
	*by = now.pages - before.pages;
	if (now.pages > before.pages)
		return "pages";
	*by = now.files - before.files;
	return now.files > before.files ? "files" : NULL;
}

static void expect_nothing_left(void)
{
	const char *what;
	u64 by = 0;

	rcu_barrier();
	if (!warm)
		return;
	for (unsigned ms = 0; (what = what_grew(&by)); ms++) {
		if (ms == SETTLE_MS)
			fuzz_fail("left behind: %llu of %s", (unsigned long long)by, what);
		if (ms)
			sleep_ns(NSEC_PER_MSEC);
		drop_caches(3);
	}
}

/* ---- One input ---- */

static void set_root(const char *path)
{
	struct path found;

	if (user_path(AT_FDCWD, path, 0, &found))
		fuzz_fail("%s is gone", path);
	path_get(&found);
	path_put(&fs.root);
	path_put(&fs.pwd);
	fs.root = fs.pwd = found;
}

long world_begin(const char *type, const char *source)
{
	long error;

	drop_caches(3);
	take_counts(&before);
	error = sys_mount((long)source, (long)"/world", (long)type, 0, (long)"", 0);
	if (error) {
		expect_nothing_left();
		return error;
	}
	memset(world_memory, 0, WORLD_MEMORY);
	world_process.files = files_create(&world_process, 0);
	set_root("/world");
	return 0;
}

void world_end(void)
{
	struct path root;
	long error;

	ring_pool_process_exiting(&world_process);
	ring_pool_process_release(&world_process);
	files_destroy(world_process.files);
	world_process.files = NULL;
	mount_get_root(&root);
	path_get(&root);
	path_put(&fs.root);
	path_put(&fs.pwd);
	fs.root = fs.pwd = root;
	error = sys_umount2((long)"/world", MNT_DETACH, 0, 0, 0, 0);
	if (error)
		fuzz_fail("cannot unmount: %ld", error);
	expect_nothing_left();
}

/* ---- A tree ---- */

static const struct {
	const char *name, *link; /* link: its body */
	u32 mode;		 /* of what is no link */
} plants[] = {
	{"/d", NULL, S_IFDIR | 0755},
	{"/d/e", NULL, S_IFDIR | 0755},
	{"/d/m", NULL, S_IFDIR | 0755},
	{"/d/f", NULL, S_IFREG | 0644},
	{"/d/e/f", NULL, S_IFREG | 0600},
	{"/f", NULL, S_IFREG | 0644},
	{"/p", NULL, S_IFIFO | 0644},
	{"/a-name-that-is-too-long-to-lie-in-its-dentry", NULL, S_IFDIR | 0755},
	{"/l", "d", 0},
	{"/d/u", "..", 0},
	{"/d/a", "/d/e", 0},
	{"/d/e/l", "../f", 0},
	{"/o", "o", 0},
	{"/x", "nothing", 0},
	{"/s", "l/e/", 0},
};

static void must(long answer, const char *what)
{
	if (answer < 0)
		fuzz_fail("%s: %ld", what, answer);
}

void world_plant(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(plants); i++) {
		const char *name = plants[i].name;
		u32 mode = plants[i].mode;

		if (plants[i].link)
			must(sys_symlinkat((long)plants[i].link, AT_FDCWD, (long)name, 0, 0, 0),
				name);
		else if (S_ISDIR(mode))
			must(sys_mkdirat(AT_FDCWD, (long)name, mode & 07777, 0, 0, 0), name);
		else
			must(sys_mknodat(AT_FDCWD, (long)name, mode, 0, 0, 0), name);
	}
	must(sys_mount((long)"inner", (long)"/d/m", (long)"tmpfs", 0, (long)"", 0), "mount");
	must(sys_mkdirat(AT_FDCWD, (long)"/d/m/d", 0755, 0, 0, 0), "/d/m/d");
	must(sys_mknodat(AT_FDCWD, (long)"/d/m/f", S_IFREG | 0644, 0, 0, 0), "/d/m/f");
	must(sys_symlinkat((long)"../../f", AT_FDCWD, (long)"/d/m/out", 0, 0, 0), "/d/m/out");
}
