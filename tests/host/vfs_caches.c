/*
 * The page tree, the page cache over a block device that fails and answers late, the inode cache and
 * permission bits, under AddressSanitizer.
 */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/workqueue.h"
#include "vfs/cred.h"
#include "vfs/file_internal.h"
#include "vfs/page_tree.h"

static void setup_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	cred_init();
	inode_init();
	page_cache_init();
}

static u64 slab_count_in_use(const char *name);

static struct count_arg {
	const char *name;
	u64 in_use;
} count_arg;

static void count_cache(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct count_arg *c = arg;

	(void)size, (void)pages;
	if (strcmp(name, c->name) == 0)
		c->in_use = in_use;
}

static u64 slab_count_in_use(const char *name)
{
	count_arg = (struct count_arg){.name = name};
	slab_for_each(count_cache, &count_arg);
	return count_arg.in_use;
}

static u32 random_state = 1;

static u32 random_u32(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* ---- Page tree ---- */

#define TREE_SLOTS 600

static struct page fake_pages[TREE_SLOTS];

/* Indexes that lie densely, at level borders, and far apart. */
static u64 tree_index(unsigned i)
{
	if (i < 300)
		return i;
	if (i < 400)
		return 4094 + i - 300;
	if (i < 500)
		return (1ull << 30) + (u64)(i - 400) * 64;
	return ~0ull - (u64)(i - 500) * 0x0123456789abcdull;
}

static bool tree_matches(struct mapping *m, const bool *present)
{
	for (unsigned i = 0; i < TREE_SLOTS; i++) {
		struct page *expected = present[i] ? &fake_pages[i] : NULL;

		if (page_tree_lookup(m, tree_index(i)) != expected)
			return false;
	}
	return true;
}

KTEST(page_tree_agrees_with_a_plain_array)
{
	static bool present[TREE_SLOTS];
	struct mapping m;

	setup_once();
	rcu_barrier();
	u64 nodes = slab_count_in_use("page_node");

	mapping_init(&m, NULL, NULL);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = random_u32() % TREE_SLOTS;

		spin_lock(&m.lock);
		if (present[i])
			page_tree_remove(&m, tree_index(i));
		else
			KT_EQ(page_tree_insert(&m, tree_index(i), &fake_pages[i]), 0);
		present[i] = !present[i];
		spin_unlock(&m.lock);
		if (round % 500 == 0)
			KT_CHECK(tree_matches(&m, present));
	}
	KT_CHECK(tree_matches(&m, present));
	for (unsigned i = 0; i < TREE_SLOTS; i++)
		if (present[i]) {
			KT_EQ(page_tree_insert(&m, tree_index(i), &fake_pages[i]), -EEXIST);
			page_tree_remove(&m, tree_index(i));
			present[i] = false;
		}
	KT_CHECK(m.root == NULL);
	rcu_barrier();
	KT_EQ(slab_count_in_use("page_node"), nodes);
}

KTEST(page_tree_of_one_far_page_leaves_no_node)
{
	struct mapping m;

	setup_once();
	rcu_barrier();
	u64 nodes = slab_count_in_use("page_node");

	mapping_init(&m, NULL, NULL);
	for (unsigned i = 0; i < TREE_SLOTS; i++) {
		KT_EQ(page_tree_insert(&m, tree_index(i), &fake_pages[i]), 0);
		KT_CHECK(page_tree_lookup(&m, tree_index(i)) == &fake_pages[i]);
		page_tree_remove(&m, tree_index(i));
		KT_CHECK(m.root == NULL);
	}
	rcu_barrier();
	KT_EQ(slab_count_in_use("page_node"), nodes);
}

KTEST(page_tree_next_visits_all_in_order)
{
	static const u64 indexes[] = {0, 1, 63, 64, 4095, 4096, 262143, 262144, 1ull << 40, ~0ull};
	struct mapping m;
	u64 from = 0;

	setup_once();
	mapping_init(&m, NULL, NULL);
	KT_CHECK(page_tree_next(&m, 0) == NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(indexes); i++)
		KT_EQ(page_tree_insert(&m, indexes[i], &fake_pages[i]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(indexes); i++) {
		KT_CHECK(page_tree_next(&m, from) == &fake_pages[i]);
		KT_CHECK(page_tree_next(&m, indexes[i]) == &fake_pages[i]);
		from = indexes[i] + 1;
	}
	page_tree_remove(&m, ~0ull);
	KT_CHECK(page_tree_next(&m, (1ull << 40) + 1) == NULL);
	for (unsigned i = 0; i + 1 < ARRAY_SIZE(indexes); i++)
		page_tree_remove(&m, indexes[i]);
	KT_CHECK(m.root == NULL);
}

/* ---- Page cache over a block device ---- */

#define DEVICE_SECTORS (8 * 100 + 3) /* the last page is a partial one */

static struct test_device {
	struct block_device dev;
	struct list_head held; /* requests not answered yet, when hold is set */
	bool hold;
	u64 bad_sector; /* any request that touches it fails; ~0: none */
	u32 requests, sectors_read;
	u32 reads[DEVICE_SECTORS]; /* how often each sector was read successfully */
} device;

static bool touches(const struct block_request *rq, u64 sector)
{
	return sector >= rq->sector && sector < rq->sector + rq->bytes / BLOCK_SECTOR_SIZE;
}

static void answer(struct block_request *rq)
{
	u64 sector = rq->sector;

	device.requests++;
	if (touches(rq, device.bad_sector)) {
		block_complete(rq, -EIO);
		return;
	}
	for (u32 i = 0; i < rq->nr_segments; i++) {
		u8 *to = (u8 *)page_address(rq->segments[i].page) + rq->segments[i].offset;

		for (u32 at = 0; at < rq->segments[i].length; at += BLOCK_SECTOR_SIZE, sector++) {
			memset(to + at, (int)(sector % 251), BLOCK_SECTOR_SIZE);
			device.reads[sector]++;
		}
	}
	block_complete(rq, 0);
}

static void test_submit(struct block_device *dev, struct list_head *batch)
{
	(void)dev;
	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);

		list_del(&rq->node);
		if (device.hold)
			list_add_tail(&rq->node, &device.held);
		else
			answer(rq);
	}
}

static void answer_held(void)
{
	while (!list_empty(&device.held)) {
		struct block_request *rq =
			list_first_entry(&device.held, struct block_request, node);

		list_del(&rq->node);
		answer(rq);
	}
}

static const struct block_ops test_block_ops = {.submit = test_submit};

/* An empty cache over a device without errors and with fresh counters. */
static struct block_device *fresh_device(void)
{
	setup_once();
	if (!device.dev.name) {
		device.dev = (struct block_device){
			.name = "test0",
			.sectors = DEVICE_SECTORS,
			.logical_block = 512,
			.nr_queues = 1,
			.ops = &test_block_ops,
		};
		list_init(&device.held);
		block_register(&device.dev);
	}
	mapping_truncate(bdev_mapping(&device.dev), 0);
	device.hold = false;
	device.bad_sector = ~0ull;
	device.requests = 0;
	memset(device.reads, 0, sizeof(device.reads));
	return &device.dev;
}

KTEST(page_cache_reads_each_block_once)
{
	struct block_device *dev = fresh_device();
	struct page *page;
	u8 *data;

	for (unsigned round = 0; round < 3; round++)
		for (u64 nr = 0; nr < DEVICE_SECTORS / 2; nr++) {
			KT_EQ(bdev_read_block(dev, nr, 1024, &page, (void **)&data), 0);
			KT_EQ(data[0], nr * 2 % 251);
			KT_EQ(data[1023], (nr * 2 + 1) % 251);
			page_put(page);
		}
	for (unsigned i = 0; i < DEVICE_SECTORS - 1; i++)
		KT_EQ(device.reads[i], 1);
	KT_EQ(bdev_read_block(dev, DEVICE_SECTORS / 2, 1024, &page, (void **)&data), -EINVAL);
	KT_EQ(bdev_read_block(dev, DEVICE_SECTORS - 1, 512, &page, (void **)&data), 0);
	KT_EQ(data[0], (DEVICE_SECTORS - 1) % 251);
	page_put(page);
	KT_EQ(bdev_read_block(dev, ~0ull, 4096, &page, (void **)&data), -EINVAL);
}

KTEST(page_cache_readahead_is_one_request)
{
	struct block_device *dev = fresh_device();
	struct mapping *m = bdev_mapping(dev);
	struct page *p = page_cache_read(m, 10, 101, 32);

	KT_CHECK(!IS_ERR(p));
	KT_EQ(device.requests, 1);
	page_put(p);
	p = page_cache_get(m, 41);
	KT_CHECK(p != NULL);
	page_put(p);
	KT_CHECK(page_cache_get(m, 42) == NULL);
	/* Around what is there: two runs, one on each side. */
	page_cache_readahead(m, 5, 101, 60);
	KT_EQ(device.requests, 3);
	/* The limit holds. */
	page_cache_readahead(m, 95, 101, 60);
	KT_EQ(m->nr_pages, 60 + 6);
}

struct reader {
	struct thread *thread;
	struct completion done;
	u64 index;
	unsigned window;
	long result;
};

static void reader_main(void *arg)
{
	struct reader *r = arg;
	struct page *p = page_cache_read(bdev_mapping(&device.dev), r->index, 101, r->window);

	r->result = IS_ERR(p) ? PTR_ERR(p) : *(u8 *)page_address(p);
	if (!IS_ERR(p))
		page_put(p);
	complete(&r->done);
}

static void reader_start(struct reader *r, u64 index, unsigned window)
{
	*r = (struct reader){.index = index, .window = window};
	completion_init(&r->done);
	r->thread = thread_create("reader", reader_main, r);
	thread_start(r->thread);
	yield(); /* one CPU: it runs until it waits for the device */
}

static long reader_join(struct reader *r)
{
	wait_for_completion(&r->done);
	thread_put(r->thread);
	return r->result;
}

KTEST(page_cache_readers_of_one_page_share_one_read)
{
	struct reader readers[4];

	fresh_device();
	device.hold = true;
	for (unsigned i = 0; i < 4; i++)
		reader_start(&readers[i], 20, 8);
	device.hold = false;
	answer_held();
	for (unsigned i = 0; i < 4; i++)
		KT_EQ(reader_join(&readers[i]), 20 * 8 % 251);
	KT_EQ(device.requests, 1);
	KT_EQ(device.reads[160], 1);
}

KTEST(page_cache_error_reaches_every_waiter_and_is_not_kept)
{
	struct reader readers[3];

	fresh_device();
	device.bad_sector = 30 * 8 + 5;
	device.hold = true;
	for (unsigned i = 0; i < 3; i++)
		reader_start(&readers[i], 30, 1);
	device.hold = false;
	answer_held();
	for (unsigned i = 0; i < 3; i++)
		KT_EQ(reader_join(&readers[i]), -EIO);
	KT_CHECK(page_cache_get(bdev_mapping(&device.dev), 30) == NULL);
	device.bad_sector = ~0ull;
	reader_start(&readers[0], 30, 1);
	KT_EQ(reader_join(&readers[0]), 240);
}

KTEST(page_cache_error_of_a_neighbour_is_not_ours)
{
	struct reader r;

	fresh_device();
	device.bad_sector = 33 * 8;
	reader_start(&r, 32, 8);
	KT_EQ(reader_join(&r), 32 * 8 % 251);
	reader_start(&r, 33, 8);
	KT_EQ(reader_join(&r), -EIO);
	/* A page left behind by readahead that failed is read again. */
	reader_start(&r, 34, 1);
	KT_EQ(reader_join(&r), 34 * 8 % 251);
}

KTEST(page_cache_shrinks_but_keeps_what_is_used)
{
	struct mapping *m = bdev_mapping(fresh_device());
	struct page *kept = page_cache_read(m, 7, 101, 1);

	for (u64 i = 0; i < 50; i++)
		page_put(page_cache_read(m, i, 101, 4));
	drop_caches(2);
	KT_CHECK(m->nr_pages >= 50);
	drop_caches(1);
	KT_EQ(m->nr_pages, 1);
	KT_CHECK(page_cache_get(m, 7) == kept);
	page_put(kept);
	page_put(kept);
	drop_caches(1);
	KT_EQ(m->nr_pages, 0);
	KT_CHECK(m->root == NULL);
}

KTEST(page_cache_memory_only_pages_stay)
{
	struct mapping m;

	setup_once();
	mapping_init(&m, NULL, NULL);
	for (u64 i = 0; i < 10; i++) {
		struct page *p = page_cache_create(&m, i * 1000);

		KT_CHECK(!IS_ERR(p));
		KT_EQ(*(u8 *)page_address(p), 0);
		*(u8 *)page_address(p) = (u8)i;
		page_put(p);
	}
	drop_caches(3);
	KT_EQ(m.nr_pages, 10);
	mapping_truncate(&m, 5000);
	KT_EQ(m.nr_pages, 5);
	struct page *p = page_cache_create(&m, 4000);

	KT_EQ(*(u8 *)page_address(p), 4);
	page_put(p);
	mapping_truncate(&m, 0);
	KT_CHECK(m.root == NULL);
}

KTEST(page_cache_verified_bits_are_per_unit)
{
	struct block_device *dev = fresh_device();
	struct page *page;
	char *data;

	KT_EQ(bdev_read_block(dev, 1, 1024, &page, (void **)&data), 0);
	KT_CHECK(!page_part_verified(page, data));
	page_part_set_verified(page, data);
	KT_CHECK(page_part_verified(page, data));
	KT_CHECK(!page_part_verified(page, data + PAGE_VERIFIED_UNIT));
	page_put(page);
}

/* ---- Inode cache ---- */

static struct super_block test_sb;
static u32 evictions;

static void count_eviction(struct inode *inode)
{
	(void)inode;
	evictions++;
}

static const struct super_ops test_super_ops = {.evict_inode = count_eviction};

static struct super_block *fresh_super(void)
{
	setup_once();
	if (!test_sb.ops) {
		test_sb.ops = &test_super_ops;
		list_init(&test_sb.inodes);
		spin_lock_init(&test_sb.inodes_lock, RANK_INODE_STATE);
		strlcpy(test_sb.name, "test", sizeof(test_sb.name));
	}
	evictions = 0;
	return &test_sb;
}

static struct inode *get_inode(u64 ino)
{
	bool is_new;
	struct inode *inode = inode_get_locked(&test_sb, ino, &is_new);

	if (!IS_ERR(inode) && is_new)
		inode_new_done(inode, 0);
	return inode;
}

KTEST(inode_cache_keeps_unused_ones_until_asked)
{
	struct super_block *sb = fresh_super();

	rcu_barrier();
	u64 before = slab_count_in_use("inode");
	struct inode *a = get_inode(5), *b = get_inode(6);

	KT_CHECK(a != b);
	KT_EQ(a->ino, 5);
	KT_CHECK(get_inode(5) == a);
	inode_put(a);
	inode_put(a);
	KT_CHECK(get_inode(5) == a);
	inode_put(a);
	KT_EQ(evictions, 0);
	KT_EQ(inode_shrink(sb, 10), 1);
	KT_EQ(evictions, 1);
	inode_put(b);
	KT_EQ(inode_shrink(sb, 10), 1);
	rcu_barrier();
	KT_EQ(slab_count_in_use("inode"), before);
}

KTEST(inode_without_links_goes_with_its_last_reference)
{
	fresh_super();
	struct inode *a = get_inode(9);

	inode_set_nlink(a, 0);
	inode_get(a);
	inode_put(a);
	KT_EQ(evictions, 0);
	inode_put(a);
	KT_EQ(evictions, 1);
	a = inode_alloc(&test_sb);
	inode_put(a);
	KT_EQ(evictions, 2);
}

KTEST(inode_end_is_put_off_where_sleeping_is_not_allowed)
{
	fresh_super();
	struct inode *a = get_inode(9);

	inode_set_nlink(a, 0);
	nonblock_begin();
	inode_put(a);
	nonblock_end();
	KT_EQ(evictions, 0);
	work_flush();
	KT_EQ(evictions, 1);
}

struct getter {
	struct thread *thread;
	struct completion done;
	struct inode *inode;
	bool is_new;
};

static void getter_main(void *arg)
{
	struct getter *g = arg;

	g->inode = inode_get_locked(&test_sb, 77, &g->is_new);
	complete(&g->done);
}

static void getter_start(struct getter *g)
{
	*g = (struct getter){.inode = NULL};
	completion_init(&g->done);
	g->thread = thread_create("getter", getter_main, g);
	thread_start(g->thread);
	yield();
}

static void getter_join(struct getter *g)
{
	wait_for_completion(&g->done);
	thread_put(g->thread);
}

KTEST(inode_get_waits_for_whoever_reads_it)
{
	struct getter g;
	bool is_new;

	fresh_super();
	struct inode *inode = inode_get_locked(&test_sb, 77, &is_new);

	KT_CHECK(is_new);
	getter_start(&g);
	KT_CHECK(g.inode == NULL);
	inode_new_done(inode, 0);
	getter_join(&g);
	KT_CHECK(g.inode == inode && !g.is_new);
	inode_put(inode);
	inode_put(inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_that_cannot_be_read_is_tried_again_by_the_next)
{
	struct getter g;
	bool is_new;

	fresh_super();
	struct inode *inode = inode_get_locked(&test_sb, 77, &is_new);

	getter_start(&g);
	inode_new_done(inode, -EIO);
	getter_join(&g);
	KT_CHECK(g.inode != NULL && g.is_new);
	KT_EQ(evictions, 0); /* a half-read inode is none of evict_inode's business */
	inode_new_done(g.inode, 0);
	inode_put(g.inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

/* A get that comes while evict_inode runs waits for its end and gets a new inode. */
static struct getter eviction_getter;
static struct inode *evicted;

static void evict_and_get(struct inode *inode)
{
	evicted = inode;
	getter_start(&eviction_getter);
	KT_CHECK(eviction_getter.inode == NULL);
}

KTEST(inode_get_never_returns_a_dying_one)
{
	static const struct super_ops ops = {.evict_inode = evict_and_get};

	fresh_super();
	inode_put(get_inode(77));
	test_sb.ops = &ops;
	KT_EQ(inode_shrink(&test_sb, 1), 1);
	test_sb.ops = &test_super_ops;
	getter_join(&eviction_getter);
	KT_CHECK(eviction_getter.is_new);
	inode_new_done(eviction_getter.inode, 0);
	inode_put(eviction_getter.inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_link_is_set_once)
{
	fresh_super();
	struct inode *inode = get_inode(3);
	char *first = kzalloc(8, ALLOC_WAIT), *second = kzalloc(8, ALLOC_WAIT);

	inode_set_link(inode, first);
	inode_set_link(inode, second);
	KT_CHECK(inode->link == first);
	inode_put(inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_shutdown_leaves_nothing)
{
	fresh_super();
	for (u64 ino = 1; ino < 200; ino++)
		inode_put(get_inode(ino));
	inode_evict_all(&test_sb);
	KT_EQ(evictions, 199);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* A shutdown that comes while a shrinker evicts: until that is done the super block is in use. */
static struct completion shutdown_done;

static void shutdown_main(void *arg)
{
	inode_evict_all(arg);
	complete(&shutdown_done);
}

static void evict_and_shut_down(struct inode *inode)
{
	struct thread *t = thread_create("shutdown", shutdown_main, inode->sb);

	thread_start(t);
	thread_put(t);
	for (int i = 0; i < 10; i++)
		yield();
	KT_EQ(READ_ONCE(shutdown_done.done), 0);
	evictions++;
}

KTEST(inode_shutdown_waits_for_a_shrinker)
{
	static const struct super_ops ops = {.evict_inode = evict_and_shut_down};

	fresh_super();
	completion_init(&shutdown_done);
	inode_put(get_inode(5));
	test_sb.ops = &ops;
	KT_EQ(inode_shrink(&test_sb, 1), 1);
	wait_for_completion(&shutdown_done);
	test_sb.ops = &test_super_ops;
	KT_EQ(evictions, 1);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* One that is put where nobody may sleep, when every thread of the work queue is busy shutting down. */
KTEST(inode_shutdown_takes_what_was_put_off)
{
	fresh_super();
	struct inode *inode = get_inode(5);

	inode_set_nlink(inode, 0);
	nonblock_begin();
	inode_put(inode);
	nonblock_end();
	inode_evict_all(&test_sb);
	KT_EQ(evictions, 1);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* ---- Permissions ---- */

static int permission_as(u32 uid, u32 gid, u32 mode, unsigned may)
{
	struct cred c = {.refs = 1, .fsuid = uid, .fsgid = gid, .ngroups = 1, .groups = {30}};
	struct inode inode = {.mode = mode, .uid = 10, .gid = 20};
	struct cred *old = current->cred;

	current->cred = &c;
	int result = inode_permission(&inode, may);

	current->cred = old;
	return result;
}

KTEST(permission_classes_are_exclusive)
{
	setup_once();
	for (u32 bits = 0; bits < 8; bits++)
		for (u32 may = 0; may < 8; may++) {
			int expected = (may & ~bits) ? -EACCES : 0;

			/* the owner's bits count for the owner, even when others may do more */
			KT_EQ(permission_as(10, 20, S_IFREG | bits << 6 | 077, may), expected);
			KT_EQ(permission_as(11, 20, S_IFREG | 0700 | bits << 3 | 07, may),
				expected);
			KT_EQ(permission_as(11, 21, S_IFREG | 0770 | bits, may), expected);
		}
}

KTEST(permission_root_and_groups)
{
	setup_once();
	KT_EQ(permission_as(0, 0, S_IFREG, MAY_READ | MAY_WRITE), 0);
	KT_EQ(permission_as(0, 0, S_IFREG, MAY_EXEC), -EACCES);
	KT_EQ(permission_as(0, 0, S_IFREG | 0001, MAY_EXEC), 0);
	KT_EQ(permission_as(0, 0, S_IFDIR, MAY_EXEC), 0);

	struct cred c = {.fsuid = 11, .fsgid = 21, .ngroups = 2, .groups = {5, 20}};

	KT_CHECK(cred_in_group(&c, 20) && cred_in_group(&c, 21) && !cred_in_group(&c, 10));
}

KTEST(permission_sticky_directories)
{
	struct cred c = {.refs = 1, .fsuid = 11};
	struct inode dir = {.mode = S_IFDIR | S_ISVTX | 0777, .uid = 1}, victim = {.uid = 2};
	struct cred *old = current->cred;

	setup_once();
	current->cred = &c;
	int others = inode_may_delete(&dir, &victim);

	victim.uid = 11;
	int own = inode_may_delete(&dir, &victim);

	victim.uid = 2;
	dir.uid = 11;
	int own_dir = inode_may_delete(&dir, &victim);

	current->cred = old;
	KT_EQ(others, -EPERM);
	KT_EQ(own, 0);
	KT_EQ(own_dir, 0);
}
