/*
 * Objects of one size, with per-CPU free lists. Debug builds add red zones and poison.
 * kmalloc serves odd sizes up to 64 KiB from a set of these caches, larger ones from pages.
 */
#pragma once

#include "kernel/page.h"

struct slab_cache;

/* Memory of a freed object stays an object of this cache until a grace period has passed: an RCU
 * reader may see it reused, never unmapped or of another type. */
#define SLAB_TYPESAFE_BY_RCU 0x1u

/*
 * align 0 means the natural one. ctor, when given, runs once for each object when its slab is made
 * (with SLAB_TYPESAFE_BY_RCU: locks and sequence counts survive reuse). name is not copied.
 */
struct slab_cache *slab_cache_create(
	const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *object));
/* NULL when short of memory. ALLOC_NOWAIT never sleeps. */
void *slab_alloc(struct slab_cache *c, enum alloc_mode mode);
void *slab_zalloc(struct slab_cache *c, enum alloc_mode mode);
void slab_free(struct slab_cache *c, void *object);
/* Objects in use right now; exact when nobody allocates (leak tests). */
u64 slab_in_use(const struct slab_cache *c);
/* Call fn for each cache: name, object size, objects in use, pages. May not sleep. */
void slab_for_each(
	void (*fn)(const char *name, size_t size, u64 in_use, u64 pages, void *arg), void *arg);

void *kmalloc(size_t size, enum alloc_mode mode);
void *kzalloc(size_t size, enum alloc_mode mode);
/* Also for NULL. */
void kfree(void *p);
/* Large, virtually contiguous, zeroed, page aligned (hash tables). Context: may sleep. */
void *vzalloc(size_t size);
void vfree(void *p);

/*
 * A large array that grows without moving: address space for the most it can ever be, zeroed memory for
 * what is in use. The owner sees to it that one at a time grows or shrinks it.
 */
struct varray {
	void *start; /* page aligned, constant */
	size_t most; /* bytes */
	size_t size; /* bytes there is memory for; whole pages */
};

/* Address space for `most` bytes, no memory yet. 0 or -ENOMEM. Never sleeps. */
int varray_init(struct varray *a, size_t most);
/* Memory for at least `size` bytes. 0 or -ENOMEM; what was got stays. Never sleeps. */
int varray_grow(struct varray *a, size_t size);
/* Give back what lies beyond `size`, rounded up to pages; nobody uses it. Context: may sleep. */
void varray_shrink(struct varray *a, size_t size);
/* Give back everything, the address space too. Context: may sleep. */
void varray_destroy(struct varray *a);
void slab_init(void);
