/* CONTRACT 1, 2 and 4 (Open) through the ring: results, cached-only opens, copying, EMFILE. */
#include "ringtest.h"
#include <linux/openat2.h>
#include <sys/resource.h>

static struct io_uring ring;

/* Result of an openat2 through the ring; a success is closed and counts as 0. */
static int ring_openat2(
	int dirfd, const char *path, uint64_t flags, uint64_t resolve, unsigned sqe_flags)
{
	struct open_how how = {.flags = flags, .resolve = resolve};
	struct io_uring_sqe *sqe = entry(&ring, 0);
	int res;

	io_uring_prep_openat2(sqe, dirfd, path, &how);
	sqe->flags |= sqe_flags;
	res = run_one(&ring);
	if (res >= 0) {
		close(res);
		res = 0;
	}
	return res;
}

static void both(const char *name, uint64_t flags, uint64_t resolve, int expected)
{
	int now = ring_openat2(AT_FDCWD, in_folder(name), flags, resolve, 0);
	int later = ring_openat2(AT_FDCWD, in_folder(name), flags, resolve, IOSQE_ASYNC);

	if (now != expected || later != expected)
		printf("open %s flags %llo resolve %llx: inline %d, async %d, expected %d\n", name,
			(unsigned long long)flags, (unsigned long long)resolve, now, later,
			expected);
	CHECK(now == expected && later == expected);
}

static void test_results(void)
{
	both("file", O_RDONLY, 0, 0);
	both("dir", O_RDONLY | O_DIRECTORY, 0, 0);
	both("dir/../file", O_RDONLY, 0, 0);
	both("dir/..", O_RDONLY, 0, 0);
	both("link", O_RDONLY, 0, 0);
	both("file", O_PATH, 0, 0);
	both("none", O_RDONLY, 0, -ENOENT);
	both("none/x", O_RDONLY, 0, -ENOENT);
	both("file/x", O_RDONLY, 0, -ENOTDIR);
	both("file/", O_RDONLY, 0, -ENOTDIR);
	both("file", O_RDONLY | O_DIRECTORY, 0, -ENOTDIR);
	both("dir", O_WRONLY, 0, -EISDIR);
	both("link", O_RDONLY | O_NOFOLLOW, 0, -ELOOP);
	both("link", O_RDONLY, RESOLVE_NO_SYMLINKS, -ELOOP);
	both("loop", O_RDONLY, 0, -ELOOP);
	both("file", O_RDONLY, RESOLVE_BENEATH, -EXDEV);
	both("file", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT, -EINVAL);
	both("file", O_RDONLY, 1ull << 40, -EINVAL);
	both("file", 1ull << 40, 0, -EINVAL);
	both("file", O_RDONLY, 0, 0);
	CHECK_EQ(ring_openat2(9999, "file", O_RDONLY, 0, 0), -EBADF);
	CHECK_EQ(ring_openat2(9999, "file", O_RDONLY, 0, IOSQE_ASYNC), -EBADF);
	CHECK_EQ(
		ring_openat2(AT_FDCWD, in_folder("created"), O_WRONLY | O_CREAT | O_EXCL, 0, 0), 0);
	both("created", O_WRONLY | O_CREAT | O_EXCL, 0, -EEXIST);
	both("created", O_WRONLY | O_CREAT | O_TRUNC, 0, 0);
}

/* The program's own RESOLVE_CACHED: EAGAIN is an answer, on a worker, too. */
static void test_cached_only(void)
{
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, 0), 0);
	both("file", O_RDONLY, RESOLVE_CACHED, 0);
	both("link", O_RDONLY, RESOLVE_CACHED, 0);
	both("file", O_RDWR | O_CREAT, RESOLVE_CACHED, -EAGAIN);
	both("file", O_RDWR | O_TRUNC, RESOLVE_CACHED, -EAGAIN);
	both("file/x", O_RDONLY, RESOLVE_CACHED, -EAGAIN);
	both("never looked up", O_RDONLY, RESOLVE_CACHED, -EAGAIN);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("absent"), O_RDONLY, 0, 0), -ENOENT);
	both("absent", O_RDONLY, RESOLVE_CACHED, -ENOENT);
	both("absent/x", O_RDONLY, RESOLVE_CACHED, -ENOENT);
}

/* Inline, queued, inline again: what the counters say about one path. */
static void test_counters(void)
{
	long done = ring_counter("inline"), queued = ring_counter("queued");

	if (done < 0)
		return;
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, 0), 0);
	CHECK_EQ(ring_counter("inline"), done + 1);
	CHECK_EQ(ring_counter("queued"), queued);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, IOSQE_ASYNC), 0);
	CHECK_EQ(ring_counter("inline"), done + 1);
	CHECK_EQ(ring_counter("queued"), queued + 1);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("unseen"), O_RDONLY, 0, 0), -ENOENT);
	CHECK_EQ(ring_counter("inline"), done + 1);
	CHECK_EQ(ring_counter("queued"), queued + 2);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("unseen"), O_RDONLY, 0, 0), -ENOENT);
	CHECK_EQ(ring_counter("inline"), done + 2);
	CHECK_EQ(ring_counter("queued"), queued + 2);
}

static int openat2_sized(const void *how, unsigned size)
{
	struct io_uring_sqe *sqe = entry(&ring, 0);

	io_uring_prep_openat2(sqe, AT_FDCWD, in_folder("file"), (struct open_how *)how);
	sqe->len = size;
	return run_one(&ring);
}

static void test_entry_rules(void)
{
	static uint64_t how[600];
	struct io_uring_sqe *sqe;
	char *longname = malloc(5001);
	int fd;

	CHECK_EQ(openat2_sized(how, 16), -EINVAL);
	/* Linux' ring forgets the limit that its openat2 has. */
	if (on_unlazy)
		CHECK_EQ(openat2_sized(how, 4104), -E2BIG);
	CHECK_EQ(openat2_sized((void *)8, 24), -EFAULT);
	how[3] = 1;
	CHECK_EQ(openat2_sized(how, 32), -E2BIG);
	how[3] = 0;
	fd = openat2_sized(how, 32);
	CHECK(fd >= 0);
	close(fd);

	sqe = entry(&ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
	sqe->buf_index = 1;
	CHECK_EQ(run_one(&ring), -EINVAL);
	sqe = entry(&ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	CHECK_EQ(run_one(&ring), -EBADF);
	io_uring_prep_openat(entry(&ring, 0), AT_FDCWD, (const char *)8, O_RDONLY, 0);
	CHECK_EQ(run_one(&ring), -EFAULT);
	io_uring_prep_openat(entry(&ring, 0), AT_FDCWD, "", O_RDONLY, 0);
	CHECK_EQ(run_one(&ring), -ENOENT);
	memset(longname, 'x', 5000);
	longname[5000] = '\0';
	io_uring_prep_openat(entry(&ring, 0), AT_FDCWD, longname, O_RDONLY, 0);
	CHECK_EQ(run_one(&ring), -ENAMETOOLONG);
	longname[300] = '\0';
	io_uring_prep_openat(entry(&ring, 0), AT_FDCWD, longname, O_RDONLY, 0);
	CHECK_EQ(run_one(&ring), -ENAMETOOLONG);
	free(longname);
}

/* Path and open_how are copied at submission: the memory is the program's again at once. */
static void test_copied(void)
{
	char path[16][256];
	int results[16];
	unsigned bad = 0;

	for (unsigned i = 0; i < 16; i++) {
		struct open_how how = {.flags = O_RDONLY};
		struct io_uring_sqe *sqe = entry(&ring, i);

		/* The long way round, so that some are longer than what fits a request. */
		snprintf(path[i], sizeof(path[i]), "%s/dir/../dir/../%s", folder,
			i % 2 ? "./././././././././././././././././././././././././file" : "file");
		io_uring_prep_openat2(sqe, AT_FDCWD, path[i], &how);
		sqe->user_data = i;
		sqe->flags |= IOSQE_ASYNC;
	}
	CHECK_EQ(io_uring_submit(&ring), 16);
	memset(path, 'z', sizeof(path));
	CHECK_EQ(run_all(&ring, 16, results, 16), 16);
	for (unsigned i = 0; i < 16; i++) {
		bad += results[i] < 0;
		close(results[i]);
	}
	/* The first submission's open_how lay on the stack of a finished block. */
	CHECK(bad == 0);
}

static void test_emfile(void)
{
	struct rlimit old, tight;
	int last = dup(0);

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)last;
	close(last);
	for (int fd; (fd = dup(0)) >= 0 && fd < last - 1;)
		;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, 0), -EMFILE);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, IOSQE_ASYNC), -EMFILE);
	/* Before any walk. */
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("none"), O_RDONLY, 0, 0), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(ring_openat2(AT_FDCWD, in_folder("file"), O_RDONLY, 0, 0), 0);
}

void test_open_contract(void)
{
	ring_start(&ring, 16, 0);
	unlink(in_folder("created"));
	test_results();
	test_cached_only();
	test_counters();
	test_entry_rules();
	test_copied();
	test_emfile();
	io_uring_queue_exit(&ring);
}
