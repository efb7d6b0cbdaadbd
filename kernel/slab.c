/*
 * Objects of one size.
 *
 * A cache takes runs of pages ("slabs") from the page allocator and cuts them into objects. Each CPU
 * has a list of free objects of its own; the common alloc and free take the head of that list with
 * preemption disabled: no lock, no atomic, no shared line. A list is refilled from and drained to
 * the slabs in batches.
 *
 *	slab_alloc -> this CPU's list -> (empty) partial slabs -> (none) a new slab
 *	slab_free  -> this CPU's list -> (long)  its slab -> (slab all free) the page allocator
 *
 * An object:      [ size bytes ][ red zone ][ link ]      the link word is inside the object when
 *                                                         nobody may see it change (see below)
 * A slab's head struct page: private_data its cache, slab_info objects handed out, index the first
 * free object, lru the cache's partial list. Every page of a slab has `owner_data` set to the head.
 *
 * Free objects are linked through a word at cache->link: the first word of the object, or a word
 * behind it for caches with a constructor, SLAB_TYPESAFE_BY_RCU, or the debug build's poison, whose
 * contents must survive while free.
 *
 * Typesafe caches give a slab's pages back only after a grace period.
 *
 * Locking: cache->lock (RANK_SLAB, interrupts off) guards the slabs; per-CPU lists belong to their
 * CPU with preemption disabled. Interrupt handlers may free (straight to the slab) and may not
 * allocate.
 *
 * Debug: bytes behind the object are RED_FREE or RED_USED and checked on every alloc and free, which
 * catches overruns and double frees; free objects without constructor are filled with POISON and
 * checked when they are handed out again, which catches writes after free.
 */
#include "kernel/slab_inline.h"
#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/panic.h"
#include "kernel/rcu.h"
#include "kernel/reclaim_internal.h"
#include "kernel/sched.h"
#include "kernel/string.h"

#define BATCH 32

static struct spinlock caches_lock = SPINLOCK_INIT(RANK_SLAB);
static LIST_HEAD(caches); /* guarded by caches_lock; only ever grows */

/* ---- Debug: red zones and poison ---- */

#ifdef CONFIG_DEBUG
#define RED_FREE 0xb7u
#define RED_USED 0xc3u
#define RED_SIZE 8
#define POISON	 0x6bu

static u8 *red_zone(const struct slab_cache *c, void *object)
{
	return (u8 *)object + ALIGN_UP(c->size, 8u);
}

static bool poisoned(const struct slab_cache *c)
{
	return !c->ctor && !(c->flags & SLAB_TYPESAFE_BY_RCU);
}

static void red_check(const struct slab_cache *c, void *object, u8 expected, const char *what)
{
	const u8 *red = red_zone(c, object);

	for (int i = 0; i < RED_SIZE; i++)
		if (red[i] != expected)
			panic("slab %s: object %p: %s: red zone byte %d is %02x, expected %02x",
				c->name, object, what, i, red[i], expected);
}

static void debug_new(struct slab_cache *c, void *object)
{
	memset(red_zone(c, object), RED_FREE, RED_SIZE);
	if (poisoned(c))
		memset(object, POISON, c->size);
}

void slab_debug_alloc(struct slab_cache *c, void *object)
{
	const u8 *bytes = object;

	red_check(c, object, RED_FREE, "allocated twice, or written past its end while free");
	memset(red_zone(c, object), RED_USED, RED_SIZE);
	for (u32 i = 0; poisoned(c) && i < c->size; i++)
		if (bytes[i] != POISON)
			panic("slab %s: object %p: byte %u was written (%02x) after it was freed",
				c->name, object, i, bytes[i]);
}

void slab_debug_free(struct slab_cache *c, void *object)
{
	struct page *p = page_of_address(object);

	if (!(p->flags & PAGE_SLAB) || p->private_data != c)
		panic("slab %s: %p is not an object of this cache", c->name, object);
	red_check(c, object, RED_USED, "freed twice, or written past its end");
	memset(red_zone(c, object), RED_FREE, RED_SIZE);
	if (poisoned(c))
		memset(object, POISON, c->size);
}

/* Bytes from object start to where the link may lie. */
static u32 debug_footprint(u32 size)
{
	return ALIGN_UP(size, 8u) + RED_SIZE;
}
#define LINK_ALWAYS_OUTSIDE true
#else
static inline void debug_new(struct slab_cache *c, void *object)
{
	(void)c, (void)object;
}
static u32 debug_footprint(u32 size)
{
	return ALIGN_UP(size, 8u);
}
#define LINK_ALWAYS_OUTSIDE false
#endif

/* ---- Slabs; cache->lock held unless said otherwise ---- */

static struct page *slab_of(void *object)
{
	return (struct page *)page_of_address(object)->owner_data;
}

/* A new slab, all objects constructed and free. Context: no lock held; mode ALLOC_NOWAIT or _WAIT. */
static struct page *slab_make(struct slab_cache *c, enum alloc_mode mode)
{
	struct page *head = page_alloc_for_slab(c->order, mode);
	char *object;

	if (!head)
		return NULL;
	for (u32 i = 0; i < 1u << c->order; i++) {
		WRITE_ONCE(head[i].flags, PAGE_SLAB);
		head[i].private_data = c;
		head[i].owner_data = (u64)head;
	}
	head->slab_info = 0;
	head->index = 0;
	object = page_address(head);
	for (u32 i = 0; i < c->per_slab; i++, object += c->stride) {
		debug_new(c, object);
		if (c->ctor)
			c->ctor(object);
		*slab_link_of(c, object) = (void *)head->index;
		head->index = (u64)object;
	}
	page_account_slab(1 << c->order);
	return head;
}

static void slab_pages_free(struct page *head)
{
	u32 order = head->order;

	for (u32 i = 0; i < 1u << order; i++) {
		WRITE_ONCE(head[i].flags, 0);
		head[i].private_data = NULL;
		head[i].owner_data = 0;
	}
	page_account_slab(-(s64)(1 << order));
	page_put(head);
}

static void slab_free_rcu(struct rcu_head *rcu)
{
	slab_pages_free(container_of((void *)rcu, struct page, lru));
}

/* Context: no lock held. */
static void slab_release(struct slab_cache *c, struct page *head)
{
	static_assert(sizeof(struct rcu_head) <= sizeof(struct list_head), "shares page->lru");

	if (c->flags & SLAB_TYPESAFE_BY_RCU)
		call_rcu((struct rcu_head *)&head->lru, slab_free_rcu);
	else
		slab_pages_free(head);
}

static void *slab_take_object(struct slab_cache *c, struct page *head)
{
	void *object = (void *)head->index;

	if (head->slab_info++ == 0)
		c->empty_slabs--;
	head->index = (u64)*slab_link_of(c, object);
	if (!head->index)
		list_del(&head->lru);
	WRITE_ONCE(c->outstanding, c->outstanding + 1);
	return object;
}

/*
 * Put one object back into its slab. Returns the slab when it became empty and should go, taken off
 * the partial list; one empty slab is kept.
 */
static struct page *slab_put_object(struct slab_cache *c, void *object)
{
	struct page *head = slab_of(object);

	if (!head->index)
		list_add(&head->lru, &c->partial);
	*slab_link_of(c, object) = (void *)head->index;
	head->index = (u64)object;
	WRITE_ONCE(c->outstanding, c->outstanding - 1);
	if (--head->slab_info)
		return NULL;
	if (c->empty_slabs == 0) {
		c->empty_slabs = 1;
		list_move_tail(&head->lru, &c->partial);
		return NULL;
	}
	list_del(&head->lru);
	WRITE_ONCE(c->pages, c->pages - (1u << c->order));
	return head;
}

/* ---- Per-CPU lists; preemption disabled, not in an interrupt ---- */

static void local_fill(struct slab_cache *c, struct slab_local *l)
{
	u64 flags = spin_lock_irqsave(&c->lock);

	while (l->count < BATCH && !list_empty(&c->partial)) {
		void *object = slab_take_object(c, list_first_entry(&c->partial, struct page, lru));

		*slab_link_of(c, object) = l->first;
		l->first = object;
		WRITE_ONCE(l->count, l->count + 1);
	}
	spin_unlock_irqrestore(&c->lock, flags);
}

static __noinline void local_drain(struct slab_cache *c, struct slab_local *l, u64 keep)
{
	LIST_HEAD(empty);
	u64 flags = spin_lock_irqsave(&c->lock);

	while (l->count > keep) {
		void *object = l->first;
		struct page *head;

		l->first = *slab_link_of(c, object);
		WRITE_ONCE(l->count, l->count - 1);
		head = slab_put_object(c, object);
		if (head)
			list_add(&head->lru, &empty);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	while (!list_empty(&empty)) {
		struct page *head = list_first_entry(&empty, struct page, lru);

		list_del(&head->lru);
		slab_release(c, head);
	}
}

static __noinline void *slab_alloc_slow(struct slab_cache *c, enum alloc_mode mode)
{
	for (;;) {
		struct page *head;
		struct slab_local *l;
		void *object;

		preempt_disable();
		l = &c->local[this_cpu_id()];
		if (!l->first)
			local_fill(c, l);
		object = l->first;
		if (object) {
			l->first = *slab_link_of(c, object);
			WRITE_ONCE(l->count, l->count - 1);
		}
		preempt_enable();
		if (object)
			return object;

		head = slab_make(c, mode);
		if (!head)
			return NULL;
		u64 flags = spin_lock_irqsave(&c->lock);

		list_add(&head->lru, &c->partial);
		c->empty_slabs++;
		WRITE_ONCE(c->pages, c->pages + (1u << c->order));
		spin_unlock_irqrestore(&c->lock, flags);
	}
}

static __noinline void slab_free_in_interrupt(struct slab_cache *c, void *object)
{
	u64 flags = spin_lock_irqsave(&c->lock);
	struct page *head = slab_put_object(c, object);

	spin_unlock_irqrestore(&c->lock, flags);
	if (head)
		slab_release(c, head);
}

/* ---- Alloc and free ---- */

void *slab_alloc(struct slab_cache *c, enum alloc_mode mode)
{
	void *object;

	debug_assert(!in_interrupt());
#ifdef CONFIG_DEBUG
	if (mode == ALLOC_WAIT)
		might_sleep(); /* even when this allocation would not have to */
#endif
	if (fault_hits(FAULT_ALLOC))
		return NULL;
	preempt_disable();
	object = slab_take_local(c);
	preempt_enable();
	if (unlikely(!object)) {
		object = slab_alloc_slow(c, mode);
		if (!object)
			return NULL;
		slab_debug_alloc(c, object);
	}
	return object;
}

void *slab_zalloc(struct slab_cache *c, enum alloc_mode mode)
{
	void *object = slab_alloc(c, mode);

	if (object)
		memset(object, 0, c->size);
	return object;
}

void slab_free(struct slab_cache *c, void *object)
{
	if (unlikely(in_interrupt())) {
		slab_debug_free(c, object);
		slab_free_in_interrupt(c, object);
		return;
	}
	preempt_disable();
	if (unlikely(!slab_give_local(c, object))) {
		local_drain(c, &c->local[this_cpu_id()], SLAB_LOCAL_MAX - BATCH);
		slab_give_local(c, object);
	}
	preempt_enable();
}

/* ---- Caches ---- */

/* Slab size: the smallest order that wastes at most an eighth and holds at least 8 objects. */
static void choose_order(struct slab_cache *c)
{
	for (c->order = 0; c->order < 3; c->order++) {
		u64 bytes = PAGE_SIZE << c->order;

		if (bytes / c->stride >= 8 && bytes % c->stride <= bytes / 8)
			break;
	}
	c->per_slab = (u32)((PAGE_SIZE << c->order) / c->stride);
	assert(c->per_slab > 0);
}

struct slab_cache *slab_cache_create(
	const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *object))
{
	unsigned order = 0;
	struct slab_cache *c;
	struct page *p;
	u32 footprint;

	while ((PAGE_SIZE << order) < sizeof(*c))
		order++;
	p = page_alloc_zeroed(order, ALLOC_NOWAIT);
	if (!p)
		return NULL;
	page_account_slab(1 << order);
	c = page_address(p);
	if (align < sizeof(void *))
		align = sizeof(void *);
	c->name = name;
	c->size = (u32)size;
	c->flags = flags;
	c->ctor = ctor;
	footprint = debug_footprint(c->size);
	if (LINK_ALWAYS_OUTSIDE || ctor || (flags & SLAB_TYPESAFE_BY_RCU)) {
		c->link = footprint;
		footprint += sizeof(void *);
	}
	c->stride = ALIGN_UP(footprint, (u32)align);
	choose_order(c);
	spin_lock_init(&c->lock, RANK_SLAB);
	list_init(&c->partial);
	u64 irq = spin_lock_irqsave(&caches_lock);

	list_add_tail(&c->node, &caches);
	spin_unlock_irqrestore(&caches_lock, irq);
	return c;
}

u64 slab_in_use(const struct slab_cache *c)
{
	u64 n = READ_ONCE(c->outstanding);

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		n -= READ_ONCE(c->local[cpu].count);
	return n;
}

void slab_for_each(
	void (*fn)(const char *name, size_t size, u64 in_use, u64 pages, void *arg), void *arg)
{
	/* The list only grows, at the tail: walking it needs no lock. */
	for (struct list_head *p = READ_ONCE(caches.next); p != &caches; p = READ_ONCE(p->next)) {
		struct slab_cache *c = list_entry(p, struct slab_cache, node);

		fn(c->name, c->size, slab_in_use(c), READ_ONCE(c->pages), arg);
	}
}
