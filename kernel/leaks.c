/*
 * Leaks: see kernel/leaks.h. Not compared are pages that hold slab objects (the objects are), kernel stacks
 * (threads are objects, and free stacks are kept), and page tables.
 *
 * Limits: pages of no particular kind are one number.
 */
#include "kernel/leaks.h"

#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/rcu.h"
#include "kernel/reclaim.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/workqueue.h"

/* So often is looked again, a little apart: ended threads and works take their time. */
#define TRIES 1000

/* Where the addresses of stacks that were given back under pressure are remembered, and what a device that
 * was used keeps: they stay. */
static const char *const uncounted[] = {"stack_slot", "device mapping"};

static void count_cache(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct leak_counts *c = arg;

	(void)size, (void)pages;
	for (unsigned i = 0; i < ARRAY_SIZE(uncounted); i++)
		if (strcmp(name, uncounted[i]) == 0)
			return;
	assert(c->nr < LEAK_CACHES);
	c->caches[c->nr].name = name;
	c->caches[c->nr++].in_use = in_use;
}

static void count_once(struct leak_counts *out)
{
	work_flush();
	drop_caches(~0u); /* waits for callbacks, too */
	work_flush();
	out->nr = 0;
	slab_for_each(count_cache, out);
	page_get_stats(&out->pages);
}

static u64 other_pages(const struct page_stats *s)
{
	return s->total - s->free - s->slab - s->page_cache - s->kernel_stacks - s->program -
	       s->tables;
}

static unsigned differs(bool say, const char *what, const char *unit, u64 before, u64 now)
{
	if (before == now)
		return 0;
	if (say)
		printk("leak: %s: %lld %s", what, (long long)(now - before), unit);
	return 1;
}

/* Caches only ever come at the end of the list. */
static unsigned compare(const struct leak_counts *a, const struct leak_counts *b, bool say)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->nr; i++)
		n += differs(say, b->caches[i].name, "objects", i < a->nr ? a->caches[i].in_use : 0,
			b->caches[i].in_use);
	n += differs(say, "page cache", "pages", a->pages.page_cache, b->pages.page_cache);
	n += differs(say, "programs", "pages", a->pages.program, b->pages.program);
	n += differs(say, "others", "pages", other_pages(&a->pages), other_pages(&b->pages));
	return n;
}

void leak_count(struct leak_counts *out)
{
	struct leak_counts again;

	for (unsigned i = 0; i < TRIES; i++) {
		count_once(out);
		sleep_ns(NSEC_PER_MSEC);
		count_once(&again);
		if (!compare(out, &again, false))
			return;
	}
}

unsigned leak_check(const struct leak_counts *before)
{
	struct leak_counts now;

	for (unsigned i = 0; i < TRIES; i++) {
		count_once(&now);
		if (!compare(before, &now, false))
			return 0;
		sleep_ns(NSEC_PER_MSEC);
	}
	return compare(before, &now, true);
}

/* ---- A debug kernel's beginning and end ---- */

#ifdef CONFIG_DEBUG
static struct leak_counts at_boot;

void leak_begin(void)
{
	leak_count(&at_boot);
}

bool leak_end(void)
{
	return leak_check(&at_boot) == 0;
}
#endif
