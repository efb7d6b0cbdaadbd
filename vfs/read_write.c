/*
 * read, write and their relatives: argument rules, the file's position, vectors.
 *
 * Locking: file->pos_lock around every use of the position of a seekable file, so that two threads
 * reading from one descriptor get different bytes.
 */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"

#define RW_MAX	 0x7ffff000ul /* bytes one call moves at most, as on Linux */
#define IOV_MAX	 1024
#define IOV_FAST 8

struct iovec {
	void __user *base;
	u64 length;
};

enum direction { DIR_READ, DIR_WRITE };

/* A system call's result; writing to a pipe that nobody reads ends the program, unless it ignores that. */
static long transferred(enum direction dir, ssize result)
{
	if (unlikely(result == -EPIPE && dir == DIR_WRITE))
		process_signal(current->process, SIGPIPE);
	return result;
}

/* ---- One transfer ---- */

static bool is_open_for(const struct file *f, enum direction dir)
{
	return f->mode & (dir == DIR_READ ? FILE_READ : FILE_WRITE);
}

/* A position that is given and f has none? A descriptor that only stands for a path is a bad one first. */
static bool has_no_positions(const struct file *f, const u64 *pos)
{
	return pos && !(f->mode & (FILE_SEEKABLE | FILE_PATH_ONLY));
}

/* May len bytes be at pos, and does the file take them at all? 0 or -errno. */
static int check_transfer(const struct file *f, enum direction dir, u64 pos, size_t len)
{
	if (unlikely((s64)pos < 0 || (s64)(pos + len) < 0))
		return -EINVAL;
	if (likely(dir == DIR_READ ? f->ops->read != NULL : f->ops->write != NULL))
		return 0;
	return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
}

static ssize transfer_at(struct file *f, enum direction dir, void __user *buf, size_t len, u64 *pos,
	unsigned call_flags)
{
	int error = check_transfer(f, dir, *pos, len);

	if (error)
		return error;
	len = MIN(len, RW_MAX);
	return dir == DIR_READ ? f->ops->read(f, buf, len, pos, call_flags)
			       : f->ops->write(f, buf, len, pos, call_flags);
}

/* Lock the position. Files without one need no lock; 0 or -EAGAIN. */
static int pos_lock(struct file *f, unsigned call_flags)
{
	if (!(f->mode & FILE_SEEKABLE))
		return 0;
	if (!(call_flags & FILE_CALL_NOWAIT))
		mutex_lock(&f->pos_lock);
	else if (!mutex_trylock(&f->pos_lock))
		return -EAGAIN;
	return 0;
}

static void pos_unlock(struct file *f)
{
	if (f->mode & FILE_SEEKABLE)
		mutex_unlock(&f->pos_lock);
}

static ssize transfer(struct file *f, enum direction dir, void __user *buf, size_t len, u64 *pos,
	unsigned call_flags)
{
	if (has_no_positions(f, pos))
		return -ESPIPE;
	if (!is_open_for(f, dir))
		return -EBADF;
	if (unlikely(!user_range_ok(buf, len)))
		return -EFAULT;
	if (pos)
		return transfer_at(f, dir, buf, len, pos, call_flags);
	int error = pos_lock(f, call_flags);

	if (error)
		return error;
	u64 at = f->pos;
	ssize result = transfer_at(f, dir, buf, len, &at, call_flags);

	if (f->mode & FILE_SEEKABLE)
		f->pos = at;
	pos_unlock(f);
	return result;
}

ssize vfs_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	return transfer(f, DIR_READ, buf, len, pos, call_flags);
}

ssize vfs_write(struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	return transfer(f, DIR_WRITE, (void __user *)buf, len, pos, call_flags);
}

static long transfer_fd(int fd, enum direction dir, void __user *buf, size_t len, u64 *pos)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	ssize result = transfer(f, dir, buf, len, pos, 0);

	file_put(f);
	return transferred(dir, result);
}

SYSCALL3(read, int, fd, void __user *, buf, size_t, len)
{
	return transfer_fd(fd, DIR_READ, buf, len, NULL);
}

SYSCALL3(write, int, fd, void __user *, buf, size_t, len)
{
	return transfer_fd(fd, DIR_WRITE, buf, len, NULL);
}

/* A position that is none is found before a descriptor that is none. */
SYSCALL4(pread64, int, fd, void __user *, buf, size_t, len, u64, pos)
{
	return (s64)pos < 0 ? -EINVAL : transfer_fd(fd, DIR_READ, buf, len, &pos);
}

SYSCALL4(pwrite64, int, fd, void __user *, buf, size_t, len, u64, pos)
{
	return (s64)pos < 0 ? -EINVAL : transfer_fd(fd, DIR_WRITE, buf, len, &pos);
}

/* ---- Vectors ---- */

/* The pieces in order, until one comes up short. */
static ssize transfer_pieces(
	struct file *f, enum direction dir, const struct iovec *iov, u32 n, u64 *pos)
{
	ssize done = 0;

	for (u32 i = 0; i < n; i++) {
		if (iov[i].length == 0)
			continue;
		ssize r = transfer_at(f, dir, iov[i].base, iov[i].length, pos, 0);

		if (r < 0)
			return done ? done : r;
		done += r;
		if ((u64)r < iov[i].length)
			break;
	}
	return done;
}

/* Check the pieces and cut them to what one call moves at most: their bytes, or -errno. */
static s64 take_pieces(struct iovec *iov, u32 n)
{
	u64 total = 0;

	for (u32 i = 0; i < n; i++) {
		if ((s64)iov[i].length < 0)
			return -EINVAL;
		if (!user_range_ok(iov[i].base, iov[i].length))
			return -EFAULT;
		iov[i].length = MIN(iov[i].length, RW_MAX - total);
		total += iov[i].length;
	}
	return (s64)total;
}

static ssize transfer_vector(struct file *f, enum direction dir, struct iovec *iov, u32 n, u64 *pos)
{
	s64 total = take_pieces(iov, n);

	if (total <= 0)
		return total;
	if (!pos)
		(void)pos_lock(f, 0);
	u64 *at = pos ? pos : &f->pos;
	int error = check_transfer(f, dir, *at, (size_t)total);
	ssize result = error ? error : transfer_pieces(f, dir, iov, n, at);

	if (!pos)
		pos_unlock(f);
	return result;
}

static long transfer_user_vector(
	struct file *f, enum direction dir, const void __user *user_iov, u64 n, u64 *pos)
{
	struct iovec fast[IOV_FAST], *iov = fast;
	long result;

	if (has_no_positions(f, pos))
		return -ESPIPE;
	if (!is_open_for(f, dir))
		return -EBADF;
	if (n > IOV_MAX)
		return -EINVAL;
	if (n > IOV_FAST)
		iov = kmalloc(n * sizeof(*iov), ALLOC_WAIT);
	if (!iov)
		return -ENOMEM;
	if (copy_from_user(iov, user_iov, n * sizeof(*iov)))
		result = -EFAULT;
	else
		result = transfer_vector(f, dir, iov, (u32)n, pos);
	if (iov != fast)
		kfree(iov);
	return result;
}

static long vector_fd(int fd, enum direction dir, const void __user *user_iov, u64 n, u64 *pos)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	long result = transfer_user_vector(f, dir, user_iov, n, pos);

	file_put(f);
	return transferred(dir, result);
}

SYSCALL3(readv, int, fd, const void __user *, iov, u64, n)
{
	return vector_fd(fd, DIR_READ, iov, n, NULL);
}

SYSCALL3(writev, int, fd, const void __user *, iov, u64, n)
{
	return vector_fd(fd, DIR_WRITE, iov, n, NULL);
}

SYSCALL4(preadv, int, fd, const void __user *, iov, u64, n, u64, pos)
{
	return (s64)pos < 0 ? -EINVAL : vector_fd(fd, DIR_READ, iov, n, &pos);
}

SYSCALL4(pwritev, int, fd, const void __user *, iov, u64, n, u64, pos)
{
	return (s64)pos < 0 ? -EINVAL : vector_fd(fd, DIR_WRITE, iov, n, &pos);
}

/* ---- Position ---- */

#define SEEK_DATA 3
#define SEEK_HOLE 4

/* The new position, or -errno. Holes are not told apart: a file is data up to its end. */
static s64 seek_target(const struct file *f, s64 offset, int whence)
{
	s64 size = (s64)READ_ONCE(f->inode->size), target;

	switch (whence) {
	case SEEK_SET:
		target = offset;
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow((s64)f->pos, offset, &target))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(size, offset, &target))
			return -EINVAL;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		target = whence == SEEK_DATA ? offset : size;
		break;
	default:
		return -EINVAL;
	}
	return target < 0 ? -EINVAL : target;
}

static s64 file_seek(struct file *f, s64 offset, int whence)
{
	if (f->mode & FILE_PATH_ONLY)
		return -EBADF;
	if (whence < 0 || whence > SEEK_HOLE)
		return -EINVAL;
	if (f->ops->seek)
		return f->ops->seek(f, offset, whence);
	if (!(f->mode & FILE_SEEKABLE))
		return -ESPIPE;
	mutex_lock(&f->pos_lock);
	s64 target = seek_target(f, offset, whence);

	if (target >= 0)
		f->pos = (u64)target;
	mutex_unlock(&f->pos_lock);
	return target;
}

SYSCALL3(lseek, int, fd, s64, offset, int, whence)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	s64 result = file_seek(f, offset, whence);

	file_put(f);
	return result;
}

/* ---- To stable storage ---- */

int vfs_fsync(struct file *f, bool data_only)
{
	if (f->mode & FILE_PATH_ONLY)
		return -EBADF;
	if (f->ops->fsync)
		return f->ops->fsync(f, data_only);
	return f->mode & FILE_SEEKABLE ? 0 : -EINVAL;
}

static long sync_fd(int fd, bool data_only)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	long result = vfs_fsync(f, data_only);

	file_put(f);
	return result;
}

/* Disks are mounted read-only, and the other file systems are memory: nothing is ever waiting to be
 * written. */
SYSCALL0(sync)
{
	return 0;
}

SYSCALL1(syncfs, int, fd)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	bool path_only = f->mode & FILE_PATH_ONLY;

	file_put(f);
	return path_only ? -EBADF : 0;
}

SYSCALL1(fsync, int, fd)
{
	return sync_fd(fd, false);
}

SYSCALL1(fdatasync, int, fd)
{
	return sync_fd(fd, true);
}
