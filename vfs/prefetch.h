/*
 * Fetching ahead what a group of lookups will touch. A lookup in a large cache waits for memory three times,
 * one after the other: the hash bucket, the dentry, the inode. Those of different lookups can be waited for
 * together.
 */
#pragma once

#include "kernel/compiler.h"

#define PREFETCH_GROUP 16u
#define PREFETCH_PATH  104u

struct prefetch_path {
	int dirfd;
	char text[PREFETCH_PATH]; /* NUL terminated, with NAME_SLACK bytes behind it */
	/* the walk's: where it stands; NULL: it has ended */
	const struct dentry *parent;
	const char *name;
	u64 hash_len;
};

/*
 * Are there so many dentries that they are not in the caches anyway? Only then is it worth to look every
 * path up twice.
 */
extern bool prefetch_pays;

/*
 * Bring what a cached open or stat of these paths (at most PREFETCH_GROUP) reads into this CPU's caches.
 * Nothing is changed and nothing is found out; what cannot be followed is left. Context: any.
 */
void prefetch_paths(struct prefetch_path *paths, u32 n);
