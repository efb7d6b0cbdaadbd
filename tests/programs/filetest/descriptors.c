/* Descriptors: the lowest free one, duplicates, flags, limits, close_range. */
#include "filetest.h"
#include <sys/resource.h>

static void test_lowest(void)
{
	int a = open("f", O_RDONLY), b = open("f", O_RDONLY), c = open("f", O_RDONLY);

	CHECK_EQ(b, a + 1);
	CHECK_EQ(c, a + 2);
	CHECK_EQ(close(a), 0);
	CHECK_EQ(CALL(close, a), -EBADF);
	CHECK_EQ(open("f", O_RDONLY), a);
	close(b);
	close(a);
	CHECK_EQ(CALL(dup, c), a);
	CHECK_EQ(CALL(fcntl, c, F_DUPFD, 100), 100);
	CHECK_EQ(CALL(fcntl, c, F_DUPFD, 100), 101);
	CHECK_EQ(CALL(fcntl, c, F_DUPFD, 1 << 30), -EINVAL);
	for (int fd = a; fd < 102; fd++)
		close(fd);
}

static void test_dup(void)
{
	int fd = open("f", O_RDWR), other = open("f", O_RDONLY);
	char c;

	CHECK_EQ(CALL(dup, -1), -EBADF);
	CHECK_EQ(CALL(dup, 1000), -EBADF);
	CHECK_EQ(CALL(dup2, fd, fd), fd);
	CHECK_EQ(CALL(dup2, 1000, 1000), -EBADF);
	CHECK_EQ(CALL(dup2, fd, -1), -EBADF);
	CHECK_EQ(CALL(dup3, fd, fd, 0), -EINVAL);
	CHECK_EQ(CALL(dup3, fd, 50, O_APPEND), -EINVAL);
	CHECK_EQ(CALL(dup3, fd, 500, O_CLOEXEC), 500);
	CHECK_EQ(CALL(fcntl, 500, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(fcntl, fd, F_GETFD), 0);
	/* one open file: the position is shared */
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(lseek(500, 0, SEEK_CUR), 1);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
	/* onto an open one: that is closed */
	CHECK_EQ(CALL(dup2, fd, other), other);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 1);
	close(fd);
	close(other);
	close(500);
}

static void test_flags(void)
{
	int fd = open("f", O_RDWR | O_APPEND);
	long flags = CALL(fcntl, fd, F_GETFL);

	CHECK_EQ(flags & O_ACCMODE, O_RDWR);
	CHECK(flags & O_APPEND);
	CHECK_EQ(CALL(fcntl, fd, F_SETFL, O_NONBLOCK | O_WRONLY | O_CREAT), 0);
	flags = CALL(fcntl, fd, F_GETFL);
	CHECK_EQ(flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT), O_RDWR | O_NONBLOCK);
	CHECK_EQ(CALL(fcntl, fd, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(CALL(fcntl, fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(fcntl, fd, F_SETFD, 0), 0);
	CHECK_EQ(CALL(fcntl, fd, F_GETFD), 0);
	CHECK_EQ(CALL(fcntl, fd, 9999), -EINVAL);
	CHECK_EQ(CALL(fcntl, 1000, F_GETFL), -EBADF);
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(CALL(fcntl, fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

static void test_path_only(void)
{
	int fd = open("f", O_PATH);
	struct stat st;
	char c;

	CHECK(fd >= 0);
	CHECK_EQ(CALL(read, fd, &c, 1), -EBADF);
	CHECK_EQ(CALL(fcntl, fd, F_SETFL, 0), -EBADF);
	CHECK_EQ(CALL(fchmod, fd, 0600), -EBADF);
	CHECK_EQ(CALL(lseek, fd, 0, SEEK_SET), -EBADF);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK(CALL(fcntl, fd, F_GETFL) & O_PATH);
	close(fd);
}

static void test_limit(void)
{
	struct rlimit old, low;
	int fd = open("f", O_RDONLY);

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fd + 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(CALL(dup, fd), fd + 1);
	CHECK_EQ(CALL(dup, fd), fd + 2);
	CHECK_EQ(CALL(dup, fd), -EMFILE);
	CHECK_EQ(CALL(open, "f", O_RDONLY), -EMFILE);
	CHECK_EQ(CALL(fcntl, fd, F_DUPFD, low.rlim_cur), -EINVAL);
	CHECK_EQ(CALL(dup2, fd, (int)low.rlim_cur), -EBADF);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(CALL(close_range, fd, fd + 2, 0), 0);
	CHECK_EQ(CALL(close, fd + 1), -EBADF);
}

static void test_many(void)
{
	struct rlimit old, high;
	int first = open("f", O_RDONLY), bad = 0;
	const int n = 20000;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	high = old;
	high.rlim_cur = old.rlim_max < 30000 ? old.rlim_max : 30000;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &high), 0);
	if (high.rlim_cur >= 30000) {
		for (int i = 1; i < n; i++)
			bad += dup(first) != first + i;
		CHECK_EQ(bad, 0);
		/* holes are found again, lowest first */
		close(first + 7);
		close(first + 5000);
		close(first + 19000);
		CHECK_EQ(dup(first), first + 7);
		CHECK_EQ(dup(first), first + 5000);
		CHECK_EQ(dup(first), first + 19000);
		CHECK_EQ(dup(first), first + n);
	}
	CHECK_EQ(CALL(close_range, first, ~0u, 0), 0);
	CHECK_EQ(open("f", O_RDONLY), first);
	CHECK_EQ(CALL(close_range, first, first, 4), 0); /* CLOSE_RANGE_CLOEXEC */
	CHECK_EQ(CALL(fcntl, first, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(close_range, 5, 4, 0), -EINVAL);
	close(first);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
}

void test_descriptors(void)
{
	make_file("f", "0123456789");
	test_lowest();
	test_dup();
	test_flags();
	test_path_only();
	test_limit();
	test_many();
	CHECK_EQ(unlink("f"), 0);
}
