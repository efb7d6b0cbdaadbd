/* Reading, writing, descriptors, credentials, with memory or the disk failing: sweep.h. */
#include "tests/faults/sweep.h"

#include "kernel/string.h"
#include "kernel/slab.h"

#define FILE_PATH "/tmp/f/file"
#define SIZE	  (256 * 1024)

static char buf[SIZE];

/* ---- Files ---- */

static void with_file(void)
{
	make_file(FILE_PATH);
}

static void without_file(void)
{
	may_unlink(FILE_PATH);
}

/* The bytes done count, not their number: a short answer is one. */
static long write_to(const char *path, u64 offset, size_t len)
{
	long fd = sys_openat(AT_FDCWD, (long)path, O_WRONLY, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	n = sys_pwrite64(fd, (long)buf, (long)len, (long)offset, 0, 0);
	close_fd(fd);
	return n == 0 ? -ANSWER_WRONG : n;
}

static long write_file(void)
{
	return write_to(FILE_PATH, 0, SIZE);
}

static long write_far(void)
{
	return write_to(FILE_PATH, 1ull << 40, 100);
}

static long read_from(const char *path, u64 offset, size_t len)
{
	long fd = sys_openat(AT_FDCWD, (long)path, O_RDONLY, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	n = sys_pread64(fd, (long)buf, (long)len, (long)offset, 0, 0);
	close_fd(fd);
	return n == 0 ? -ANSWER_WRONG : n;
}

static long read_big(void)
{
	return read_from("/cases/big", 0, SIZE);
}

static long read_fragmented(void)
{
	return read_from("/cases/fragmented", 4 << 20, 64 * 1024);
}

static long read_sparse(void)
{
	return read_from("/cases/sparse", 0, SIZE);
}

static long read_device(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/dev/urandom", O_RDONLY, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	n = sys_read(fd, (long)buf, 5000, 0, 0, 0);
	close_fd(fd);
	return n;
}

static long read_proc(const char *path)
{
	return read_from(path, 0, SIZE);
}

static long read_mounts(void)
{
	return read_proc("/proc/mounts");
}

static long read_slabinfo(void)
{
	return read_proc("/proc/slabinfo");
}

static long write_drop_caches(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/proc/sys/vm/drop_caches", O_WRONLY, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	n = sys_write(fd, (long)"3", 1, 0, 0, 0);
	close_fd(fd);
	return n;
}

static void with_written_file(void)
{
	make_file(FILE_PATH);
	must(write_to(FILE_PATH, 0, SIZE), FILE_PATH);
}

static long truncate_to(u64 size)
{
	return sys_truncate((long)FILE_PATH, (long)size, 0, 0, 0, 0);
}

static long truncate_shorter(void)
{
	return truncate_to(5000);
}

static long truncate_longer(void)
{
	return truncate_to(1 << 30);
}

struct iovec_words {
	u64 base, length;
};

static long with_vectors(syscall_fn *call, u32 flags)
{
	static struct iovec_words vectors[64];
	long fd = sys_openat(AT_FDCWD, (long)FILE_PATH, flags, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		vectors[i] = (struct iovec_words){(u64)buf + i * 1000, 1000};
	n = call(fd, (long)vectors, ARRAY_SIZE(vectors), 0, 0, 0);
	close_fd(fd);
	return n;
}

static long do_readv(void)
{
	return with_vectors(sys_readv, O_RDONLY);
}

static long do_writev(void)
{
	return with_vectors(sys_writev, O_WRONLY);
}

static long do_fsync(void)
{
	long fd = sys_openat(AT_FDCWD, (long)FILE_PATH, O_RDWR, 0, 0, 0), error;

	if (fd < 0)
		return fd;
	error = sys_fsync(fd, 0, 0, 0, 0, 0);
	close_fd(fd);
	return error;
}

/* ---- Descriptors and pipes ---- */

static long do_dup(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0, 0, 0), other;

	if (fd < 0)
		return fd;
	other = sys_dup(fd, 0, 0, 0, 0, 0);
	close_fd(fd);
	return close_fd(other);
}

/* The table grows by two steps. */
static long do_dup_far(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0, 0, 0), other;

	if (fd < 0)
		return fd;
	other = sys_fcntl(fd, F_DUPFD, 1500, 0, 0, 0);
	close_fd(fd);
	return close_fd(other);
}

static long do_dup2(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0, 0, 0), other;

	if (fd < 0)
		return fd;
	other = sys_dup2(fd, 2000, 0, 0, 0, 0);
	close_fd(fd);
	return close_fd(other);
}

static long do_pipe(void)
{
	static int fds[2];
	long error = sys_pipe2((long)fds, O_NONBLOCK, 0, 0, 0, 0), n;

	if (error)
		return error;
	n = sys_write(fds[1], (long)buf, 5000, 0, 0, 0);
	if (n >= 0)
		n = sys_read(fds[0], (long)buf, 5000, 0, 0, 0);
	close_fd(fds[0]);
	close_fd(fds[1]);
	return n;
}

static void with_fifo(void)
{
	must(sys_mknodat(AT_FDCWD, (long)FILE_PATH, S_IFIFO | 0644, 0, 0, 0), "mknod");
}

static long open_fifo(void)
{
	return open_and_close(FILE_PATH, O_RDWR | O_NONBLOCK, 0);
}

/* ---- Who one is ---- */

static long do_setgroups(void)
{
	static const u32 groups[] = {1, 2, 3};

	return sys_setgroups(ARRAY_SIZE(groups), (long)groups, 0, 0, 0, 0);
}

static void no_groups(void)
{
	must(sys_setgroups(0, 0, 0, 0, 0, 0), "setgroups");
}

static const struct scenario scenarios[] = {
	{"write to memory", .before = with_file, .run = write_file, .after = without_file},
	{"write far behind the end", .before = with_file, .run = write_far, .after = without_file},
	{"read a large file", .run = read_big, .cold = true},
	{"read a file in pieces", .run = read_fragmented, .cold = true},
	{"read a file with holes", .run = read_sparse, .cold = true},
	{"read a device", .run = read_device},
	{"read the mounts", .run = read_mounts},
	{"read the slabs", .run = read_slabinfo},
	{"drop the caches", .run = write_drop_caches},
	{"truncate to less", .before = with_written_file, .run = truncate_shorter,
		.after = without_file},
	{"truncate to more", .before = with_written_file, .run = truncate_longer,
		.after = without_file},
	{"readv", .before = with_written_file, .run = do_readv, .after = without_file},
	{"writev", .before = with_file, .run = do_writev, .after = without_file},
	{"fsync", .before = with_written_file, .run = do_fsync, .after = without_file},
	{"dup", .run = do_dup},
	{"dup to a far descriptor", .run = do_dup_far},
	{"dup2 to a farther one", .run = do_dup2},
	{"pipe", .run = do_pipe},
	{"open a FIFO", .before = with_fifo, .run = open_fifo, .after = without_file},
	{"setgroups", .run = do_setgroups, .after = no_groups},
};

KTEST(faults_data)
{
	sweep_all(scenarios, ARRAY_SIZE(scenarios));
}
