/*
 * Instructions of one cached operation. Under `-icount shift=0` the time-stamp counter advances by one
 * with every guest instruction, so a difference of two readings is a count, program, library and kernel
 * together: from before the first io_uring_get_sqe to after the last io_uring_cqe_seen, over FILES
 * distinct files, divided by FILES. An "open+close" is both; an "enoent" is one open of a name known
 * not to exist.
 *
 * Each figure is the median of ROUNDS, so that a timer tick in one of them does not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "openbench.h"

#define FILES  64
#define ROUNDS 9
#define WARM   3

/* tools/mkdisk makes FILES files at each of these depths below /bench. */
static const struct place {
	int components;
	const char *folder; /* names are relative to it */
	const char *prefix;
} places[] = {
	{1, "/bench/depth1", ""},
	{4, "/bench/depth4", "first/second/third/"},
	{8, "/bench/depth8", "first/second/third/fourth/fifth/sixth/seventh/"},
};

struct task {
	char path[FILES][128];
	int fd[FILES];
	bool closes;		   /* open+close, else the opens are to fail with ENOENT */
	unsigned batch, sqe_flags; /* of the opens: IOSQE_ASYNC or 0 */
	struct io_uring *ring;	   /* NULL: openat and close */
	int error;
};

static void loop(struct task *t)
{
	for (int i = 0; i < FILES; i++) {
		t->fd[i] = openat(AT_FDCWD, t->path[i], O_RDONLY);
		if (t->closes)
			close(t->fd[i]);
	}
}

/* Submit t->batch opens (or closes) from file `first` on and take their answers. */
static void ring_batch(struct task *t, int first, bool closing)
{
	struct io_uring_cqe *cqe;

	for (unsigned i = 0; i < t->batch; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(t->ring);
		int file = first + (int)i;

		if (closing)
			io_uring_prep_close(sqe, t->fd[file]);
		else
			io_uring_prep_openat(sqe, AT_FDCWD, t->path[file], O_RDONLY, 0);
		if (!closing)
			sqe->flags |= (unsigned char)t->sqe_flags;
		sqe->user_data = (unsigned)file;
	}
	io_uring_submit_and_wait(t->ring, t->batch);
	for (unsigned i = 0; i < t->batch; i++) {
		if (io_uring_wait_cqe(t->ring, &cqe) < 0) {
			t->error = EIO;
			return;
		}
		if (!closing)
			t->fd[cqe->user_data] = cqe->res;
		else if (cqe->res < 0)
			t->error = -cqe->res;
		io_uring_cqe_seen(t->ring, cqe);
	}
}

static void ring(struct task *t)
{
	for (int first = 0; first < FILES; first += (int)t->batch) {
		ring_batch(t, first, false);
		if (t->closes)
			ring_batch(t, first, true);
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void check(struct task *t)
{
	for (int i = 0; i < FILES; i++)
		if ((t->fd[i] >= 0) != t->closes)
			t->error = t->closes ? ENOENT : EEXIST;
}

/* Instructions per operation, or -1 when the operation did not do what it should. */
static double measure(struct task *t)
{
	uint64_t count[ROUNDS];

	for (int round = -WARM; round < ROUNDS; round++) {
		uint64_t start = __rdtsc();

		if (t->ring)
			ring(t);
		else
			loop(t);
		if (round >= 0)
			count[round] = __rdtsc() - start;
		check(t);
	}
	if (t->error)
		return -1;
	qsort(count, ROUNDS, sizeof(count[0]), by_value);
	return (double)count[ROUNDS / 2] / FILES;
}

static int measure_place(const struct place *at, const char *method, struct task *t, bool closes)
{
	const char *operation = closes ? "open+close" : "enoent";
	double result;

	t->closes = closes;
	t->error = 0;
	for (int i = 0; i < FILES; i++)
		snprintf(t->path[i], sizeof(t->path[i]), "%s%s-%02d", at->prefix,
			closes ? "file" : "missing", i);
	if (chdir(at->folder) < 0) {
		fprintf(stderr, "openbench: %s: %s (a disk of tools/mkdisk has it)\n", at->folder,
			strerror(errno));
		return 1;
	}
	result = measure(t);
	if (result < 0) {
		fprintf(stderr, "openbench: %s, %s, %d components: %s\n", method, operation,
			at->components, strerror(t->error));
		return 1;
	}
	report_insns(method, operation, at->components, t->ring ? t->batch : 1, result);
	return 0;
}

static int measure_method(const char *method, struct task *t)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bad += measure_place(&places[i], method, t, true);
		bad += measure_place(&places[i], method, t, false);
	}
	return bad;
}

static int measure_ring(const char *method, struct task *t, unsigned batch, unsigned sqe_flags)
{
	struct io_uring io;
	int error = io_uring_queue_init(batch, &io, 0), bad;

	if (error) {
		fprintf(stderr, "openbench: a ring: %s\n", strerror(-error));
		return 1;
	}
	t->ring = &io;
	t->batch = batch;
	t->sqe_flags = sqe_flags;
	bad = measure_method(method, t);
	io_uring_queue_exit(&io);
	t->ring = NULL;
	return bad;
}

int insns_run(void)
{
	static struct task t;
	int bad = 0;

	if (!set.json)
		printf("%-12s %-10s %10s %6s %14s\n", "method", "operation", "components", "batch",
			"instructions");
	bad += measure_ring("ring-inline", &t, 32, 0);
	bad += measure_ring("ring-inline", &t, 1, 0);
	bad += measure_ring("ring-queued", &t, 32, IOSQE_ASYNC);
	bad += measure_ring("ring-queued", &t, 1, IOSQE_ASYNC);
	bad += measure_method("openat", &t);
	return bad != 0;
}
