/*
 * References of dentries, the LRU of unused ones, and how a dentry ends.
 *
 *   in use (count > 0)  --put-->  unused, hashed: stays cached, on the LRU
 *                                 unused, unhashed: ends at once
 *   unused, on the LRU  --shrinker-->  ends, unless REFERENCED gave it a second round
 *
 * The end of a dentry, and why no lock is ever taken out of order: under its own lock it is marked dead
 * and unhashed, so that nobody can find or revive it. Only then, with that lock dropped, the parent's
 * lock is taken to leave the list of children; the parent cannot go away because the dead child still
 * holds a reference on it. No trylock loop, nobody waits for a dying dentry.
 *
 * The common put writes one word: when the dentry is hashed, on the LRU and REFERENCED already, a count
 * that drops to zero needs nothing more. Whoever unhashes it afterwards holds a reference or the lock,
 * and sees to its end.
 *
 * Locking: dentry lock, then lru_lock. The shrinker comes the other way round and only tries.
 */
#include "vfs/internal.h"
#include "vfs/prefetch.h"

#include "kernel/reclaim.h"
#include "kernel/wait.h"
#include "kernel/workqueue.h"

static struct spinlock lru_lock = SPINLOCK_INIT(RANK_LRU);
static struct list_head lru = LIST_HEAD_INIT(lru);	     /* lru_lock; oldest first */
static u64 lru_length;					     /* lru_lock */
static struct list_head deferred = LIST_HEAD_INIT(deferred); /* lru_lock; by dentry->lru */
static struct work deferred_work;
static struct waitqueue shrink_done = WAITQUEUE_INIT(shrink_done);
static DEFINE_PERCPU(s64, dentry_count);

/* A dentry's lines, its inode's and its bucket's: so many of them are some MiB. */
#define LARGE_COUNT 8192u
/* How often the sum of all CPUs is worth looking at. */
#define LOOK_EACH 256

void dcache_count_dentry(s64 n)
{
	this_cpu_add(dentry_count, n);
	if (unlikely(this_cpu_read(dentry_count) % LOOK_EACH == 0))
		WRITE_ONCE(prefetch_pays, dcache_dentry_count() > LARGE_COUNT);
}

u64 dcache_dentry_count(void)
{
	return percpu_sum(dentry_count);
}

void dcache_lru_counts(u64 *unused)
{
	*unused = READ_ONCE(lru_length);
}

/* Context: d's lock held. */
static void lru_add(struct dentry *d)
{
	u32 flags = READ_ONCE(d->flags);

	if (!(flags & DENTRY_REFERENCED))
		atomic_fetch_or(&d->flags, DENTRY_REFERENCED);
	if (flags & (DENTRY_ON_LRU | DENTRY_PINNED))
		return;
	spin_lock(&lru_lock);
	atomic_fetch_or(&d->flags, DENTRY_ON_LRU);
	list_add_tail(&d->lru, &lru);
	WRITE_ONCE(lru_length, lru_length + 1);
	spin_unlock(&lru_lock);
}

/* Context: lru_lock and d's lock held. */
static void lru_remove_locked(struct dentry *d)
{
	list_del(&d->lru);
	atomic_fetch_and(&d->flags, ~DENTRY_ON_LRU);
	WRITE_ONCE(lru_length, lru_length - 1);
}

static void dentry_free_rcu(struct rcu_head *head)
{
	struct dentry *d = container_of(head, struct dentry, rcu);

	if (dentry_has_long_name(d))
		kfree((void *)d->name);
	slab_free(dentry_cache, d);
}

/*
 * The end. Context: d's lock held, count zero; the lock is dropped. May sleep (inode eviction).
 * Returns the parent, whose reference is now the caller's to drop, or NULL.
 */
static struct dentry *dentry_kill(struct dentry *d)
{
	struct dentry *parent = d->parent;

	lockref_mark_dead(&d->ref);
	dentry_unhash(d);
	if (READ_ONCE(d->flags) & DENTRY_ON_LRU) {
		spin_lock(&lru_lock);
		lru_remove_locked(d);
		spin_unlock(&lru_lock);
	}
	lockref_unlock(&d->ref);

	if (parent != d) {
		lockref_lock(&parent->ref, RANK_DENTRY);
		list_del(&d->sibling);
		lockref_unlock(&parent->ref);
	}
	inode_put(d->inode);
	dcache_count_dentry(-1);
	call_rcu(&d->rcu, dentry_free_rcu);
	return parent != d ? parent : NULL;
}

/*
 * What is left to do behind dentry_drop_unlocked. True: done, d may be gone. False: it was the last
 * reference of a dentry that must end; d's lock is held, its count is zero. Context: RCU read section.
 */
static bool drop_locked(struct dentry *d, enum dentry_dropped dropped)
{
	lockref_lock(&d->ref, RANK_DENTRY);
	if (dropped == DROPPED_NOT) {
		assert(lockref_count(&d->ref) > 0);
		WRITE_ONCE(d->ref.count, lockref_count(&d->ref) - 1);
	}
	/* a count that is not zero: others have it, it was revived, or somebody else has ended it */
	if (lockref_count(&d->ref) == 0) {
		if (!dentry_is_hashed(d))
			return false;
		lru_add(d);
	}
	lockref_unlock(&d->ref);
	return true;
}

/* As drop_locked, from the start. */
static bool put_leaves_alive(struct dentry *d)
{
	enum dentry_dropped dropped;
	bool alive;

	rcu_read_lock();
	dropped = dentry_drop_unlocked(d);
	alive = likely(dropped == DROPPED) || drop_locked(d, dropped);
	rcu_read_unlock(); /* when it ends, the lock keeps it from here on */
	return alive;
}

void dentry_put(struct dentry *d)
{
	might_sleep();
	while (d && !put_leaves_alive(d))
		d = dentry_kill(d);
}

void dentry_put_rest(struct dentry *d, enum dentry_dropped dropped)
{
	if (drop_locked(d, dropped))
		return;
	/* Keep the last reference and let a kernel thread drop it. */
	WRITE_ONCE(d->ref.count, 1);
	spin_lock(&lru_lock);
	if (READ_ONCE(d->flags) & DENTRY_ON_LRU)
		lru_remove_locked(d);
	list_add_tail(&d->lru, &deferred);
	atomic_add(&d->sb->shrinking, 1u); /* the caller's mount reference may go before d does */
	spin_unlock(&lru_lock);
	lockref_unlock(&d->ref);
	work_queue(&deferred_work);
}

void dentry_put_nosleep(struct dentry *d)
{
	rcu_read_lock();
	dentry_put_rcu(d);
	rcu_read_unlock();
}

/* d is done with; a shutdown may be waiting for it. */
static void shrink_end(struct super_block *sb)
{
	if (atomic_sub_return(&sb->shrinking, 1u) == 0)
		wake_up_all(&shrink_done);
}

static void put_deferred(struct work *w)
{
	(void)w;
	for (;;) {
		struct super_block *sb;
		struct dentry *d = NULL;

		spin_lock(&lru_lock);
		if (!list_empty(&deferred)) {
			d = list_first_entry(&deferred, struct dentry, lru);
			list_del(&d->lru);
		}
		spin_unlock(&lru_lock);
		if (!d)
			return;
		sb = d->sb;
		dentry_put(d);
		shrink_end(sb);
	}
}

/* ---- Shrinking ---- */

/*
 * Take the oldest unused dentry of sb (any when NULL) off the LRU, with its lock held and its super
 * block's shrinking count raised. NULL with *more false when there is nothing left.
 */
static struct dentry *lru_isolate(struct super_block *sb, bool *more)
{
	struct dentry *d = NULL;

	spin_lock(&lru_lock);
	*more = !list_empty(&lru);
	if (*more) {
		d = list_first_entry(&lru, struct dentry, lru);
		if (READ_ONCE(d->flags) & DENTRY_REFERENCED) {
			atomic_fetch_and(&d->flags, ~DENTRY_REFERENCED);
			list_move_tail(&d->lru, &lru);
			d = NULL;
		} else if ((sb && d->sb != sb) || (d->sb->flags & SB_DYING) ||
			   !lockref_trylock(&d->ref, RANK_DENTRY)) {
			list_move_tail(&d->lru, &lru);
			d = NULL;
		} else {
			lru_remove_locked(d);
			atomic_add(&d->sb->shrinking, 1u);
		}
	}
	spin_unlock(&lru_lock);
	return d;
}

u64 dcache_shrink(struct super_block *sb, u64 nr)
{
	/* Everyone gets one second chance; parents join the tail as their children go. */
	u64 looks = 3 * READ_ONCE(lru_length) + 16, freed = 0;
	bool more = true;

	might_sleep();
	while (freed < nr && looks-- && more) {
		struct dentry *d = lru_isolate(sb, &more);
		struct super_block *owner;

		if (!d)
			continue;
		owner = d->sb;
		if (lockref_count(&d->ref) != 0 || (READ_ONCE(d->flags) & DENTRY_PINNED)) {
			lockref_unlock(
				&d->ref); /* in use: its last put brings it back; or to stay */
		} else {
			dentry_put(dentry_kill(d));
			freed++;
		}
		shrink_end(owner);
	}
	return freed;
}

static struct dentry *first_child(struct dentry *d)
{
	struct dentry *child = NULL;

	lockref_lock(&d->ref, RANK_DENTRY);
	if (!list_empty(&d->children))
		child = list_first_entry(&d->children, struct dentry, sibling);
	lockref_unlock(&d->ref);
	return child;
}

void dcache_shutdown(struct dentry *root)
{
	struct super_block *sb = root->sb;
	struct dentry *d = root, *child;

	spin_lock(&lru_lock);
	sb->flags |= SB_DYING;
	spin_unlock(&lru_lock);
	put_deferred(NULL); /* here: we may be running in the work queue ourselves */
	wait_event(&shrink_done, READ_ONCE(sb->shrinking) == 0);

	/* Nobody else uses this tree any more: take it down from the leaves. */
	for (;;) {
		while ((child = first_child(d)))
			d = child;
		lockref_lock(&d->ref, RANK_DENTRY);
		if (d == root) {
			assert(lockref_count(&d->ref) == 1);
			WRITE_ONCE(d->ref.count, 0);
			dentry_kill(d);
			return;
		}
		if (lockref_count(&d->ref) != 0)
			panic("%s: dentry '%s' still has %d references at unmount", sb->name,
				d->name, lockref_count(&d->ref));
		d = dentry_kill(d);
		/* the child's reference on its parent, which stays cached until its own turn */
		lockref_lock(&d->ref, RANK_DENTRY);
		WRITE_ONCE(d->ref.count, lockref_count(&d->ref) - 1);
		lockref_unlock(&d->ref);
	}
}

static u64 shrinker_count(struct shrinker *s)
{
	(void)s;
	return READ_ONCE(lru_length);
}

static u64 shrinker_scan(struct shrinker *s, u64 nr)
{
	(void)s;
	return dcache_shrink(NULL, nr);
}

static struct shrinker dentry_shrinker = {
	.name = "dentries",
	.count = shrinker_count,
	.scan = shrinker_scan,
	.object_size = sizeof(struct dentry),
	.drop_mask = 2,
};

void dcache_lru_init(void)
{
	work_init(&deferred_work, put_deferred);
	shrinker_register(&dentry_shrinker);
}
