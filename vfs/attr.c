/*
 * Changes of a file's attributes: size, mode, owner, times; and the question whether it may be accessed.
 *
 * Locking: inode->rwsem exclusively around a change, inode->lock for the words, which RCU walks read
 * without either (vfs/inode.h).
 */
#include "abi/errno.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"

#define UTIME_NOW  ((1ll << 30) - 1)
#define UTIME_OMIT ((1ll << 30) - 2)
#define F_OK	   0
#define ID_KEEP	   (~0u)

/* ---- Set-id bits ---- */

/* May whoever asks have files run with the rights of this group? */
static bool may_lend_group(u32 gid)
{
	return current_cred()->fsuid == 0 || cred_in_group(current_cred(), gid);
}

u32 inode_new_mode(const struct inode *dir, u32 mode)
{
	const u32 lends = S_ISGID | 0010;

	if ((mode & lends) == lends && !S_ISDIR(mode) && (READ_ONCE(dir->mode) & S_ISGID) &&
		!may_lend_group(READ_ONCE(dir->gid)))
		mode &= ~(u32)S_ISGID;
	return mode & ~READ_ONCE(current_fs()->umask);
}

void inode_drop_setid(struct inode *inode)
{
	u32 mode = inode->mode, gone = mode & S_ISUID;

	if (likely(!(mode & (S_ISUID | S_ISGID))) || !S_ISREG(mode) || current_cred()->fsuid == 0)
		return;
	if ((mode & 0010) || !may_lend_group(inode->gid))
		gone |= mode & S_ISGID;
	spin_lock(&inode->lock);
	WRITE_ONCE(inode->mode, mode & ~gone);
	spin_unlock(&inode->lock);
}

/* ---- Size ---- */

/* always: a size that is the old one changes the times, too. */
static int truncate_path(const struct path *p, u64 size, bool always)
{
	struct inode *inode = p->dentry->inode;
	int error = path_may_change(p);

	if (error)
		return error;
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode) || !inode->ops->truncate)
		return -EINVAL;
	rwsem_down_write(&inode->rwsem);
	inode_drop_setid(inode);
	if (always || size != inode->size)
		error = inode->ops->truncate(inode, size);
	rwsem_up_write(&inode->rwsem);
	return error;
}

SYSCALL2(truncate, const char __user *, name, s64, size)
{
	struct path p;

	if (size < 0)
		return -EINVAL;
	int error = user_path(AT_FDCWD, name, WALK_FOLLOW, &p);

	if (error)
		return error;
	if (S_ISDIR(p.dentry->inode->mode))
		error = -EISDIR;
	else if (!S_ISREG(p.dentry->inode->mode))
		error = -EINVAL;
	else if (READ_ONCE(p.dentry->sb->flags) & SB_RDONLY)
		error = -EROFS; /* a read-only file system is told before rights */
	else
		error = inode_permission(p.dentry->inode, MAY_WRITE);
	if (!error)
		error = truncate_path(&p, (u64)size, false);
	path_put(&p);
	return error;
}

SYSCALL2(ftruncate, int, fd, s64, size)
{
	struct file *f;

	if (size < 0)
		return -EINVAL;
	f = file_get_fd(current_files(), fd);
	if (!f)
		return -EBADF;
	int error;

	if (f->mode & FILE_PATH_ONLY)
		error = -EBADF;
	else if (!(f->mode & FILE_WRITE) || !S_ISREG(f->inode->mode))
		error = -EINVAL;
	else
		error = truncate_path(&f->path, (u64)size, true);
	file_put(f);
	return error;
}

/* ---- A change of the other attributes ---- */

struct attributes {
	bool set_mode, set_uid, set_gid, set_atime, set_mtime;
	bool drop_setid; /* chown does, whether it changes an id or not */
	bool times_now;	 /* both times are "now": writers may do that too */
	bool bad_times;	 /* refused, once the file is found */
	u32 mode, uid, gid;
	struct timespec64 atime, mtime;
};

static bool owns(const struct inode *inode)
{
	const struct cred *c = current_cred();

	return c->fsuid == 0 || c->fsuid == READ_ONCE(inode->uid);
}

/* 0 or -EPERM, -EACCES. Context: rwsem held for writing. */
static int may_change_attributes(const struct inode *inode, const struct attributes *a)
{
	const struct cred *c = current_cred();

	if (c->fsuid == 0)
		return 0;
	if (a->set_mode && !owns(inode))
		return -EPERM;
	if (a->set_uid && (!owns(inode) || a->uid != inode->uid))
		return -EPERM;
	if (a->set_gid && (!owns(inode) || (a->gid != inode->gid && !cred_in_group(c, a->gid))))
		return -EPERM;
	if ((a->set_atime || a->set_mtime) && !owns(inode))
		return a->times_now ? inode_permission(inode, MAY_WRITE) : -EPERM;
	return 0;
}

/* The mode after the change: a new owner gets no set-id bits. */
static u32 changed_mode(const struct inode *inode, const struct attributes *a)
{
	u32 mode = inode->mode;
	u32 gid = a->set_gid ? a->gid : inode->gid;

	if (a->set_mode) {
		mode = (mode & S_IFMT) | (a->mode & 07777);
		if (!may_lend_group(gid))
			mode &= ~(u32)S_ISGID;
	} else if (a->drop_setid && !S_ISDIR(mode)) {
		mode &= ~(u32)S_ISUID;
		if ((mode & 0010) ||
			(current_cred()->fsuid != 0 && !cred_in_group(current_cred(), inode->gid)))
			mode &= ~(u32)S_ISGID;
	}
	return mode;
}

static int change_locked(struct inode *inode, const struct attributes *a)
{
	int error = may_change_attributes(inode, a);

	if (error)
		return error;
	u32 mode = changed_mode(inode, a);

	if (mode != inode->mode && !owns(inode))
		return -EPERM; /* set-id bits that would go */
	spin_lock(&inode->lock);
	WRITE_ONCE(inode->mode, mode);
	if (a->set_uid)
		WRITE_ONCE(inode->uid, a->uid);
	if (a->set_gid)
		WRITE_ONCE(inode->gid, a->gid);
	if (a->set_atime)
		inode->atime = a->atime;
	if (a->set_mtime)
		inode->mtime = a->mtime;
	inode->ctime = inode_now();
	spin_unlock(&inode->lock);
	return inode->ops->update ? inode->ops->update(inode) : 0;
}

static int change_attributes(const struct path *p, const struct attributes *a)
{
	struct inode *inode = p->dentry->inode;
	int error = a->bad_times ? -EINVAL : path_may_change(p);

	if (!error && a->set_mode && S_ISLNK(inode->mode))
		error = -EOPNOTSUPP;
	if (error)
		return error;
	rwsem_down_write(&inode->rwsem);
	error = change_locked(inode, a);
	if (S_ISDIR(inode->mode))
		dcache_mode_changed(p->dentry);
	rwsem_up_write(&inode->rwsem);
	return error;
}

static long change_at(
	int dirfd, const char __user *name, unsigned walk_flags, const struct attributes *a)
{
	struct path p;
	int error = user_path(dirfd, name, walk_flags, &p);

	if (error)
		return error;
	error = change_attributes(&p, a);
	path_put(&p);
	return error;
}

static long change_fd(int fd, const struct attributes *a)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	int error = f->mode & FILE_PATH_ONLY ? -EBADF : change_attributes(&f->path, a);

	file_put(f);
	return error;
}

/* ---- Mode ---- */

static struct attributes mode_change(u32 mode)
{
	return (struct attributes){.set_mode = true, .mode = mode};
}

SYSCALL2(chmod, const char __user *, name, u32, mode)
{
	struct attributes a = mode_change(mode);

	return change_at(AT_FDCWD, name, WALK_FOLLOW, &a);
}

SYSCALL2(fchmod, int, fd, u32, mode)
{
	struct attributes a = mode_change(mode);

	return change_fd(fd, &a);
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, name, u32, mode)
{
	struct attributes a = mode_change(mode);

	return change_at(dirfd, name, WALK_FOLLOW, &a);
}

SYSCALL4(fchmodat2, int, dirfd, const char __user *, name, u32, mode, u32, flags)
{
	struct attributes a = mode_change(mode);

	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_at(dirfd, name, at_walk_flags(flags), &a);
}

/* ---- Owner ---- */

static struct attributes owner_change(u32 uid, u32 gid)
{
	return (struct attributes){.drop_setid = true,
		.set_uid = uid != ID_KEEP,
		.uid = uid,
		.set_gid = gid != ID_KEEP,
		.gid = gid};
}

SYSCALL3(chown, const char __user *, name, u32, uid, u32, gid)
{
	struct attributes a = owner_change(uid, gid);

	return change_at(AT_FDCWD, name, WALK_FOLLOW, &a);
}

SYSCALL3(lchown, const char __user *, name, u32, uid, u32, gid)
{
	struct attributes a = owner_change(uid, gid);

	return change_at(AT_FDCWD, name, 0, &a);
}

SYSCALL3(fchown, int, fd, u32, uid, u32, gid)
{
	struct attributes a = owner_change(uid, gid);

	return change_fd(fd, &a);
}

SYSCALL5(fchownat, int, dirfd, const char __user *, name, u32, uid, u32, gid, u32, flags)
{
	struct attributes a = owner_change(uid, gid);

	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_at(dirfd, name, at_walk_flags(flags), &a);
}

/* ---- Times ---- */

/* One of utimensat's two times: set, now, or left alone. False: it is none. */
static bool take_time(struct timespec64 t, struct timespec64 now, bool *set, struct timespec64 *out)
{
	*set = t.nsec != UTIME_OMIT;
	*out = t.nsec == UTIME_NOW ? now : t;
	return t.nsec == UTIME_NOW || t.nsec == UTIME_OMIT ||
	       (t.nsec >= 0 && t.nsec < 1000000000ll);
}

static int times_change(const struct timespec64 __user *user_times, struct attributes *a)
{
	struct timespec64 t[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, now = inode_now();

	*a = (struct attributes){.set_atime = false};
	if (user_times && copy_from_user(t, user_times, sizeof(t)))
		return -EFAULT;
	a->times_now = t[0].nsec == UTIME_NOW && t[1].nsec == UTIME_NOW;
	bool good = take_time(t[0], now, &a->set_atime, &a->atime);

	a->bad_times = !take_time(t[1], now, &a->set_mtime, &a->mtime) || !good;
	return 0;
}

SYSCALL4(utimensat, int, dirfd, const char __user *, name, const struct timespec64 __user *, times,
	u32, flags)
{
	struct attributes a;
	int error = times_change(times, &a);

	if (error)
		return error;
	if (!a.set_atime && !a.set_mtime)
		return 0;
	if (!name && dirfd != AT_FDCWD)
		return flags ? -EINVAL : change_fd(dirfd, &a);
	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_at(dirfd, name, at_walk_flags(flags), &a);
}

/* ---- access ---- */

static int access_path(const struct path *p, u32 may)
{
	const struct inode *inode = p->dentry->inode;
	bool kept_on_disk = S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode);
	bool changes = (may & MAY_WRITE) && kept_on_disk;

	/* A read-only file system is told before rights, a read-only mount of it after them. */
	if (changes && (READ_ONCE(inode->sb->flags) & SB_RDONLY))
		return -EROFS;
	int error = inode_permission(inode, may);

	return error || !changes ? error : path_may_change(p);
}

static int access_as_current(int dirfd, const char __user *name, u32 may, u32 flags)
{
	struct path p;
	int error = user_path(dirfd, name, at_walk_flags(flags), &p);

	if (error)
		return error;
	if (may != F_OK)
		error = access_path(&p, may);
	path_put(&p);
	return error;
}

/* access asks for the real user, the *at call with AT_EACCESS for the effective one. */
static long access_at(int dirfd, const char __user *name, u32 may, u32 flags)
{
	if (may & ~(u32)(MAY_READ | MAY_WRITE | MAY_EXEC))
		return -EINVAL;
	if (flags & ~(u32)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct cred *real = flags & AT_EACCESS ? cred_get(current_cred()) : cred_as_real();

	if (!real)
		return -ENOMEM;
	struct cred *old = cred_override(real);
	int error = access_as_current(dirfd, name, may, flags & ~(u32)AT_EACCESS);

	cred_restore(old);
	cred_put(real);
	return error;
}

SYSCALL2(access, const char __user *, name, u32, may)
{
	return access_at(AT_FDCWD, name, may, 0);
}

SYSCALL3(faccessat, int, dirfd, const char __user *, name, u32, may)
{
	return access_at(dirfd, name, may, 0);
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, name, u32, may, u32, flags)
{
	return access_at(dirfd, name, may, flags);
}
