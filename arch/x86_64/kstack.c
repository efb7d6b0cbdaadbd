/*
 * Kernel stacks: slots of KSTACK_SIZE plus a guard page *below* (stacks grow down).
 *
 *	                 alloc: map pages                    free
 *	never used slot ------------------> stack in use ----------> cached stack
 *	                                     ^  ^      alloc            |
 *	      alloc: map pages               |  +-----------------------+
 *	empty slot --------------------------+                          | shrink: unmap, flush
 *	     ^----------------------------------------------------------+
 *
 * A cached stack keeps its pages and address and is threaded to the next through itself, because
 * unmapping costs a TLB flush on all CPUs: too much for every thread that ends, cheap when memory is
 * short (kernel/thread.c has the shrinker).
 *
 * Locking: stack_lock (RANK_VMAP) guards both lists; nothing is allocated, mapped or flushed under it.
 */
#include "arch/x86_64/internal.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/spinlock.h"

#define KSTACK_SLOT (KSTACK_SIZE + PAGE_SIZE)
#define KSTACK_MAX  (1ull << 20)

struct cached_stack {
	struct cached_stack *next;
};

struct empty_slot {
	struct empty_slot *next;
	u64 base; /* where its stack would begin */
};

static struct slab_cache *slot_cache;
static struct spinlock stack_lock = SPINLOCK_INIT(RANK_VMAP);
static struct cached_stack *cached_stacks;
static struct empty_slot *empty_slots;
static u64 nr_cached;
static u64 slots_used; /* the slots from here on never were; atomic */

void kstack_init(void)
{
	slot_cache = slab_cache_create("stack_slot", sizeof(struct empty_slot), 0, 0, NULL);
	if (!slot_cache)
		panic("no memory for the slots of stacks");
}

static void *cached_take(void)
{
	u64 flags = spin_lock_irqsave(&stack_lock);
	struct cached_stack *s = cached_stacks;

	if (s) {
		cached_stacks = s->next;
		WRITE_ONCE(nr_cached, nr_cached - 1);
	}
	spin_unlock_irqrestore(&stack_lock, flags);
	return s;
}

static void slot_put(struct empty_slot *slot)
{
	u64 flags = spin_lock_irqsave(&stack_lock);

	slot->next = empty_slots;
	empty_slots = slot;
	spin_unlock_irqrestore(&stack_lock, flags);
}

/* The base of a slot without pages, 0 when all are in use. */
static u64 slot_take(void)
{
	u64 flags = spin_lock_irqsave(&stack_lock), base, nr;
	struct empty_slot *slot = empty_slots;

	if (slot)
		empty_slots = slot->next;
	spin_unlock_irqrestore(&stack_lock, flags);
	if (slot) {
		base = slot->base;
		slab_free(slot_cache, slot);
		return base;
	}
	nr = atomic_fetch_add(&slots_used, 1ull);
	return nr < KSTACK_MAX ? KSTACK_BASE + nr * KSTACK_SLOT + PAGE_SIZE : 0;
}

/* Reclaims only when it must: the first thread is made where nothing may sleep. */
static struct page *kstack_page(void)
{
	struct page *p = page_alloc(0, ALLOC_NOWAIT);

	return p ? p : page_alloc(0, ALLOC_WAIT);
}

static bool kstack_map(u64 base)
{
	for (u64 offset = 0; offset < KSTACK_SIZE; offset += PAGE_SIZE) {
		struct page *p = kstack_page();

		if (p && arch_map_page(base + offset, page_phys(p), ARCH_MAP_WRITE) == 0)
			continue;
		if (p)
			page_put(p);
		/* Nothing has touched these addresses since: no CPU can hold a translation. */
		while (offset > 0) {
			offset -= PAGE_SIZE;
			page_put(page_of_phys(arch_unmap_page(base + offset)));
		}
		return false;
	}
	page_account(PAGE_ACCOUNT_STACK, KSTACK_SIZE / PAGE_SIZE);
	return true;
}

/* Context: may sleep. */
void *arch_kstack_alloc(void)
{
	void *cached = cached_take();
	struct empty_slot *slot;
	u64 base;

	if (cached)
		return cached;
	base = slot_take();
	if (!base || kstack_map(base))
		return (void *)base;
	slot = slot_cache ? slab_alloc(slot_cache, ALLOC_NOWAIT) : NULL;
	if (slot) { /* without it the addresses are lost, and nothing else */
		slot->base = base;
		slot_put(slot);
	}
	return NULL;
}

void arch_kstack_free(void *stack)
{
	struct cached_stack *s = stack;
	u64 flags = spin_lock_irqsave(&stack_lock);

	s->next = cached_stacks;
	cached_stacks = s;
	WRITE_ONCE(nr_cached, nr_cached + 1);
	spin_unlock_irqrestore(&stack_lock, flags);
}

u64 arch_kstack_cached(void)
{
	return READ_ONCE(nr_cached);
}

/* Unmap a cached stack; false when there is none, or no memory to remember its slot. */
static bool shrink_one(void)
{
	struct empty_slot *slot = slab_alloc(slot_cache, ALLOC_NOWAIT);
	struct page *pages[KSTACK_SIZE / PAGE_SIZE];
	u64 base = slot ? (u64)cached_take() : 0;

	if (!base) {
		if (slot)
			slab_free(slot_cache, slot);
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = page_of_phys(arch_unmap_page(base + i * PAGE_SIZE));
	arch_tlb_flush(base, base + KSTACK_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		page_put(pages[i]);
	page_account(PAGE_ACCOUNT_STACK, -(s64)ARRAY_SIZE(pages));
	slot->base = base;
	slot_put(slot);
	return true;
}

u64 arch_kstack_shrink(u64 nr)
{
	u64 done = 0;

	while (done < nr && shrink_one())
		done++;
	return done;
}

bool kstack_is_guard(u64 address)
{
	if (address >= (u64)boot_stack_guard && address < (u64)boot_stack_guard + PAGE_SIZE)
		return true;
	if (address < KSTACK_BASE || address >= KSTACK_BASE + READ_ONCE(slots_used) * KSTACK_SLOT)
		return false;
	return (address - KSTACK_BASE) % KSTACK_SLOT < PAGE_SIZE;
}
