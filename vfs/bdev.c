/*
 * The page cache of a raw block device: where file systems read their metadata.
 *
 * The mapping of a device is made at its first use and kept for good, as block devices are. Its pages
 * are page cache like any other: dropping inodes and dentries (drop_caches 2) keeps them.
 *
 * A run of missing pages becomes one block request with one segment a page. The last page of a device
 * whose size is no multiple of the page size is read as far as it goes and zeroed behind.
 *
 * Locking: none of its own; see pagecache.c.
 */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/pagecache.h"

static struct slab_cache *mapping_cache; /* one object a device, for good */

#define PAGE_SECTORS (PAGE_SIZE / BLOCK_SECTOR_SIZE)

struct bdev_read {
	struct block_request rq;
	struct block_segment segments[];
};

/* Context: interrupt. */
static void bdev_read_done(struct block_request *rq, int status)
{
	struct bdev_read *read = container_of(rq, struct bdev_read, rq);

	for (unsigned i = 0; i < rq->nr_segments; i++)
		page_load_end(rq->segments[i].page, status);
	kfree(read);
}

static void fail_pages(struct page **pages, unsigned n, int error)
{
	for (unsigned i = 0; i < n; i++)
		page_load_end(pages[i], error);
}

static void bdev_read_pages(struct mapping *m, struct page **pages, unsigned n)
{
	struct block_device *dev = m->private_data;
	struct bdev_read *read =
		kmalloc(sizeof(*read) + n * sizeof(struct block_segment), ALLOC_WAIT);

	if (!read) {
		fail_pages(pages, n, -ENOMEM);
		return;
	}
	memset(&read->rq, 0, sizeof(read->rq));
	for (unsigned i = 0; i < n; i++) {
		/* Readers stay below the limit they give, which is rounded up from the device's size. */
		u64 left = dev->sectors - pages[i]->index * PAGE_SECTORS;
		u32 length = (u32)MIN(left, PAGE_SECTORS) * BLOCK_SECTOR_SIZE;

		if (length < PAGE_SIZE)
			memset((char *)page_address(pages[i]) + length, 0, PAGE_SIZE - length);
		read->segments[i] = (struct block_segment){.page = pages[i], .length = length};
	}
	read->rq.op = BLOCK_READ;
	read->rq.nr_segments = n;
	read->rq.sector = pages[0]->index * PAGE_SECTORS;
	read->rq.dev = dev;
	read->rq.segments = read->segments;
	read->rq.done = bdev_read_done;
	block_submit(&read->rq);
}

static const struct mapping_ops bdev_mapping_ops = {.read_pages = bdev_read_pages};

/* Pages the device has, the partial last one included. */
static u64 bdev_pages(const struct block_device *dev)
{
	return DIV_ROUND_UP(dev->sectors, PAGE_SECTORS);
}

void bdev_init(void)
{
	mapping_cache = slab_cache_create("device mapping", sizeof(struct mapping), 0, 0, NULL);
	if (!mapping_cache)
		panic("no memory for the devices' page caches");
}

struct mapping *bdev_mapping(struct block_device *dev)
{
	void *existing = load_acquire(&dev->mapping_private);

	if (existing)
		return existing;
	struct mapping *m = slab_zalloc(mapping_cache, ALLOC_WAIT);

	if (!m)
		return ERR_PTR(-ENOMEM);
	mapping_init(m, NULL, &bdev_mapping_ops);
	m->private_data = dev;
	if (atomic_cas(&dev->mapping_private, &existing, (void *)m))
		return m;
	slab_free(mapping_cache, m);
	return existing;
}

/* Where block nr lies: page index and offset. False when any of it is beyond the device. */
static bool block_place(const struct block_device *dev, u64 nr, u32 size, u64 *index, u32 *offset)
{
	u64 per_device = dev->sectors / (size / BLOCK_SECTOR_SIZE);

	if (nr >= per_device)
		return false;
	*index = nr / (PAGE_SIZE / size);
	*offset = (u32)(nr % (PAGE_SIZE / size)) * size;
	return true;
}

int bdev_read_block(struct block_device *dev, u64 nr, u32 size, struct page **page, void **data)
{
	struct mapping *m = bdev_mapping(dev);
	u64 index;
	u32 offset;

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	if (!block_place(dev, nr, size, &index, &offset))
		return -EINVAL;
	struct page *p = page_cache_read(m, index, bdev_pages(dev), 1);

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	*page = p;
	*data = (char *)page_address(p) + offset;
	return 0;
}

void bdev_readahead(struct block_device *dev, u64 nr, u32 size, u32 count)
{
	struct mapping *m = bdev_mapping(dev);
	u64 first, last;
	u32 offset;

	if (IS_ERR(m) || count == 0 || !block_place(dev, nr, size, &first, &offset))
		return;
	if (!block_place(dev, nr + count - 1, size, &last, &offset))
		last = bdev_pages(dev) - 1;
	page_cache_readahead(m, first, bdev_pages(dev), (unsigned)MIN(last - first + 1, 1024ull));
}

/* ---- Verified checksums ---- */

static u64 verified_bit(const struct page *p, const void *data)
{
	size_t offset = (size_t)((const char *)data - (const char *)page_address(p));

	return 1ull << (offset / PAGE_VERIFIED_UNIT);
}
static_assert(PAGE_SIZE / PAGE_VERIFIED_UNIT <= 64, "a bit for every unit");

bool page_part_verified(const struct page *p, const void *data)
{
	return READ_ONCE(p->owner_data) & verified_bit(p, data);
}

void page_part_set_verified(struct page *p, const void *data)
{
	atomic_fetch_or(&p->owner_data, verified_bit(p, data));
}
