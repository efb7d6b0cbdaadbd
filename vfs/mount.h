/*
 * The mount tree. A mount shows a super block (or a part of one, bind) at a dentry of another mount.
 * Walks find it in the mount hash by (parent mount, mount point) when DENTRY_MOUNTED is set.
 *
 * Locking
 *   mount_tree_mutex   serialises mount, umount, bind
 *     rwsem of the mount point's inode   mount: unlink, rmdir and rename decide under it whether it is one
 *     mount_lock       seqlock: hash, parent, mount point, DENTRY_MOUNTED change under it; RCU walks
 *                      sample it at their start and re-check after every crossing
 *
 * References: mount_get/put count per CPU (open files and working directories come and go without a
 * shared write). umount freezes the count first: from then on it is exact, and EBUSY can be decided.
 */
#pragma once

#include "kernel/seqlock.h"
#include "vfs/super.h"

struct mount;

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

#define MOUNT_RDONLY   1u
#define MOUNT_DETACHED 2u /* no longer in the tree; mount_lock */

struct mount_count {
	s64 n; /* this CPU's share; only their sum means something */
} __cacheline;

struct mount {
	/* --- read by RCU walks --- */
	struct dentry *root;	   /* immutable; referenced */
	struct super_block *sb;	   /* immutable; referenced */
	struct mount *parent;	   /* itself at the top; mount_lock */
	struct dentry *mountpoint; /* mount_lock */
	struct hlist_node hash;	   /* mount_lock, RCU */
	u32 flags;
	u32 id;
	/* --- the rest --- */
	struct list_head node;	    /* all mounts in order; mount_lock, RCU */
	u32 nr_children;	    /* mounts on this one; mount_lock */
	struct mount_count *counts; /* one per CPU */
	u32 frozen;		    /* the count is frozen_count, exact; set under mount_lock */
	s64 frozen_count;	    /* atomic */
	struct list_head dead_node; /* waiting for the end; mount.c */
	char source[64];
	struct rcu_head rcu;
};

extern struct seqlock mount_lock;

/* The mount on (parent, mountpoint), or NULL. Context: RCU; check mount_lock's sequence afterwards. */
struct mount *mount_lookup_rcu(const struct mount *parent, const struct dentry *mountpoint);

void mount_get(struct mount *m);
/* Context: any but interrupts; never sleeps (a kernel thread shuts down what was the last use). */
void mount_put(struct mount *m);
void mount_put_slow(struct mount *m); /* for mount_put_nopreempt */
/* The same where preemption is off already. */
static __always_inline void mount_put_nopreempt(struct mount *m)
{
	struct mount_count *c = &m->counts[this_cpu_id()];

	if (likely(!READ_ONCE(m->frozen)))
		WRITE_ONCE(c->n, c->n - 1);
	else
		mount_put_slow(m);
}
/* mount_get_rcu where the count is frozen. */
bool mount_get_rcu_frozen(struct mount *m, u32 m_seq);

/*
 * Take a reference if mount_lock has not moved since m_seq; otherwise nothing is taken.
 * Context: RCU read section, which is also what the freezer waits for; never sleeps.
 */
static __always_inline bool mount_get_rcu(struct mount *m, u32 m_seq)
{
	struct mount_count *c;

	if (unlikely(READ_ONCE(m->frozen)))
		return mount_get_rcu_frozen(m, m_seq);
	if (unlikely(read_seqretry(&mount_lock, m_seq)))
		return false;
	/* still in the tree, and before it can leave it the count is frozen: after our section */
	c = &m->counts[this_cpu_id()];
	WRITE_ONCE(c->n, c->n + 1);
	return true;
}

/* The mount on p, referenced, or NULL. Context: never sleeps. */
struct mount *mount_lookup_get(const struct path *p);
/* The place m is mounted on, referenced; false at the top of its tree. Context: never sleeps. */
bool mount_get_parent(struct mount *m, struct path *out);

static inline void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}
static inline void path_put(const struct path *p)
{
	dentry_put(p->dentry);
	mount_put(p->mnt);
}
/* The same where sleeping is not allowed: a last reference is dropped later by a kernel thread. */
static __always_inline void path_put_nosleep(const struct path *p)
{
	rcu_read_lock();
	dentry_put_rcu(p->dentry);
	mount_put_nopreempt(p->mnt);
	rcu_read_unlock();
}

/* Mount sb's root on where (reference to sb consumed, also on failure). flags MOUNT_RDONLY.
 * 0 or -errno. May sleep. */
int mount_add(struct super_block *sb, const struct path *where, const char *source, u32 flags);
/* The first mount. */
int mount_root(struct super_block *sb, const char *source, u32 flags);
/* Show from's tree at where. */
int mount_bind(const struct path *from, const struct path *where);
/* Take away the mount whose root is at where (references consumed). lazy: detach it and all below it now;
 * each ends when unused. 0, -EBUSY, -EINVAL (not the root of a mount). May sleep. */
int mount_remove(const struct path *where, bool lazy);
/*
 * Mount at path by name (kernel strings), creating a DENTRY_KERNEL_ONLY mount point when the directory
 * is missing on a read-only root.
 */
int mount_at(
	const char *fs_name, const char *source, const char *path, const char *options, u32 flags);
/* Detach every mount, the root last. Context: as mount_shutdown. */
void mount_remove_all(void);
/* The root of the tree, referenced. */
void mount_get_root(struct path *out);
/* fn for each mount, in the order they were made. May not sleep. */
void mount_for_each(void (*fn)(struct mount *m, void *arg), void *arg);
void mount_init(void);
/* Mount the root and what every system has (mount_boot.c); panics only without memory. */
void mount_boot(void);
/* Take the whole tree away again. Context: the end, nobody walks any more; may sleep. */
void mount_shutdown(void);
