/*
 * Program memory: address slots and what is mapped in them.
 *
 * A slot is USER_SLOT_SIZE of address space, one top-level page-table entry:
 *
 *	base + IMAGE_OFFSET	the image, then the heap (brk), growing up
 *	mmap_top		mappings, from the top down
 *
 * Everything is populated when it is mapped, so program memory never faults and a copy to or from it
 * never sleeps. A region is a run of pages with one protection; the pages themselves are found through
 * the page tables. Every mapped page has one reference of the mapping's own, kernel pages shown to a
 * program (rings) as well.
 *
 * PROT_NONE regions have no pages in the page tables. Pages that were there before wait in the region's
 * `hidden` list, with their address in page->index, and come back with the next mprotect.
 *
 * Freeing: unmap, flush the TLBs of all CPUs, then put the pages.
 *
 * Locking: process->memory_lock (mutex) guards regions and brk; slots_lock the slot bitmap.
 *
 * Limits: regions are a sorted list, linear in their number.
 */
#include "abi/errno.h"
#include "kernel/faults.h"
#include "kernel/panic.h"
#include "kernel/process_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define NR_SLOTS     (USER_TOP / USER_SLOT_SIZE)
#define IMAGE_OFFSET 0x10000000ull /* 256 MiB: a small offset from a NULL base still faults */

struct region {
	struct list_head node; /* process->regions, by address */
	u64 start, end;
	unsigned prot;
	struct list_head hidden; /* pages of a PROT_NONE region that had contents */
};

static struct spinlock slots_lock = SPINLOCK_INIT(RANK_VMAP);
static u64 slots_used[NR_SLOTS / 64] = {1}; /* slot 0 holds address 0 and stays empty */

/* ---- Slots ---- */

static u32 slot_take(void)
{
	u32 slot = 0;

	spin_lock(&slots_lock);
	for (u32 i = 0; i < NR_SLOTS && !slot; i++)
		if (!(slots_used[i / 64] >> i % 64 & 1))
			slot = i;
	if (slot)
		slots_used[slot / 64] |= 1ull << slot % 64;
	spin_unlock(&slots_lock);
	return slot;
}

static void slot_give(u32 slot)
{
	spin_lock(&slots_lock);
	slots_used[slot / 64] &= ~(1ull << slot % 64);
	spin_unlock(&slots_lock);
}

int memory_init(struct process *p)
{
	u64 base;

	mutex_init(&p->memory_lock, RANK_ADDRESS_SPACE);
	list_init(&p->regions);
	p->slot = slot_take();
	if (!p->slot)
		return -ENOMEM;
	base = p->slot * USER_SLOT_SIZE;
	p->image_base = base + IMAGE_OFFSET;
	p->image_end = p->brk_start = p->brk_end = p->brk_mapped = p->image_base;
	p->mmap_top = base + USER_SLOT_SIZE - PAGE_SIZE;
	return 0;
}

/* ---- Pages ---- */

static unsigned arch_flags(unsigned prot)
{
	return (prot & PROT_WRITE ? ARCH_MAP_WRITE : 0) | (prot & PROT_EXEC ? ARCH_MAP_EXEC : 0);
}

/* Unmap whatever pages lie in [start, end) and chain them behind *chain. */
static void unmap_pages(struct process *p, u64 start, u64 end, struct page **chain)
{
	for (u64 at = start; at < end; at += PAGE_SIZE) {
		u64 phys = arch_unmap_page(at);
		struct page *page;

		if (phys == ~0ull)
			continue;
		page = page_of_phys(phys);
		/* A shared page may be mapped twice: its chain link must not live in it. */
		if (READ_ONCE(page->refs) > 1) {
			arch_tlb_flush(at, at + PAGE_SIZE);
			page_put(page);
		} else {
			page->private_data = *chain;
			*chain = page;
		}
		p->mapped_pages--;
	}
}

static void put_chain(struct page *chain)
{
	while (chain) {
		struct page *page = chain;

		chain = page->private_data;
		page_put(page);
	}
}

static void unmap_and_free(struct process *p, u64 start, u64 end)
{
	struct page *chain = NULL;
	u64 before = p->mapped_pages;

	unmap_pages(p, start, end, &chain);
	arch_tlb_flush(start, end);
	put_chain(chain);
	page_account(PAGE_ACCOUNT_PROGRAM, (s64)p->mapped_pages - (s64)before);
}

/* Map zeroed pages where none are. Nothing is left behind on failure. */
static int populate(struct process *p, u64 start, u64 end, unsigned prot)
{
	u64 at;

	for (at = start; at < end; at += PAGE_SIZE) {
		struct page *page = page_alloc_zeroed(0, ALLOC_WAIT);

		if (!page)
			break;
		if (fault_hits(FAULT_ALLOC) ||
			arch_map_page(at, page_phys(page), arch_flags(prot))) {
			page_put(page);
			break;
		}
		p->mapped_pages++;
	}
	page_account(PAGE_ACCOUNT_PROGRAM, (s64)((at - start) >> PAGE_SHIFT));
	if (at == end)
		return 0;
	unmap_and_free(p, start, at);
	return -ENOMEM;
}

/* ---- Regions; memory_lock held ---- */

static struct region *region_make(u64 start, u64 end, unsigned prot)
{
	struct region *r = kmalloc(sizeof(*r), ALLOC_WAIT);

	if (r) {
		*r = (struct region){.start = start, .end = end, .prot = prot};
		list_init(&r->hidden);
	}
	return r;
}

static void region_insert(struct process *p, struct region *r)
{
	struct list_head *after = p->regions.prev;

	while (after != &p->regions && list_entry(after, struct region, node)->start > r->start)
		after = after->prev;
	list_add(&r->node, after);
}

/* Make `at` a border: the region across it becomes two. 0 or -ENOMEM. */
static int split_at(struct process *p, u64 at)
{
	struct region *r, *upper;
	struct page *page, *next;

	list_for_each_entry (r, &p->regions, node)
		if (r->start < at && at < r->end)
			break;
	if (&r->node == &p->regions)
		return 0;
	upper = region_make(at, r->end, r->prot);
	if (!upper)
		return -ENOMEM;
	r->end = at;
	list_add(&upper->node, &r->node);
	list_for_each_entry_safe (page, next, &r->hidden, lru)
		if (page->index >= at)
			list_move_tail(&page->lru, &upper->hidden);
	return 0;
}

static void hidden_free(struct process *p, struct region *r)
{
	while (!list_empty(&r->hidden)) {
		struct page *page = list_first_entry(&r->hidden, struct page, lru);

		list_del(&page->lru);
		page_put(page);
		p->mapped_pages--;
		page_account(PAGE_ACCOUNT_PROGRAM, -1);
	}
}

static int unmap_range(struct process *p, u64 start, u64 end)
{
	struct region *r, *next;
	int err = split_at(p, start);

	if (!err)
		err = split_at(p, end);
	if (err)
		return err;
	list_for_each_entry_safe (r, next, &p->regions, node) {
		if (r->start < start || r->end > end)
			continue;
		hidden_free(p, r);
		if (r->prot)
			unmap_and_free(p, r->start, r->end);
		list_del(&r->node);
		kfree(r);
	}
	return 0;
}

static bool range_free(struct process *p, u64 start, u64 end)
{
	struct region *r;

	list_for_each_entry (r, &p->regions, node)
		if (r->start < end && start < r->end)
			return false;
	return true;
}

/* The highest gap of that size between the heap and mmap_top; 0 when there is none. */
static u64 find_gap(struct process *p, u64 size)
{
	u64 top = p->mmap_top;
	struct list_head *node;

	for (node = p->regions.prev; node != &p->regions; node = node->prev) {
		struct region *r = list_entry(node, struct region, node);

		if (r->end <= top && top - r->end >= size)
			break;
		top = MIN(top, r->start);
	}
	/* Room for the heap to grow stays free. */
	return top > p->brk_end && top - p->brk_end >= size + USER_SLOT_SIZE / 4 ? top - size : 0;
}

int memory_map_zeroed(struct process *p, u64 start, u64 end, unsigned prot)
{
	struct region *r;
	struct page_stats stats;
	int err;

	page_get_stats(&stats);
	if (prot && (end - start) >> PAGE_SHIFT > stats.total)
		return -ENOMEM;
	r = region_make(start, end, prot);
	if (!r)
		return -ENOMEM;
	err = prot ? populate(p, start, end, prot) : 0;
	if (err) {
		kfree(r);
		return err;
	}
	region_insert(p, r);
	return 0;
}

/* ---- Changing protection ---- */

/* Take the pages of r out of the page tables and keep them. */
static void hide(struct region *r)
{
	for (u64 at = r->start; at < r->end; at += PAGE_SIZE) {
		u64 phys = arch_unmap_page(at);
		struct page *page;

		if (phys == ~0ull)
			continue;
		page = page_of_phys(phys);
		page->index = at;
		list_add_tail(&page->lru, &r->hidden);
	}
}

/* Give a PROT_NONE region its pages: the hidden ones, zeroed ones elsewhere. */
static int reveal(struct process *p, struct region *r, unsigned prot)
{
	while (!list_empty(&r->hidden)) {
		struct page *page = list_first_entry(&r->hidden, struct page, lru);

		if (fault_hits(FAULT_ALLOC) ||
			arch_map_page(page->index, page_phys(page), arch_flags(prot)))
			return -ENOMEM;
		list_del(&page->lru);
	}
	for (u64 at = r->start; at < r->end; at += PAGE_SIZE) {
		int err = arch_lookup_page(at) == ~0ull ? populate(p, at, at + PAGE_SIZE, prot) : 0;

		if (err)
			return err;
	}
	return 0;
}

static int protect_region(struct process *p, struct region *r, unsigned prot)
{
	int err = 0;

	if (r->prot == prot)
		return 0;
	if (!prot) {
		hide(r);
	} else if (!r->prot) {
		err = reveal(p, r, prot);
		if (err)
			hide(r);
	} else {
		for (u64 at = r->start; at < r->end; at += PAGE_SIZE)
			arch_protect_page(at, arch_flags(prot));
	}
	if (!err)
		r->prot = prot;
	return err;
}

/* -ENOMEM also when something in the range is not mapped. */
int memory_protect(struct process *p, u64 start, u64 end, unsigned prot)
{
	struct region *r;
	u64 covered = start;
	int err = split_at(p, start);

	if (!err)
		err = split_at(p, end);
	if (err)
		return err;
	list_for_each_entry (r, &p->regions, node) {
		if (r->end <= start || r->start >= end)
			continue;
		if (r->start != covered)
			break;
		err = protect_region(p, r, prot);
		if (err)
			break;
		covered = r->end;
	}
	/* Also for the part that was done before an error. */
	arch_tlb_flush(start, end);
	return err ? err : covered == end ? 0 : -ENOMEM;
}

void memory_write(struct process *p, u64 address, const void *src, size_t len)
{
	(void)p;
	while (len) {
		size_t n = MIN(len, PAGE_SIZE - address % PAGE_SIZE);
		u64 phys = arch_lookup_page(address & PAGE_MASK);

		assert(phys != ~0ull);
		memcpy((char *)arch_phys_to_virt(phys & PAGE_MASK) + address % PAGE_SIZE, src, n);
		address += n;
		src = (const char *)src + n;
		len -= n;
	}
}

void memory_release(struct process *p)
{
	u64 base = p->slot * USER_SLOT_SIZE;

	mutex_lock(&p->memory_lock);
	while (!list_empty(&p->regions)) {
		struct region *r = list_first_entry(&p->regions, struct region, node);

		hidden_free(p, r);
		if (r->prot)
			unmap_and_free(p, r->start, r->end);
		list_del(&r->node);
		kfree(r);
	}
	mutex_unlock(&p->memory_lock);
	assert(p->mapped_pages == 0);
	arch_slot_release(p->slot);
	arch_tlb_flush(base, base + USER_SLOT_SIZE);
	slot_give(p->slot);
}

/* ---- What system calls and rings use ---- */

static bool in_slot(const struct process *p, u64 start, u64 length)
{
	u64 base = p->slot * USER_SLOT_SIZE;

	return start >= base && length <= USER_SLOT_SIZE && start - base <= USER_SLOT_SIZE - length;
}

s64 memory_mmap(struct process *p, u64 address, u64 length, unsigned prot, unsigned flags)
{
	s64 ret;

	if (length == 0 || length > USER_SLOT_SIZE / 2)
		return length ? -ENOMEM : -EINVAL;
	length = ALIGN_UP(length, PAGE_SIZE);
	mutex_lock(&p->memory_lock);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		ret = -EINVAL;
		if (address % PAGE_SIZE || !in_slot(p, address, length))
			goto out;
		ret = -EEXIST;
		if ((flags & MAP_FIXED_NOREPLACE) && !range_free(p, address, address + length))
			goto out;
		ret = unmap_range(p, address, address + length);
		if (ret)
			goto out;
	} else {
		ret = -ENOMEM;
		address = find_gap(p, length);
		if (!address)
			goto out;
	}
	ret = memory_map_zeroed(p, address, address + length, prot);
	if (!ret)
		ret = (s64)address;
out:
	mutex_unlock(&p->memory_lock);
	return ret;
}

int memory_mprotect(struct process *p, u64 address, u64 length, unsigned prot)
{
	int err;

	length = ALIGN_UP(length, PAGE_SIZE);
	if (address % PAGE_SIZE || !in_slot(p, address, length))
		return address % PAGE_SIZE ? -EINVAL : -ENOMEM;
	if (!length)
		return 0;
	mutex_lock(&p->memory_lock);
	err = memory_protect(p, address, address + length, prot);
	mutex_unlock(&p->memory_lock);
	return err;
}

int process_unmap(struct process *p, u64 address, size_t length)
{
	int err;

	if (address % PAGE_SIZE || !length || length > USER_SLOT_SIZE)
		return -EINVAL;
	length = ALIGN_UP(length, PAGE_SIZE);
	if (!in_slot(p, address, length))
		return -EINVAL;
	mutex_lock(&p->memory_lock);
	err = unmap_range(p, address, address + length);
	mutex_unlock(&p->memory_lock);
	return err;
}

s64 process_map_pages(struct process *p, struct page **pages, size_t npages)
{
	struct region *r;
	u64 start = 0;
	size_t done = 0;

	if (npages == 0 || npages > USER_SLOT_SIZE / 2 / PAGE_SIZE)
		return -EINVAL;
	mutex_lock(&p->memory_lock);
	r = region_make(0, 0, PROT_READ | PROT_WRITE);
	if (r)
		start = find_gap(p, npages * PAGE_SIZE);
	for (; start && done < npages; done++) {
		page_get(pages[done]);
		if (fault_hits(FAULT_ALLOC) || arch_map_page(start + done * PAGE_SIZE,
						       page_phys(pages[done]), ARCH_MAP_WRITE)) {
			page_put(pages[done]);
			break;
		}
		p->mapped_pages++;
	}
	page_account(PAGE_ACCOUNT_PROGRAM, (s64)done);
	if (start && done == npages) {
		r->start = start;
		r->end = start + npages * PAGE_SIZE;
		region_insert(p, r);
	} else {
		unmap_and_free(p, start, start + done * PAGE_SIZE);
		kfree(r);
		start = 0;
	}
	mutex_unlock(&p->memory_lock);
	return start ? (s64)start : -ENOMEM;
}

/* Returns the new end of the heap, or the old one when it cannot move (brk never says why). */
u64 memory_brk(struct process *p, u64 end)
{
	u64 mapped, ret;

	mutex_lock(&p->memory_lock);
	ret = p->brk_end;
	if (end < p->brk_start || end - p->brk_start > USER_SLOT_SIZE / 8)
		goto out;
	mapped = ALIGN_UP(end, PAGE_SIZE);
	if (mapped > p->brk_mapped) {
		if (!range_free(p, p->brk_mapped, mapped) ||
			memory_map_zeroed(p, p->brk_mapped, mapped, PROT_READ | PROT_WRITE))
			goto out;
	} else if (mapped < p->brk_mapped && unmap_range(p, mapped, p->brk_mapped)) {
		goto out;
	}
	p->brk_mapped = mapped;
	ret = p->brk_end = end;
out:
	mutex_unlock(&p->memory_lock);
	return ret;
}
