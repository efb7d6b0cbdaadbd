/*
 * Changes of directories: mkdir, rmdir, unlink, symlink, link, mknod. Rename has a file of its own.
 *
 * All follow one pattern: the parent is walked to, its rwsem taken exclusively, the last component looked
 * up under it, and the file system asked (struct change). Errors come in the order Linux gives them:
 * for a name to be made EEXIST before a read-only file system (EROFS), for one to be removed EROFS before
 * ENOENT, and both before rights.
 *
 * Locking: the parent's inode rwsem (subclass 1), then that of the file or directory that gets or loses a
 * name (3). Under the second, too, it is decided whether what is to be removed is a mount point.
 */
#include "vfs/dirops.h"
#include "abi/errno.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"

#define MODE_BITS 07777u

/* ---- The pattern ---- */

struct change {
	struct path_name name;
	struct walk_parent parent;
	struct inode *dir;     /* the parent's; its rwsem is held */
	struct dentry *dentry; /* the last component's, referenced */
};

/* Walk to the parent of a program's path. 0 or -errno (nothing held). */
static int change_walk(struct change *c, int dirfd, const char __user *name)
{
	int error = path_name_copy(&c->name, name, false, ALLOC_WAIT);

	if (error)
		return error;
	struct walk_start start = {.dirfd = dirfd, .name = c->name.name};

	error = walk_parent(&start, &c->parent);
	if (error)
		path_name_release(&c->name);
	return error;
}

static void change_abandon(struct change *c)
{
	path_put(&c->parent.path);
	path_name_release(&c->name);
}

/* Lock the parent and look the name up. 0 or -errno (nothing held). */
static int change_lock(struct change *c)
{
	c->dir = c->parent.path.dentry->inode;
	rwsem_down_write_nested(&c->dir->rwsem, 1);
	c->dentry = walk_lookup_one(c->parent.path.dentry, &c->parent.last);
	if (!IS_ERR(c->dentry))
		return 0;
	int error = (int)PTR_ERR(c->dentry);

	rwsem_up_write(&c->dir->rwsem);
	change_abandon(c);
	return error;
}

/* Let go of all but the path to the parent. */
static void change_unlock(struct change *c)
{
	rwsem_up_write(&c->dir->rwsem);
	dentry_put(c->dentry);
}

static void change_end(struct change *c)
{
	change_unlock(c);
	change_abandon(c);
}

/* May entries of dir come and go? Context: its rwsem held. */
static int may_change_dir(const struct path *dir)
{
	int error = path_may_change(dir);

	if (!error && READ_ONCE(dir->dentry->inode->nlink) == 0)
		error = -ENOENT; /* removed while we walked */
	return error ? error : inode_permission(dir->dentry->inode, MAY_WRITE | MAY_EXEC);
}

/* Begin the creation of a name: walked, locked, free and allowed. 0 or -errno (nothing held). */
static int create_begin(struct change *c, int dirfd, const char __user *name, bool directory)
{
	int error = change_walk(c, dirfd, name);

	if (error)
		return error;
	if (c->parent.last_type != WALK_LAST_NORMAL) {
		change_abandon(c);
		return -EEXIST;
	}
	error = change_lock(c);
	if (error)
		return error;
	if (!dentry_is_negative(c->dentry))
		error = -EEXIST;
	else if (c->parent.trailing_slash && !directory)
		error = -ENOENT;
	else
		error = may_change_dir(&c->parent.path);
	if (error)
		change_end(c);
	return error;
}

/* ---- Creation ---- */

long vfs_mkdirat(int dirfd, const char __user *name, u32 mode)
{
	struct change c;
	int error = create_begin(&c, dirfd, name, true);

	if (error)
		return error;
	error = c.dir->ops->mkdir ? c.dir->ops->mkdir(c.dir, c.dentry,
					    inode_new_mode(c.dir, S_IFDIR | (mode & 01777)))
				  : -EPERM;
	change_end(&c);
	return error;
}

/* mode is complete. Context: the parent's rwsem held. */
static int make_node(struct change *c, u32 mode, u64 rdev)
{
	const struct inode_ops *ops = c->dir->ops;

	bool device = S_ISCHR(mode) || S_ISBLK(mode);

	/* Anybody may make the device 0:0 of overlays, which is none. */
	if (device && current_cred()->euid != 0 && (rdev || !S_ISCHR(mode)))
		return -EPERM;
	if (S_ISREG(mode))
		return ops->create ? ops->create(c->dir, c->dentry, mode) : -EPERM;
	return ops->mknod ? ops->mknod(c->dir, c->dentry, mode, rdev) : -EPERM;
}

static long mknod_at(int dirfd, const char __user *name, u32 mode, u64 rdev)
{
	u32 kind = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
	struct change c;

	switch (kind) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		rdev = 0;
		break;
	case S_IFCHR:
	case S_IFBLK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	int error = create_begin(&c, dirfd, name, false);

	if (error)
		return error;
	error = make_node(&c, inode_new_mode(c.dir, kind | (mode & MODE_BITS)), rdev);
	change_end(&c);
	return error;
}

long vfs_symlinkat(const char __user *body, int dirfd, const char __user *name)
{
	struct path_name target;
	struct change c;
	int error = path_name_copy(&target, body, false, ALLOC_WAIT);

	if (error)
		return error;
	error = create_begin(&c, dirfd, name, false);
	if (!error) {
		error = c.dir->ops->symlink ? c.dir->ops->symlink(c.dir, c.dentry, target.name)
					    : -EPERM;
		change_end(&c);
	}
	path_name_release(&target);
	return error;
}

/* The link count changes under the target's lock, as it does when a name goes. */
static int link_locked(struct change *c, struct inode *inode)
{
	int error = -ENOENT;

	rwsem_down_write_nested(&inode->rwsem, 3);
	if (inode->nlink != 0)
		error = c->dir->ops->link(c->dir, c->dentry, inode);
	rwsem_up_write(&inode->rwsem);
	return error;
}

/* One more name for the inode of from. */
static int link_to(const struct path *from, int dirfd, const char __user *name)
{
	struct inode *inode = from->dentry->inode;
	struct change c;
	int error = create_begin(&c, dirfd, name, false);

	if (error)
		return error;
	if (c.parent.path.mnt != from->mnt)
		error = -EXDEV;
	else if (S_ISDIR(inode->mode) || !c.dir->ops->link)
		error = -EPERM;
	else
		error = link_locked(&c, inode);
	change_end(&c);
	return error;
}

long vfs_linkat(
	int old_dirfd, const char __user *old, int dirfd, const char __user *name, u32 flags)
{
	struct path from;
	unsigned walk_flags = (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
			      (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);

	if (flags & ~(u32)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int error = user_path(old_dirfd, old, walk_flags, &from);

	if (error)
		return error;
	error = link_to(&from, dirfd, name);
	path_put(&from);
	return error;
}

/* ---- Removal ---- */

static int rmdir_last_type(enum walk_last type)
{
	switch (type) {
	case WALK_LAST_NORMAL:
		return 0;
	case WALK_LAST_DOT:
		return -EINVAL;
	case WALK_LAST_DOTDOT:
		return -ENOTEMPTY;
	default:
		return -EBUSY;
	}
}

/* May the entry be taken away, and is it of the right kind? Context: the parent's rwsem held. */
static int may_remove(const struct change *c, bool directory)
{
	const struct dentry *d = c->dentry;

	if (dentry_is_negative(d))
		return -ENOENT;
	bool is_directory = S_ISDIR(d->inode->mode);

	if (!directory && c->parent.trailing_slash)
		return is_directory ? -EISDIR : -ENOTDIR;
	int error = may_change_dir(&c->parent.path);

	if (!error)
		error = inode_may_delete(c->dir, d->inode);
	if (error)
		return error;
	if (directory && !is_directory)
		return -ENOTDIR;
	return !directory && is_directory ? -EISDIR : 0;
}

static int remove_locked(struct change *c, bool directory)
{
	const struct inode_ops *ops = c->dir->ops;
	int error = may_remove(c, directory);

	if (error)
		return error;
	struct inode *victim = c->dentry->inode;

	if (!(directory ? ops->rmdir != NULL : ops->unlink != NULL))
		return -EPERM;
	rwsem_down_write_nested(&victim->rwsem, 3);
	/* Under the victim's lock: mount attaches under it, and finds the entry gone afterwards. */
	if (READ_ONCE(c->dentry->flags) & DENTRY_MOUNTED)
		error = -EBUSY;
	else
		error = directory ? ops->rmdir(c->dir, c->dentry) : ops->unlink(c->dir, c->dentry);
	if (!error)
		dcache_delete(c->dentry);
	rwsem_up_write(&victim->rwsem);
	return error;
}

static long remove_at(int dirfd, const char __user *name, bool directory)
{
	struct change c;
	int error = change_walk(&c, dirfd, name);

	if (error)
		return error;
	if (c.parent.last_type != WALK_LAST_NORMAL) {
		error = directory ? rmdir_last_type(c.parent.last_type) : -EISDIR;
		change_abandon(&c);
		return error;
	}
	error = path_may_change(&c.parent.path);
	if (error)
		change_abandon(&c);
	else
		error = change_lock(&c);
	if (error)
		return error;
	/* Kept until the locks are gone: the end of an inode may take long. But not longer than the path,
	 * which keeps the file system mounted. */
	struct inode *victim = dentry_is_negative(c.dentry) ? NULL : c.dentry->inode;

	if (victim)
		inode_get(victim);
	error = remove_locked(&c, directory);
	change_unlock(&c);
	inode_put(victim);
	change_abandon(&c);
	return error;
}

long vfs_unlinkat(int dirfd, const char __user *name, u32 flags)
{
	if (flags & ~(u32)AT_REMOVEDIR)
		return -EINVAL;
	return remove_at(dirfd, name, flags & AT_REMOVEDIR);
}

/* ---- System calls ---- */

SYSCALL2(mkdir, const char __user *, name, u32, mode)
{
	return vfs_mkdirat(AT_FDCWD, name, mode);
}

SYSCALL3(mkdirat, int, dirfd, const char __user *, name, u32, mode)
{
	return vfs_mkdirat(dirfd, name, mode);
}

SYSCALL3(mknod, const char __user *, name, u32, mode, u64, rdev)
{
	return mknod_at(AT_FDCWD, name, mode, rdev);
}

SYSCALL4(mknodat, int, dirfd, const char __user *, name, u32, mode, u64, rdev)
{
	return mknod_at(dirfd, name, mode, rdev);
}

SYSCALL2(symlink, const char __user *, body, const char __user *, name)
{
	return vfs_symlinkat(body, AT_FDCWD, name);
}

SYSCALL3(symlinkat, const char __user *, body, int, dirfd, const char __user *, name)
{
	return vfs_symlinkat(body, dirfd, name);
}

SYSCALL2(link, const char __user *, old, const char __user *, name)
{
	return vfs_linkat(AT_FDCWD, old, AT_FDCWD, name, 0);
}

SYSCALL5(linkat, int, old_dirfd, const char __user *, old, int, dirfd, const char __user *, name,
	u32, flags)
{
	return vfs_linkat(old_dirfd, old, dirfd, name, flags);
}

SYSCALL1(rmdir, const char __user *, name)
{
	return remove_at(AT_FDCWD, name, true);
}

SYSCALL1(unlink, const char __user *, name)
{
	return remove_at(AT_FDCWD, name, false);
}

SYSCALL3(unlinkat, int, dirfd, const char __user *, name, u32, flags)
{
	return vfs_unlinkat(dirfd, name, flags);
}
