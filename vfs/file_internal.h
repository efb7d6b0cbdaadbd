/* What only vfs/ sees of inodes, files and descriptor tables. */
#pragma once

#include "kernel/slab_inline.h"
#include "vfs/cred.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/super.h"
#include "vfs/walk.h"

/* ---- inode.c ---- */

/* Super block shutdown, after its dentries are gone: evict every inode. Context: may sleep. */
void inode_evict_all(struct super_block *sb);

/* ---- file.c ---- */

extern struct slab_cache *file_cache;

/*
 * f, fresh from the cache, becomes a file with one reference on path (whose references it takes over) with
 * these operations and FILE_* bits.
 */
static __always_inline void file_set_up(struct file *f, const struct path *path,
	struct inode *inode, const struct file_ops *ops, u32 mode, u32 open_flags)
{
	WRITE_ONCE(f->generation, f->generation + 1);
	smp_wmb(); /* partner: fd_path_rcu */
	f->ops = ops;
	f->mode = mode;
	f->flags = open_flags;
	f->inode = inode;
	WRITE_ONCE(f->path.mnt, path->mnt);
	WRITE_ONCE(f->path.dentry, path->dentry);
	f->pos = 0;
	f->private_data = NULL;
	f->ra = (struct readahead){0, 0};
	store_release(&f->refs, 1u);
}

/* Drop the reference of a file without ->release. Context: preemption off; never sleeps. */
static __always_inline void file_put_plain(struct file *f)
{
	if (unlikely(atomic_sub_return(&f->refs, 1u) != 0))
		return;
	struct path path = f->path;

	if (unlikely(!slab_give_local(file_cache, f)))
		slab_free(file_cache, f);
	dentry_put_rcu(path.dentry);
	mount_put_nopreempt(path.mnt);
}

/* ---- fdtable.c ---- */

/* An empty table for process, with room for max descriptors. NULL: no memory. Context: may sleep. */
struct files *files_create(struct process *process, u32 max);
/* A table with what of parent's is not close-on-exec, for a new process. NULL: no memory. */
struct files *files_inherit(struct process *child, struct files *parent);
/* Close everything. Nobody else uses it any more. Context: may sleep. */
void files_destroy(struct files *files);
/* The first open descriptor >= from, or -1. */
int fd_next(struct files *files, u32 from);
/* False: perhaps there is no descriptor left; try. Never sleeps. */
bool fd_has_room(struct files *files);
void fdtable_init(void);

/* ---- fs_context.c ---- */

/* Resolve a program's path. walk_flags WALK_*; WALK_EMPTY allows "". 0 with a referenced path, or
 * -errno. Context: may sleep. */
int user_path(int dirfd, const char __user *name, unsigned walk_flags, struct path *out);
/* WALK_* for the AT_* flags of stat and its relatives. */
static inline unsigned at_walk_flags(u32 flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}
/* -EROFS when p's mount or file system is read-only. */
int path_may_change(const struct path *p);

/* ---- console_file.c, devfs.c ---- */

extern const struct file_ops console_file_ops;
void console_file_init(void);
/* A file for descriptors 0-2 of the first process, or ERR_PTR. Context: may sleep. */
struct file *console_file_open(void);
