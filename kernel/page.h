/*
 * Physical pages: a buddy allocator with per-CPU lists of single pages. Every page frame has a
 * struct page; the direct map gives its address. Allocation never panics.
 */
#pragma once

#include "kernel/list.h"

/* Whether an allocation may sleep: to reclaim, or for anything else. */
enum alloc_mode {
	ALLOC_NOWAIT, /* never sleeps; inside a nonblocking attempt a failure becomes -EAGAIN */
	ALLOC_WAIT,   /* may reclaim and sleep */
};

struct mapping;

/* page->flags (atomic_fetch_or / and once the page is shared) */
#define PAGE_UPTODATE  0x01u /* contents valid */
#define PAGE_LOADING   0x02u /* a read is under way; waiters sleep on page_wait */
#define PAGE_ERROR     0x04u /* the last read failed with page->error */
#define PAGE_ACCESSED  0x08u /* used since the LRU last looked */
#define PAGE_FREE      0x10u /* inside the buddy allocator */
#define PAGE_SLAB      0x20u
#define PAGE_RESERVED  0x40u
#define PAGE_READAHEAD 0x80u /* reading this one starts the next window */

struct page {
	u32 flags;
	u32 refs;		 /* atomic; 0 = free or being freed */
	struct mapping *mapping; /* page cache: which; guarded by mapping->lock */
	u64 index;		 /* page cache: offset in pages; stable while referenced */
	struct list_head lru;	 /* LRU, buddy list or slab list: the owner's lock */
	void *private_data;
	u16 order;
	u16 error; /* errno of a failed read */
	u32 slab_info;
	u64 owner_data; /* slab: the slab's head; block device: what has been verified */
};
static_assert(sizeof(struct page) == 64, "one cache line a page frame");

/* 2^order contiguous pages, contents undefined, refs 1. NULL when short of memory. */
struct page *page_alloc(unsigned order, enum alloc_mode mode);
struct page *page_alloc_zeroed(unsigned order, enum alloc_mode mode);
/* Drop a reference; the last one frees. */
void page_put(struct page *p);
static inline void page_get(struct page *p)
{
	atomic_add(&p->refs, 1u);
}

void *page_address(const struct page *p);
u64 page_phys(const struct page *p);
struct page *page_of_address(const void *direct_map_address);
struct page *page_of_phys(u64 phys);

/* Give a physical range to the allocator at boot. */
void page_add_range(u64 phys_start, u64 phys_end);
void page_init(void);

struct page_stats {
	u64 total, free, slab, page_cache, kernel_stacks, program, tables;
};
void page_get_stats(struct page_stats *out);
/* Accounting for /proc/meminfo: who uses how many pages. */
enum page_account {
	PAGE_ACCOUNT_CACHE,
	PAGE_ACCOUNT_STACK,
	PAGE_ACCOUNT_PROGRAM,
	PAGE_ACCOUNT_TABLES, /* page tables; the kernel's own stay when what they map has gone */
	PAGE_ACCOUNT_MAX
};
void page_account(enum page_account what, s64 pages);
