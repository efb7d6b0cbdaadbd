/*
 * Memory pressure. Caches register a shrinker; when free pages fall below the low watermark a kernel
 * thread, and any ALLOC_WAIT allocation that fails, asks them in turn to give something back.
 */
#pragma once

#include "kernel/page.h"

struct shrinker {
	const char *name;
	/* Objects that could go. Context: may sleep. */
	u64 (*count)(struct shrinker *s);
	/* Free up to nr objects; returns how many went. Context: may sleep. */
	u64 (*scan)(struct shrinker *s, u64 nr);
	/* Objects to be taken before anybody else's: cheap to get back. NULL: none. */
	u64 (*spare)(struct shrinker *s);
	u32 object_size; /* bytes one object gives back, about */
	/* which bits of drop_caches empty it: 1 page cache, 2 dentries and inodes, 4 spare parts */
	u32 drop_mask;
	struct list_head node;
};

void shrinker_register(struct shrinker *s);
/* One round over all shrinkers for about nr_pages; true when anything went. Context: may sleep. */
bool reclaim_pages(u64 nr_pages);
/* echo N > /proc/sys/vm/drop_caches: empty every shrinker whose drop_mask meets bits. */
void drop_caches(u32 bits);
void reclaim_init(void);
