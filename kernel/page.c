/*
 * Physical pages.
 *
 * A buddy allocator keeps free blocks of 2^order pages, order 0 to MAX_ORDER, on one list per order.
 * In front of it each CPU keeps a short list of single pages, refilled and drained in batches, so
 * that the common allocation takes no lock and writes no shared line.
 *
 *      page_alloc(0) ---> per-CPU list ---batch---> buddy lists (orders 0..10)
 *      page_alloc(n) -----------------------------> buddy lists
 *
 * The array of struct page covers physical memory from 0 to the highest usable frame; it is taken
 * from the first range large enough, before the rest is handed to the buddy lists.
 *
 * Watermarks: below `low` free pages the reclaim thread is woken; below `min` only ALLOC_NOWAIT
 * callers and the reclaim thread itself are served from the buddy lists, others reclaim first.
 *
 * Locking: `zone.lock` (RANK_PAGES, interrupts off) guards the buddy lists. A per-CPU list belongs
 * to its CPU with preemption disabled; interrupt handlers do not touch it and go to the buddy lists.
 *
 * Limits: holes in physical memory cost 1/64 of their size in struct pages.
 */
#include "kernel/page.h"
#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/panic.h"
#include "kernel/reclaim.h"
#include "kernel/reclaim_internal.h"
#include "kernel/sched.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"

#define MAX_ORDER   10
#define LOCAL_MAX   128
#define LOCAL_BATCH 32

struct local_pages {
	struct page *first; /* linked through lru.next */
	u32 count;
};

static struct {
	struct spinlock lock;
	struct list_head free[MAX_ORDER + 1]; /* guarded by lock */
	u64 free_pages;			      /* guarded by lock; read without for watermarks */
	u64 total_pages;
	u64 low, min;
} zone = {.lock = SPINLOCK_INIT(RANK_PAGES)};

static struct page *page_array;
static u64 page_array_frames;
static DEFINE_PERCPU(struct local_pages, local_pages);
static s64 accounts[PAGE_ACCOUNT_MAX]; /* atomic */
static u64 slab_pages;		       /* atomic */

/* ---- Frames and addresses ---- */

static inline u64 frame_of(const struct page *p)
{
	return (u64)(p - page_array);
}

void *page_address(const struct page *p)
{
	return arch_phys_to_virt(frame_of(p) << PAGE_SHIFT);
}

u64 page_phys(const struct page *p)
{
	return frame_of(p) << PAGE_SHIFT;
}

struct page *page_of_phys(u64 phys)
{
	debug_assert(phys >> PAGE_SHIFT < page_array_frames);
	return &page_array[phys >> PAGE_SHIFT];
}

struct page *page_of_address(const void *direct_map_address)
{
	return page_of_phys(arch_virt_to_phys(direct_map_address));
}

/* ---- Buddy lists; all with zone.lock held ---- */

static void block_insert(struct page *p, unsigned order)
{
	p->flags = PAGE_FREE;
	p->order = (u16)order;
	list_add(&p->lru, &zone.free[order]);
}

static void block_remove(struct page *p)
{
	list_del(&p->lru);
	p->flags = 0;
}

/* The block that would merge with this one, if it is free and of the same size. */
static struct page *free_buddy(struct page *p, unsigned order)
{
	u64 frame = frame_of(p) ^ (1ull << order);
	struct page *buddy;

	if (frame + (1ull << order) > page_array_frames)
		return NULL;
	buddy = &page_array[frame];
	/* Somebody's page: only PAGE_FREE is the lock's, and order with it. */
	return (READ_ONCE(buddy->flags) & PAGE_FREE) && READ_ONCE(buddy->order) == order ? buddy
											 : NULL;
}

static void buddy_free(struct page *p, unsigned order)
{
	struct page *buddy;

	WRITE_ONCE(zone.free_pages, zone.free_pages + (1ull << order));
	for (; order < MAX_ORDER && (buddy = free_buddy(p, order)); order++) {
		block_remove(buddy);
		if (buddy < p)
			p = buddy;
	}
	block_insert(p, order);
}

static struct page *buddy_alloc(unsigned order)
{
	unsigned found = order;
	struct page *p;

	while (found <= MAX_ORDER && list_empty(&zone.free[found]))
		found++;
	if (found > MAX_ORDER)
		return NULL;
	p = list_first_entry(&zone.free[found], struct page, lru);
	block_remove(p);
	while (found > order) {
		found--;
		block_insert(p + (1ull << found), found);
	}
	WRITE_ONCE(zone.free_pages, zone.free_pages - (1ull << order));
	p->order = (u16)order;
	return p;
}

/* ---- Per-CPU lists ---- */

/* Context: preemption disabled, not in an interrupt. */
static void local_refill(struct local_pages *l)
{
	u64 flags = spin_lock_irqsave(&zone.lock);

	while (l->count < LOCAL_BATCH) {
		struct page *p = buddy_alloc(0);

		if (!p)
			break;
		p->lru.next = (struct list_head *)l->first;
		l->first = p;
		WRITE_ONCE(l->count, l->count + 1);
	}
	spin_unlock_irqrestore(&zone.lock, flags);
}

static struct page *local_take(struct local_pages *l)
{
	struct page *p = l->first;

	if (p) {
		l->first = (struct page *)p->lru.next;
		WRITE_ONCE(l->count, l->count - 1);
	}
	return p;
}

/* Context: preemption disabled, not in an interrupt. */
static void local_drain(struct local_pages *l, u32 keep)
{
	u64 flags = spin_lock_irqsave(&zone.lock);

	while (l->count > keep)
		buddy_free(local_take(l), 0);
	spin_unlock_irqrestore(&zone.lock, flags);
}

void page_drain_local(void)
{
	preempt_disable();
	local_drain(this_cpu_ptr(&local_pages), 0);
	preempt_enable();
}

/* ---- Allocation ---- */

/* One attempt; may_dip: allowed below the `min` watermark. */
static struct page *try_alloc(unsigned order, bool may_dip)
{
	struct page *p = NULL;

	if (order == 0 && !in_interrupt()) {
		preempt_disable();
		struct local_pages *l = this_cpu_ptr(&local_pages);

		if (unlikely(!l->first) && (may_dip || READ_ONCE(zone.free_pages) > zone.min))
			local_refill(l);
		p = local_take(l);
		preempt_enable();
	} else if (may_dip || READ_ONCE(zone.free_pages) > zone.min + (1ull << order)) {
		u64 flags = spin_lock_irqsave(&zone.lock);

		p = buddy_alloc(order);
		spin_unlock_irqrestore(&zone.lock, flags);
	}
	if (unlikely(READ_ONCE(zone.free_pages) < zone.low))
		reclaim_wake();
	return p;
}

/* Reclaim until the allocation succeeds or reclaim has nothing more to give. */
static struct page *alloc_after_reclaim(unsigned order)
{
	struct page *p;

	for (int round = 0; round < 8; round++) {
		bool progress = reclaim_pages(MAX(64ull, 2ull << order));

		p = try_alloc(order, false);
		if (p)
			return p;
		if (!progress)
			break;
	}
	return try_alloc(order, true);
}

struct page *page_alloc_for_slab(unsigned order, enum alloc_mode mode)
{
	struct page *p;

	if (unlikely(order > MAX_ORDER))
		return NULL;
	if (mode == ALLOC_WAIT)
		might_sleep();
	p = try_alloc(order, mode == ALLOC_NOWAIT || reclaim_is_current());
	if (unlikely(!p) && mode == ALLOC_WAIT && !reclaim_is_current())
		p = alloc_after_reclaim(order);
	if (unlikely(!p))
		return NULL;
	WRITE_ONCE(p->flags, 0);
	p->mapping = NULL;
	p->private_data = NULL;
	p->error = 0;
	WRITE_ONCE(p->order, (u16)order);
	WRITE_ONCE(p->refs, 1);
	return p;
}

struct page *page_alloc(unsigned order, enum alloc_mode mode)
{
	if (mode == ALLOC_WAIT)
		might_sleep();
	return fault_hits(FAULT_ALLOC) ? NULL : page_alloc_for_slab(order, mode);
}

struct page *page_alloc_zeroed(unsigned order, enum alloc_mode mode)
{
	struct page *p = page_alloc(order, mode);

	if (p)
		memset(page_address(p), 0, PAGE_SIZE << order);
	return p;
}

static void page_free(struct page *p)
{
	unsigned order = p->order;

	if (order == 0 && !in_interrupt()) {
		preempt_disable();
		struct local_pages *l = this_cpu_ptr(&local_pages);

		p->lru.next = (struct list_head *)l->first;
		l->first = p;
		WRITE_ONCE(l->count, l->count + 1);
		if (unlikely(l->count > LOCAL_MAX))
			local_drain(l, LOCAL_MAX - LOCAL_BATCH);
		preempt_enable();
		return;
	}
	u64 flags = spin_lock_irqsave(&zone.lock);

	buddy_free(p, order);
	spin_unlock_irqrestore(&zone.lock, flags);
}

void page_put(struct page *p)
{
	debug_assert(
		READ_ONCE(p->refs) != 0 && !(READ_ONCE(p->flags) & (PAGE_FREE | PAGE_RESERVED)));
	if (atomic_sub_return(&p->refs, 1u) == 0)
		page_free(p);
}

/* ---- Boot ---- */

void page_add_range(u64 phys_start, u64 phys_end)
{
	u64 frame = ALIGN_UP(phys_start, PAGE_SIZE) >> PAGE_SHIFT;
	u64 end = MIN(phys_end >> PAGE_SHIFT, page_array_frames);

	if (frame == 0)
		frame = 1; /* physical address 0 stays an error value */
	if (frame >= end)
		return;
	u64 flags = spin_lock_irqsave(&zone.lock);

	zone.total_pages += end - frame;
	while (frame < end) {
		unsigned order = 0;

		while (order < MAX_ORDER && !(frame & (1ull << order)) &&
			frame + (2ull << order) <= end)
			order++;
		for (u64 i = 0; i < 1ull << order; i++)
			page_array[frame + i].flags = 0;
		buddy_free(&page_array[frame], order);
		frame += 1ull << order;
	}
	zone.min = zone.total_pages / 256 + 16;
	zone.low = zone.total_pages / 32 + 64;
	spin_unlock_irqrestore(&zone.lock, flags);
}

/* Where the array of struct page goes: the first range with room. Returns its physical address. */
static u64 place_page_array(u64 bytes)
{
	u64 start, end;

	for (unsigned i = 0; arch_memory_range(i, &start, &end); i++) {
		start = MAX(ALIGN_UP(start, PAGE_SIZE), (u64)PAGE_SIZE);
		if (start < end && end - start >= bytes)
			return start;
	}
	panic("no room for %llu bytes of page descriptors", (unsigned long long)bytes);
}

void page_init(void)
{
	u64 start, end, bytes, array;

	for (unsigned i = 0; i <= MAX_ORDER; i++)
		list_init(&zone.free[i]);
	for (unsigned i = 0; arch_memory_range(i, &start, &end); i++)
		page_array_frames = MAX(page_array_frames, end >> PAGE_SHIFT);
	bytes = ALIGN_UP(page_array_frames * sizeof(struct page), PAGE_SIZE);
	array = place_page_array(bytes);
	page_array = arch_phys_to_virt(array);
	memset(page_array, 0, bytes);
	for (u64 i = 0; i < page_array_frames; i++)
		page_array[i].flags = PAGE_RESERVED;

	for (unsigned i = 0; arch_memory_range(i, &start, &end); i++) {
		if (array >= start && array < end)
			start = array + bytes;
		page_add_range(start, end);
	}
}

/* ---- Accounting ---- */

bool page_below_low(void)
{
	return READ_ONCE(zone.free_pages) < zone.low + zone.low / 4;
}

void page_account(enum page_account what, s64 pages)
{
	atomic_add(&accounts[what], pages);
}

void page_account_slab(s64 pages)
{
	atomic_add(&slab_pages, (u64)pages);
}

void page_get_stats(struct page_stats *out)
{
	u64 local = 0;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		local += READ_ONCE(per_cpu(local_pages, cpu).count);
	out->total = zone.total_pages;
	out->free = READ_ONCE(zone.free_pages) + local;
	out->slab = READ_ONCE(slab_pages);
	out->page_cache = (u64)READ_ONCE(accounts[PAGE_ACCOUNT_CACHE]);
	out->kernel_stacks = (u64)READ_ONCE(accounts[PAGE_ACCOUNT_STACK]);
	out->program = (u64)READ_ONCE(accounts[PAGE_ACCOUNT_PROGRAM]);
	out->tables = (u64)READ_ONCE(accounts[PAGE_ACCOUNT_TABLES]);
}
