/*
 * rename: an entry moves to another name, possibly in another directory, or two entries change places.
 *
 * The hard part is to lock two directories without a deadlock and without making a loop:
 *
 *	different directories   sb->rename_mutex first: no other entry changes its directory meanwhile, so
 *	                        "is an ancestor of" stands still. Then the ancestor before the descendant;
 *	                        unrelated ones in any order.
 *	entries                 after the directories, by address (both are looked up by then)
 *
 * A directory may not move below itself: with the tree standing still this is one walk upwards.
 *
 * Locking: rename_mutex, directories' rwsems (subclass 1, 2), entries' rwsems (3, 4). Under the last it is
 * decided whether an entry is a mount point.
 */
#include "abi/errno.h"
#include "kernel/syscall.h"
#include "vfs/dirops.h"
#include "vfs/file_internal.h"

struct rename {
	struct path_name from_name, to_name;
	struct walk_parent from_parent, to_parent;
	struct dentry *from_dir, *to_dir; /* the parents' */
	struct dentry *from, *to;	  /* referenced once looked up */
	unsigned flags;			  /* RENAME_* */
};

/* ---- Walking to both parents ---- */

static int walk_to_parent(
	int dirfd, const char __user *user, struct path_name *name, struct walk_parent *parent)
{
	int error = path_name_copy(name, user, false, ALLOC_WAIT);

	if (error)
		return error;
	struct walk_start start = {.dirfd = dirfd, .name = name->name};

	error = walk_parent(&start, parent);
	if (error)
		path_name_release(name);
	return error;
}

static void leave_parent(struct path_name *name, struct walk_parent *parent)
{
	path_put(&parent->path);
	path_name_release(name);
}

static int check_parents(const struct rename *r)
{
	if (r->from_parent.path.mnt != r->to_parent.path.mnt)
		return -EXDEV;
	if (r->from_parent.last_type != WALK_LAST_NORMAL)
		return -EBUSY;
	if (r->to_parent.last_type != WALK_LAST_NORMAL)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return path_may_change(&r->from_parent.path);
}

/* ---- Locks ---- */

static void lock_directories(struct rename *r)
{
	struct dentry *first = r->from_dir, *second = r->to_dir;

	if (first == second) {
		rwsem_down_write_nested(&first->inode->rwsem, 1);
		return;
	}
	mutex_lock(&first->sb->rename_mutex);
	if (dentry_is_descendant(first, second)) {
		first = r->to_dir;
		second = r->from_dir;
	}
	rwsem_down_write_nested(&first->inode->rwsem, 1);
	rwsem_down_write_nested(&second->inode->rwsem, 2);
}

static void unlock_directories(struct rename *r)
{
	rwsem_up_write(&r->from_dir->inode->rwsem);
	if (r->from_dir == r->to_dir)
		return;
	rwsem_up_write(&r->to_dir->inode->rwsem);
	mutex_unlock(&r->from_dir->sb->rename_mutex);
}

/* The entries' inodes, each once; NULL where there is none. */
static void lock_inodes(struct inode *a, struct inode *b)
{
	struct inode *first = a < b ? a : b, *second = a < b ? b : a;

	if (first)
		rwsem_down_write_nested(&first->rwsem, 3);
	if (second && second != first)
		rwsem_down_write_nested(&second->rwsem, 4);
}

static void unlock_inodes(struct inode *a, struct inode *b)
{
	if (a)
		rwsem_up_write(&a->rwsem);
	if (b && b != a)
		rwsem_up_write(&b->rwsem);
}

/* ---- Rules ---- */

/* No directory may come to lie below itself. Context: directories locked. */
static int check_ancestors(const struct rename *r)
{
	if (dentry_is_descendant(r->to_dir, r->from))
		return -EINVAL;
	if (!dentry_is_negative(r->to) && dentry_is_descendant(r->from_dir, r->to))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* What is there and what is not, and what trailing slashes ask for. */
static int check_presence(const struct rename *r)
{
	bool to_exists = !dentry_is_negative(r->to);

	if (dentry_is_negative(r->from))
		return -ENOENT;
	if (to_exists && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!to_exists && (r->flags & RENAME_EXCHANGE))
		return -ENOENT;
	bool from_is_dir = S_ISDIR(r->from->inode->mode);

	if (r->flags & RENAME_EXCHANGE) {
		if (r->to_parent.trailing_slash && !S_ISDIR(r->to->inode->mode))
			return -ENOTDIR;
	} else if (!from_is_dir && r->to_parent.trailing_slash) {
		return -ENOTDIR;
	}
	return !from_is_dir && r->from_parent.trailing_slash ? -ENOTDIR : 0;
}

/* May entries of dir come and go, and this one? */
static int may_leave(const struct dentry *dir, const struct dentry *d)
{
	int error = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);

	return error || dentry_is_negative(d) ? error : inode_may_delete(dir->inode, d->inode);
}

/* A directory that gets another parent: its `..` is rewritten. */
static int may_get_parent(const struct rename *r, const struct dentry *d)
{
	if (r->from_dir == r->to_dir || !S_ISDIR(d->inode->mode))
		return 0;
	return inode_permission(d->inode, MAY_WRITE);
}

static int check_kinds(const struct rename *r)
{
	const struct dentry *to = r->to;

	if (dentry_is_negative(to) || (r->flags & RENAME_EXCHANGE))
		return 0;
	bool from_is_dir = S_ISDIR(r->from->inode->mode), to_is_dir = S_ISDIR(to->inode->mode);

	if (from_is_dir && !to_is_dir)
		return -ENOTDIR;
	return !from_is_dir && to_is_dir ? -EISDIR : 0;
}

static int check_rights(const struct rename *r)
{
	int error = may_leave(r->from_dir, r->from);

	if (!error && READ_ONCE(r->to_dir->inode->nlink) == 0)
		error = -ENOENT;
	if (!error)
		error = may_leave(r->to_dir, r->to);
	if (!error)
		error = check_kinds(r);
	if (!error)
		error = may_get_parent(r, r->from);
	if (!error && (r->flags & RENAME_EXCHANGE))
		error = may_get_parent(r, r->to);
	return error;
}

/* ---- Doing it ---- */

/* Context: both entries' inodes locked; mount attaches under that lock. */
static bool is_mount_point(const struct rename *r)
{
	return (READ_ONCE(r->from->flags) | READ_ONCE(r->to->flags)) & DENTRY_MOUNTED;
}

/* Context: directories locked, from and to looked up. */
static int rename_entries(struct rename *r)
{
	struct inode *from_dir = r->from_dir->inode, *to_dir = r->to_dir->inode;
	int error = check_presence(r);

	if (!error)
		error = check_ancestors(r);
	if (error)
		return error;
	struct inode *moved = r->from->inode;
	struct inode *replaced = dentry_is_negative(r->to) ? NULL : r->to->inode;

	/* Two names of one inode, or one name twice: nothing to do, says POSIX, nor to exchange. */
	if (moved == replaced)
		return 0;
	error = check_rights(r);
	if (!error && !from_dir->ops->rename)
		error = -EPERM;
	if (error)
		return error;
	lock_inodes(moved, replaced);
	if (is_mount_point(r))
		error = -EBUSY;
	else
		error = from_dir->ops->rename(from_dir, r->from, to_dir, r->to, r->flags);
	if (!error && (r->flags & RENAME_EXCHANGE))
		dcache_exchange(r->from, r->to);
	else if (!error)
		dcache_move(r->from, r->to);
	unlock_inodes(moved, replaced);
	return error;
}

static int lookup_both(struct rename *r)
{
	r->from = walk_lookup_one(r->from_dir, &r->from_parent.last);
	if (IS_ERR(r->from))
		return (int)PTR_ERR(r->from);
	r->to = walk_lookup_one(r->to_dir, &r->to_parent.last);
	if (!IS_ERR(r->to))
		return 0;
	dentry_put(r->from);
	return (int)PTR_ERR(r->to);
}

static int rename_in_parents(struct rename *r)
{
	int error = check_parents(r);

	if (error)
		return error;
	r->from_dir = r->from_parent.path.dentry;
	r->to_dir = r->to_parent.path.dentry;
	lock_directories(r);
	error = lookup_both(r);
	if (error) {
		unlock_directories(r);
		return error;
	}
	/* Kept until the locks are gone: the end of a replaced inode may take long. */
	struct inode *replaced = dentry_is_negative(r->to) ? NULL : r->to->inode;

	if (replaced)
		inode_get(replaced);
	error = rename_entries(r);
	unlock_directories(r);
	dentry_put(r->from);
	dentry_put(r->to);
	inode_put(replaced);
	return error;
}

long vfs_renameat(int old_dirfd, const char __user *old, int new_dirfd, const char __user *new_name,
	u32 flags)
{
	struct rename r = {.flags = flags};

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	int error = walk_to_parent(old_dirfd, old, &r.from_name, &r.from_parent);

	if (error)
		return error;
	error = walk_to_parent(new_dirfd, new_name, &r.to_name, &r.to_parent);
	if (!error) {
		error = rename_in_parents(&r);
		leave_parent(&r.to_name, &r.to_parent);
	}
	leave_parent(&r.from_name, &r.from_parent);
	return error;
}

/* ---- System calls ---- */

SYSCALL2(rename, const char __user *, old, const char __user *, new_name)
{
	return vfs_renameat(AT_FDCWD, old, AT_FDCWD, new_name, 0);
}

SYSCALL4(renameat, int, old_dirfd, const char __user *, old, int, new_dirfd, const char __user *,
	new_name)
{
	return vfs_renameat(old_dirfd, old, new_dirfd, new_name, 0);
}

SYSCALL5(renameat2, int, old_dirfd, const char __user *, old, int, new_dirfd, const char __user *,
	new_name, u32, flags)
{
	return vfs_renameat(old_dirfd, old, new_dirfd, new_name, flags);
}
