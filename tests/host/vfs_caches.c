/*
 * The page tree, and the page cache over a block device that fails and answers late, under AddressSanitizer.
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
#include "tests/host/slab_count.h"

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
