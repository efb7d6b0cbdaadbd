/* read, write and their relatives; positions; sparse files and sizes; console and null devices. */
#include "filetest.h"
#include <sys/ioctl.h>
#include <termios.h>

#define BAD_POINTER ((void *)0xdead000000000000ul)

static void test_read_write(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), ro = open("f", O_RDONLY),
	    wo = open("f", O_WRONLY);
	char buf[32] = "";

	CHECK_EQ(write(fd, "hello world", 11), 11);
	CHECK_EQ(CALL(read, ro, buf, 5), 5);
	CHECK(memcmp(buf, "hello", 5) == 0);
	CHECK_EQ(CALL(read, ro, buf, 100), 6);
	CHECK_EQ(CALL(read, ro, buf, 100), 0);
	CHECK_EQ(CALL(pread64, ro, buf, 5, 6), 5);
	CHECK(memcmp(buf, "world", 5) == 0);
	CHECK_EQ(CALL(pread64, ro, buf, 5, 1000), 0);
	CHECK_EQ(CALL(pread64, ro, buf, 5, -1l), -EINVAL);
	CHECK_EQ(CALL(pwrite64, fd, "W", 1, 6), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
	CHECK(file_is("f", "hello World"));
	CHECK_EQ(CALL(write, ro, "x", 1), -EBADF);
	CHECK_EQ(CALL(read, wo, buf, 1), -EBADF);
	CHECK_EQ(CALL(read, 1000, buf, 1), -EBADF);
	lseek(fd, 0, SEEK_SET);
	CHECK_EQ(CALL(read, fd, BAD_POINTER, 5), -EFAULT);
	CHECK_EQ(CALL(write, fd, BAD_POINTER, 5), -EFAULT);
	CHECK(file_is("f", "hello World"));
	close(fd);
	fd = open(".", O_RDONLY);
	CHECK_EQ(CALL(read, fd, buf, 1), -EISDIR);
	close(fd);
	close(ro);
	close(wo);
}

static void test_append(void)
{
	int fd = open("f", O_WRONLY | O_APPEND);

	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(write(fd, "!", 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 12);
	CHECK(file_is("f", "hello World!"));
	close(fd);
}

static void test_vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec out[3] = {{"abc", 3}, {NULL, 0}, {"defgh", 5}};
	struct iovec in[2] = {{a, 3}, {b, 8}};
	int fd = open("v", O_RDWR | O_CREAT, 0644);

	CHECK_EQ(CALL(writev, fd, out, 3), 8);
	lseek(fd, 0, SEEK_SET);
	CHECK_EQ(CALL(readv, fd, in, 2), 8);
	CHECK(memcmp(a, "abc", 3) == 0 && memcmp(b, "defgh", 5) == 0);
	CHECK_EQ(CALL(preadv, fd, in, 2, 4, 0), 4);
	CHECK(memcmp(a, "efg", 3) == 0);
	CHECK_EQ(CALL(readv, fd, in, 0), 0);
	CHECK_EQ(CALL(readv, fd, in, 100000), -EINVAL);
	CHECK_EQ(CALL(readv, fd, BAD_POINTER, 1), -EFAULT);
	in[0].iov_len = (size_t)-1;
	CHECK_EQ(CALL(readv, fd, in, 2), -EINVAL);
	close(fd);
	CHECK_EQ(unlink("v"), 0);
}

/* A pattern over many pages, with a hole, read back in odd pieces. */
static void test_large(void)
{
	static char out[70000], in[70000];
	int fd = open("large", O_RDWR | O_CREAT, 0644);
	struct stat st;
	size_t got = 0;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 4096);
	CHECK_EQ(pwrite(fd, out, sizeof(out), 1000000), (long)sizeof(out));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 1070000);
	CHECK(st.st_blocks * 512 < 200000);
	CHECK_EQ(pread(fd, in, 5000, 500000), 5000);
	CHECK(in[0] == 0 && memcmp(in, in + 1, 4999) == 0);
	while (got < sizeof(in)) {
		ssize_t n = pread(fd, in + got, 777, 1000000 + (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	CHECK_EQ(got, sizeof(in));
	CHECK(memcmp(in, out, sizeof(in)) == 0);
	/* What a shorter size cut away reads as zeros when the file grows again. */
	CHECK_EQ(ftruncate(fd, 1000010), 0);
	CHECK_EQ(ftruncate(fd, 1005000), 0);
	CHECK_EQ(pread(fd, in, 5000, 1000000), 5000);
	CHECK(memcmp(in, out, 10) == 0);
	CHECK(in[10] == 0 && memcmp(in + 10, in + 11, 4989) == 0);
	CHECK_EQ(truncate("large", 3), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 3);
	CHECK_EQ(CALL(truncate, "large", -1l), -EINVAL);
	CHECK_EQ(CALL(truncate, ".", 0), -EISDIR);
	CHECK_EQ(CALL(truncate, "absent", 0), -ENOENT);
	CHECK_EQ(CALL(fsync, fd), 0);
	CHECK_EQ(CALL(fdatasync, fd), 0);
	close(fd);
	fd = open("large", O_RDONLY);
	CHECK_EQ(CALL(ftruncate, fd, 0), -EINVAL);
	close(fd);
	fd = open("large", O_WRONLY | O_TRUNC);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 0);
	close(fd);
	CHECK_EQ(unlink("large"), 0);
}

/* An unlinked file lives on until it is closed. */
static void test_unlinked(void)
{
	int fd = open("gone", O_RDWR | O_CREAT, 0644);
	struct stat st;
	char c = 0;

	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(unlink("gone"), 0);
	CHECK(!exists("gone"));
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_EQ(c, 'x');
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(close(fd), 0);
}

void test_transfer(void)
{
	test_read_write();
	test_append();
	CHECK_EQ(unlink("f"), 0);
	test_vectors();
	test_large();
	test_unlinked();
}

void test_position(void)
{
	make_file("f", "0123456789");
	int fd = open("f", O_RDWR);

	CHECK_EQ(CALL(lseek, fd, 4, SEEK_SET), 4);
	CHECK_EQ(CALL(lseek, fd, -1l, SEEK_CUR), 3);
	CHECK_EQ(CALL(lseek, fd, -2l, SEEK_END), 8);
	CHECK_EQ(CALL(lseek, fd, 5, SEEK_END), 15);
	CHECK_EQ(CALL(lseek, fd, -1l, SEEK_SET), -EINVAL);
	CHECK_EQ(CALL(lseek, fd, 0, 99), -EINVAL);
	CHECK_EQ(CALL(lseek, fd, 0, SEEK_CUR), 15);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 16);
	CHECK_EQ(CALL(lseek, fd, 100, 3), -ENXIO); /* SEEK_DATA */
	CHECK_EQ(CALL(lseek, fd, 0, 3), 0);
	CHECK_EQ(CALL(lseek, 1000, 0, SEEK_SET), -EBADF);
	close(fd);
	CHECK_EQ(unlink("f"), 0);
}

void test_console(void)
{
	char buf[16];
	int fd = open("/dev/null", O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "xyz", 3), 3);
	CHECK_EQ(read(fd, buf, 3), 0);
	CHECK_EQ(CALL(ioctl, fd, TCGETS, buf), -ENOTTY);
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	buf[0] = buf[15] = 1;
	CHECK_EQ(read(fd, buf, 16), 16);
	CHECK(buf[0] == 0 && buf[15] == 0);
	close(fd);
	fd = open("/dev/full", O_WRONLY);
	CHECK_EQ(CALL(write, fd, "x", 1), -ENOSPC);
	close(fd);
	if (!on_unlazy)
		return;
	struct termios t;
	struct winsize w;

	CHECK_EQ(isatty(0), 1);
	CHECK_EQ(tcgetattr(0, &t), 0);
	CHECK(t.c_lflag & ICANON);
	CHECK_EQ(ioctl(0, TIOCGWINSZ, &w), 0);
	CHECK(w.ws_col > 0);
	CHECK_EQ(CALL(lseek, 1, 0, SEEK_CUR), -ESPIPE);
	CHECK_EQ(CALL(pread64, 0, buf, 1, 0), -ESPIPE);
}
