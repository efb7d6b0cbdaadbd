/*
 * The dentry hash for readers, inline for the walk's loop. vfs/dcache.c owns the table and says how it
 * works.
 */
#pragma once

#include "vfs/name.h"

struct dentry_bucket {
	uintptr_t head; /* struct hlist_node * | lock bit */
};
#define BUCKET_LOCKED ((uintptr_t)1)

extern struct dentry_bucket *dentry_table; /* set once at boot */
extern unsigned dentry_table_shift;	   /* bucket = hash_len >> this */

static __always_inline struct dentry_bucket *dentry_bucket_of(u64 hash_len)
{
	return &dentry_table[hash_len >> dentry_table_shift];
}

static __always_inline struct hlist_node *dentry_bucket_first(const struct dentry_bucket *b)
{
	return (struct hlist_node *)(load_acquire(&b->head) & ~BUCKET_LOCKED);
}

/*
 * Find (parent, name) among the entries of its chain; *flags are its flags after *seq was sampled. The
 * entry may have left the hash (no DENTRY_HASHED): the caller must look at that before it believes it.
 * A name of up to 7 bytes may come as its only word, zero padded, which is how it is stored: short_name
 * true, name unused.
 */
static __always_inline struct dentry *dcache_find_rcu(const struct dentry *parent, const char *name,
	u64 word, bool short_name, u64 hash_len, u32 *seq, u32 *flags)
{
	struct hlist_node *n = dentry_bucket_first(dentry_bucket_of(hash_len));

	for (; n; n = load_acquire(&n->next)) {
		struct dentry *d = container_of(n, struct dentry, hash);
		u32 s = seqcount_begin_nowait(&d->seq);

		if (unlikely(READ_ONCE(d->hash_len) != hash_len || READ_ONCE(d->parent) != parent))
			continue;
		if (unlikely(short_name ? READ_ONCE(*(const name_word *)READ_ONCE(d->name)) != word
					: !name_equal_rcu(READ_ONCE(d->name), name, (u32)hash_len)))
			continue;
		*flags = READ_ONCE(d->flags);
		*seq = s;
		return d;
	}
	return NULL;
}
