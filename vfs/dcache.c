/*
 * The dentry hash: finding names without locks, and the changes that make a name appear, change its
 * inode or go away. States, fields and who may change them: vfs/dcache.h.
 *
 *   dcache.c         hash, lookup, add, instantiate, delete, drop           (this file)
 *   dcache_lru.c     references, the LRU, the end of a dentry, shutdown
 *   dcache_rename.c  move, exchange, paths as text
 *   in_lookup.c      one ->lookup per missing name
 *   name.c           hashing and comparing names
 *
 * Structure
 *
 *   table[hash] -> dentry -> dentry -> NULL      bit 0 of the head is the bucket's lock
 *
 * Readers follow chains under RCU and write nothing. A dentry that moves to another chain (rename)
 * can lead a reader onto that chain; the reader then misses its entry, which is why a miss in RCU mode
 * means nothing and a miss outside is confirmed against rename_lock.
 *
 * Locking, outermost first
 *
 *   inode rwsem of the directory        (callers)
 *     rename_lock
 *       dentry ref lock                 parent before child; two strangers by address
 *         bucket bit lock
 *         LRU lock
 *
 * Limits: one table for the life of the system, sized from memory at boot; no resizing.
 */
#include "vfs/dcache_hash.h"
#include "vfs/internal.h"

#include "arch/arch.h"
#include "kernel/random.h"
#include "kernel/string.h"

struct slab_cache *dentry_cache;
struct seqlock rename_lock = SEQLOCK_INIT(RANK_RENAME);

struct dentry_bucket *dentry_table;
unsigned dentry_table_shift;

static void bucket_lock(struct dentry_bucket *b)
{
	preempt_disable();
	lock_rank_acquire(b, RANK_DENTRY_HASH, false);
	while (atomic_fetch_or(&b->head, BUCKET_LOCKED) & BUCKET_LOCKED)
		while (READ_ONCE(b->head) & BUCKET_LOCKED)
			arch_cpu_relax();
}

static void bucket_unlock(struct dentry_bucket *b)
{
	lock_rank_release(b);
	store_release(&b->head, READ_ONCE(b->head) & ~BUCKET_LOCKED);
	preempt_enable();
}

/* pprev points at a bucket's head or at another node's next; the head keeps its lock bit. */
static void node_store(struct hlist_node **where, struct hlist_node *n)
{
	uintptr_t lock = (uintptr_t)READ_ONCE(*where) & BUCKET_LOCKED;

	store_release(where, (struct hlist_node *)((uintptr_t)n | lock));
}

void dentry_hash_insert(struct dentry *d)
{
	struct dentry_bucket *b = dentry_bucket_of(d->hash_len);
	struct hlist_node *first;

	atomic_fetch_or(&d->flags, DENTRY_HASHED);
	bucket_lock(b);
	first = dentry_bucket_first(b);
	WRITE_ONCE(d->hash.next, first);
	WRITE_ONCE(d->hash.pprev, (struct hlist_node **)&b->head);
	if (first)
		WRITE_ONCE(first->pprev, &d->hash.next);
	/* publishes the whole dentry; partner: dentry_bucket_first and the chain's data dependence */
	node_store((struct hlist_node **)&b->head, &d->hash);
	bucket_unlock(b);
}

void dentry_hash_remove(struct dentry *d)
{
	struct dentry_bucket *b = dentry_bucket_of(d->hash_len);
	struct hlist_node *next;

	atomic_fetch_and(&d->flags, ~DENTRY_HASHED);
	bucket_lock(b);
	next = d->hash.next; /* stays for readers that stand on d */
	node_store(d->hash.pprev, next);
	if (next)
		WRITE_ONCE(next->pprev, d->hash.pprev);
	WRITE_ONCE(d->hash.pprev, NULL);
	bucket_unlock(b);
}

struct dentry *dcache_lookup_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq)
{
	u32 flags;
	struct dentry *d =
		dcache_find_rcu(parent, name->name, 0, false, name->hash_len, seq, &flags);

	/* One that has just left the hash is a miss, which means nothing in RCU mode. */
	return d && (flags & DENTRY_HASHED) ? d : NULL;
}

struct dentry *dcache_lookup(struct dentry *parent, const struct qstr *name)
{
	for (;;) {
		u32 rename_seq = read_seqbegin(&rename_lock), seq;
		enum ref_result got = REF_DEAD;
		struct dentry *d;

		rcu_read_lock();
		d = dcache_lookup_rcu(parent, name, &seq);
		if (d)
			got = dentry_get_rcu(d, seq);
		rcu_read_unlock();

		if (d && got == REF_OK)
			return d;
		if (d && got == REF_STALE)
			dentry_put_nosleep(d);
		else if (!d && !read_seqretry(&rename_lock, rename_seq))
			return NULL;
		/*
		 * Dead or changed: whoever did that unhashes it before letting go of its lock, and
		 * taking the reference waited for that lock. The next look sees something else.
		 */
	}
}

/* ---- Making dentries ---- */

static bool dentry_copy_name(struct dentry *d, const struct qstr *name)
{
	u32 len = qstr_len(name);
	char *to = d->inline_name;

	/* also when it is not used: it always holds a NUL (name_equal_rcu) */
	memset(d->inline_name, 0, sizeof(d->inline_name));
	if (len >= DENTRY_INLINE_NAME) {
		to = kzalloc(ALIGN_UP(len + 1, 8u), ALLOC_WAIT);
		if (!to)
			return false;
	}
	memcpy(to, name->name, len);
	d->name = to;
	d->hash_len = name->hash_len;
	return true;
}

static struct dentry *dentry_new(struct super_block *sb, const struct qstr *name)
{
	struct dentry *d = slab_alloc(dentry_cache, ALLOC_WAIT);

	if (!d)
		return NULL;
	memset(d, 0, offsetof(struct dentry, inline_name));
	if (!dentry_copy_name(d, name)) {
		slab_free(dentry_cache, d);
		return NULL;
	}
	d->ref = (struct lockref){.word = 0, .count = 1};
	d->sb = sb;
	d->fs_data = NULL;
	d->ops = sb->dentry_ops;
	if (d->ops && d->ops->revalidate)
		d->flags |= DENTRY_REVALIDATE;
	list_init(&d->lru);
	list_init(&d->children);
	list_init(&d->sibling);
	dcache_count_dentry(1);
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = dentry_new(parent->sb, name);

	if (!d)
		return NULL;
	dentry_get(parent);
	d->parent = parent;
	lockref_lock(&parent->ref, RANK_DENTRY);
	list_add(&d->sibling, &parent->children);
	lockref_unlock(&parent->ref);
	return d;
}

struct dentry *dentry_alloc_root(struct super_block *sb, struct inode *inode)
{
	struct qstr name = {"/", 1};
	struct dentry *d = dentry_new(sb, &name);

	if (!d) {
		inode_put(inode);
		return NULL;
	}
	d->parent = d;
	d->inode = inode;
	d->flags |= DENTRY_ROOT;
	d->flags &= ~DENTRY_REVALIDATE;
	dentry_set_type(d, inode);
	return d;
}

/* ---- Changes of a hashed dentry ---- */

/* The type bits that go with inode. Context: ref's lock held inside a write section, or d is new. */
void dentry_set_type(struct dentry *d, const struct inode *inode)
{
	const u32 mask = DENTRY_TYPE_MASK | DENTRY_SEARCH_ALL;
	u32 type = DENTRY_TYPE_NEGATIVE, flags = READ_ONCE(d->flags);

	if (inode) {
		u32 mode = READ_ONCE(inode->mode);

		type = S_ISDIR(mode)   ? DENTRY_TYPE_DIR
		       : S_ISREG(mode) ? DENTRY_TYPE_REG
		       : S_ISLNK(mode) ? DENTRY_TYPE_SYMLINK
				       : DENTRY_TYPE_OTHER;
		if (S_ISDIR(mode) && (mode & 0111) == 0111)
			type |= DENTRY_SEARCH_ALL;
	}
	/* the REFERENCED hint is set without the lock: do not lose it, or anything to it */
	while (!atomic_cas(&d->flags, &flags, (flags & ~mask) | type))
		;
}

static void dentry_set_inode(struct dentry *d, struct inode *inode)
{
	seqcount_write_begin(&d->seq);
	/* Type first: who holds a reference looks at no sequence. Partner: dentry_inode. */
	dentry_set_type(d, inode);
	store_release(&d->inode, inode);
	seqcount_write_end(&d->seq);
}

void dcache_add(struct dentry *d, struct inode *inode)
{
	lockref_lock(&d->ref, RANK_DENTRY);
	debug_assert(!dentry_is_hashed(d));
	dentry_set_inode(d, inode);
	dentry_hash_insert(d);
	lockref_unlock(&d->ref);
}

void dcache_instantiate(struct dentry *d, struct inode *inode)
{
	lockref_lock(&d->ref, RANK_DENTRY);
	debug_assert(!d->inode);
	dentry_set_inode(d, inode);
	lockref_unlock(&d->ref);
}

/* Context: ref's lock held. Any RCU walk standing on d fails its next check. */
void dentry_unhash(struct dentry *d)
{
	if (!(READ_ONCE(d->flags) & DENTRY_HASHED))
		return;
	dentry_hash_remove(d);
	seqcount_invalidate(&d->seq);
}

void dcache_mode_changed(struct dentry *d)
{
	lockref_lock(&d->ref, RANK_DENTRY);
	if (d->inode)
		dentry_set_inode(d, d->inode);
	lockref_unlock(&d->ref);
}

void dcache_drop(struct dentry *d)
{
	lockref_lock(&d->ref, RANK_DENTRY);
	atomic_fetch_and(&d->flags, ~DENTRY_PINNED);
	dentry_unhash(d);
	lockref_unlock(&d->ref);
}

void dcache_delete(struct dentry *d)
{
	struct inode *inode = NULL;

	might_sleep();
	lockref_lock(&d->ref, RANK_DENTRY);
	atomic_fetch_and(&d->flags, ~DENTRY_PINNED);
	if (lockref_count(&d->ref) == 1) {
		inode = d->inode;
		dentry_set_inode(d, NULL);
	} else {
		dentry_unhash(d);
	}
	lockref_unlock(&d->ref);
	inode_put(inode);
}

/* ---- Statistics and start ---- */

void dcache_get_stats(struct dcache_stats *out)
{
	u64 buckets = 1ull << (64 - dentry_table_shift);

	*out = (struct dcache_stats){.buckets = buckets, .dentries = dcache_dentry_count()};
	dcache_lru_counts(&out->unused);
	in_lookup_counts(&out->in_lookup_waits, &out->in_lookup_chained);
	for (u64 i = 0; i < buckets; i++) {
		u64 chain = 0;

		rcu_read_lock();
		for (struct hlist_node *n = dentry_bucket_first(&dentry_table[i]); n;
			n = load_acquire(&n->next)) {
			chain++;
			out->negative += dentry_is_negative(container_of(n, struct dentry, hash));
		}
		rcu_read_unlock();
		out->used_buckets += chain != 0;
		out->longest_chain = MAX(out->longest_chain, chain);
	}
}

void dcache_init(void)
{
	struct page_stats pages;
	u64 buckets = 1024;

	page_get_stats(&pages);
	/* One bucket per 2 KiB of memory: chains of about one when a third of it is dentries. */
	while (buckets < pages.total * 2 && buckets < (1u << 22))
		buckets *= 2;
	dentry_table = vzalloc(buckets * sizeof(*dentry_table));
	if (!dentry_table)
		panic("dcache: no memory for %llu buckets", (unsigned long long)buckets);
	dentry_table_shift = 64 - (unsigned)__builtin_ctzll(buckets);
	name_mix ^= random_u64() << 1;
	dentry_cache = slab_cache_create("dentry", sizeof(struct dentry), CACHE_LINE, 0, NULL);
	if (!dentry_cache)
		panic("dcache: no memory for the dentry cache");
	in_lookup_init();
	dcache_lru_init();
}
