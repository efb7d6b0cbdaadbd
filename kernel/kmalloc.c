/*
 * Memory of odd sizes: kmalloc from a row of slab caches (larger requests from whole pages), and
 * vzalloc and varray_grow for large ranges that need not be physically contiguous.
 *
 * kfree finds out which it was from the struct page of the address: PAGE_SLAB pages name their cache.
 *
 * Locking: vmap ranges are found again by address in a list under vmap_lock (RANK_VMAP).
 */
#include "abi/errno.h"
#include "kernel/faults.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"

static const u16 class_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048};
static const char *const class_names[] = {"kmalloc-16", "kmalloc-32", "kmalloc-48", "kmalloc-64",
	"kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256", "kmalloc-384", "kmalloc-512",
	"kmalloc-768", "kmalloc-1024", "kmalloc-2048"};
#define NR_CLASSES ARRAY_SIZE(class_sizes)
#define CLASS_MAX  2048

static struct slab_cache *classes[NR_CLASSES];
static u8 class_of_16[CLASS_MAX / 16 + 1]; /* size in units of 16, rounded up -> class */

struct vrange {
	struct list_head node; /* ranges; guarded by vmap_lock */
	u64 start;
	size_t size;
};

static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_VMAP);
static LIST_HEAD(ranges); /* guarded by vmap_lock */

void slab_init(void)
{
	unsigned class = 0;

	static_assert(ARRAY_SIZE(class_names) == NR_CLASSES, "one name a class");
	for (unsigned i = 0; i < NR_CLASSES; i++) {
		size_t align = class_sizes[i] & (class_sizes[i] - 1) ? 16 : MIN(class_sizes[i], 64);

		classes[i] = slab_cache_create(class_names[i], class_sizes[i], align, 0, NULL);
		if (!classes[i])
			panic("no memory for the kmalloc caches");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(class_of_16); i++) {
		if (i * 16 > class_sizes[class])
			class ++;
		class_of_16[i] = (u8) class;
	}
}

void *kmalloc(size_t size, enum alloc_mode mode)
{
	unsigned order = 0;
	struct page *p;

	if (likely(size <= CLASS_MAX))
		return slab_alloc(classes[class_of_16[(size + 15) / 16]], mode);
	while (order <= 10 && (PAGE_SIZE << order) < size)
		order++;
	p = page_alloc(order, mode);
	return p ? page_address(p) : NULL;
}

void *kzalloc(size_t size, enum alloc_mode mode)
{
	void *p = kmalloc(size, mode);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *ptr)
{
	struct page *p;

	if (!ptr)
		return;
	p = page_of_address(ptr);
	if (p->flags & PAGE_SLAB)
		slab_free(p->private_data, ptr);
	else
		page_put(p);
}

/*
 * Unmap [start, start + size) and free its pages, but only after every CPU has forgotten the
 * translations.
 */
static void range_unmap(u64 start, size_t size)
{
	struct page *first = NULL;

	for (size_t done = 0; done < size; done += PAGE_SIZE) {
		struct page *p = page_of_phys(arch_unmap_page(start + done));

		p->private_data = first;
		first = p;
	}
	arch_tlb_flush(start, start + size);
	while (first) {
		struct page *p = first;

		first = p->private_data;
		page_put(p);
	}
}

/* A zeroed page at virt. 0 or -ENOMEM. */
static int range_map_page(u64 virt, enum alloc_mode mode)
{
	struct page *p = page_alloc_zeroed(0, mode);

	if (!p)
		return -ENOMEM;
	if (!fault_hits(FAULT_ALLOC) && arch_map_page(virt, page_phys(p), ARCH_MAP_WRITE) == 0)
		return 0;
	page_put(p);
	return -ENOMEM;
}

void *vzalloc(size_t size)
{
	struct vrange *r;
	size_t done;

	might_sleep();
	size = ALIGN_UP(size, PAGE_SIZE);
	r = kmalloc(sizeof(*r), ALLOC_WAIT);
	if (!r)
		return NULL;
	r->size = size;
	r->start = fault_hits(FAULT_ALLOC) ? 0 : arch_vmap_reserve(size);
	if (!r->start)
		goto fail;
	for (done = 0; done < size; done += PAGE_SIZE)
		if (range_map_page(r->start + done, ALLOC_WAIT) != 0)
			goto fail_unmap;
	spin_lock(&vmap_lock);
	list_add(&r->node, &ranges);
	spin_unlock(&vmap_lock);
	return (void *)r->start;
fail_unmap:
	range_unmap(r->start, done);
	arch_vmap_release(r->start, size);
fail:
	kfree(r);
	return NULL;
}

void vfree(void *ptr)
{
	struct vrange *r;

	if (!ptr)
		return;
	might_sleep();
	spin_lock(&vmap_lock);
	list_for_each_entry (r, &ranges, node)
		if (r->start == (u64)ptr)
			break;
	assert(&r->node != &ranges);
	list_del(&r->node);
	spin_unlock(&vmap_lock);
	range_unmap(r->start, r->size);
	arch_vmap_release(r->start, r->size);
	kfree(r);
}

int varray_init(struct varray *a, size_t most)
{
	a->most = ALIGN_UP(most, PAGE_SIZE);
	a->size = 0;
	a->start = fault_hits(FAULT_ALLOC) ? NULL : (void *)arch_vmap_reserve(a->most);
	return a->start ? 0 : -ENOMEM;
}

int varray_grow(struct varray *a, size_t size)
{
	assert(size <= a->most);
	while (a->size < size) {
		int error = range_map_page((u64)a->start + a->size, ALLOC_NOWAIT);

		if (error)
			return error;
		a->size += PAGE_SIZE;
	}
	return 0;
}

void varray_shrink(struct varray *a, size_t size)
{
	size = ALIGN_UP(size, PAGE_SIZE);
	if (size >= a->size)
		return;
	range_unmap((u64)a->start + size, a->size - size);
	a->size = size;
}

void varray_destroy(struct varray *a)
{
	varray_shrink(a, 0);
	arch_vmap_release((u64)a->start, a->most);
}
