/*
 * The dentry cache: which name in which directory is which inode.
 *
 * States of a dentry
 *
 *   in-lookup   allocated by dcache_lookup_begin, in the in-lookup table, its file system is asked;
 *               not yet visible to walks. Later comers for the same name chain on it.
 *   positive    hashed, inode set, one of the DENTRY_TYPE bits says of what kind
 *   negative    hashed, inode NULL: the name is known not to exist
 *   unhashed    dropped from the hash: no new walk finds it; lives on while referenced
 *   dead        lockref dead; freed after a grace period
 *
 * A dentry holds a reference on its parent and on its inode. An unreferenced hashed dentry stays
 * cached on the LRU until the shrinker takes it.
 *
 * Who may change what
 *
 *   seq                  odd while name, parent, inode or hash membership change; writers hold
 *                        dentry->ref's lock (rename: of both, and rename_lock)
 *   inode, type bits     ref's lock + seq; the directory's inode rwsem for writing, or in-lookup
 *   parent, name, hash   rename_lock + ref's lock + seq; the directories' inode rwsems
 *   hash membership      ref's lock, then the bucket's lock
 *   children, sibling    the parent's ref's lock
 *   lru                  the LRU lock
 *   MOUNTED              mount_lock and ref's lock
 *
 * RCU readers look at nothing but the first two cache lines, and only believe what the sequence
 * confirms (chain of custody, CONTRACT 1.6). Name storage, inode and the dentry itself are freed only
 * after a grace period.
 */
#pragma once

#include "kernel/list.h"
#include "kernel/lockref.h"
#include "kernel/rcu.h"
#include "kernel/seqlock.h"

struct dentry;
struct inode;
struct super_block;
struct path;

/* A name component; not terminated. hash_len = hash << 32 | len, salted with the parent. */
struct qstr {
	const char *name;
	u64 hash_len;
};
static inline u32 qstr_len(const struct qstr *q)
{
	return (u32)q->hash_len;
}

/* dentry->flags: changed under ref's lock, the two hints by atomic_fetch_or/and */
#define DENTRY_TYPE_MASK     0x0007u
#define DENTRY_TYPE_NEGATIVE 0x0000u
#define DENTRY_TYPE_DIR	     0x0001u /* a directory one can look names up in */
#define DENTRY_TYPE_REG	     0x0002u
#define DENTRY_TYPE_SYMLINK  0x0003u
#define DENTRY_TYPE_OTHER    0x0004u /* FIFO, device, socket */
#define DENTRY_HASHED	     0x0008u /* in the hash: may be believed */
#define DENTRY_MOUNTED	     0x0010u /* some mount hangs here: look in the mount hash */
#define DENTRY_REVALIDATE    0x0020u /* ops->revalidate must be asked before use */
#define DENTRY_IN_LOOKUP     0x0040u
#define DENTRY_REFERENCED    0x0080u /* used since the shrinker last passed; hint */
#define DENTRY_ON_LRU	     0x0100u
#define DENTRY_KERNEL_ONLY   0x0200u /* mount point absent on disk: walkable, not in getdents */
#define DENTRY_ROOT	     0x0800u /* root of a super block; its own parent */
#define DENTRY_PINNED	     0x1000u /* its file system keeps this name nowhere else: never shrunk */
#define DENTRY_SEARCH_ALL    0x2000u /* a directory with x for everybody */

#define DENTRY_INLINE_NAME 40 /* bytes, with the NUL; zero padded to whole words */

struct dentry_ops {
	/*
	 * Is this cached entry still true? 1 yes, 0 no (it is dropped and looked up again), -errno.
	 * In an RCU walk (rcu true) it may say -ECHILD: ask again where sleeping is allowed.
	 * Context: rcu ? read section, never sleeps : may sleep, caller holds a reference.
	 */
	int (*revalidate)(struct dentry *d, bool rcu);
};

struct dentry {
	/* --- what RCU readers touch --- */
	struct seqcount seq;
	u32 flags; /* see the table above */
	struct hlist_node hash;
	struct dentry *parent;
	u64 hash_len;	     /* as qstr.hash_len */
	const char *name;    /* inline_name or an allocation of its own; zero padded to words */
	struct inode *inode; /* NULL: negative */
	const struct dentry_ops *ops;
	char inline_name[DENTRY_INLINE_NAME];
	/* --- what writers dirty --- */
	struct lockref ref;
	struct super_block *sb;
	union {
		struct list_head lru; /* LRU lock */
		struct rcu_head rcu;  /* once dead */
		struct {	      /* while in-lookup: that bucket's lock */
			struct dentry_waiter *waiters;
			struct dentry *lookup_next;
		};
	};
	struct list_head children; /* of this; ref's lock */
	struct list_head sibling;  /* in parent->children; the parent's ref's lock */
	void *fs_data;		   /* the file system's own */
};
static_assert(sizeof(struct dentry) <= 192, "PERFORMANCE: bytes a cached dentry");

static inline unsigned dentry_type(const struct dentry *d)
{
	return READ_ONCE(d->flags) & DENTRY_TYPE_MASK;
}
static inline bool dentry_is_negative(const struct dentry *d)
{
	return dentry_type(d) == DENTRY_TYPE_NEGATIVE;
}
/*
 * The inode, NULL for a negative entry. Context: d is referenced, so that a positive one stays what it is;
 * a negative one may become positive at any time, and then its type bits are right once the inode is seen.
 */
static inline struct inode *dentry_inode(const struct dentry *d)
{
	return load_acquire(&d->inode);
}
static inline bool dentry_is_hashed(const struct dentry *d)
{
	return READ_ONCE(d->flags) & (DENTRY_HASHED | DENTRY_ROOT);
}

/* Renames in progress anywhere: sampled by walks that must not be fooled by one (CONTRACT 2, 3). */
extern struct seqlock rename_lock;

/* ---- Names ---- */

/*
 * Hash the component at name up to '/' or NUL, a word at a time, salted with parent.
 * Returns hash << 32 | length. name must be readable for NAME_SLACK bytes after its end.
 */
#define NAME_SLACK 8u
u64 name_hash(const struct dentry *parent, const char *name);
/* The same for a name of known length, from any memory. */
u64 name_hash_len(const struct dentry *parent, const char *name, u32 len);

/* ---- Lookup ---- */

/*
 * Find (parent, name) in the dentry hash without taking a reference.
 *
 * Context: RCU read section; never sleeps.
 * Returns the dentry, with *seq its sequence at the time of the match, or NULL when the name is not
 * cached. NULL is not "does not exist": a racing rename may hide an entry.
 */
struct dentry *dcache_lookup_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq);

/*
 * The same with a reference, and never a false miss: retried under rename_lock.
 * Returns a referenced dentry (positive or negative) or NULL. Context: never sleeps.
 */
struct dentry *dcache_lookup(struct dentry *parent, const struct qstr *name);

/*
 * One ->lookup at a time for a missing (parent, name).
 *
 *   0, *ours true     a new in-lookup dentry in *out, ours to fill: call the file system, then
 *                     dcache_lookup_end. The caller holds the directory's rwsem shared.
 *   0, *ours false    somebody else was faster: *out is a hashed dentry, referenced.
 *   -EAGAIN           only when w is given: another thread's lookup of this name is under way; w is
 *                     chained on it and w->fn runs when it is finished (no thread is held up). Without
 *                     w the call sleeps until then and looks again.
 *   -ENOMEM
 * Context: may sleep.
 */
struct dentry_waiter {
	struct dentry_waiter *next;
	void (*fn)(struct dentry_waiter *w); /* Context: thread, no locks, may not sleep */
	/* Set true by dcache_lookup_begin when it chains w, so that whoever gets -EAGAIN from a whole
	 * walk can tell "fn will run" from any other reason. Cleared by the owner. */
	bool chained;
};
int dcache_lookup_begin(struct dentry *parent, const struct qstr *name, struct dentry_waiter *w,
	struct dentry **out, bool *ours);
/* Leave the in-lookup state (added or not) and let the chained ones go. */
void dcache_lookup_end(struct dentry *d);

/* ---- Changes; the caller holds the directory's inode rwsem for writing, or the in-lookup dentry ---- */

/* A dentry of its own, unhashed, child of parent (reference taken). NULL when short of memory. */
struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name);
/* The root of a super block; consumes the caller's reference on inode (also on failure: NULL). */
struct dentry *dentry_alloc_root(struct super_block *sb, struct inode *inode);
/* Hash d with inode (reference consumed; NULL: negative). For ->lookup. Never sleeps. */
void dcache_add(struct dentry *d, struct inode *inode);
/* Give a hashed negative dentry an inode (reference consumed). For ->create, mkdir, symlink, link. */
void dcache_instantiate(struct dentry *d, struct inode *inode);
/* The name is gone: turn d negative if nobody else uses it, else unhash it. May sleep. */
void dcache_delete(struct dentry *d);
/* d's inode has got other permission bits. Context: may not hold d's lock. */
void dcache_mode_changed(struct dentry *d);
/* Unhash. */
void dcache_drop(struct dentry *d);
/* from takes to's name and parent; to is unhashed. Both parents' rwsems held for writing. */
void dcache_move(struct dentry *from, struct dentry *to);
void dcache_exchange(struct dentry *a, struct dentry *b);
/* d is ancestor or lies below it. Context: rename_lock or the rename mutex held, or a racy hint. */
bool dentry_is_descendant(const struct dentry *d, const struct dentry *ancestor);

/* ---- References: the only code that touches a dentry's count ---- */

static inline void dentry_get(struct dentry *d)
{
	lockref_get(&d->ref, RANK_DENTRY);
}
/* Context: may sleep when it was the last reference of an unhashed one (inode eviction). */
void dentry_put(struct dentry *d);
/* The same where sleeping is not allowed: such a last reference is dropped later by a kernel thread. */
void dentry_put_nosleep(struct dentry *d);

/* What dropping a reference without the lock has come to. */
enum dentry_dropped {
	DROPPED,      /* and d stays cached, or others have it */
	DROPPED_LAST, /* d may have to go: dentry_put_rest */
	DROPPED_NOT,  /* the lock is in the way: dentry_put_rest */
};

/* Context: RCU read section, which alone keeps d's memory afterwards. */
static __always_inline enum dentry_dropped dentry_drop_unlocked(struct dentry *d)
{
	s32 left = lockref_put_return(&d->ref);

	if (left != 0)
		return likely(left > 0) ? DROPPED : DROPPED_NOT;
	/* ordered after the put by its compare-and-swap; partner: dentry_unhash under the lock */
	const u32 cached = DENTRY_ON_LRU | DENTRY_REFERENCED | DENTRY_HASHED;
	const u32 pinned = DENTRY_PINNED | DENTRY_HASHED;
	u32 flags = READ_ONCE(d->flags);

	return likely((flags & cached) == cached || (flags & pinned) == pinned) ? DROPPED
										: DROPPED_LAST;
}
/* The rest of a dentry_put_nosleep. Context: the same read section. */
void dentry_put_rest(struct dentry *d, enum dentry_dropped dropped);
/* dentry_put_nosleep inside a read section. */
static __always_inline void dentry_put_rcu(struct dentry *d)
{
	enum dentry_dropped dropped = dentry_drop_unlocked(d);

	if (unlikely(dropped != DROPPED))
		dentry_put_rest(d, dropped);
}

enum ref_result { REF_OK, REF_STALE, REF_DEAD };
/*
 * Take a reference if d is alive and still as it was at seq. REF_DEAD: nothing was taken. REF_STALE: it
 * was taken but d has changed; the caller drops it with dentry_put once it has left RCU.
 * Context: RCU read section; never sleeps.
 */
static inline enum ref_result dentry_get_rcu(struct dentry *d, u32 seq)
{
	if (!lockref_get_not_dead(&d->ref, RANK_DENTRY))
		return REF_DEAD;
	return seqcount_retry(&d->seq, seq) ? REF_STALE : REF_OK;
}

/* ---- Paths as text ---- */

/*
 * Write the absolute path of p as seen from root into buf's end; returns a pointer into buf, or
 * ERR_PTR(-ENAMETOOLONG). Paths not below root begin with "(unreachable)"; an unhashed dentry's ends
 * with " (deleted)". Context: any but interrupts.
 */
char *path_text(const struct path *p, const struct path *root, char *buf, size_t size);

/* ---- Shrinking, statistics ---- */

/* Free up to nr unreferenced dentries; of sb only when it is not NULL. Context: may sleep. */
u64 dcache_shrink(struct super_block *sb, u64 nr);
/* Super block shutdown: drop every dentry; root's last reference is the caller's and consumed. */
void dcache_shutdown(struct dentry *root);

struct dcache_stats {
	u64 dentries, negative, unused, in_lookup_waits, in_lookup_chained;
	u64 buckets, used_buckets, longest_chain;
};
void dcache_get_stats(struct dcache_stats *out); /* walks the whole table: slow */
void dcache_init(void);
