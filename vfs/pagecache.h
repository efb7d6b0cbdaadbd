/*
 * The page cache: pages of a mapping (a file's data, or a whole block device for a file system's
 * metadata), found by offset in a radix tree that readers walk under RCU.
 *
 * A page in the tree is referenced by the tree. Readers take a reference with page_cache_get, which
 * re-checks that the page is still the one at that place (it may have been freed and reused).
 * PAGE_LOADING is the page's lock while its contents are read; it ends with page_load_end.
 *
 * Locking: mapping->lock for tree changes (RANK_MAPPING); the LRU lock is never taken inside it.
 */
#pragma once

#include "kernel/page.h"
#include "kernel/rcu.h"
#include "kernel/spinlock.h"

struct inode;
struct mapping;
struct block_device;

struct mapping_ops {
	/*
	 * Start reading n pages with consecutive indexes (n <= 32); each is in the tree, PAGE_LOADING,
	 * and kept by the tree until page_load_end. Every page gets exactly one page_load_end, now or
	 * later (from the interrupt). Bytes past the end of the file are zeroed. Context: may sleep (block
	 * mapping), but not for the data itself.
	 */
	void (*read_pages)(struct mapping *m, struct page **pages, unsigned n);
};

struct mapping {
	struct inode *host; /* NULL for a block device */
	const struct mapping_ops
		*ops; /* NULL: pages exist only in memory (tmpfs), never reclaimed */
	void *root;   /* radix tree; RCU; changes under lock */
	u32 height;   /* levels; under lock, read with the root */
	struct spinlock lock;
	u64 nr_pages; /* under lock */
	void *private_data;
};

void mapping_init(struct mapping *m, struct inode *host, const struct mapping_ops *ops);
/* Drop all pages from first on. Context: may sleep (waits for loading ones). */
void mapping_truncate(struct mapping *m, u64 first);

/* The page at index if it is there, referenced; NULL otherwise. It may still be loading.
 * Context: any but interrupt; never sleeps. */
struct page *page_cache_get(struct mapping *m, u64 index);
/*
 * The page at index, referenced and up to date, reading it (and ra_pages - 1 more after it, as far as
 * limit pages of the mapping exist) when needed. ERR_PTR: -EIO, -ENOMEM. Context: may sleep.
 */
struct page *page_cache_read(struct mapping *m, u64 index, u64 limit, unsigned ra_pages);
/* Start reading what is missing of n pages from index (as far as limit pages of the mapping exist) in
 * the background. Context: may sleep. */
void page_cache_readahead(struct mapping *m, u64 index, u64 limit, unsigned n);
/* The page at index, referenced, created zeroed and up to date when missing (memory-only mappings,
 * writes). ERR_PTR: -ENOMEM, -ENOSPC when files in memory have all they may. Context: may sleep. */
struct page *page_cache_create(struct mapping *m, u64 index);
/* Pages that all files in memory have, and how many they may. Context: any. */
void page_cache_memory_files(u64 *used, u64 *most);
/* The read of p is over: 0 or -errno. After it p may be gone. Context: any. */
void page_load_end(struct page *p, int error);
/* Sleep until p is not loading. 0 or the load's -errno. */
int page_wait(struct page *p);

/* ---- Metadata: blocks of a device through its mapping ---- */

void bdev_init(void);
/* The device's mapping, created at first use and kept. ERR_PTR(-ENOMEM). */
struct mapping *bdev_mapping(struct block_device *dev);
/*
 * Read block nr of size bytes (power of two, 512..4096) of dev. On success *data points into a
 * referenced page (page_put when done). 0, -EIO, -ENOMEM, -EINVAL beyond the device. May sleep.
 */
int bdev_read_block(struct block_device *dev, u64 nr, u32 size, struct page **page, void **data);
/* Start reading count blocks from nr in the background (inode table, directory readahead). */
void bdev_readahead(struct block_device *dev, u64 nr, u32 size, u32 count);
/*
 * Has the checksum of what begins at data been verified since the page was read? One bit for every
 * PAGE_VERIFIED_UNIT bytes, set atomically. Where structures of different kinds could begin at the same
 * place (on a damaged disk), each kind must have a unit of its own to stand for it.
 */
#define PAGE_VERIFIED_UNIT 64
bool page_part_verified(const struct page *p, const void *data);
void page_part_set_verified(struct page *p, const void *data);

struct page_cache_stats {
	u64 pages, hits, misses, readahead_pages, evicted;
};
void page_cache_get_stats(struct page_cache_stats *out);
void page_cache_init(void);
