/*
 * Kernel address space that is handed out: device registers and ranges for vzalloc (kstack.c: stacks).
 *
 *   devices   a bump allocator; never released. Device registers are uncached, firmware tables are
 *             read-only.
 *   vmap      first fit in a list of used ranges, sorted; one unmapped guard page after each.
 *
 * Locking: vmap_lock (RANK_VMAP) guards the vmap list; the bump pointer is atomic. The lock is not held
 * while memory is allocated.
 */
#include "arch/x86_64/internal.h"
#include "abi/errno.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/spinlock.h"

#define VMAP_SIZE	(1ull << 43)
#define DEVICE_SIZE	(1ull << 43)
#define LARGE_PAGE_SIZE 0x200000ull

/* ---- Devices and firmware tables ---- */

static u64 device_next = DEVICE_BASE;

static void *map_fixed(u64 phys, size_t size, unsigned flags)
{
	u64 offset = phys & (LARGE_PAGE_SIZE - 1), first = ALIGN_DOWN(phys, PAGE_SIZE);
	u64 pages = ALIGN_UP(phys + size, PAGE_SIZE) - first, base, span;

	if (size == 0 || phys + size < phys || pages > DEVICE_SIZE)
		return NULL;
	/* The same offset in a large page as the physical address, so that large pages fit. */
	span = ALIGN_UP(offset + size, LARGE_PAGE_SIZE);
	base = atomic_fetch_add(&device_next, span);
	if (base + span > DEVICE_BASE + DEVICE_SIZE)
		return NULL;
	if (paging_map_range(base + ALIGN_DOWN(offset, PAGE_SIZE), first, pages, flags, true) < 0)
		return NULL;
	return (void *)(base + offset);
}

void *arch_map_device(u64 phys, size_t size)
{
	return map_fixed(phys, size, ARCH_MAP_WRITE | ARCH_MAP_UNCACHED);
}

const void *map_firmware(u64 phys, size_t size)
{
	return map_fixed(phys, size, 0);
}

/* ---- Ranges for vzalloc ---- */

struct vmap_range {
	u64 start, end; /* end is past the guard page */
	struct list_head node;
};

static struct list_head vmap_ranges = LIST_HEAD_INIT(vmap_ranges);
static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_VMAP);

u64 arch_vmap_reserve(size_t size)
{
	struct vmap_range *fresh, *r;
	u64 start = VMAP_BASE, flags;

	size = ALIGN_UP(size, PAGE_SIZE) + PAGE_SIZE;
	if (size > VMAP_SIZE)
		return 0;
	fresh = kmalloc(sizeof(*fresh), ALLOC_NOWAIT);
	if (!fresh)
		return 0;
	flags = spin_lock_irqsave(&vmap_lock);
	list_for_each_entry (r, &vmap_ranges, node) {
		if (r->start - start >= size)
			break;
		start = r->end;
	}
	if (start + size <= VMAP_BASE + VMAP_SIZE) {
		fresh->start = start;
		fresh->end = start + size;
		/* Before the range that ended the search, or at the tail: r's node is the head then. */
		list_add_tail(&fresh->node, &r->node);
	} else {
		start = 0;
	}
	spin_unlock_irqrestore(&vmap_lock, flags);
	if (!start)
		kfree(fresh);
	return start;
}

void arch_vmap_release(u64 virt, size_t size)
{
	struct vmap_range *r;
	u64 flags = spin_lock_irqsave(&vmap_lock);

	(void)size;
	list_for_each_entry (r, &vmap_ranges, node)
		if (r->start == virt) {
			list_del(&r->node);
			break;
		}
	assert(&r->node != &vmap_ranges);
	spin_unlock_irqrestore(&vmap_lock, flags);
	kfree(r);
}
