/* How many objects of a slab cache are in use, by the cache's name. */
#pragma once

#include "kernel/slab.h"
#include "kernel/string.h"

struct count_arg {
	const char *name;
	u64 in_use;
};

static void count_cache(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct count_arg *c = arg;

	(void)size, (void)pages;
	if (strcmp(name, c->name) == 0)
		c->in_use = in_use;
}

static u64 slab_count_in_use(const char *name)
{
	struct count_arg arg = {.name = name};

	slab_for_each(count_cache, &arg);
	return arg.in_use;
}
