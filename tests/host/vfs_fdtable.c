/*
 * Descriptor tables: lowest first, growth, limits, duplicates, inheritance, and that every file is released
 * exactly once; credentials as the calls see them. Under AddressSanitizer.
 */
#include "abi/errno.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/faults.h"
#include "kernel/ktest.h"
#include "kernel/slab.h"
#include "kernel/workqueue.h"
#include "vfs/cred.h"
#include "vfs/dcache.h"
#include "vfs/file_internal.h"
#include "vfs/mount.h"
#include "vfs/pagecache.h"

static struct process process = {.nofile_limit = 1u << 20};
static u32 releases;

static void count_release(struct file *f)
{
	(void)f;
	releases++;
}

static const struct file_ops test_ops = {.release = count_release};

static void setup_once(void)
{
	static bool done;

	if (!done) {
		cred_init();
		page_cache_init();
		dcache_init();
		inode_init();
		mount_init();
		file_init();
		tmpfs_init();
		assert(mount_root(super_mount(file_system_find("tmpfs"), NULL, "", 0), "t", 0) ==
			0);
	}
	done = true;
	process.nofile_limit = 1u << 20;
	releases = 0;
}

static struct file *new_file(void)
{
	struct path p;

	mount_get_root(&p);
	struct file *f = file_alloc(&p, p.dentry->inode, O_RDONLY, ALLOC_WAIT);

	f->ops = &test_ops;
	f->mode |= FILE_OPENED;
	return f;
}

static int open_one(struct files *files)
{
	int fd = fd_reserve(files, 0, false, ALLOC_WAIT);

	if (fd >= 0)
		fd_install(files, fd, new_file());
	return fd;
}

KTEST(fd_lowest_is_given_first)
{
	setup_once();
	struct files *files = files_create(&process, 0);

	for (int i = 0; i < 300; i++)
		KT_EQ(open_one(files), i);
	static const int holes[] = {0, 63, 64, 65, 127, 128, 191, 255, 299};

	for (unsigned i = ARRAY_SIZE(holes); i-- > 0;)
		KT_EQ(fd_close(files, holes[i]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(holes); i++)
		KT_EQ(open_one(files), holes[i]);
	KT_EQ(open_one(files), 300);
	KT_EQ(fd_close(files, 300), 0);
	KT_EQ(fd_close(files, 300), -EBADF);
	KT_EQ(fd_close(files, -1), -EBADF);
	KT_EQ(fd_close(files, 1 << 30), -EBADF);
	files_destroy(files);
	KT_EQ(releases, 300 + ARRAY_SIZE(holes) + 1);
	KT_EQ(file_count(), 0);
}

KTEST(fd_random_use_agrees_with_a_plain_array)
{
	static bool open[5000];
	u32 seed = 7;

	setup_once();
	struct files *files = files_create(&process, 0);
	struct file *shared = new_file();

	for (unsigned round = 0; round < 60000; round++) {
		seed = seed * 1664525 + 1013904223;
		unsigned n = (seed >> 8) % ARRAY_SIZE(open);

		if (open[n]) {
			KT_EQ(fd_close(files, (int)n), 0);
			open[n] = false;
			continue;
		}
		/* every other one from a minimum on, as F_DUPFD */
		unsigned min = round % 2 ? n : 0, expected = min;

		while (open[expected])
			expected++;
		if (expected == ARRAY_SIZE(open) - 1)
			continue;
		KT_EQ(fd_reserve(files, min, n % 3 == 0, ALLOC_WAIT), expected);
		KT_EQ(fd_get_cloexec(files, expected), -EBADF);
		file_get(shared);
		fd_install(files, (int)expected, shared);
		KT_EQ(fd_get_cloexec(files, expected), n % 3 == 0);
		open[expected] = true;
	}
	int fd = -1;

	for (unsigned i = 0; i < ARRAY_SIZE(open); i++)
		if (open[i]) {
			fd = fd_next(files, (u32)fd + 1);
			KT_EQ(fd, i);
		}
	KT_EQ(fd_next(files, (u32)fd + 1), -1);
	files_destroy(files);
	KT_EQ(releases, 0);
	file_put(shared);
	KT_EQ(releases, 1);
}

KTEST(fd_table_grows_to_the_limit)
{
	setup_once();
	struct files *files = files_create(&process, 0);
	struct file *shared = new_file();

	process.nofile_limit = 200000;
	for (int i = 0; i < 200000; i++) {
		int fd = fd_reserve(files, 0, false, ALLOC_WAIT);

		KT_EQ(fd, i);
		file_get(shared);
		fd_install(files, fd, shared);
	}
	KT_EQ(fd_reserve(files, 0, false, ALLOC_WAIT), -EMFILE);
	KT_EQ(fd_reserve(files, 500000, false, ALLOC_WAIT), -EMFILE);
	KT_EQ(fd_close(files, 123456), 0);
	KT_EQ(fd_reserve(files, 0, false, ALLOC_NOWAIT), 123456);
	fd_unreserve(files, 123456);
	KT_CHECK(file_get_fd(files, 199999) == shared);
	file_put(shared);
	files_destroy(files);
	file_put(shared);
	KT_EQ(releases, 1);
}

KTEST(fd_growth_needs_no_sleep)
{
	setup_once();
	struct files *files = files_create(&process, 0);

	for (int i = 0; i < 40000; i++) {
		nonblock_begin();
		int fd = fd_reserve(files, 0, false, ALLOC_NOWAIT);

		nonblock_end();
		KT_EQ(fd, i);
	}
	process.nofile_limit = 40000;
	KT_EQ(fd_reserve(files, 0, false, ALLOC_NOWAIT), -EMFILE);
	process.nofile_limit = 50000;
	KT_EQ(open_one(files), 40000);
	files_destroy(files);
}

KTEST(fd_table_of_a_process_that_ended_is_as_good_as_new)
{
	setup_once();
	struct files *files = files_create(&process, 0), *again;

	for (int i = 0; i < 5000; i++)
		KT_EQ(fd_reserve(files, 0, true, ALLOC_WAIT), i);
	KT_EQ(fd_replace(files, 100000, new_file(), true), 100000);
	files_destroy(files);
	again = files_create(&process, 0);
	KT_CHECK(again == files);
	KT_CHECK(!file_get_fd(again, 100000));
	KT_EQ(fd_close(again, 4999), -EBADF);
	KT_EQ(fd_next(again, 0), -1);
	for (int i = 0; i < 5000; i++) {
		KT_EQ(open_one(again), i);
		KT_EQ(fd_get_cloexec(again, (u32)i), 0);
	}
	files_destroy(again);
	KT_EQ(file_count(), 0);
}

KTEST(fd_replace_closes_what_was_there)
{
	setup_once();
	struct files *files = files_create(&process, 0);

	KT_EQ(open_one(files), 0);
	KT_EQ(fd_replace(files, 0, new_file(), true), 0);
	KT_EQ(releases, 1);
	KT_EQ(fd_get_cloexec(files, 0), 1);
	KT_EQ(fd_replace(files, 5000, new_file(), false), 5000);
	KT_EQ(fd_reserve(files, 0, false, ALLOC_WAIT), 1);
	struct file *f = new_file();

	KT_EQ(fd_replace(files, 1, f, false), -EBUSY);
	fd_unreserve(files, 1);
	process.nofile_limit = 10;
	KT_EQ(fd_replace(files, 10, f, false), -EBADF);
	file_put(f);
	files_destroy(files);
	KT_EQ(releases, 4);
}

KTEST(fd_children_inherit_what_is_not_close_on_exec)
{
	setup_once();
	struct files *parent = files_create(&process, 0);

	for (int i = 0; i < 100; i++)
		KT_EQ(open_one(parent), i);
	for (u32 i = 0; i < 100; i += 3)
		KT_EQ(fd_set_cloexec(parent, i, true), 0);
	KT_EQ(fd_reserve(parent, 0, false, ALLOC_WAIT), 100); /* an open under way */
	struct files *child = files_inherit(&process, parent);

	for (int i = 0; i < 101; i++) {
		struct file *f = file_get_fd(child, i);

		KT_EQ(f != NULL, i % 3 != 0 && i < 100);
		if (f) {
			KT_CHECK(f == file_get_fd(parent, i));
			file_put(f);
			file_put(f);
		}
	}
	KT_EQ(fd_reserve(child, 0, false, ALLOC_WAIT), 0);
	files_destroy(parent);
	KT_EQ(releases, 34);
	files_destroy(child);
	KT_EQ(releases, 100);
}

KTEST(fd_last_reference_may_outlive_the_descriptor)
{
	setup_once();
	struct files *files = files_create(&process, 0);

	KT_EQ(open_one(files), 0);
	struct file *f = file_get_fd(files, 0);

	KT_EQ(fd_close(files, 0), 0);
	KT_EQ(releases, 0);
	KT_CHECK(file_get_fd(files, 0) == NULL);
	preempt_disable(); /* the work has not run before we look */
	file_put_nosleep(f);
	u32 at_once = releases;

	preempt_enable();
	KT_EQ(at_once, 0);
	work_flush();
	KT_EQ(releases, 1);
	files_destroy(files);
}

/* Making, growing and inheriting a table with every allocation failing once: nothing, or all of it. */
KTEST(fd_tables_without_memory)
{
	setup_once();
	bool whole = false;

	for (u64 nth = 1; !whole; nth++) {
		u64 failed;
		int fd = -1, after = -1;
		struct files *child = NULL;

		faults_begin(FAULT_ALLOC, nth, 0);
		struct files *files = files_create(&process, 3);

		if (files)
			fd = fd_reserve(files, 5000, false, ALLOC_WAIT);
		if (fd >= 0)
			after = fd_reserve(files, 20000, false, ALLOC_NOWAIT);
		if (files)
			child = files_inherit(&process, files);
		failed = faults_end(NULL);
		KT_CHECK(fd == 5000 || fd == -1 || fd == -ENOMEM);
		KT_CHECK(after == 20000 || after == -1 || after == -EAGAIN);
		whole = !failed;
		if (whole)
			KT_CHECK(files && child && fd == 5000);
		if (child)
			files_destroy(child);
		if (fd >= 0)
			fd_unreserve(files, fd);
		if (after >= 0)
			fd_unreserve(files, after);
		if (files)
			files_destroy(files);
		KT_CHECK(nth < 1000);
	}
}

KTEST(fd_path_is_read_without_a_reference)
{
	struct path root, p;

	setup_once();
	struct files *files = files_create(&process, 0);

	mount_get_root(&root);
	KT_EQ(open_one(files), 0);
	rcu_read_lock();
	bool there = fd_path_rcu(files, 0, &p), absent = fd_path_rcu(files, 1, &p);

	rcu_read_unlock();
	KT_CHECK(there && !absent);
	KT_CHECK(p.mnt == root.mnt && p.dentry == root.dentry);
	path_put(&root);
	files_destroy(files);
}
