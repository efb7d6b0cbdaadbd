/*
 * A file system for tests, in memory, that behaves as one on a disk does: names that leave the dentry cache
 * are looked up again, inodes that leave their cache are filled in again, symlink bodies are read when
 * they are needed. Everything that would wait for a disk says so (might_sleep), is counted, and can be
 * held up by the test.
 *
 * Inode numbers are never used twice, in any instance: they say which life of a name an answer is about.
 *
 * Locking: a directory's entries are changed under its rwsem held exclusively, as the vfs does around every
 * operation, and looked up with it held shared. The list of nodes has a spinlock (RANK_FS_SPIN).
 * Limits: no contents, no getdents.
 */
#pragma once

#include "vfs/dcache.h"
#include "vfs/inode.h"
#include "vfs/super.h"

/* What an inode number stands for; lives until its last name and its last inode have gone. */
struct tree_node {
	u64 ino;
	u32 mode, nlink;
	bool revalidate; /* its names' dentries want to be asked about, where sleeping is allowed */
	char *body;	 /* of a symlink */
	struct list_head entries; /* of a directory; its rwsem */
	struct list_head all_node;
};

/* A kind of such file systems: registered once, mounted as often as one likes. */
struct tree_kind {
	struct file_system fs;
	/* Give a new instance its first names (tree_add). */
	void (*populate)(struct tree_node *root);
	/* Called before a lookup looks, and before a rename changes anything; may sleep. NULL: nothing. */
	void (*looking)(struct inode *dir, const struct dentry *d);
	void (*renaming)(struct inode *dir, const struct dentry *from);
};

void tree_register(struct tree_kind *kind, const char *name);
/* A new entry, for populate. mode with its type; body for symlinks. */
struct tree_node *tree_add(struct tree_node *dir, const char *name, u32 mode, const char *body);
/* Lookups and symlink bodies that any instance was asked for. */
u64 tree_asked(void);
