/*
 * Does what was taken come back? The objects of every slab cache and the pages of every kind, counted at two
 * points between which everything has ended.
 */
#pragma once

#include "kernel/page.h"

#define LEAK_CACHES 64

struct leak_counts {
	struct {
		const char *name;
		u64 in_use;
	} caches[LEAK_CACHES];
	unsigned nr;
	struct page_stats pages;
};

/*
 * Give back what is only kept because it may be useful again (caches, spare parts), let pass what is under
 * way (callbacks, works, ended threads), and count when nothing moves any more. Context: may sleep.
 */
void leak_count(struct leak_counts *out);
/*
 * Count again, and again while there is more than before and things may still be under way. Returns the
 * number of kinds that there are more or less of, each named on the console: "leak: dentry: 3 objects".
 * Context: may sleep.
 */
unsigned leak_check(const struct leak_counts *before);

/* What a debug kernel does at its end: take every mount away and compare with its beginning. */
#ifdef CONFIG_DEBUG
#define LEAKS_COUNTED true
/* Context: the first thread; caches exist, nothing is mounted. */
void leak_begin(void);
/* True: all is well. Context: the first thread; no program runs, and none will. */
bool leak_end(void);
#else
#define LEAKS_COUNTED false
static inline void leak_begin(void)
{
}
static inline bool leak_end(void)
{
	return true;
}
#endif
