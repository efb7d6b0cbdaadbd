/*
 * File-system types and super blocks (one per mounted device or instance).
 */
#pragma once

#include "kernel/mutex.h"
#include "vfs/dcache.h"
#include "vfs/inode.h"

struct block_device;
struct super_block;

struct statfs_info {
	u64 type, block_size, blocks, blocks_free, files, files_free, name_max;
	u32 fsid[2];
};

struct super_ops {
	/* An inode, with the file system's own part around it; NULL: no memory. NULL op: plain inodes. */
	struct inode *(*alloc_inode)(struct super_block *sb);
	/* Give the memory back. Context: after a grace period, may not sleep. */
	void (*free_inode)(struct inode *inode);
	/* The last use of an inode ends: the vfs drops its pages; free blocks if nlink is 0. May sleep. */
	void (*evict_inode)(struct inode *inode);
	/* The super block goes away; all inodes are gone. */
	void (*put_super)(struct super_block *sb);
	int (*statfs)(struct super_block *sb, struct statfs_info *out);
};

struct file_system {
	const char *name;
	bool needs_device;
	/*
	 * Fill sb (ops, block_size, root by dentry_alloc_root, private). options is "" at least.
	 * 0 or -errno after one console line that says why. May sleep.
	 */
	int (*fill_super)(struct super_block *sb, const char *options);
	struct list_head node;
};

#define SB_RDONLY 1u
#define SB_DYING  2u /* being shut down: shrinkers keep out; LRU lock */

struct super_block {
	const struct file_system *fs;
	const struct super_ops *ops;
	const struct dentry_ops *dentry_ops; /* for every dentry; NULL mostly */
	struct block_device *dev;	     /* NULL for memory file systems */
	char name[32];			     /* for messages: "ext4 vda" */
	u32 flags;
	u32 block_size;
	u64 dev_id; /* st_dev */
	struct dentry *root;
	void *private_data;
	u32 refs;		   /* atomic: mounts, and whoever else */
	struct mutex rename_mutex; /* one cross-directory rename at a time */
	struct spinlock inodes_lock;
	struct list_head inodes; /* guarded by inodes_lock */
	u32 shrinking;		 /* dentries of ours in a shrinker's hands; atomic */
	struct rcu_head rcu;
};

void file_system_register(struct file_system *fs);
struct file_system *file_system_find(const char *name);
/* Make a super block of fs on dev (may be NULL), referenced. ERR_PTR on failure. May sleep. */
struct super_block *super_mount(
	struct file_system *fs, struct block_device *dev, const char *options, u32 flags);
/* Drop a reference; the last one shuts the file system down: dentries, inodes, put_super. May sleep. */
void super_put(struct super_block *sb);
