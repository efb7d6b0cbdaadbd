/*
 * The per-CPU half of the slab allocator, inline: for slab.c, and for the two or three caches whose
 * objects come and go with every open and close. How caches work: kernel/slab.c.
 */
#pragma once

#include "kernel/list.h"
#include "kernel/slab.h"
#include "kernel/spinlock.h"

/* A CPU's list of free objects is drained when it gets longer than this. */
#define SLAB_LOCAL_MAX 64

/* Free objects of one CPU, which alone touches them, with preemption disabled. */
struct slab_local {
	void *first; /* linked through the word at cache->link */
	u64 count;   /* others read it to sum up */
} __cacheline;

struct slab_cache {
	/* read by everyone, written once */
	u32 link;   /* offset of the free-list word in an object */
	u32 stride; /* bytes from object to object */
	u32 size;   /* what the caller may use */
	u32 flags;
	u32 order, per_slab;
	void (*ctor)(void *object);
	const char *name;
	/* guarded by lock */
	struct spinlock lock __cacheline;
	struct list_head partial; /* slabs with at least one free object */
	u64 outstanding;	  /* objects not in any slab's free list */
	u64 pages, empty_slabs;
	struct list_head node; /* all caches; guarded by caches_lock */
	struct slab_local local[MAX_CPUS];
};

/* The debug build's look at an object that goes out or comes back. */
#ifdef CONFIG_DEBUG
void slab_debug_alloc(struct slab_cache *c, void *object);
void slab_debug_free(struct slab_cache *c, void *object);
#else
static inline void slab_debug_alloc(struct slab_cache *c, void *object)
{
	(void)c, (void)object;
}
static inline void slab_debug_free(struct slab_cache *c, void *object)
{
	(void)c, (void)object;
}
#endif

static __always_inline void **slab_link_of(const struct slab_cache *c, void *object)
{
	return (void **)((char *)object + c->link);
}

/* slab_alloc from this CPU's list. NULL: it is empty. Context: preemption off, not in an interrupt. */
static __always_inline void *slab_take_local(struct slab_cache *c)
{
	struct slab_local *l = &c->local[this_cpu_id()];
	void *object = l->first;

	if (likely(object)) {
		l->first = *slab_link_of(c, object);
		WRITE_ONCE(l->count, l->count - 1);
		slab_debug_alloc(c, object);
	}
	return object;
}

/* slab_free to this CPU's list. False, nothing done: it is long enough. Context: the same. */
static __always_inline bool slab_give_local(struct slab_cache *c, void *object)
{
	struct slab_local *l = &c->local[this_cpu_id()];

	if (unlikely(l->count >= SLAB_LOCAL_MAX))
		return false;
	slab_debug_free(c, object);
	*slab_link_of(c, object) = l->first;
	l->first = object;
	WRITE_ONCE(l->count, l->count + 1);
	return true;
}
