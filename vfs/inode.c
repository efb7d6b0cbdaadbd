/*
 * The inode cache.
 *
 * Life of an inode
 *
 *	             inode_get_locked                 inode_new_done
 *	  (nothing) ------------------> NEW, refs 1 ------------------> in use, refs > 0
 *	                                                                  |        ^
 *	                                             last inode_put       v        | inode_get_locked
 *	  freed <--- grace period --- FREEING <---------------------- unused, refs 0, on the LRU
 *	                               shrinker, or at once when no link is left, when it was never
 *	                               hashed (INODE_NO_LRU) or when reading it failed (INODE_BAD)
 *
 * The step from 0 references to 1 and the step from 0 to FREEING are both taken under inode->lock, so
 * one of them wins. An inode stays hashed until its eviction is done: whoever looks for it meanwhile
 * waits, and then reads it anew from the disk.
 *
 * The LRU is lazy: an inode that is used again stays on it until the shrinker comes by. The shrinker
 * steps from the LRU lock to the inode's lock inside an RCU section, which keeps the memory; eviction
 * takes an inode off the LRU before it is handed to call_rcu.
 *
 * Locking
 *	bucket lock (RANK_INODE_HASH)     a chain of the hash
 *	  inode->lock (RANK_INODE_STATE)  state, link count, times, refs from and to 0
 *	    lru_lock (RANK_LRU)           the LRU
 *	sb->inodes_lock (RANK_INODE_STATE)  the super block's list
 *	  inode->lock (subclass 1)          only when all of its inodes are evicted
 */
#include "vfs/inode.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/workqueue.h"
#include "vfs/file_internal.h"
#include "vfs/super.h"

#define HASH_LOCKS  256
#define WAIT_QUEUES 64

static struct hlist_head *buckets; /* chains: hash_locks, read under RCU */
static u32 bucket_mask;
static struct spinlock hash_locks[HASH_LOCKS];
/* Waiters for INODE_NEW to end and for FREEING inodes to be gone, by hash. */
static struct waitqueue wait_queues[WAIT_QUEUES];

static struct spinlock lru_lock = SPINLOCK_INIT(RANK_LRU);
static struct list_head lru = LIST_HEAD_INIT(lru); /* oldest first; lru_lock */
static u64 lru_length;				   /* lru_lock */

static struct slab_cache *inode_cache; /* for file systems without an alloc_inode */
static DEFINE_PERCPU(u64, inodes_made);
static DEFINE_PERCPU(u64, inodes_freed);
static DEFINE_PERCPU(u64, inodes_evicted);

/* Who shuts a super block down waits here for evictions that others have begun. */
static struct waitqueue evicted_wq = WAITQUEUE_INIT(evicted_wq);

/* Evictions that began where sleeping is not allowed. */
static struct spinlock deferred_lock = SPINLOCK_INIT(RANK_LRU);
static struct list_head deferred = LIST_HEAD_INIT(deferred); /* by inode->lru; deferred_lock */
static struct work deferred_work;

/* ---- The hash ---- */

static u32 inode_hash(const struct super_block *sb, u64 ino)
{
	u64 h = (ino ^ ((u64)(uintptr_t)sb >> 6)) * 0x9e3779b97f4a7c15ull;

	return (u32)(h >> 32);
}

static struct spinlock *hash_lock(u32 hash)
{
	return &hash_locks[hash % HASH_LOCKS];
}

static struct waitqueue *hash_waitqueue(u32 hash)
{
	return &wait_queues[hash % WAIT_QUEUES];
}

/* Context: bucket lock held. */
static struct inode *hash_find(const struct super_block *sb, u64 ino, u32 hash)
{
	struct inode *inode;

	hlist_for_each_entry_rcu (inode, &buckets[hash & bucket_mask], hash)
		if (inode->ino == ino && inode->sb == sb)
			return inode;
	return NULL;
}

static void hash_remove(struct inode *inode)
{
	u32 hash = inode_hash(inode->sb, inode->ino);

	spin_lock(hash_lock(hash));
	if (!hlist_unhashed(&inode->hash))
		hlist_del_rcu(&inode->hash);
	spin_unlock(hash_lock(hash));
}

enum hash_result { HASH_FOUND, HASH_FREEING, HASH_MISSING, HASH_ADDED };

/* Find (sb, ino) and take a reference, or hash fresh (when given) as it. */
static enum hash_result hash_find_or_add(
	struct super_block *sb, u64 ino, u32 hash, struct inode *fresh, struct inode **out)
{
	enum hash_result result = HASH_FOUND;

	spin_lock(hash_lock(hash));
	struct inode *inode = hash_find(sb, ino, hash);

	if (inode) {
		spin_lock(&inode->lock);
		if (inode->state & INODE_FREEING)
			result = HASH_FREEING;
		else
			inode_get(inode);
		spin_unlock(&inode->lock);
		*out = inode;
	} else if (fresh) {
		hlist_add_head_rcu(&fresh->hash, &buckets[hash & bucket_mask]);
		result = HASH_ADDED;
	} else {
		result = HASH_MISSING;
	}
	spin_unlock(hash_lock(hash));
	return result;
}

static bool hash_is_freeing(const struct super_block *sb, u64 ino, u32 hash)
{
	spin_lock(hash_lock(hash));
	struct inode *inode = hash_find(sb, ino, hash);
	bool freeing = inode && (READ_ONCE(inode->state) & INODE_FREEING);

	spin_unlock(hash_lock(hash));
	return freeing;
}

/* ---- Making and freeing ---- */

static void inode_setup(struct inode *inode, struct super_block *sb)
{
	struct timespec64 now = inode_now();

	memset(inode, 0, sizeof(*inode));
	inode->sb = sb;
	inode->refs = 1;
	inode->nlink = 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = now;
	spin_lock_init(&inode->lock, RANK_INODE_STATE);
	list_init(&inode->lru);
	rwsem_init(&inode->rwsem, RANK_INODE);
	mapping_init(&inode->mapping, inode, NULL);

	spin_lock(&sb->inodes_lock);
	list_add_tail(&inode->sb_node, &sb->inodes);
	spin_unlock(&sb->inodes_lock);
	this_cpu_inc(inodes_made);
}

static struct inode *inode_make(struct super_block *sb)
{
	struct inode *inode = sb->ops && sb->ops->alloc_inode ? sb->ops->alloc_inode(sb)
							      : slab_alloc(inode_cache, ALLOC_WAIT);

	if (inode)
		inode_setup(inode, sb);
	return inode;
}

/* Context: RCU callback. */
static void inode_free_rcu(struct rcu_head *head)
{
	struct inode *inode = container_of(head, struct inode, rcu);
	const struct super_ops *ops = inode->sb->ops;

	kfree((void *)inode->link);
	inode->link = NULL;
	if (ops && ops->free_inode)
		ops->free_inode(inode);
	else
		slab_free(inode_cache, inode);
	this_cpu_inc(inodes_freed);
}

/*
 * The last that is done for an inode. Once it is off the list its super block may go: who shuts that down
 * finds the list empty under the lock, and its rcu_barrier comes after our call_rcu.
 */
static void inode_free(struct inode *inode)
{
	struct super_block *sb = inode->sb;

	spin_lock(&sb->inodes_lock);
	list_del(&inode->sb_node);
	call_rcu(&inode->rcu, inode_free_rcu);
	spin_unlock(&sb->inodes_lock);
}

struct inode *inode_alloc(struct super_block *sb)
{
	struct inode *inode = inode_make(sb);

	if (inode)
		inode->flags = INODE_NO_LRU;
	return inode;
}

/* ---- Eviction ---- */

/* Context: inode->lock held. */
static void lru_remove(struct inode *inode)
{
	if (!(inode->state & INODE_ON_LRU))
		return;
	WRITE_ONCE(inode->state, inode->state & ~INODE_ON_LRU);
	spin_lock(&lru_lock);
	list_del(&inode->lru);
	WRITE_ONCE(lru_length, lru_length - 1);
	spin_unlock(&lru_lock);
}

/* Context: inode->lock held. */
static void lru_insert(struct inode *inode)
{
	WRITE_ONCE(inode->state, inode->state | INODE_REFERENCED);
	if (inode->state & INODE_ON_LRU)
		return;
	WRITE_ONCE(inode->state, inode->state | INODE_ON_LRU);
	spin_lock(&lru_lock);
	list_add_tail(&inode->lru, &lru);
	WRITE_ONCE(lru_length, lru_length + 1);
	spin_unlock(&lru_lock);
}

/* Claim an unreferenced inode for eviction. Context: inode->lock held. */
static void inode_mark_freeing(struct inode *inode)
{
	debug_assert(READ_ONCE(inode->refs) == 0 && !(inode->state & INODE_FREEING));
	WRITE_ONCE(inode->state, inode->state | INODE_FREEING);
	lru_remove(inode);
}

/* The end of a FREEING inode. */
static void inode_evict(struct inode *inode)
{
	struct super_block *sb = inode->sb;
	u32 hash = inode_hash(sb, inode->ino);

	might_sleep();
	mapping_truncate(&inode->mapping, 0);
	if (!(inode->state & INODE_BAD) && sb->ops && sb->ops->evict_inode)
		sb->ops->evict_inode(inode);
	hash_remove(inode);
	wake_up_all(hash_waitqueue(hash));
	this_cpu_inc(inodes_evicted);
	inode_free(inode);
	wake_up_all(&evicted_wq);
}

static void evict_deferred(struct work *w)
{
	(void)w;
	for (;;) {
		struct inode *inode = NULL;

		spin_lock(&deferred_lock);
		if (!list_empty(&deferred)) {
			inode = list_first_entry(&deferred, struct inode, lru);
			list_del(&inode->lru);
		}
		spin_unlock(&deferred_lock);
		if (!inode)
			return;
		inode_evict(inode);
	}
}

static void inode_evict_or_defer(struct inode *inode)
{
	if (preemptible() && !current->nonblock_depth) {
		inode_evict(inode);
		return;
	}
	spin_lock(&deferred_lock);
	list_add_tail(&inode->lru, &deferred);
	spin_unlock(&deferred_lock);
	work_queue(&deferred_work);
	wake_up_all(&evicted_wq);
}

/* Nothing is gained by keeping it once nobody uses it. Context: inode->lock held. */
static bool inode_is_useless(const struct inode *inode)
{
	return inode->nlink == 0 || (inode->flags & INODE_NO_LRU) || (inode->state & INODE_BAD);
}

/* The reference to drop may be the last. */
static __noinline void inode_put_slow(struct inode *inode)
{
	bool evict = false;

	spin_lock(&inode->lock);
	if (atomic_sub_return(&inode->refs, 1u) == 0) {
		evict = inode_is_useless(inode);
		if (evict)
			inode_mark_freeing(inode);
		else
			lru_insert(inode);
	}
	spin_unlock(&inode->lock);
	if (evict)
		inode_evict_or_defer(inode);
}

void inode_put(struct inode *inode)
{
	if (!inode)
		return;
	u32 refs = READ_ONCE(inode->refs);

	while (refs > 1)
		if (atomic_cas(&inode->refs, &refs, refs - 1))
			return;
	inode_put_slow(inode);
}

/* ---- Looking up ---- */

/* A fresh inode that somebody else's took the place of: it was never visible. */
static void inode_discard(struct inode *inode)
{
	if (inode)
		inode_free(inode);
}

struct inode *inode_get_locked(struct super_block *sb, u64 ino, bool *is_new)
{
	u32 hash = inode_hash(sb, ino);
	struct inode *fresh = NULL, *inode = NULL;

	might_sleep();
	for (;;) {
		switch (hash_find_or_add(sb, ino, hash, fresh, &inode)) {
		case HASH_ADDED:
			*is_new = true;
			return fresh;
		case HASH_MISSING:
			fresh = inode_make(sb);
			if (!fresh)
				return ERR_PTR(-ENOMEM);
			fresh->ino = ino;
			fresh->state = INODE_NEW;
			break;
		case HASH_FREEING:
			wait_event(hash_waitqueue(hash), !hash_is_freeing(sb, ino, hash));
			break;
		case HASH_FOUND:
			wait_event(
				hash_waitqueue(hash), !(load_acquire(&inode->state) & INODE_NEW));
			if (!(READ_ONCE(inode->state) & INODE_BAD)) {
				inode_discard(fresh);
				*is_new = false;
				return inode;
			}
			inode_put(inode);
			break;
		}
	}
}

void inode_new_done(struct inode *inode, int error)
{
	if (error)
		hash_remove(inode);
	spin_lock(&inode->lock);
	store_release(&inode->state, (inode->state & ~INODE_NEW) | (error ? INODE_BAD : 0));
	spin_unlock(&inode->lock);
	wake_up_all(hash_waitqueue(inode_hash(inode->sb, inode->ino)));
	if (error)
		inode_put(inode);
}

void inode_set_link(struct inode *inode, char *body)
{
	const char *none = NULL;

	if (!atomic_cas(&inode->link, &none, (const char *)body))
		kfree(body);
}

void inode_set_nlink(struct inode *inode, u32 nlink)
{
	spin_lock(&inode->lock);
	WRITE_ONCE(inode->nlink, nlink);
	spin_unlock(&inode->lock);
}

/* ---- Permissions ---- */

int inode_permission(const struct inode *inode, unsigned may)
{
	const struct cred *c = current_cred();
	u32 mode = READ_ONCE(inode->mode);

	if (c->fsuid == 0) {
		if (!(may & MAY_EXEC) || (mode & 0111) || S_ISDIR(mode))
			return 0;
		return -EACCES;
	}
	if (c->fsuid == READ_ONCE(inode->uid))
		mode >>= 6;
	else if ((mode >> 3 & 7) != (mode & 7) && cred_in_group(c, READ_ONCE(inode->gid)))
		mode >>= 3;
	return (may & ~mode & 7) ? -EACCES : 0;
}

int inode_may_delete(const struct inode *dir, const struct inode *victim)
{
	const struct cred *c = current_cred();

	if (!(READ_ONCE(dir->mode) & S_ISVTX) || c->fsuid == 0)
		return 0;
	if (c->fsuid == READ_ONCE(victim->uid) || c->fsuid == READ_ONCE(dir->uid))
		return 0;
	return -EPERM;
}

struct timespec64 inode_now(void)
{
	u64 ns = clock_wall_ns();

	return (struct timespec64){
		.sec = (s64)(ns / NSEC_PER_SEC),
		.nsec = (s64)(ns % NSEC_PER_SEC),
	};
}

/* ---- Shrinking ---- */

enum shrink_result { SHRINK_EMPTY, SHRINK_KEPT, SHRINK_TAKEN };

/* Look at the oldest: claim it in *out, or give it another round. */
static enum shrink_result shrink_one(struct super_block *sb, struct inode **out)
{
	enum shrink_result result = SHRINK_KEPT;
	struct inode *inode = NULL;

	rcu_read_lock();
	spin_lock(&lru_lock);
	if (!list_empty(&lru)) {
		inode = list_first_entry(&lru, struct inode, lru);
		list_move_tail(&inode->lru, &lru);
	}
	spin_unlock(&lru_lock);
	if (!inode) {
		rcu_read_unlock();
		return SHRINK_EMPTY;
	}
	spin_lock(&inode->lock);
	if (!(inode->state & INODE_ON_LRU) || (inode->state & INODE_FREEING)) {
		/* evicted since we looked */
	} else if (READ_ONCE(inode->refs) != 0) {
		lru_remove(inode);
	} else if (sb && inode->sb != sb) {
		/* not asked for */
	} else if (inode->state & INODE_REFERENCED) {
		WRITE_ONCE(inode->state, inode->state & ~INODE_REFERENCED);
	} else {
		inode_mark_freeing(inode);
		*out = inode;
		result = SHRINK_TAKEN;
	}
	spin_unlock(&inode->lock);
	rcu_read_unlock();
	return result;
}

u64 inode_shrink(struct super_block *sb, u64 nr)
{
	u64 taken = 0;
	/* Twice around: the first round may only clear REFERENCED. */
	u64 looks = 2 * READ_ONCE(lru_length);

	might_sleep();
	while (taken < nr && looks-- > 0) {
		struct inode *inode;
		enum shrink_result r = shrink_one(sb, &inode);

		if (r == SHRINK_EMPTY)
			break;
		if (r == SHRINK_TAKEN) {
			inode_evict(inode);
			taken++;
		}
	}
	return taken;
}

/* ---- Shutdown ---- */

/* Claim one of sb's unused inodes; NULL: there is none. */
static struct inode *claim_unused(struct super_block *sb)
{
	struct inode *inode, *claimed = NULL;

	spin_lock(&sb->inodes_lock);
	list_for_each_entry (inode, &sb->inodes, sb_node) {
		spin_lock_nested(&inode->lock, 1);
		if (READ_ONCE(inode->refs) == 0 && !(inode->state & INODE_FREEING)) {
			inode_mark_freeing(inode);
			claimed = inode;
		}
		spin_unlock(&inode->lock);
		if (claimed)
			break;
	}
	spin_unlock(&sb->inodes_lock);
	return claimed;
}

/* Somebody else, a shrinker mostly, has claimed one of sb's inodes and is not done with it. */
static bool evictions_under_way(struct super_block *sb)
{
	struct inode *inode;
	bool any = false;

	spin_lock(&sb->inodes_lock);
	list_for_each_entry (inode, &sb->inodes, sb_node)
		any = any || (READ_ONCE(inode->state) & INODE_FREEING);
	spin_unlock(&sb->inodes_lock);
	return any;
}

static bool evictions_deferred(void)
{
	spin_lock(&deferred_lock);
	bool any = !list_empty(&deferred);

	spin_unlock(&deferred_lock);
	return any;
}

void inode_evict_all(struct super_block *sb)
{
	struct inode *inode;

	might_sleep();
	do {
		while ((inode = claim_unused(sb)) != NULL)
			inode_evict(inode);
		/* Here: the work queue's threads may all be waiting for what our caller holds. */
		work_finish(&deferred_work);
		wait_event(&evicted_wq, evictions_deferred() || !evictions_under_way(sb));
	} while (evictions_under_way(sb));
	spin_lock(&sb->inodes_lock);
	list_for_each_entry (inode, &sb->inodes, sb_node)
		printk("%s: inode %llu still has %u references at shutdown", sb->name,
			(unsigned long long)inode->ino, READ_ONCE(inode->refs));
	spin_unlock(&sb->inodes_lock);
}

static u64 shrinker_count(struct shrinker *s)
{
	(void)s;
	return READ_ONCE(lru_length);
}

static u64 shrinker_scan(struct shrinker *s, u64 nr)
{
	(void)s;
	return inode_shrink(NULL, nr);
}

static struct shrinker inode_shrinker = {
	.name = "inodes",
	.count = shrinker_count,
	.scan = shrinker_scan,
	.object_size = sizeof(struct inode),
	.drop_mask = 2,
};

void inode_get_stats(struct inode_stats *out)
{
	out->inodes = percpu_sum(inodes_made) - percpu_sum(inodes_freed);
	out->unused = READ_ONCE(lru_length);
	out->evicted = percpu_sum(inodes_evicted);
}

void inode_init(void)
{
	struct page_stats pages;
	u32 n = 1024;

	page_get_stats(&pages);
	while (n < pages.total && n < 1u << 20)
		n *= 2;
	buckets = vzalloc(n * sizeof(*buckets));
	inode_cache = slab_cache_create("inode", sizeof(struct inode), 0, 0, NULL);
	if (!buckets || !inode_cache)
		panic("no memory for the inode cache");
	bucket_mask = n - 1;
	for (unsigned i = 0; i < HASH_LOCKS; i++)
		spin_lock_init(&hash_locks[i], RANK_INODE_HASH);
	for (unsigned i = 0; i < WAIT_QUEUES; i++)
		waitqueue_init(&wait_queues[i]);
	work_init(&deferred_work, evict_deferred);
	shrinker_register(&inode_shrinker);
}
