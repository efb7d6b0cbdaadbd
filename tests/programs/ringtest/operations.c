/* OPENAT, READ, STATX, CLOSE give what their system calls give, inline and on workers. */
#include "ringtest.h"

static int ring_open_flags(struct io_uring *ring, const char *path, int flags, unsigned sqe_flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_openat(sqe, AT_FDCWD, path, flags, 0644);
	sqe->flags |= sqe_flags;
	return run_one(ring);
}

static int ring_read(
	struct io_uring *ring, int fd, void *buf, unsigned len, uint64_t at, unsigned flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_read(sqe, fd, buf, len, at);
	sqe->flags |= flags;
	return run_one(ring);
}

/* The priority is checked though it changes nothing: class above, level below. */
static void test_read_priority(struct io_uring *ring)
{
	static const struct {
		unsigned class, level;
		int result;
	} rows[] = {{0, 0, 4}, {0, 1, -EINVAL}, {1, 7, 4}, {2, 0, 4}, {2, 7, 4}, {3, 0, 4},
		{4, 0, -EINVAL}, {7, 0x1fff, -EINVAL}};
	int fd = open(in_folder("file"), O_RDONLY);
	char buf[4];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct io_uring_sqe *sqe = entry(ring, 0);

		/* The upper classes need privilege, which a test on another system may not have. */
		if (rows[i].class == 1 && geteuid() != 0)
			continue;
		io_uring_prep_read(sqe, fd, buf, sizeof(buf), 0);
		sqe->ioprio = (uint16_t)(rows[i].class << 13 | rows[i].level);
		CHECK_EQ(run_one(ring), rows[i].result);
	}
	close(fd);
}

static int ring_close(struct io_uring *ring, int fd, unsigned flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_close(sqe, fd);
	sqe->flags |= flags;
	return run_one(ring);
}

static void test_read(struct io_uring *ring, unsigned flags)
{
	char buf[64];
	int fd = ring_open_flags(ring, in_folder("file"), O_RDONLY, flags);
	int dir = open(folder, O_RDONLY | O_DIRECTORY);
	int path = open(in_folder("file"), O_PATH);
	int writable = open(in_folder("file"), O_WRONLY);

	CHECK(fd >= 0);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(ring_read(ring, fd, buf, sizeof(buf), 0, flags), sizeof(HELLO) - 1);
	CHECK(strcmp(buf, HELLO) == 0);
	CHECK_EQ(ring_read(ring, fd, buf, 3, 7, flags), 3);
	CHECK(memcmp(buf, HELLO + 7, 3) == 0);
	/* At the position, which moves; an explicit offset does not move it. */
	CHECK_EQ(ring_read(ring, fd, buf, 5, -1, flags), 5);
	CHECK_EQ(ring_read(ring, fd, buf, 100, -1, flags), sizeof(HELLO) - 1 - 5);
	CHECK_EQ(ring_read(ring, fd, buf, 100, -1, flags), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), sizeof(HELLO) - 1);
	CHECK_EQ(ring_read(ring, fd, buf, 100, 1000, flags), 0);
	CHECK_EQ(ring_read(ring, fd, (void *)8, 4, 0, flags), -EFAULT);
	CHECK_EQ(ring_read(ring, dir, buf, 4, 0, flags), -EISDIR);
	CHECK_EQ(ring_read(ring, path, buf, 4, 0, flags), -EBADF);
	CHECK_EQ(ring_read(ring, writable, buf, 4, 0, flags), -EBADF);
	CHECK_EQ(ring_read(ring, 9999, buf, 4, 0, flags), -EBADF);
	CHECK_EQ(ring_close(ring, fd, flags), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(ring_close(ring, fd, flags), -EBADF);
	close(dir);
	close(path);
	close(writable);
}

static int ring_statx(struct io_uring *ring, int dirfd, const char *path, int at_flags,
	unsigned mask, struct statx *out, unsigned flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_statx(sqe, dirfd, path, at_flags, mask, out);
	sqe->flags |= flags;
	return run_one(ring);
}

static void test_statx(struct io_uring *ring, unsigned flags)
{
	struct statx stx;
	struct stat st;
	int fd = open(in_folder("file"), O_RDONLY);

	memset(&stx, 0xff, sizeof(stx));
	CHECK_EQ(ring_statx(ring, AT_FDCWD, in_folder("link"), 0, STATX_BASIC_STATS, &stx, flags),
		0);
	CHECK_EQ(stat(in_folder("file"), &st), 0);
	CHECK_EQ(stx.stx_size, st.st_size);
	CHECK_EQ(stx.stx_ino, st.st_ino);
	CHECK_EQ(stx.stx_mode, st.st_mode);
	CHECK_EQ(stx.stx_nlink, 1);
	CHECK((stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	CHECK_EQ(ring_statx(ring, AT_FDCWD, in_folder("link"), AT_SYMLINK_NOFOLLOW,
			 STATX_BASIC_STATS, &stx, flags),
		0);
	CHECK(S_ISLNK(stx.stx_mode));
	CHECK_EQ(ring_statx(ring, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx, flags), 0);
	CHECK_EQ(stx.stx_ino, st.st_ino);
	CHECK_EQ(ring_statx(ring, AT_FDCWD, in_folder("none"), 0, 0, &stx, flags), -ENOENT);
	CHECK_EQ(ring_statx(ring, AT_FDCWD, in_folder("file"), 0, 0, (void *)8, flags), -EFAULT);
	CHECK_EQ(
		ring_statx(ring, AT_FDCWD, in_folder("file"), 0x40000000, 0, &stx, flags), -EINVAL);
	CHECK_EQ(ring_statx(ring, AT_FDCWD, in_folder("file"), 0, 0x80000000u, &stx, flags),
		-EINVAL);
	close(fd);
}

static void test_close_rules(struct io_uring *ring)
{
	struct io_uring_sqe *sqe;
	struct io_uring other;

	ring_start(&other, 4, 0);
	CHECK_EQ(ring_close(ring, ring->ring_fd, 0), -EBADF);
	CHECK_EQ(ring_close(ring, other.ring_fd, 0), -EBADF);
	CHECK_EQ(ring_close(ring, other.ring_fd, IOSQE_ASYNC), -EBADF);
	io_uring_queue_exit(&other);
	sqe = entry(ring, 0);
	io_uring_prep_close(sqe, 3);
	sqe->file_index = 1;
	CHECK_EQ(run_one(ring), -EINVAL);
	sqe = entry(ring, 0);
	io_uring_prep_close(sqe, 3);
	sqe->off = 1;
	CHECK_EQ(run_one(ring), -EINVAL);
	CHECK_EQ(ring_close(ring, -1, 0), -EBADF);
}

/* Many opens in one submission get distinct descriptors, inline and queued. */
static void test_many(struct io_uring *ring, unsigned flags)
{
	int results[32], closed[32];
	bool used[256] = {false}, distinct = true;
	unsigned bad = 0;

	for (unsigned i = 0; i < 32; i++) {
		struct io_uring_sqe *sqe = entry(ring, i);

		io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
		sqe->user_data = i;
		sqe->flags |= flags;
	}
	CHECK_EQ(run_all(ring, 32, results, 32), 32);
	for (unsigned i = 0; i < 32; i++) {
		if (results[i] < 0 || results[i] > 255 || used[results[i]])
			distinct = false;
		else
			used[results[i]] = true;
	}
	CHECK(distinct);
	for (unsigned i = 0; i < 32; i++) {
		struct io_uring_sqe *sqe = entry(ring, i);

		io_uring_prep_close(sqe, results[i]);
		sqe->user_data = i;
		sqe->flags |= flags;
	}
	CHECK_EQ(run_all(ring, 32, closed, 32), 32);
	for (unsigned i = 0; i < 32; i++)
		bad += closed[i] != 0;
	CHECK_EQ(bad, 0);
}

void test_operations(void)
{
	struct io_uring ring;

	ring_start(&ring, 32, 0);
	test_read_priority(&ring);
	for (unsigned round = 0; round < 2; round++) {
		unsigned flags = round ? IOSQE_ASYNC : 0;

		test_read(&ring, flags);
		test_statx(&ring, flags);
		test_many(&ring, flags);
	}
	test_close_rules(&ring);
	io_uring_queue_exit(&ring);
}
