/*
 * What a file is: stat and its relatives, statx, statfs, readlink.
 *
 * Numbers are read without a lock: each is one word, and a file that changes meanwhile may be seen half
 * before and half after, as on any system.
 */
#include "vfs/stat.h"
#include "abi/errno.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"

#define AT_STATX_FORCE_SYNC 0x2000
#define AT_STATX_DONT_SYNC  0x4000

/* ---- Filling the structures ---- */

static void fill_stat(const struct path *p, struct stat *out)
{
	const struct inode *inode = p->dentry->inode;

	*out = (struct stat){
		.st_dev = inode->sb->dev_id,
		.st_ino = inode->ino,
		.st_nlink = READ_ONCE(inode->nlink),
		.st_mode = READ_ONCE(inode->mode),
		.st_uid = READ_ONCE(inode->uid),
		.st_gid = READ_ONCE(inode->gid),
		.st_rdev = inode->rdev,
		.st_size = (s64)READ_ONCE(inode->size),
		.st_blksize = inode->sb->block_size,
		.st_blocks = (s64)READ_ONCE(inode->blocks),
		.st_atim = inode->atime,
		.st_mtim = inode->mtime,
		.st_ctim = inode->ctime,
	};
}

/* Linux' encoding of a device number (struct stat) taken apart. */
static u32 dev_major(u64 dev)
{
	return (u32)(dev >> 8 & 0xfff);
}

static u32 dev_minor(u64 dev)
{
	return (u32)((dev & 0xff) | (dev >> 12 & 0xfff00));
}

static struct statx_timestamp to_statx_time(struct timespec64 t)
{
	return (struct statx_timestamp){.sec = t.sec, .nsec = (u32)t.nsec};
}

int vfs_statx(const struct path *p, u32 mask, struct statx *out)
{
	const struct inode *inode = p->dentry->inode;
	u64 dev = inode->sb->dev_id;

	(void)mask; /* everything is at hand */
	memset(out, 0, sizeof(*out));
	out->stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	out->stx_blksize = inode->sb->block_size;
	out->stx_nlink = READ_ONCE(inode->nlink);
	out->stx_uid = READ_ONCE(inode->uid);
	out->stx_gid = READ_ONCE(inode->gid);
	out->stx_mode = (u16)READ_ONCE(inode->mode);
	out->stx_ino = inode->ino;
	out->stx_size = READ_ONCE(inode->size);
	out->stx_blocks = READ_ONCE(inode->blocks);
	out->stx_atime = to_statx_time(inode->atime);
	out->stx_btime = to_statx_time(inode->btime);
	out->stx_ctime = to_statx_time(inode->ctime);
	out->stx_mtime = to_statx_time(inode->mtime);
	out->stx_rdev_major = dev_major(inode->rdev);
	out->stx_rdev_minor = dev_minor(inode->rdev);
	out->stx_dev_major = dev_major(dev);
	out->stx_dev_minor = dev_minor(dev);
	out->stx_mnt_id = p->mnt->id;
	out->stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (p->mnt->root == p->dentry)
		out->stx_attributes = STATX_ATTR_MOUNT_ROOT;
	return 0;
}

/* ---- stat, lstat, fstat, newfstatat ---- */

static long put_stat(const struct path *p, struct stat __user *to)
{
	struct stat st;

	fill_stat(p, &st);
	return copy_to_user(to, &st, sizeof(st));
}

static long stat_at(int dirfd, const char __user *name, unsigned walk_flags, struct stat __user *to)
{
	struct path p;
	long result = user_path(dirfd, name, walk_flags, &p);

	if (result)
		return result;
	result = put_stat(&p, to);
	path_put(&p);
	return result;
}

SYSCALL2(stat, const char __user *, name, struct stat __user *, to)
{
	return stat_at(AT_FDCWD, name, WALK_FOLLOW, to);
}

SYSCALL2(lstat, const char __user *, name, struct stat __user *, to)
{
	return stat_at(AT_FDCWD, name, 0, to);
}

SYSCALL2(fstat, int, fd, struct stat __user *, to)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	long result = put_stat(&f->path, to);

	file_put(f);
	return result;
}

SYSCALL4(newfstatat, int, dirfd, const char __user *, name, struct stat __user *, to, u32, flags)
{
	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return stat_at(dirfd, name, at_walk_flags(flags), to);
}

SYSCALL5(statx, int, dirfd, const char __user *, name, u32, flags, u32, mask, struct statx __user *,
	to)
{
	const u32 known =
		AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
	struct path p;
	struct statx st;

	if ((flags & ~known) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (mask & STATX_RESERVED)
		return -EINVAL;
	long result = user_path(dirfd, name, at_walk_flags(flags), &p);

	if (result)
		return result;
	result = vfs_statx(&p, mask, &st);
	path_put(&p);
	return result ? result : copy_to_user(to, &st, sizeof(st));
}

/* ---- statfs ---- */

#define ST_RDONLY 1
#define ST_VALID  0x20

static long put_statfs(const struct path *p, struct statfs __user *to)
{
	struct super_block *sb = p->dentry->sb;
	struct statfs_info info = {.block_size = sb->block_size, .name_max = NAME_MAX};
	int error = sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, &info) : 0;

	if (error)
		return error;
	struct statfs out = {
		.f_type = info.type,
		.f_bsize = info.block_size,
		.f_blocks = info.blocks,
		.f_bfree = info.blocks_free,
		.f_bavail = info.blocks_free,
		.f_files = info.files,
		.f_ffree = info.files_free,
		.f_fsid = {info.fsid[0], info.fsid[1]},
		.f_namelen = info.name_max,
		.f_frsize = info.block_size,
		.f_flags = ST_VALID | (path_may_change(p) ? ST_RDONLY : 0),
	};
	return copy_to_user(to, &out, sizeof(out));
}

SYSCALL2(statfs, const char __user *, name, struct statfs __user *, to)
{
	struct path p;
	long result = user_path(AT_FDCWD, name, WALK_FOLLOW, &p);

	if (result)
		return result;
	result = put_statfs(&p, to);
	path_put(&p);
	return result;
}

SYSCALL2(fstatfs, int, fd, struct statfs __user *, to)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	long result = put_statfs(&f->path, to);

	file_put(f);
	return result;
}

/* ---- readlink ---- */

/* A magic link's text is the path it leads to. */
static long put_magic_link(struct dentry *d, char __user *buf, size_t size)
{
	struct path target, root;
	int error = d->inode->ops->magic_link(d, &target);

	if (error)
		return error;
	char *text = kmalloc(PATH_MAX, ALLOC_WAIT);
	long result = -ENOMEM;

	if (text) {
		fs_context_get_root(current->process->fs, &root);
		char *start = path_text(&target, &root, text, PATH_MAX);

		path_put(&root);
		if (IS_ERR(start)) {
			result = PTR_ERR(start);
		} else {
			size_t n = MIN(strlen(start), size);

			result = copy_to_user(buf, start, n) ? -EFAULT : (long)n;
		}
		kfree(text);
	}
	path_put(&target);
	return result;
}

static long put_link(struct dentry *d, char __user *buf, size_t size)
{
	struct inode *inode = d->inode;

	if ((inode->flags & INODE_MAGIC_LINK) && inode->ops->magic_link)
		return put_magic_link(d, buf, size);
	if (!load_acquire(&inode->link)) {
		int error = inode->ops->read_link ? inode->ops->read_link(inode) : -EINVAL;

		if (error)
			return error;
	}
	const char *body = load_acquire(&inode->link);
	size_t n = MIN(strlen(body), size);

	return copy_to_user(buf, body, n) ? -EFAULT : (long)n;
}

static long readlink_named(int dirfd, const struct path_name *name, char __user *buf, size_t size)
{
	const struct walk_start start = {.dirfd = dirfd, .flags = WALK_EMPTY, .name = name->name};
	struct path p;
	long result = walk_path(&start, &p);

	if (result)
		return result;
	/* An empty name is the link an O_PATH descriptor stands for, or the name of nothing. */
	if (S_ISLNK(p.dentry->inode->mode))
		result = put_link(p.dentry, buf, size);
	else
		result = name->length ? -EINVAL : -ENOENT;
	path_put(&p);
	return result;
}

static long readlink_at(int dirfd, const char __user *name, char __user *buf, int size)
{
	struct path_name copy;

	if (size <= 0)
		return -EINVAL;
	long result = path_name_copy(&copy, name, true, ALLOC_WAIT);

	if (result)
		return result;
	result = readlink_named(dirfd, &copy, buf, (size_t)size);
	path_name_release(&copy);
	return result;
}

SYSCALL3(readlink, const char __user *, name, char __user *, buf, int, size)
{
	return readlink_at(AT_FDCWD, name, buf, size);
}

SYSCALL4(readlinkat, int, dirfd, const char __user *, name, char __user *, buf, int, size)
{
	return readlink_at(dirfd, name, buf, size);
}
