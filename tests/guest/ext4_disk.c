/*
 * ext4 on the real page cache and the real disk: contents are what they should be, and no block of the
 * disk is read twice, also when several threads want the same ones at once.
 *
 * Needs the standard disk image: /bench/list names the files of /usr, each of which holds its own path;
 * /many is a folder of 3,000 entries with a hash tree; /cases/big is large.
 */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/wait.h"
#include "vfs/super.h"
#include "vfs/walk.h"

#define READERS 4

/* Resolve name (copied, so that its end may be read as words). 0 or -errno. */
static int look_up(const char *name, struct path *out)
{
	char copy[256] = "";
	struct walk_start start = {.dirfd = AT_FDCWD, .name = copy};

	strlcpy(copy, name, sizeof(copy) - 8);
	return walk_path(&start, out);
}

static bool have_image(void)
{
	struct path p;
	bool is_ext4;

	if (look_up("/many/entry-0001", &p)) {
		ktest_skip("no standard disk");
		return false;
	}
	is_ext4 = strcmp(p.dentry->sb->fs->name, "ext4") == 0;
	path_put(&p);
	if (!is_ext4)
		ktest_skip("the root is no ext4 disk");
	return is_ext4;
}

/* Bytes read from the root's device so far. */
static u64 bytes_read(void)
{
	struct block_stats stats;
	struct path root;

	mount_get_root(&root);
	block_get_stats(root.dentry->sb->dev, &stats);
	path_put(&root);
	return stats.read_bytes;
}

/* Up to n bytes of the file from offset on: how many, or -errno. */
static s64 read_file(struct inode *inode, u64 offset, char *buf, size_t n)
{
	u64 pages = DIV_ROUND_UP(inode->size, PAGE_SIZE), size = inode->size;
	size_t done = 0;

	while (done < n && offset + done < size) {
		u64 at = offset + done;
		size_t part = MIN(PAGE_SIZE - at % PAGE_SIZE, (size_t)(size - at));
		struct page *p = page_cache_read(&inode->mapping, at / PAGE_SIZE, pages, 8);

		if (IS_ERR(p))
			return PTR_ERR(p);
		part = MIN(part, n - done);
		memcpy(buf + done, (char *)page_address(p) + at % PAGE_SIZE, part);
		page_put(p);
		done += part;
	}
	return (s64)done;
}

/* Does the file named by the first line of text hold that line? */
static bool holds_its_name(const char *text, size_t len)
{
	char name[256], contents[256];
	struct path p;
	s64 n;

	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = 0;
	if (look_up(name, &p))
		return false;
	n = read_file(p.dentry->inode, 0, contents, sizeof(contents));
	path_put(&p);
	return n >= (s64)len && memcmp(contents, name, len) == 0;
}

KTEST(ext4_files_hold_their_own_names)
{
	static char list[64 * 1024];
	struct path p;
	s64 n;
	unsigned files = 0, right = 0;

	if (!have_image())
		return;
	KT_EQ(look_up("/bench/list", &p), 0);
	n = read_file(p.dentry->inode, 0, list, sizeof(list));
	path_put(&p);
	KT_CHECK(n > 0);
	for (char *line = list, *end; (end = memchr(line, '\n', (size_t)(list + n - line)));
		line = end + 1) {
		files++;
		right += holds_its_name(line, (size_t)(end - line));
	}
	KT_CHECK(files > 100);
	KT_EQ(right, files);
}

/* Look up all of /many; how many of them are there. */
static unsigned look_up_many(void)
{
	char name[32];
	unsigned found = 0;

	for (unsigned i = 0; i < 3000; i++) {
		struct path p;

		snprintf(name, sizeof(name), "/many/entry-%04u", i);
		if (look_up(name, &p))
			continue;
		path_put(&p);
		found++;
	}
	return found;
}

KTEST(ext4_a_large_folder_is_read_once)
{
	struct path p;
	u64 before, folder;

	if (!have_image())
		return;
	KT_EQ(look_up("/many", &p), 0);
	folder = p.dentry->inode->size;
	path_put(&p);

	drop_caches(3);
	before = bytes_read();
	KT_EQ(look_up_many(), 3000);
	/* its blocks, its inodes' table, and what leads there, in windows of 32 KiB */
	KT_CHECK(bytes_read() - before <= folder + 3000 * 256 + 8 * 32768);

	drop_caches(2); /* dentries and inodes go, blocks stay */
	before = bytes_read();
	KT_EQ(look_up_many(), 3000);
	KT_EQ(bytes_read(), before);
}

KTEST(ext4_a_missing_name_costs_one_leaf)
{
	struct path p;
	u64 before;

	if (!have_image())
		return;
	drop_caches(3);
	KT_EQ(look_up("/many", &p), 0);
	path_put(&p);
	before = bytes_read();
	KT_EQ(look_up("/many/no-such-entry", &p), -ENOENT);
	/* root of the hash tree, one leaf, and a node of extents that says where they are */
	KT_CHECK(bytes_read() - before <= 3 * PAGE_SIZE);
	before = bytes_read();
	KT_EQ(look_up("/many/no-such-entry", &p), -ENOENT);
	KT_EQ(bytes_read(), before);
}

struct reader {
	struct inode *inode;
	struct completion done;
	u64 sum;
	s64 bytes;
};

static void reader_run(void *arg)
{
	struct reader *r = arg;
	char *buf = kmalloc(PAGE_SIZE, ALLOC_WAIT);

	for (u64 at = 0; buf && r->bytes >= 0 && at < r->inode->size; at += PAGE_SIZE) {
		s64 n = read_file(r->inode, at, buf, PAGE_SIZE);

		for (s64 i = 0; i < n; i++)
			r->sum = r->sum * 31 + (u8)buf[i];
		r->bytes = n < 0 ? n : r->bytes + n;
	}
	kfree(buf);
	complete(&r->done);
}

KTEST(ext4_a_file_is_read_once_by_many)
{
	static struct reader readers[READERS];
	struct path p;
	u64 before;

	if (!have_image())
		return;
	KT_EQ(look_up("/cases/big", &p), 0);
	drop_caches(3);
	before = bytes_read();
	for (unsigned i = 0; i < READERS; i++) {
		struct thread *t = thread_create("reader", reader_run, &readers[i]);

		readers[i] = (struct reader){.inode = p.dentry->inode};
		completion_init(&readers[i].done);
		KT_CHECK(t);
		thread_start(t);
		thread_put(t);
	}
	for (unsigned i = 0; i < READERS; i++)
		wait_for_completion(&readers[i].done);
	for (unsigned i = 0; i < READERS; i++) {
		KT_EQ(readers[i].bytes, p.dentry->inode->size);
		KT_EQ(readers[i].sum, readers[0].sum);
	}
	KT_CHECK(readers[0].sum != 0);
	/* and a few blocks of extents and inodes */
	KT_CHECK(bytes_read() - before <= p.dentry->inode->size + 16 * 32768);
	path_put(&p);
}
