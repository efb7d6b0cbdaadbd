/* Pipes: order, capacity, the end of either side, flags, and what fails leaves no descriptor behind. */
#include "filetest.h"
#include <pthread.h>
#include <signal.h>

#define MANY (200 * 1000)

static void test_bytes(void)
{
	int fds[2];
	char buf[16];
	struct stat st;

	CHECK_EQ(CALL(pipe, fds), 0);
	CHECK_EQ(fds[1], fds[0] + 1);
	CHECK_EQ(write(fds[1], "first", 5), 5);
	CHECK_EQ(write(fds[1], "second", 6), 6);
	CHECK_EQ(read(fds[0], buf, 7), 7);
	CHECK(memcmp(buf, "firstse", 7) == 0);
	CHECK_EQ(read(fds[0], buf, sizeof(buf)), 4);
	CHECK_EQ(fstat(fds[0], &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(CALL(lseek, fds[0], 0, SEEK_SET), -ESPIPE);
	CHECK_EQ(CALL(read, fds[1], buf, 1), -EBADF);
	CHECK_EQ(CALL(write, fds[0], buf, 1), -EBADF);
	close(fds[0]);
	close(fds[1]);
}

static void test_ends(void)
{
	int fds[2], other;
	char c;

	CHECK_EQ(pipe(fds), 0);
	other = dup(fds[1]);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	close(fds[1]);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	close(other);
	CHECK_EQ(read(fds[0], &c, 1), 0); /* only now nobody can write any more */
	close(fds[0]);

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(fds), 0);
	close(fds[0]);
	CHECK_EQ(CALL(write, fds[1], "x", 1), -EPIPE);
	close(fds[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void test_flags(void)
{
	int fds[2], lowest = dup(0);
	char page[4096] = "";

	close(lowest);
	CHECK_EQ(CALL(pipe2, fds, O_APPEND), -EINVAL);
	CHECK_EQ(CALL(pipe2, (int *)8, 0), -EFAULT);
	CHECK_EQ(dup(0), lowest); /* the failures kept nothing */
	close(lowest);
	CHECK_EQ(CALL(pipe2, fds, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK_EQ(CALL(fcntl, fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(fcntl, fds[1], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(read, fds[0], page, 1), -EAGAIN);
	for (int i = 0; i < 1000; i++)
		if (write(fds[1], page, sizeof(page)) < 0)
			break;
	CHECK_EQ(CALL(write, fds[1], page, sizeof(page)), -EAGAIN);
	CHECK_EQ(read(fds[0], page, sizeof(page)), sizeof(page));
	CHECK_EQ(write(fds[1], page, sizeof(page)), sizeof(page));
	close(fds[0]);
	close(fds[1]);
}

static void *write_many(void *arg)
{
	int fd = *(int *)arg;
	uint32_t words[100];

	for (uint32_t i = 0; i < MANY; i += 100) {
		for (uint32_t j = 0; j < 100; j++)
			words[j] = i + j;
		if (write(fd, words, sizeof(words)) != sizeof(words))
			break;
	}
	close(fd);
	return NULL;
}

/* More than fits, so that each side has to wait for the other. */
static void test_two_threads(void)
{
	uint32_t expected = 0, wrong = 0, words[64];
	size_t have = 0;
	pthread_t writer;
	ssize_t n;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(pthread_create(&writer, NULL, write_many, &fds[1]), 0);
	while ((n = read(fds[0], (char *)words + have, sizeof(words) - have)) > 0) {
		have += (size_t)n;
		for (size_t i = 0; i < have / 4; i++)
			wrong += words[i] != expected++;
		memmove(words, (char *)words + have / 4 * 4, have % 4);
		have %= 4;
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(expected, MANY);
	pthread_join(writer, NULL);
	close(fds[0]);
}

void test_pipes(void)
{
	test_bytes();
	test_ends();
	test_flags();
	test_two_threads();
	CHECK_EQ(CALL(sync), 0);
	CHECK_EQ(CALL(syncfs, 0), 0);
	CHECK_EQ(CALL(syncfs, 99), -EBADF);
}
