/*
 * Inodes: what a file is, apart from its names. Found through the inode hash (super block, number),
 * kept on an LRU while unreferenced, evicted by the shrinker or when the last link and the last
 * reference are gone. Freed after a grace period, with its symlink body.
 *
 * Locking
 *   rwsem            a directory's entries (lookups shared, changes exclusive), a file's size and data
 *                    when written
 *   lock             state bits, link count, times
 *   mode, uid, gid   written under rwsem and lock; read in RCU mode with READ_ONCE, confirmed by the
 *                    dentry's sequence or by a second, locked look (CONTRACT 3)
 */
#pragma once

#include "abi/stat.h"
#include "kernel/mutex.h"
#include "kernel/rcu.h"
#include "vfs/pagecache.h"

struct inode;
struct dentry;
struct path;
struct super_block;
struct file_ops;

struct inode_ops {
	/*
	 * Fill the in-lookup dentry d: dcache_add(d, inode) or dcache_add(d, NULL) for "no such
	 * name". 0 or -errno (then d stays unhashed). dir's rwsem is held shared. May sleep.
	 */
	int (*lookup)(struct inode *dir, struct dentry *d);
	/* Changes: dir's rwsem held exclusively, d negative and hashed; on success the file system calls
	 * dcache_instantiate. All may sleep; -EROFS / -EPERM when absent. */
	int (*create)(struct inode *dir, struct dentry *d, u32 mode);
	int (*mkdir)(struct inode *dir, struct dentry *d, u32 mode);
	int (*symlink)(struct inode *dir, struct dentry *d, const char *body);
	int (*link)(struct inode *dir, struct dentry *d, struct inode *target);
	int (*mknod)(struct inode *dir, struct dentry *d, u32 mode, u64 rdev);
	/* The vfs calls dcache_delete / dcache_move / dcache_exchange after success. */
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*rmdir)(struct inode *dir, struct dentry *d);
	int (*rename)(struct inode *from_dir, struct dentry *from, struct inode *to_dir,
		struct dentry *to, unsigned flags);
	/* An unnamed file in dir (O_TMPFILE); returns it referenced in *out. */
	int (*tmpfile)(struct inode *dir, u32 mode, struct inode **out);
	/* Read a symlink's body into inode->link (inode_set_link). May sleep. */
	int (*read_link)(struct inode *inode);
	/* A magic link: where it leads, as a referenced path. May sleep. */
	int (*magic_link)(struct dentry *d, struct path *out);
	int (*truncate)(struct inode *inode, u64 size);
	/* mode, uid, gid or times changed; write them. NULL: in memory only. */
	int (*update)(struct inode *inode);
};

/* inode->state, guarded by lock; read with READ_ONCE */
#define INODE_NEW	 0x1u /* being read by whoever created it; others wait on it */
#define INODE_FREEING	 0x2u /* leaving: hash lookups skip it */
#define INODE_ON_LRU	 0x4u
#define INODE_REFERENCED 0x8u
#define INODE_BAD	 0x10u /* could not be read: goes with its last reference */
/* inode->flags, set before it is visible */
#define INODE_MAGIC_LINK 0x1u
#define INODE_NO_LRU	 0x2u /* lives exactly as long as it is referenced (tmpfs, procfs) */

struct inode {
	/* --- what RCU readers touch --- */
	u32 mode; /* S_IF* and permission bits */
	u32 uid, gid;
	u32 flags;
	const struct inode_ops *ops;
	const struct file_ops *fops;
	struct super_block *sb;
	const char *link; /* symlink body once cached; release/acquire; freed with the inode */
	u64 ino;
	u64 size; /* bytes; WRITE_ONCE under rwsem */
	/* --- the rest --- */
	u32 refs; /* atomic; 0 = cached but unused */
	u32 state;
	struct spinlock lock;
	u32 nlink;
	u32 write_count;
	u64 blocks; /* 512-byte units */
	u64 rdev;
	struct timespec64 atime, mtime, ctime, btime;
	u32 generation;
	struct hlist_node hash;	  /* inode hash; bucket lock, RCU */
	struct list_head lru;	  /* LRU lock */
	struct list_head sb_node; /* sb->inodes; sb->inodes_lock */
	struct rwsem rwsem;
	struct mapping mapping; /* its page cache */
	struct rcu_head rcu;
	void *private_data;
};

/*
 * The inode ino of sb: from the hash, or a new one in state INODE_NEW that the caller fills and then
 * finishes with inode_new_done(inode, 0) or (inode, -errno: it is dropped, waiters retry).
 * A new one is zeroed but for sb, ino, nlink 1, times now; mapping.ops is the file system's to set.
 * *is_new tells. Sleeps while another thread fills it. Returns ERR_PTR(-ENOMEM) at worst.
 */
struct inode *inode_get_locked(struct super_block *sb, u64 ino, bool *is_new);
void inode_new_done(struct inode *inode, int error);
/* An inode outside the hash (tmpfs, procfs): referenced, filled with defaults. NULL: no memory. */
struct inode *inode_alloc(struct super_block *sb);

static inline void inode_get(struct inode *inode)
{
	atomic_add(&inode->refs, 1u);
}
/* Context: may sleep (eviction). NULL is fine. */
void inode_put(struct inode *inode);

/* Cache a symlink's body (kmalloc'd with NAME_SLACK bytes after the NUL; ownership passes). Racing
 * setters: the first wins. */
void inode_set_link(struct inode *inode, char *body);
void inode_set_nlink(struct inode *inode, u32 nlink);

/* Wanted access: MAY_* as bits. */
#define MAY_EXEC  1u
#define MAY_WRITE 2u
#define MAY_READ  4u
/*
 * Classic permission bits for current's credentials; root may do everything but execute what has no x.
 * 0 or -EACCES. Context: any; inode may be under RCU only.
 */
int inode_permission(const struct inode *inode, unsigned may);
/* Deletion in a sticky directory: owner of file or directory only. 0 or -EPERM. */
int inode_may_delete(const struct inode *dir, const struct inode *victim);
/* The mode of a new file in dir for which mode was asked: without the umask, and without S_ISGID where dir
 * gives it a group that its maker is not in. */
u32 inode_new_mode(const struct inode *dir, u32 mode);
/* Somebody writes to the file or cuts it: unless that is root, it loses the bits that let others run it as
 * its owner or group. Context: rwsem held for writing. */
void inode_drop_setid(struct inode *inode);
/* The time now, for m/c/atime. */
struct timespec64 inode_now(void);

struct inode_stats {
	u64 inodes, unused, evicted;
};
void inode_get_stats(struct inode_stats *out);
u64 inode_shrink(struct super_block *sb, u64 nr);
void inode_init(void);
