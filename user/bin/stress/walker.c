/* Opening by every method: one system call, a cached-only attempt, a walk that must stay in its folder, a
 * ring that tries inline, a ring that always queues; and a thread that sees its own changes. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#define BATCH 8

bool stress_over;
unsigned long stress_opens, stress_missing, stress_would_block, stress_unexplained;

static bool over(void)
{
	return __atomic_load_n(&stress_over, __ATOMIC_ACQUIRE);
}

static unsigned next_random(unsigned *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static const struct target *some_target(unsigned *state)
{
	return target_some(next_random(state));
}

static bool run_openat(const struct method *m, unsigned seed)
{
	while (!over()) {
		const struct target *t = some_target(&seed);
		int fd = open(t->path, O_RDONLY);

		target_judge(t, fd < 0 ? -errno : fd, WALK_ANY, m->name);
	}
	return true;
}

static bool run_cached(const struct method *m, unsigned seed)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_CACHED};

	while (!over()) {
		const struct target *t = some_target(&seed);
		long fd = syscall(SYS_openat2, AT_FDCWD, t->path, &how, sizeof(how));

		target_judge(t, fd < 0 ? -errno : (int)fd, WALK_CACHED_ONLY, m->name);
	}
	return true;
}

static bool run_scoped(const struct method *m, unsigned seed)
{
	static const unsigned long long fences[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT,
		RESOLVE_BENEATH | RESOLVE_CACHED, RESOLVE_IN_ROOT | RESOLVE_CACHED};
	int folder = open("x", O_RDONLY | O_DIRECTORY);

	while (folder >= 0 && !over()) {
		const struct target *t = &scoped_targets[next_random(&seed) % nr_scoped_targets];
		struct open_how how = {.flags = O_RDONLY, .resolve = fences[seed % 4]};
		long fd = syscall(SYS_openat2, folder, t->path, &how, sizeof(how));

		target_judge(t, fd < 0 ? -errno : (int)fd, WALK_SCOPED, m->name);
	}
	close(folder);
	return folder >= 0;
}

/* One batch of opens of random targets through the ring. False when the ring itself fails. */
static bool ring_batch(
	struct io_uring *ring, const struct method *m, unsigned *seed, unsigned flags)
{
	struct io_uring_cqe *cqe;

	for (int i = 0; i < BATCH; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
		const struct target *t = some_target(seed);

		io_uring_prep_openat(sqe, AT_FDCWD, t->path, O_RDONLY, 0);
		sqe->flags |= (unsigned char)flags;
		io_uring_sqe_set_data(sqe, (void *)(uintptr_t)t);
	}
	if (io_uring_submit_and_wait(ring, BATCH) < 0)
		return false;
	for (int i = 0; i < BATCH; i++) {
		if (io_uring_wait_cqe(ring, &cqe) < 0)
			return false;
		target_judge(io_uring_cqe_get_data(cqe), cqe->res, WALK_ANY, m->name);
		io_uring_cqe_seen(ring, cqe);
	}
	return true;
}

static bool run_ring(const struct method *m, unsigned seed, unsigned flags)
{
	struct io_uring ring;
	bool fine = io_uring_queue_init(BATCH, &ring, 0) == 0;

	if (!fine)
		return false;
	while (fine && !over())
		fine = ring_batch(&ring, m, &seed, flags);
	io_uring_queue_exit(&ring);
	return fine;
}

static bool run_ring_inline(const struct method *m, unsigned seed)
{
	return run_ring(m, seed, 0);
}

static bool run_ring_queued(const struct method *m, unsigned seed)
{
	return run_ring(m, seed, IOSQE_ASYNC);
}

static int ring_open(struct io_uring *ring, const char *path)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int fd;

	io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_wait_cqe(ring, &cqe) < 0)
		return -EIO;
	fd = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return fd;
}

/* What this thread made is there, and what it removed is not, for its very next open. */
static bool run_own(const struct method *m, unsigned seed)
{
	static const struct target there = {.path = "own", .texts = {"own"}};
	static const struct target gone = {.path = "own", .may_miss = true};
	struct io_uring ring;

	(void)seed;
	if (io_uring_queue_init(1, &ring, 0) < 0)
		return false;
	while (!over()) {
		if (make_file("own", "own") < 0)
			break;
		target_judge(&there, ring_open(&ring, "own"), WALK_ANY, m->name);
		if (unlink("own") < 0)
			break;
		target_judge(&gone, ring_open(&ring, "own"), WALK_ANY, m->name);
	}
	io_uring_queue_exit(&ring);
	return over();
}

const struct method methods[] = {
	{"openat", run_openat},
	{"cached", run_cached},
	{"scoped", run_scoped},
	{"ring-inline", run_ring_inline},
	{"ring-queued", run_ring_queued},
	{"own", run_own},
};
const size_t nr_methods = sizeof(methods) / sizeof(methods[0]);
