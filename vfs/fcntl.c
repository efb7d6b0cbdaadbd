/*
 * Calls on descriptors: fcntl, dup and its relatives, ioctl, close_range.
 *
 * Locking: F_SETFL under file->pos_lock; the rest is fdtable.c's.
 */
#include "abi/errno.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"

/* What F_SETFL may change; the rest is silently kept, as on Linux. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)
/* What F_GETFL does not tell: it only meant something to open. */
#define GETFL_HIDE (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

#define FIONBIO	 0x5421
#define FIOCLEX	 0x5451
#define FIONCLEX 0x5450

#define CLOSE_RANGE_CLOEXEC 4u

/* A second descriptor >= min for f, whose reference is consumed on success. */
static long dup_from(struct file *f, u32 min, bool cloexec)
{
	struct files *files = current_files();
	int fd = fd_reserve(files, min, cloexec, ALLOC_WAIT);

	if (fd >= 0)
		fd_install(files, fd, f);
	return fd;
}

static void set_flags(struct file *f, u32 flags)
{
	mutex_lock(&f->pos_lock);
	WRITE_ONCE(f->flags, (f->flags & ~(u32)SETFL_MASK) | (flags & SETFL_MASK));
	mutex_unlock(&f->pos_lock);
}

static long set_status_flags(struct file *f, u32 flags)
{
	u32 mode = READ_ONCE(f->inode->mode), fsuid = current_cred()->fsuid;

	if ((flags & ~READ_ONCE(f->flags) & O_NOATIME) && fsuid != 0 && fsuid != f->inode->uid)
		return -EPERM;
	if ((flags & O_DIRECT) && !S_ISREG(mode) && !S_ISFIFO(mode))
		return -EINVAL;
	set_flags(f, flags);
	return 0;
}

static bool allowed_on_path_only(int command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
	       command == F_SETFD || command == F_GETFL;
}

SYSCALL3(fcntl, int, fd, int, command, u64, argument)
{
	struct files *files = current_files();
	struct file *f = file_get_fd(files, fd);
	long result;

	if (!f)
		return -EBADF;
	if ((f->mode & FILE_PATH_ONLY) && !allowed_on_path_only(command)) {
		file_put(f);
		return -EBADF;
	}
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if ((u32)argument >= READ_ONCE(current->process->nofile_limit)) {
			result = -EINVAL;
			break;
		}
		result = dup_from(f, (u32)argument, command == F_DUPFD_CLOEXEC);
		if (result >= 0)
			return result;
		break;
	case F_GETFD:
		result = fd_get_cloexec(files, (u32)fd);
		break;
	case F_SETFD:
		result = fd_set_cloexec(files, (u32)fd, argument & FD_CLOEXEC);
		break;
	case F_GETFL:
		result = READ_ONCE(f->flags) & ~(u32)GETFL_HIDE;
		break;
	case F_SETFL:
		result = set_status_flags(f, (u32)argument);
		break;
	default:
		result = -EINVAL;
	}
	file_put(f);
	return result;
}

SYSCALL1(dup, int, fd)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	long result = dup_from(f, 0, false);

	if (result < 0)
		file_put(f);
	return result;
}

static long dup_onto(int old, int new_, bool cloexec)
{
	struct files *files = current_files();
	struct file *f = file_get_fd(files, old);

	if (!f)
		return -EBADF;
	int result = fd_replace(files, (u32)new_, f, cloexec);

	if (result < 0)
		file_put(f);
	return result;
}

SYSCALL2(dup2, int, old, int, new_)
{
	if (old != new_)
		return dup_onto(old, new_, false);
	return fd_get_cloexec(current_files(), (u32)old) < 0 ? -EBADF : new_;
}

SYSCALL3(dup3, int, old, int, new_, u32, flags)
{
	if ((flags & ~(u32)O_CLOEXEC) || old == new_)
		return -EINVAL;
	return dup_onto(old, new_, flags & O_CLOEXEC);
}

SYSCALL3(ioctl, int, fd, u32, command, u64, argument)
{
	struct files *files = current_files();
	struct file *f = file_get_fd(files, fd);
	long result = -EBADF;
	int on;

	if (!f)
		return -EBADF;
	if (f->mode & FILE_PATH_ONLY)
		goto out;
	switch (command) {
	case FIOCLEX:
	case FIONCLEX:
		result = fd_set_cloexec(files, (u32)fd, command == FIOCLEX);
		break;
	case FIONBIO:
		result = get_user(on, (const int __user *)argument);
		if (!result)
			set_flags(f, on ? f->flags | O_NONBLOCK : f->flags & ~(u32)O_NONBLOCK);
		break;
	default:
		result = f->ops->ioctl ? f->ops->ioctl(f, command, argument) : -ENOTTY;
	}
out:
	file_put(f);
	return result;
}

SYSCALL3(close_range, u32, first, u32, last, u32, flags)
{
	struct files *files = current_files();

	if (first > last || (flags & ~CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	for (int fd = fd_next(files, first); fd >= 0 && (u32)fd <= last;
		fd = fd_next(files, (u32)fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			(void)fd_set_cloexec(files, (u32)fd, true);
		else
			(void)fd_close(files, fd);
	}
	return 0;
}
