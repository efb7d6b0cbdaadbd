/* System calls on open files: open, read, write, seek, duplicate, control. */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "internal.h"

/* open()'s third argument is there only when a file may be created. */
static mode_t creation_mode(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = creation_mode(flags, ap);
	va_end(ap);
	return (int)SYS4(__NR_openat, AT_FDCWD, path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = creation_mode(flags, ap);
	va_end(ap);
	return (int)SYS4(__NR_openat, dirfd, path, flags, mode);
}

int openat2(int dirfd, const char *path, struct open_how *how, size_t size)
{
	return (int)SYS4(__NR_openat2, dirfd, path, how, size);
}

int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd)
{
	return (int)SYS1(__NR_close, fd);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)SYS3(__NR_close_range, first, last, flags);
}

ssize_t read(int fd, void *buf, size_t size)
{
	return SYS3(__NR_read, fd, buf, size);
}

ssize_t write(int fd, const void *buf, size_t size)
{
	return SYS3(__NR_write, fd, buf, size);
}

ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
	return SYS4(__NR_pread64, fd, buf, size, offset);
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t offset)
{
	return SYS4(__NR_pwrite64, fd, buf, size, offset);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	return SYS3(__NR_readv, fd, iov, count);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return SYS3(__NR_writev, fd, iov, count);
}

/* The kernel takes the offset in two halves; on x86-64 the first holds all of it. */
ssize_t preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
	return SYS5(__NR_preadv, fd, iov, count, offset, 0);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return SYS5(__NR_pwritev, fd, iov, count, offset, 0);
}

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return SYS6(__NR_preadv2, fd, iov, count, offset, 0, flags);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return SYS6(__NR_pwritev2, fd, iov, count, offset, 0, flags);
}

off_t lseek(int fd, off_t offset, int whence)
{
	return SYS3(__NR_lseek, fd, offset, whence);
}

int dup(int fd)
{
	return (int)SYS1(__NR_dup, fd);
}

int dup2(int fd, int to)
{
	return (int)SYS2(__NR_dup2, fd, to);
}

int dup3(int fd, int to, int flags)
{
	return (int)SYS3(__NR_dup3, fd, to, flags);
}

int pipe(int fds[2])
{
	return pipe2(fds, 0);
}

int pipe2(int fds[2], int flags)
{
	return (int)SYS2(__NR_pipe2, fds, flags);
}

int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)SYS3(__NR_fcntl, fd, cmd, arg);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long arg;

	va_start(ap, request);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)SYS3(__NR_ioctl, fd, request, arg);
}

int flock(int fd, int operation)
{
	return (int)SYS2(__NR_flock, fd, operation);
}

int fsync(int fd)
{
	return (int)SYS1(__NR_fsync, fd);
}

int fdatasync(int fd)
{
	return (int)SYS1(__NR_fdatasync, fd);
}

int syncfs(int fd)
{
	return (int)SYS1(__NR_syncfs, fd);
}

void sync(void)
{
	RAW0(__NR_sync);
}

int ftruncate(int fd, off_t length)
{
	return (int)SYS2(__NR_ftruncate, fd, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	return (int)SYS4(__NR_fallocate, fd, mode, offset, length);
}

/* These two return the error number and leave errno alone. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
	return (int)-RAW4(__NR_fallocate, fd, 0, offset, length);
}

int posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	return (int)-RAW4(__NR_fadvise64, fd, offset, length, advice);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return (int)SYS3(__NR_poll, fds, count, timeout);
}

int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	return (int)SYS5(__NR_select, count, in, out, except, timeout);
}

int isatty(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0;
}

int tcgetattr(int fd, struct termios *t)
{
	return ioctl(fd, TCGETS, t);
}

int tcsetattr(int fd, int when, const struct termios *t)
{
	if (when < TCSANOW || when > TCSAFLUSH) {
		errno = EINVAL;
		return -1;
	}
	return ioctl(fd, TCSETS + (unsigned long)when, t);
}

int tcflush(int fd, int queue)
{
	return ioctl(fd, TCFLSH, (long)queue);
}

int tcdrain(int fd)
{
	return ioctl(fd, TCSBRK, 1L);
}

int tcsendbreak(int fd, int duration)
{
	(void)duration;
	return ioctl(fd, TCSBRK, 0L);
}

void cfmakeraw(struct termios *t)
{
	t->c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t->c_oflag &= ~OPOST;
	t->c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t->c_cflag = (t->c_cflag & ~(CSIZE | PARENB)) | CS8;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
}

speed_t cfgetospeed(const struct termios *t)
{
	return t->c_cflag & CBAUD;
}

speed_t cfgetispeed(const struct termios *t)
{
	return t->c_cflag & CBAUD;
}
