/*
 * The ways of opening a list of files:
 *
 *	openat         one system call after the other
 *	threads        the same loop on set.threads threads, which take turns of 64 paths
 *	ring-queued    io_uring, IOSQE_ASYNC: every open goes to a worker (what Linux 5.10 always did)
 *	ring-inline    io_uring: tried inline, queued when it would block
 *	ring-norcu     the same; the worker's retry skips the RCU walk (LOOKUP_NO_RCU)
 *	ring-resume    the same; the worker goes on where the inline try stopped (Unlazy only)
 *
 * A ring is filled with set.batch opens, submitted and waited for with one call, and emptied.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>

#include "openbench.h"

#define TURN 64

static int open_one(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY);

	return fd < 0 ? -errno : fd;
}

static int loop_open(const struct paths *p, int *fds)
{
	for (size_t i = 0; i < p->n; i++)
		fds[i] = open_one(p->path[i]);
	return 0;
}

/* ---- threads ---- */

struct crew {
	const struct paths *paths;
	int *fds;
	size_t next; /* atomic: the first path nobody took */
};

static void *crew_member(void *arg)
{
	struct crew *c = arg;
	size_t i, end;

	while ((i = __atomic_fetch_add(&c->next, TURN, __ATOMIC_RELAXED)) < c->paths->n) {
		end = i + TURN < c->paths->n ? i + TURN : c->paths->n;
		for (; i < end; i++)
			c->fds[i] = open_one(c->paths->path[i]);
	}
	return NULL;
}

static int threads_open(const struct paths *p, int *fds)
{
	struct crew crew = {p, fds, 0};
	pthread_t thread[MAX_THREADS];
	unsigned started = 0;
	int error = 0;

	while (started < set.threads && !error) {
		error = pthread_create(&thread[started], NULL, crew_member, &crew);
		started += !error;
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	return -error;
}

/* ---- ring ---- */

/* Take n completions; user_data is the index of the path. */
static int reap(struct io_uring *ring, unsigned n, int *fds)
{
	struct io_uring_cqe *cqe;

	while (n-- > 0) {
		int error = io_uring_wait_cqe(ring, &cqe);

		if (error)
			return error;
		fds[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	return 0;
}

/* The kernel takes fewer than there are when it has no memory for more: the rest is submitted again. */
static int submit_and_reap(struct io_uring *ring, unsigned n, int *fds)
{
	while (n > 0) {
		int taken = io_uring_submit_and_wait(ring, n);
		int error = taken > 0 ? reap(ring, (unsigned)taken, fds) : taken ? taken : -EAGAIN;

		if (error)
			return error;
		n -= (unsigned)taken;
	}
	return 0;
}

static int ring_open(const struct paths *p, int *fds, unsigned sqe_flags)
{
	struct io_uring ring;
	int error = io_uring_queue_init(set.batch, &ring, 0);

	if (error)
		return error;
	for (size_t i = 0; i < p->n && error >= 0;) {
		unsigned n = 0;

		for (; n < set.batch && i < p->n; n++, i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			io_uring_prep_openat(sqe, AT_FDCWD, p->path[i], O_RDONLY, 0);
			sqe->flags |= (unsigned char)sqe_flags;
			sqe->user_data = i;
		}
		error = submit_and_reap(&ring, n, fds);
	}
	io_uring_queue_exit(&ring);
	return error < 0 ? error : 0;
}

static int ring_inline_open(const struct paths *p, int *fds)
{
	return ring_open(p, fds, 0);
}

static int ring_queued_open(const struct paths *p, int *fds)
{
	return ring_open(p, fds, IOSQE_ASYNC);
}

const struct method methods[] = {
	{"openat", NULL, false, loop_open},
	{"threads", NULL, false, threads_open},
	{"ring-queued", "rcu", true, ring_queued_open},
	{"ring-inline", "rcu", true, ring_inline_open},
	{"ring-norcu", "norcu", true, ring_inline_open},
	{"ring-resume", "resume", true, ring_inline_open},
	{0},
};
