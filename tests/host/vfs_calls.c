/*
 * System calls on descriptors: what they answer to descriptors that are none or of another kind, to addresses
 * and positions that are none, and what pipes, devices and the console do. The answers are Linux's.
 */
#include "abi/termios.h"
#include "kernel/console.h"
#include "tests/host/world.h"

#define FIONBIO	   0x5421
#define FIOCLEX	   0x5451
#define FIONCLEX   0x5450
#define SEEK_DATA  3
#define SEEK_HOLE  4
#define UTIME_NOW  ((1ll << 30) - 1)
#define UTIME_OMIT ((1ll << 30) - 2)

syscall_fn sys_read, sys_write, sys_pread64, sys_pwrite64, sys_readv, sys_writev, sys_preadv,
	sys_pwritev, sys_lseek, sys_fcntl, sys_ioctl, sys_dup, sys_dup2, sys_dup3, sys_close_range,
	sys_fstat, sys_fstatfs, sys_ftruncate, sys_fchmod, sys_fchown, sys_fsync, sys_fdatasync,
	sys_getdents64, sys_fchdir, sys_pipe, sys_pipe2, sys_mkdir, sys_utimensat, sys_mknod,
	sys_unlink, sys_rmdir;

struct iovec {
	void *base;
	u64 length;
};

static char buffer[8192];

static int open_it(const char *path, u32 flags)
{
	return (int)SYS(openat, AT_FDCWD, path, flags, 0644);
}

KTEST(calls_want_a_descriptor_that_is_one)
{
	struct iovec v = {buffer, 1};

	world_setup();
	MAKE_CALLS(CALL(-EBADF, read, 99, buffer, 1), CALL(-EBADF, write, 99, buffer, 1),
		CALL(-EBADF, pread64, 99, buffer, 1, 0), CALL(-EINVAL, pread64, 99, buffer, 1, -1),
		CALL(-EBADF, pwrite64, 99, buffer, 1, 0),
		CALL(-EINVAL, pwrite64, 99, buffer, 1, -1), CALL(-EBADF, readv, 99, &v, 1),
		CALL(-EBADF, writev, 99, &v, 1), CALL(-EBADF, preadv, 99, &v, 1, 0),
		CALL(-EINVAL, pwritev, 99, &v, 1, -1), CALL(-EBADF, pwritev, 99, &v, 1, 0),
		CALL(-EBADF, lseek, 99, 0, 0), CALL(-EBADF, fcntl, 99, F_GETFD, 0),
		CALL(-EBADF, ioctl, 99, TCGETS, buffer), CALL(-EBADF, dup, 99),
		CALL(-EBADF, dup2, 99, 3), CALL(-EBADF, dup2, 99, 99), CALL(-EBADF, dup3, 99, 3, 0),
		CALL(-EBADF, fstat, 99, buffer), CALL(-EBADF, fstatfs, 99, buffer),
		CALL(-EBADF, ftruncate, 99, 0), CALL(-EINVAL, ftruncate, 99, -1),
		CALL(-EBADF, fchmod, 99, 0), CALL(-EBADF, fchown, 99, 0, 0),
		CALL(-EBADF, fsync, 99), CALL(-EBADF, fdatasync, 99),
		CALL(-EBADF, getdents64, 99, buffer, 100), CALL(-EBADF, fchdir, 99),
		CALL(-EBADF, close, 99), CALL(-EBADF, close, -1));
}

KTEST(calls_on_a_descriptor_that_only_stands_for_a_path)
{
	struct iovec v = {buffer, 1};
	world_setup();
	int fd = open_it("/file", O_PATH);

	MAKE_CALLS(CALL(-EBADF, read, fd, buffer, 1), CALL(-EBADF, pwrite64, fd, buffer, 1, 0),
		CALL(-EBADF, readv, fd, &v, 1), CALL(-EBADF, lseek, fd, 0, 0),
		CALL(-EBADF, ioctl, fd, FIOCLEX, 0), CALL(-EBADF, ftruncate, fd, 0),
		CALL(-EBADF, fchmod, fd, 0600), CALL(-EBADF, fchown, fd, 0, 0),
		CALL(-EBADF, fsync, fd), CALL(-EBADF, getdents64, fd, buffer, 100),
		CALL(-EBADF, fcntl, fd, F_SETFL, 0), CALL(O_PATH, fcntl, fd, F_GETFL, 0),
		CALL(0, fcntl, fd, F_SETFD, FD_CLOEXEC), CALL(1, fcntl, fd, F_GETFD, 0),
		CALL(fd + 1, fcntl, fd, F_DUPFD_CLOEXEC, 0), CALL(0, close, fd + 1),
		CALL(fd + 2, fcntl, fd, F_DUPFD, fd + 2), CALL(0, close, fd + 2),
		CALL(0, fstat, fd, buffer), CALL(0, close, fd));
}

KTEST(calls_that_duplicate_and_close)
{
	world_setup();
	int fd = open_it("/file", O_RDWR);

	MAKE_CALLS(CALL(-EINVAL, fcntl, fd, F_DUPFD, 128), CALL(-EINVAL, fcntl, fd, 4711, 0),
		CALL(127, fcntl, fd, F_DUPFD, 127), CALL(-EMFILE, fcntl, fd, F_DUPFD, 127),
		CALL(0, close, 127), CALL(fd, dup2, fd, fd), CALL(-EINVAL, dup3, fd, fd, 0),
		CALL(-EINVAL, dup3, fd, 50, O_APPEND), CALL(50, dup3, fd, 50, O_CLOEXEC),
		CALL(1, fcntl, 50, F_GETFD, 0), CALL(-EBADF, dup2, fd, 128),
		CALL(-EBADF, dup2, fd, -1), CALL(51, dup2, fd, 51), CALL(0, ioctl, 51, FIOCLEX, 0),
		CALL(1, fcntl, 51, F_GETFD, 0), CALL(0, ioctl, 51, FIONCLEX, 0),
		CALL(0, fcntl, 51, F_GETFD, 0), CALL(-ENOTTY, ioctl, fd, TCGETS, buffer),
		CALL(-EINVAL, close_range, 51, 50, 0), CALL(-EINVAL, close_range, 50, 51, 1),
		CALL(0, close_range, 50, 51, 4), CALL(1, fcntl, 51, F_GETFD, 0),
		CALL(0, close_range, 51, 60, 0), CALL(-EBADF, fcntl, 51, F_GETFD, 0),
		CALL(1, fcntl, 50, F_GETFD, 0), CALL(0, close_range, fd, ~0u, 0),
		CALL(-EBADF, close, 50), CALL(-EBADF, close, fd));
}

KTEST(calls_that_set_status_flags)
{
	static const int on = 1, off;
	int ends[2];

	world_setup();
	KT_EQ(SYS(pipe2, ends, O_NONBLOCK), 0);
	int fd = open_it("/file", O_RDWR), zero = open_it("/dev/zero", O_RDONLY);

	MAKE_CALLS(CALL(O_RDWR | O_LARGEFILE, fcntl, fd, F_GETFL, 0),
		CALL(0, fcntl, fd, F_SETFL, O_APPEND),
		CALL(O_RDWR | O_LARGEFILE | O_APPEND, fcntl, fd, F_GETFL, 0),
		CALL(0, fcntl, fd, F_SETFL, O_DIRECT | O_NOATIME),
		CALL(O_RDWR | O_LARGEFILE | O_DIRECT | O_NOATIME, fcntl, fd, F_GETFL, 0),
		CALL(-EINVAL, fcntl, zero, F_SETFL, O_DIRECT),
		CALL(0, fcntl, ends[1], F_SETFL, O_DIRECT), CALL(0, ioctl, ends[0], FIONBIO, &off),
		CALL(O_RDONLY, fcntl, ends[0], F_GETFL, 0), CALL(0, ioctl, ends[0], FIONBIO, &on),
		CALL(O_NONBLOCK, fcntl, ends[0], F_GETFL, 0),
		CALL(-EFAULT, ioctl, ends[0], FIONBIO, BAD),
		CALL(-EAGAIN, read, ends[0], buffer, 1), CALL(0, close_range, 0, ~0u, 0));
}

/* ---- Transfers ---- */

KTEST(calls_that_transfer_check_positions_and_addresses)
{
	world_setup();
	int fd = open_it("/transfer", O_RDWR | O_CREAT), ro = open_it("/transfer", O_RDONLY);
	int wo = open_it("/transfer", O_WRONLY), dir = open_it("/", O_RDONLY);
	struct iovec two[] = {{buffer, 3}, {buffer + 3, 5}}, none = {buffer, 0};
	struct iovec negative = {buffer, 1ull << 63}, far[] = {{buffer, 2}, {BAD, 2}};
	struct iovec holes[] = {{buffer, 0}, {buffer, 4}, {buffer, 0}, {buffer, 100}};
	struct iovec nine[9] = {{0}};

	nine[8] = (struct iovec){buffer, 1};
	MAKE_CALLS(CALL(8, write, fd, "contents", 8), CALL(-EBADF, write, ro, buffer, 1),
		CALL(-EBADF, read, wo, buffer, 1), CALL(-EISDIR, read, dir, buffer, 1),
		CALL(-EBADF, write, dir, buffer, 1), CALL(-EFAULT, pread64, fd, BAD, 4, 0),
		CALL(-EFAULT, pwrite64, fd, BAD, 4, 0),
		CALL(-EINVAL, pread64, fd, buffer, 2, (1ull << 63) - 1),
		CALL(0, pread64, fd, buffer, 100, 8), CALL(3, pread64, fd, buffer, 3, 5),
		CALL(8, preadv, fd, two, 2, 0), CALL(0, preadv, fd, &none, 1, 0),
		CALL(0, preadv, fd, two, 0, 0), CALL(-EINVAL, preadv, fd, two, 1025, 0),
		CALL(-EINVAL, preadv, fd, &negative, 1, 0), CALL(-EFAULT, preadv, fd, far, 2, 0),
		CALL(-EFAULT, preadv, fd, BAD, 2, 0), CALL(8, preadv, fd, holes, 4, 0),
		CALL(1, preadv, fd, nine, 9, 2), CALL(-EBADF, writev, ro, two, 2),
		CALL(-EINVAL, preadv, fd, two, 2, (1ull << 63) - 2),
		CALL(-EISDIR, readv, dir, two, 2), CALL(8, pwritev, wo, two, 2, 0),
		CALL(-EINVAL, pwritev, wo, two, 2, -1), CALL(0, close_range, 0, ~0u, 0));
}

KTEST(calls_that_seek)
{
	const long most = (long)(~0ull >> 1);
	int ends[2];

	world_setup();
	int fd = open_it("/seek", O_RDWR | O_CREAT), null = open_it("/dev/null", O_RDWR);

	KT_EQ(SYS(write, fd, "0123456789", 10), 10);
	KT_EQ(SYS(pipe, ends), 0);
	MAKE_CALLS(CALL(0, lseek, fd, -10, SEEK_CUR), CALL(-EINVAL, lseek, fd, -1, SEEK_SET),
		CALL(7, lseek, fd, 7, SEEK_CUR), CALL(9, lseek, fd, -1, SEEK_END),
		CALL(-EINVAL, lseek, fd, -11, SEEK_END), CALL(-EINVAL, lseek, fd, 0, 5),
		CALL(4, lseek, fd, 4, SEEK_DATA), CALL(10, lseek, fd, 4, SEEK_HOLE),
		CALL(-ENXIO, lseek, fd, 10, SEEK_DATA), CALL(-ENXIO, lseek, fd, 10, SEEK_HOLE),
		CALL(-ENXIO, lseek, fd, -1, SEEK_DATA), CALL(most, lseek, fd, most, SEEK_SET),
		CALL(-EINVAL, lseek, fd, 1, SEEK_CUR), CALL(-EINVAL, lseek, fd, most, SEEK_END),
		CALL(-EINVAL, read, fd, buffer, 1), CALL(-ESPIPE, lseek, ends[0], 0, SEEK_SET),
		CALL(-ESPIPE, pread64, ends[0], buffer, 1, 0),
		CALL(-ESPIPE, preadv, ends[0], buffer, 1, 0), CALL(0, read, null, buffer, 1),
		CALL(0, close_range, 0, ~0u, 0));
}

/* ---- Pipes and FIFOs ---- */

KTEST(calls_on_pipes)
{
	int ends[2], limit = process.nofile_limit;

	world_setup();
	MAKE_CALLS(CALL(-EINVAL, pipe2, ends, O_APPEND), CALL(-EFAULT, pipe, BAD),
		CALL(0, pipe2, ends, O_NONBLOCK));
	MAKE_CALLS(CALL(0, read, ends[0], buffer, 0), CALL(-EAGAIN, read, ends[0], buffer, 1),
		CALL(-EFAULT, write, ends[1], BAD, 1), CALL(3000, write, ends[1], buffer, 3000),
		CALL(-EFAULT, read, ends[0], BAD, 1), CALL(2000, read, ends[0], buffer, 2000),
		/* around the end of the ring; what is at most a page goes in as a whole or not */
		CALL(3000, write, ends[1], buffer, 3000),
		CALL(-EAGAIN, write, ends[1], buffer, 200), CALL(96, write, ends[1], buffer, 5000),
		CALL(-EAGAIN, write, ends[1], buffer, 5000),
		CALL(4096, read, ends[0], buffer, 5000), CALL(-EINVAL, ftruncate, ends[1], 0),
		CALL(-EINVAL, fsync, ends[0]), CALL(-ENOTDIR, getdents64, ends[0], buffer, 100),
		CALL(-ENOTDIR, fchdir, ends[0]), CALL(0, close, ends[1]),
		CALL(0, read, ends[0], buffer, 1), CALL(0, close, ends[0]), CALL(0, pipe, ends),
		CALL(0, close, ends[0]), CALL(-EPIPE, write, ends[1], buffer, 1),
		CALL(0, close, ends[1]));
	KT_CHECK(process.exiting);
	KT_EQ(process.exit_status, SIGPIPE);
	process.exiting = false;
	/* no descriptor left, and one left */
	int first = open_it("/file", O_RDONLY);

	for (int fd = first + 1; fd < limit - 1; fd++)
		KT_EQ(SYS(dup, first), fd);
	MAKE_CALLS(CALL(-EMFILE, pipe, ends), CALL(limit - 1, dup, first),
		CALL(-EMFILE, dup, first), CALL(-EMFILE, pipe, ends),
		CALL(0, close_range, 0, ~0u, 0), CALL(0, pipe, ends),
		CALL(0, close_range, 0, ~0u, 0));
}

KTEST(calls_on_fifos_that_do_not_wait)
{
	world_setup();
	KT_EQ(SYS(mknod, "/fifo", S_IFIFO | 0600, 0), 0);
	KT_EQ(open_it("/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	int reader = open_it("/fifo", O_RDONLY | O_NONBLOCK);
	int writer = open_it("/fifo", O_WRONLY), both = open_it("/fifo", O_RDWR);

	KT_CHECK(reader >= 0 && writer >= 0 && both >= 0);
	MAKE_CALLS(CALL(-EAGAIN, read, reader, buffer, 1), CALL(2, write, writer, "ab", 2),
		CALL(1, read, both, buffer, 1), CALL(1, read, reader, buffer, 10),
		CALL(0, close, both), CALL(0, close, writer), CALL(0, read, reader, buffer, 1),
		CALL(0, close, reader), CALL(0, unlink, "/fifo"));
}

/* ---- Devices and the console ---- */

KTEST(calls_on_devices)
{
	u64 words[4] = {0};

	world_setup();
	int null = open_it("/dev/null", O_RDWR), zero = open_it("/dev/zero", O_RDWR);
	int full = open_it("/dev/full", O_RDWR), urandom = open_it("/dev/urandom", O_RDWR);
	int dir = open_it("/dev", O_RDONLY | O_DIRECTORY);
	long bytes = 0, n;

	memset(buffer, 1, sizeof(buffer));
	MAKE_CALLS(CALL(0, read, null, buffer, 10), CALL(10, write, null, buffer, 10),
		CALL(10, read, zero, buffer, 10), CALL(-EFAULT, read, zero, BAD, 10),
		CALL(10, write, zero, buffer, 10), CALL(-ENOSPC, write, full, buffer, 10),
		CALL(10, read, full, buffer, 10), CALL(27, read, urandom, words, 27),
		CALL(-EFAULT, read, urandom, BAD, 8), CALL(5, write, urandom, buffer, 5));
	KT_CHECK(buffer[0] == 0 && buffer[9] == 0 && buffer[10] == 1);
	KT_CHECK(words[0] && words[1] && words[2] && words[0] != words[1] && words[1] != words[2]);
	/* its entries come in any number of pieces */
	while ((n = SYS(getdents64, dir, buffer, 40)) > 0)
		bytes += n;
	KT_EQ(n, 0);
	KT_EQ(SYS(lseek, dir, 0, SEEK_SET), 0);
	KT_EQ(SYS(getdents64, dir, buffer, sizeof(buffer)), bytes);
	MAKE_CALLS(CALL(0, lseek, dir, 0, SEEK_SET), CALL(-EINVAL, getdents64, dir, buffer, 10),
		CALL(-EFAULT, getdents64, dir, BAD, 100),
		CALL(-ENOENT, openat, AT_FDCWD, "/dev/none", O_RDONLY, 0),
		CALL(0, close_range, 0, ~0u, 0));
}

static void type(const char *text)
{
	for (; *text; text++)
		console_receive(*text);
}

KTEST(calls_on_the_console)
{
	struct winsize size = {.ws_row = 33, .ws_col = 99}, got_size;
	struct termios set, got;
	int ready;

	world_setup();
	int fd = open_it("/dev/console", O_RDWR | O_NONBLOCK);

	KT_CHECK(fd >= 0);
	MAKE_CALLS(CALL(0, ioctl, fd, TIOCSWINSZ, &size), CALL(0, ioctl, fd, TIOCGWINSZ, &got_size),
		CALL(-EFAULT, ioctl, fd, TIOCSWINSZ, BAD),
		CALL(-EFAULT, ioctl, fd, TIOCGWINSZ, BAD), CALL(0, ioctl, fd, TCGETS, &set),
		CALL(-EFAULT, ioctl, fd, TCGETS, BAD), CALL(-EFAULT, ioctl, fd, TCSETS, BAD),
		CALL(-ENOTTY, ioctl, fd, 4711, 0), CALL(0, read, fd, buffer, 0),
		CALL(-EAGAIN, read, fd, buffer, 10), CALL(-EFAULT, write, fd, BAD, 10),
		CALL(0, write, fd, buffer, 0));
	KT_EQ(got_size.ws_row, 33);
	KT_EQ(got_size.ws_col, 99);
	got = set;
	/* a line is there when it is ended, and edited until then */
	type("lime\b\bne");
	MAKE_CALLS(CALL(-EAGAIN, read, fd, buffer, 10), CALL(0, ioctl, fd, FIONREAD, &ready));
	KT_EQ(ready, 0);
	type("\r");
	MAKE_CALLS(CALL(0, ioctl, fd, FIONREAD, &ready), CALL(-EFAULT, ioctl, fd, FIONREAD, BAD),
		CALL(5, read, fd, buffer, 10));
	KT_EQ(ready, 1);
	KT_CHECK(memcmp(buffer, "line\n", 5) == 0);
	/* raw: each key at once, and control-c is one */
	set.c_lflag &= ~(TERMIOS_ICANON | TERMIOS_ECHO);
	KT_EQ(SYS(ioctl, fd, TCSETSW, &set), 0);
	type("\x03x");
	MAKE_CALLS(CALL(2, read, fd, buffer, 10), CALL(0, ioctl, fd, TCSETSF, &got));
	KT_CHECK(memcmp(buffer, "\x03x", 2) == 0);
	MAKE_CALLS(CALL(-EAGAIN, read, fd, buffer, 10), CALL(-ESPIPE, lseek, fd, 0, SEEK_SET),
		CALL(0, close, fd));
}
