/* Open files: bytes, positions, sizes; and descriptors. */
#include "difftest.h"
#include <liburing.h>

static size_t draw_size(void)
{
	return (size_t)ONE_OF(0, 1, 1, 7, 100, 100, 1000, 4095, 4096, 5000, 12288, 70000);
}

/* Nothing between what every file may have and what none may: that is a question of memory. */
static int64_t draw_offset(void)
{
	return ONE_OF(0, 0, 0, 1, 5, 99, 4095, 4096, 4097, 10000, 70000, 1 << 20, -1, INT64_MIN,
		INT64_MAX);
}

static bool is_kind(int fd, unsigned kind)
{
	struct stat st;

	return CALL(fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

static bool is_directory(int fd)
{
	return is_kind(fd, S_IFDIR);
}

/* Linux's ring waits for a pipe's bytes whatever O_NONBLOCK says. */
static bool draw_ring_for(int fd)
{
	return draw_ring() && !is_kind(fd, S_IFIFO);
}

/* Positions in a directory are cookies: not to be compared. */
static void say_position(int fd)
{
	if (is_directory(fd))
		return;
	say(" position=");
	say_errno(CALL(lseek, fd, 0, SEEK_CUR));
}

static void fill_buffer(void)
{
	uint64_t word = draw_word();

	for (size_t i = 0; i < sizeof(buffer); i += 8) {
		memcpy(buffer + i, &word, 8);
		word = word * 6364136223846793005u + 1442695040888963407u;
	}
}

static void read_(void)
{
	int fd = draw_fd();
	size_t size = draw_size();
	int64_t at = draw_offset();
	bool positioned = chance(40), by_ring = draw_ring_for(fd);
	void *to = draw_pointer(buffer);
	long n;

	if (by_ring && positioned && at < 0)
		at = 0; /* to the ring -1 is the file's position */
	say("%s%s(%d%s, %zu", by_ring ? "ring-" : "", positioned ? "pread" : "read", fd,
		to == buffer ? "" : ", bad", size);
	say(positioned ? ", %lld)" : ")", (long long)at);
	if (by_ring) {
		io_uring_prep_read(ring_entry(), fd, to, (unsigned)size,
			positioned ? (uint64_t)at : UINT64_MAX);
		n = ring_run();
	} else {
		n = positioned ? CALL(pread64, fd, to, size, at) : CALL(read, fd, to, size);
	}
	say_result(n);
	if (n > 0)
		say_bytes(buffer, (size_t)n);
	say_position(fd);
}

static void write_(void)
{
	int fd = draw_fd();
	size_t size = draw_size();
	int64_t at = draw_offset();
	bool positioned = chance(40), by_ring = draw_ring_for(fd);
	void *from = draw_pointer(buffer);
	long n;

	fill_buffer();
	/* A page that was made for a write that then failed stays on Linux, and st_blocks tells. */
	if (is_kind(fd, S_IFREG))
		from = buffer;
	if (by_ring && positioned && at < 0)
		at = 0;
	say("%s%s(%d%s, %zu", by_ring ? "ring-" : "", positioned ? "pwrite" : "write", fd,
		from == buffer ? "" : ", bad", size);
	say(positioned ? ", %lld)" : ")", (long long)at);
	if (by_ring) {
		io_uring_prep_write(ring_entry(), fd, from, (unsigned)size,
			positioned ? (uint64_t)at : UINT64_MAX);
		n = ring_run();
	} else {
		n = positioned ? CALL(pwrite64, fd, from, size, at) : CALL(write, fd, from, size);
	}
	say_result(n);
	say_position(fd);
}

#define PIECES 4

static unsigned draw_pieces(struct iovec *pieces)
{
	size_t used = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		size_t size = (size_t)ONE_OF(0, 1, 10, 100, 4096, 5000);

		pieces[i] = (struct iovec){buffer + used, size};
		used += size;
	}
	/* One piece alone is cut before it is checked, on some versions of Linux. */
	if (chance(3)) {
		pieces[draw(PIECES)].iov_len = (size_t)ONE_OF(-1, INT64_MAX, INT64_MIN);
		return PIECES;
	}
	return chance(97) ? draw(PIECES + 1) : (unsigned)ONE_OF(1025, -1);
}

static void vector_(void)
{
	struct iovec pieces[PIECES];
	int fd = draw_fd();
	bool writes = chance(50), positioned = chance(40);
	int64_t at = draw_offset();
	long n;

	fill_buffer();
	unsigned count = draw_pieces(pieces);

	say("%s%s(%d, %d {%zd, %zd, %zd, %zd}", positioned ? "p" : "", writes ? "writev" : "readv",
		fd, (int)count, (ssize_t)pieces[0].iov_len, (ssize_t)pieces[1].iov_len,
		(ssize_t)pieces[2].iov_len, (ssize_t)pieces[3].iov_len);
	say(positioned ? ", %lld)" : ")", (long long)at);
	if (positioned)
		n = writes ? CALL(pwritev, fd, pieces, count, at, 0)
			   : CALL(preadv, fd, pieces, count, at, 0);
	else
		n = writes ? CALL(writev, fd, pieces, count) : CALL(readv, fd, pieces, count);
	say_result(n);
	if (!writes && n > 0)
		say_bytes(buffer, (size_t)n);
	say_position(fd);
}

/* SEEK_DATA and SEEK_HOLE are put back: a system may know no holes. */
static void seek_(void)
{
	int fd = draw_fd();
	int64_t offset = draw_offset();
	int whence = (int)ONE_OF(0, 0, 0, 1, 1, 2, 2, 3, 4, 5, -1);

	if (is_directory(fd)) {
		offset = 0;
		whence = 0;
	}
	long before = whence > 2 ? CALL(lseek, fd, 0, SEEK_CUR) : 0;

	say("lseek(%d, %lld, %d)", fd, (long long)offset, whence);
	say_result(CALL(lseek, fd, offset, whence));
	if (whence > 2 && before >= 0)
		CALL(lseek, fd, before, SEEK_SET);
}

static void truncate_(void)
{
	const char *path = draw_path();
	int fd = draw_fd();
	int64_t size = ONE_OF(0, 0, 1, 10, 100, 4095, 4096, 4097, 10000, 1 << 20, -1, INT64_MIN);

	if (chance(30)) {
		say("truncate(");
		say_path(path);
		say(", %lld)", (long long)size);
		say_result(CALL(truncate, path, size));
	} else {
		say("ftruncate(%d, %lld)", fd, (long long)size);
		say_result(CALL(ftruncate, fd, size));
	}
}

static void sync_(void)
{
	int fd = draw_fd();
	unsigned which = draw(3);
	bool by_ring = draw_ring();

	if (by_ring) {
		io_uring_prep_fsync(ring_entry(), fd, which == 1 ? IORING_FSYNC_DATASYNC : which);
		say("ring-fsync(%d, %u)", fd, which);
		say_result(ring_run());
		return;
	}
	say("%s(%d)", which == 0 ? "fsync" : which == 1 ? "fdatasync" : "syncfs", fd);
	say_result(which == 0	? CALL(fsync, fd)
		   : which == 1 ? CALL(fdatasync, fd)
				: CALL(syncfs, fd));
}

/* ---- Descriptors ---- */

static void close_(void)
{
	int fd = draw_fd();
	bool by_ring = draw_ring();

	say("%s(%d)", by_ring ? "ring-close" : "close", fd);
	if (by_ring) {
		io_uring_prep_close(ring_entry(), fd);
		say_result(ring_run());
	} else {
		say_result(CALL(close, fd));
	}
}

static void close_range_(void)
{
	unsigned first = 3 + draw(FD_LIMIT), last = first + draw(4);
	unsigned flags = (unsigned)ONE_OF(0, 0, 4, 4, 4, 1);

	if (chance(5))
		last = first - 1;
	say("close_range(%u, %u, %#x)", first, last, flags);
	say_result(CALL(close_range, first, last, flags));
}

static void dup_(void)
{
	int fd = draw_fd();
	/* Never one that is the program's own. */
	int to = chance(90) ? 3 + (int)draw(FD_LIMIT - 2)
			    : (int)ONE_OF(-1, 5000, INT32_MIN, FD_LIMIT);
	unsigned flags = (unsigned)ONE_OF(0, 0, O_CLOEXEC, O_CLOEXEC, O_NONBLOCK, 1);
	unsigned which = draw(3);

	if (which == 0)
		say("dup(%d)", fd);
	else if (which == 1)
		say("dup2(%d, %d)", fd, to);
	else
		say("dup3(%d, %d, %#x)", fd, to, flags);
	say_result(which == 0	? CALL(dup, fd)
		   : which == 1 ? CALL(dup2, fd, to)
				: CALL(dup3, fd, to, flags));
}

static void fcntl_(void)
{
	int fd = draw_fd();
	int command = (int)ONE_OF(F_GETFD, F_SETFD, F_SETFD, F_GETFL, F_GETFL, F_SETFL, F_SETFL,
		F_SETFL, F_DUPFD, F_DUPFD, 1030, 1030, 999, -1);
	long argument = 0;

	if (command == F_SETFD)
		argument = (long)ONE_OF(0, 1, 2, 3);
	else if (command == F_SETFL)
		argument = (long)ONE_OF(0, 0, O_APPEND, O_NONBLOCK, O_APPEND | O_RDWR, O_NOATIME,
			020000, 0100000, -1);
	else if (command == F_DUPFD || command == 1030)
		argument = (long)ONE_OF(0, 0, 3, 10, FD_LIMIT - 1, FD_LIMIT, -1, 1ll << 32);
	if (command == F_SETFL && (flavour & WITH_FIFOS))
		argument |= O_NONBLOCK;
	if (command == F_SETFL && options.device)
		argument &= ~(long)O_DIRECT;
	if (is_pipe_descriptor(fd))
		argument &= ~(long)O_NOATIME; /* its owner's right */
	say("fcntl(%d, %d, %lo)", fd, command, argument);
	say_result(CALL(fcntl, fd, command, argument));
}

static void pipe_(void)
{
	int fds[2] = {-1, -1};
	unsigned flags = O_NONBLOCK | (unsigned)ONE_OF(0, 0, O_CLOEXEC, O_CREAT);
	int *to = draw_pointer(fds);

	say("pipe2(%s%#x)", to == fds ? "" : "bad, ", flags);
	say_result(CALL(pipe2, to, flags));
	say(" %d %d", fds[0], fds[1]);
	if (fds[1] >= 0)
		say_descriptor(fds[1]);
}

static const struct operation operations[] = {
	{"read", read_, 60, 0, false},
	{"write", write_, 60, 0, true},
	{"vector", vector_, 25, 0, false},
	{"seek", seek_, 40, 0, false},
	{"truncate", truncate_, 30, 0, true},
	{"sync", sync_, 10, 0, false},
	{"close", close_, 55, 0, false},
	{"close_range", close_range_, 5, 0, false},
	{"dup", dup_, 25, 0, false},
	{"fcntl", fcntl_, 30, 0, false},
	{"pipe", pipe_, 10, WITH_FIFOS, false},
};
const struct family file_family = {operations, COUNT_OF(operations)};
