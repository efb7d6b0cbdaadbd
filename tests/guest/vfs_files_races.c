/*
 * Descriptor tables, the inode cache and the page cache under several CPUs: threads use them while others
 * grow, shrink, close and evict. Every answer must be right and nothing may be left behind.
 */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/workqueue.h"
#include "vfs/file_internal.h"

#define THREADS 4

struct racer {
	struct thread *thread;
	struct completion done;
	void (*fn)(u32 *seed);
	u32 seed;
};

static u32 next_random(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void racer_main(void *arg)
{
	struct racer *r = arg;

	r->fn(&r->seed);
	complete(&r->done);
}

/* Run fns[i % n] in THREADS threads at once and wait for all. */
static void race(void (*const *fns)(u32 *seed), unsigned n)
{
	struct racer racers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.fn = fns[i % n], .seed = i + 1};
		completion_init(&racers[i].done);
		racers[i].thread = thread_create("racer", racer_main, &racers[i]);
		assert(racers[i].thread);
		thread_start(racers[i].thread);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		wait_for_completion(&racers[i].done);
		thread_put(racers[i].thread);
	}
}

/* ---- Descriptor tables ---- */

#define FD_ROUNDS 8000
#define FD_RANGE  120 /* few: memory is reused quickly */

static struct process fd_process = {.nofile_limit = 100000};
static struct files *fd_files;
static u32 fd_opened, fd_released; /* atomic */

static void fd_release(struct file *f)
{
	f->private_data = NULL; /* what a late reader would find */
	atomic_add(&fd_released, 1u);
}

static const struct file_ops fd_ops = {.release = fd_release};

/* A file that knows which descriptor it is going to be behind. */
static struct file *fd_new_file(int fd)
{
	struct path p;

	mount_get_root(&p);
	struct file *f = file_alloc(&p, p.dentry->inode, O_RDONLY, ALLOC_WAIT);

	if (!f) {
		path_put(&p);
		return NULL;
	}
	f->ops = &fd_ops;
	f->mode |= FILE_OPENED;
	f->private_data = f;
	f->pos = (u64)fd;
	atomic_add(&fd_opened, 1u);
	return f;
}

static void fd_open_close(u32 *seed)
{
	for (unsigned i = 0; i < FD_ROUNDS; i++) {
		u32 min = next_random(seed) % 4 ? 0 : next_random(seed) % (i + 1);
		int fd = fd_reserve(fd_files, min, i % 2, ALLOC_WAIT);

		KT_CHECK(fd >= (int)min);
		struct file *f = fd_new_file(fd);

		if (f)
			fd_install(fd_files, fd, f);
		else
			fd_unreserve(fd_files, fd);
		(void)fd_close(fd_files, (int)(next_random(seed) % FD_RANGE));
	}
}

static void fd_use(u32 *seed)
{
	for (unsigned i = 0; i < 4 * FD_ROUNDS; i++) {
		int fd = (int)(next_random(seed) % FD_RANGE);
		struct file *f = file_get_fd(fd_files, fd);

		if (f) {
			/* Referenced: it cannot have been released. */
			KT_CHECK(READ_ONCE(f->private_data) == f);
			KT_EQ(READ_ONCE(f->pos), fd);
			file_put(f);
		}
		struct path p;

		rcu_read_lock();
		if (fd_path_rcu(fd_files, fd, &p))
			KT_CHECK(p.dentry == p.mnt->root);
		rcu_read_unlock();
	}
}

static void fd_replace_some(u32 *seed)
{
	for (unsigned i = 0; i < FD_ROUNDS; i++) {
		int fd = (int)(next_random(seed) % FD_RANGE);
		struct file *f = fd_new_file(fd);

		if (f && fd_replace(fd_files, (u32)fd, f, false) < 0)
			file_put(f);
	}
}

KTEST(vfs_fd_table_under_fire)
{
	static void (*const fns[])(u32 *) = {fd_open_close, fd_use, fd_open_close, fd_replace_some};

	fd_opened = fd_released = 0;
	fd_files = files_create(&fd_process, 0);
	KT_CHECK(fd_files != NULL);
	race(fns, ARRAY_SIZE(fns));
	files_destroy(fd_files);
	work_flush();
	KT_EQ(fd_released, fd_opened);
}

/* ---- Inode cache ---- */

#define INODE_ROUNDS 20000
#define INODES	     40

static struct super_block inode_sb;
static u32 inode_alive[INODES]; /* atomic: inodes of that number between filling and eviction */
static u32 inode_made;

static void inode_evicted(struct inode *inode)
{
	atomic_sub(&inode_alive[inode->ino], 1u);
}

static const struct super_ops inode_test_ops = {.evict_inode = inode_evicted};

static void inode_use(u32 *seed)
{
	for (unsigned i = 0; i < INODE_ROUNDS; i++) {
		u64 ino = next_random(seed) % INODES;
		bool is_new;
		struct inode *inode = inode_get_locked(&inode_sb, ino, &is_new);

		if (IS_ERR(inode))
			continue;
		if (is_new) {
			bool fails = next_random(seed) % 8 == 0;

			atomic_add(&inode_made, 1u);
			if (next_random(seed) % 2)
				yield();
			if (!fails)
				KT_EQ(atomic_add_return(&inode_alive[ino], 1u), 1);
			inode_new_done(inode, fails ? -EIO : 0);
			if (fails)
				continue;
		}
		KT_EQ(READ_ONCE(inode_alive[ino]), 1);
		KT_EQ(inode->ino, ino);
		if (next_random(seed) % 16 == 0)
			inode_set_nlink(inode, 0); /* goes with its last reference */
		inode_put(inode);
	}
}

static void inode_shrink_some(u32 *seed)
{
	for (unsigned i = 0; i < INODE_ROUNDS / 4; i++) {
		inode_shrink(&inode_sb, next_random(seed) % 10);
		yield();
	}
}

KTEST(vfs_inode_cache_under_fire)
{
	static void (*const fns[])(u32 *) = {inode_use, inode_use, inode_use, inode_shrink_some};

	memset(inode_alive, 0, sizeof(inode_alive));
	inode_sb = (struct super_block){.ops = &inode_test_ops, .name = "race"};
	list_init(&inode_sb.inodes);
	spin_lock_init(&inode_sb.inodes_lock, RANK_INODE_STATE);
	race(fns, ARRAY_SIZE(fns));
	inode_evict_all(&inode_sb);
	KT_CHECK(list_empty(&inode_sb.inodes));
	for (unsigned i = 0; i < INODES; i++)
		KT_EQ(inode_alive[i], 0);
	KT_CHECK(inode_made > INODES);
	rcu_barrier(); /* the last frees look at inode_sb.ops */
}

/* ---- Page cache ---- */

#define PAGE_ROUNDS 3000
#define DISK_PAGES  200
#define DISK_DELAY  200000 /* ns until the device answers */

/* A device that answers from a timer interrupt; what it holds follows from the sector number. */
static struct slow_disk {
	struct block_device dev;
	struct spinlock lock;	  /* irq */
	struct list_head waiting; /* lock */
	struct timer timer;
	bool armed; /* lock */
} disk;

static void disk_fill(struct block_request *rq)
{
	u64 sector = rq->sector;

	for (u32 i = 0; i < rq->nr_segments; i++) {
		u8 *to = (u8 *)page_address(rq->segments[i].page) + rq->segments[i].offset;

		for (u32 at = 0; at < rq->segments[i].length; at += BLOCK_SECTOR_SIZE)
			memset(to + at, (int)(sector++ % 249), BLOCK_SECTOR_SIZE);
	}
}

static void disk_answer(struct timer *t)
{
	struct list_head batch;

	(void)t;
	list_init(&batch);
	u64 flags = spin_lock_irqsave(&disk.lock);

	list_splice_tail(&disk.waiting, &batch);
	disk.armed = false;
	spin_unlock_irqrestore(&disk.lock, flags);
	while (!list_empty(&batch)) {
		struct block_request *rq = list_first_entry(&batch, struct block_request, node);

		list_del(&rq->node);
		/* Now and then one fails: whoever reads alone must see it, nobody else. */
		if (rq->sector / 8 % 50 == 49) {
			block_complete(rq, -EIO);
			continue;
		}
		disk_fill(rq);
		block_complete(rq, 0);
	}
}

static void disk_submit(struct block_device *dev, struct list_head *batch)
{
	bool arm;

	(void)dev;
	u64 flags = spin_lock_irqsave(&disk.lock);

	list_splice_tail(batch, &disk.waiting);
	arm = !disk.armed;
	disk.armed = true;
	spin_unlock_irqrestore(&disk.lock, flags);
	if (arm)
		timer_arm(&disk.timer, clock_ns() + DISK_DELAY);
}

static const struct block_ops disk_ops = {.submit = disk_submit};

static void page_use(u32 *seed)
{
	struct mapping *m = bdev_mapping(&disk.dev);

	for (unsigned i = 0; i < PAGE_ROUNDS; i++) {
		u64 index = next_random(seed) % DISK_PAGES;
		struct page *p = page_cache_read(m, index, DISK_PAGES, 1 + next_random(seed) % 8);

		if (IS_ERR(p)) {
			KT_EQ(PTR_ERR(p), -EIO);
			KT_EQ(index % 50, 49);
			continue;
		}
		KT_EQ(p->index, index);
		KT_EQ(((u8 *)page_address(p))[4095], (index * 8 + 7) % 249);
		page_put(p);
	}
}

static void page_shrink_some(u32 *seed)
{
	for (unsigned i = 0; i < PAGE_ROUNDS / 20; i++) {
		if (next_random(seed) % 4)
			drop_caches(1);
		else
			mapping_truncate(bdev_mapping(&disk.dev), next_random(seed) % DISK_PAGES);
		sleep_ns(100000);
	}
}

KTEST(vfs_page_cache_under_fire)
{
	static void (*const fns[])(u32 *) = {page_use, page_use, page_use, page_shrink_some};

	if (!disk.dev.name) {
		disk.dev = (struct block_device){
			.name = "slow0",
			.sectors = DISK_PAGES * 8,
			.logical_block = 512,
			.nr_queues = 1,
			.ops = &disk_ops,
		};
		spin_lock_init(&disk.lock, RANK_BLOCK_QUEUE);
		list_init(&disk.waiting);
		timer_setup(&disk.timer, disk_answer);
		block_register(&disk.dev);
	}
	race(fns, ARRAY_SIZE(fns));
	mapping_truncate(bdev_mapping(&disk.dev), 0);
	KT_EQ(bdev_mapping(&disk.dev)->nr_pages, 0);
	KT_CHECK(bdev_mapping(&disk.dev)->root == NULL);
}
