/* What only vfs/ sees: the walk's state and the seams between its files. */
#pragma once

#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/slab.h"
#include "kernel/trace.h"
#include "vfs/cred.h"
#include "vfs/dcache.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/open.h"
#include "vfs/super.h"
#include "vfs/walk.h"

/* ---- dcache.c ---- */
extern struct slab_cache *dentry_cache;
/* Hash or unhash. Context: d->ref's lock held. */
void dentry_hash_insert(struct dentry *d);
void dentry_hash_remove(struct dentry *d);
/* The same, if it is hashed, and fail every walk that stands on d. */
void dentry_unhash(struct dentry *d);
/* Zero-padded storage for names too long for inline_name. */
static inline bool dentry_has_long_name(const struct dentry *d)
{
	return d->name != d->inline_name;
}
void dentry_set_type(struct dentry *d, const struct inode *inode);

/* ---- dcache_lru.c ---- */
void dcache_lru_init(void);
void dcache_lru_counts(u64 *unused);
void dcache_count_dentry(s64 n);
u64 dcache_dentry_count(void);

/* ---- in_lookup.c ---- */
void in_lookup_init(void);
void in_lookup_counts(u64 *waits, u64 *chained);

/* ---- unlazy.c ---- */
DECLARE_PERCPU(u64[WALK_OUTCOMES_MAX], walk_outcome_counts);

static __always_inline void walk_count(enum walk_outcome o)
{
	this_cpu_inc(walk_outcome_counts[o]);
}

/* Reference p as it was at seq. False: nothing is held. Context: RCU read section. */
static __always_inline bool walk_legitimize(const struct path *p, u32 seq, u32 mount_seq)
{
	/* The mount first: a dentry may only be held (and dropped) while its super block is. */
	if (unlikely(!mount_get_rcu(p->mnt, mount_seq)))
		return false;
	switch (dentry_get_rcu(p->dentry, seq)) {
	case REF_OK:
		return true;
	case REF_STALE:
		dentry_put_nosleep(p->dentry);
		break;
	case REF_DEAD:
		break;
	}
	mount_put(p->mnt);
	return false;
}
