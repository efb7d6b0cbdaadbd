/* Workers, cancelling, threads that share a ring, rings that go in the middle, and random entries. */
#include "ringtest.h"
#include <pthread.h>
#include <time.h>

/* ---- Cancel ---- */

static int cancel(struct io_uring *ring, uint64_t target, unsigned flags, unsigned sqe_flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_cancel64(sqe, target, (int)flags);
	sqe->user_data = 1000;
	sqe->flags |= sqe_flags;
	return run_one(ring);
}

/*
 * A worker cancels everything while the submitter still hands over: every entry answers once, with 0 or
 * cancelled, and what hangs behind a cancelled one by a hard link runs.
 */
static void test_cancel_storm(void)
{
	enum { ENTRIES = 60 };
	struct io_uring ring;
	int results[ENTRIES];
	unsigned wrong = 0;

	ring_start(&ring, ENTRIES, 0);
	for (unsigned round = 0; round < 400 && !wrong; round++) {
		for (unsigned i = 0; i < ENTRIES; i++) {
			struct io_uring_sqe *sqe = entry(&ring, i);

			if (i % 20 == 0)
				io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
			else
				io_uring_prep_nop(sqe);
			sqe->user_data = i;
			sqe->flags |= i % 20 == 0 || i % 2 ? IOSQE_ASYNC : 0;
			/* odd ones are queued, the even ones behind them follow */
			sqe->flags |= i % 2 && i % 20 != 19 ? IOSQE_IO_HARDLINK : 0;
		}
		wrong += run_all(&ring, ENTRIES, results, ENTRIES) != ENTRIES;
		for (unsigned i = 0; i < ENTRIES && !wrong; i++)
			if (i % 20)
				wrong += results[i] != 0 && results[i] != -ECANCELED;
			else
				wrong += results[i] < 0 && results[i] != -ECANCELED;
	}
	CHECK_EQ(wrong, 0);
	io_uring_queue_exit(&ring);
}

/* An open of a FIFO nobody writes to waits until it is cancelled. (Linux' ring does not: CONTRACT 1.9.) */
static void test_cancel_fifo(struct io_uring *ring)
{
	struct io_uring_sqe *sqe;
	int results[1001];
	struct timespec moment = {.tv_nsec = 50000000};

	if (!on_unlazy || mkfifo(in_folder("fifo"), 0600))
		return;
	sqe = entry(ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("fifo"), O_RDONLY, 0);
	sqe->user_data = 5;
	CHECK_EQ(io_uring_submit(ring), 1);
	nanosleep(&moment, NULL);
	CHECK(!any_completion(ring));
	sqe = entry(ring, 0);
	io_uring_prep_cancel64(sqe, 5, 0);
	sqe->user_data = 1000;
	CHECK_EQ(run_all(ring, 2, results, 1001), 2);
	CHECK_EQ(results[1000], -EALREADY);
	CHECK(results[5] == -EINTR || results[5] == -ECANCELED);
	unlink(in_folder("fifo"));
}

void test_cancel(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;

	ring_start(&ring, 16, 0);
	CHECK_EQ(cancel(&ring, 77, 0, 0), -ENOENT);
	CHECK_EQ(cancel(&ring, 77, 0, IOSQE_ASYNC), -ENOENT);
	CHECK_EQ(cancel(&ring, 77, IORING_ASYNC_CANCEL_ALL, 0), 0);
	CHECK_EQ(cancel(&ring, 77, IORING_ASYNC_CANCEL_ANY, 0), 0);
	CHECK_EQ(cancel(&ring, 77, 0x40000000, 0), -EINVAL);
	sqe = entry(&ring, 0);
	io_uring_prep_cancel64(sqe, 1, 0);
	sqe->off = 1;
	CHECK_EQ(run_one(&ring), -EINVAL);
	test_cancel_fifo(&ring);
	io_uring_queue_exit(&ring);
}

/* Queued work and its cancel in one submission: every entry answers once, whoever was faster. */
static void test_cancel_race(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int results[32];
	unsigned wrong = 0;

	ring_start(&ring, 32, 0);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 16; i++) {
			sqe = entry(&ring, i);
			io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
			sqe->user_data = i;
			sqe->flags |= IOSQE_ASYNC;
		}
		for (unsigned i = 0; i < 16; i++) {
			sqe = entry(&ring, 16 + i);
			io_uring_prep_cancel64(sqe, 15 - i, 0);
			sqe->user_data = 16 + i;
		}
		if (run_all(&ring, 32, results, 32) != 32)
			wrong++;
		for (unsigned i = 0; i < 16; i++) {
			int open_res = results[i], by = results[16 + 15 - i];

			if (open_res >= 0)
				close(open_res);
			/* Cancelled means cancelled; not found means it had its result. */
			if (by == 0 && open_res != -ECANCELED)
				wrong++;
			if (by == -ENOENT && open_res < 0)
				wrong++;
			if (by != 0 && by != -ENOENT && by != -EALREADY)
				wrong++;
		}
	}
	CHECK_EQ(wrong, 0);
	io_uring_queue_exit(&ring);
}

/* ---- Rings that go with work under way ---- */

static void test_exit_with_work(void)
{
	for (unsigned round = 0; round < 20; round++) {
		struct io_uring ring;

		ring_start(&ring, 32, 0);
		for (unsigned i = 0; i < 32; i++) {
			struct io_uring_sqe *sqe = entry(&ring, i);
			static struct statx stx[32];

			io_uring_prep_statx(sqe, AT_FDCWD, in_folder("dir/inner"), 0,
				STATX_BASIC_STATS, &stx[i]);
			sqe->flags |= IOSQE_ASYNC | (i % 3 ? IOSQE_IO_LINK : 0);
		}
		io_uring_submit(&ring);
		io_uring_queue_exit(&ring);
	}
	CHECK(true);
}

/* A ring goes at once, whatever its requests wait for: here FIFOs that nobody will ever write to. */
static void test_exit_with_waiting(void)
{
	if (!on_unlazy || mkfifo(in_folder("fifo"), 0600))
		return;
	for (unsigned round = 0; round < 5; round++) {
		struct io_uring ring;

		ring_start(&ring, 32, 0);
		for (unsigned i = 0; i < 20; i++) {
			struct io_uring_sqe *sqe = entry(&ring, i);

			io_uring_prep_openat(sqe, AT_FDCWD, in_folder("fifo"), O_RDONLY, 0);
			sqe->flags |= i % 4 ? 0 : IOSQE_IO_LINK;
		}
		CHECK_EQ(io_uring_submit(&ring), 20);
		io_uring_queue_exit(&ring);
	}
	unlink(in_folder("fifo"));
}

/* FIFO opens that wait do not stand in the way of others, however few bounded workers there are. */
static void test_unbounded(void)
{
	struct io_uring ring;
	unsigned max[2] = {1, 0};
	const char *fifo = in_folder("fifo"), *file = in_folder("file");
	int results[4];

	if (!on_unlazy || mkfifo(fifo, 0600))
		return;
	ring_start(&ring, 32, 0);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, max), 0);
	for (unsigned i = 0; i < 8; i++) {
		struct io_uring_sqe *sqe = entry(&ring, 0);

		io_uring_prep_openat(sqe, AT_FDCWD, fifo, O_RDONLY, 0);
		sqe->user_data = 100;
	}
	for (unsigned i = 0; i < 4; i++) {
		struct io_uring_sqe *sqe = entry(&ring, 0);

		io_uring_prep_openat(sqe, AT_FDCWD, file, O_RDONLY, 0);
		sqe->user_data = i;
		sqe->flags |= IOSQE_ASYNC;
	}
	CHECK_EQ(run_all(&ring, 4, results, 4), 4);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(results[i] >= 0);
		close(results[i]);
	}
	io_uring_queue_exit(&ring);
	unlink(in_folder("fifo"));
}

/* ---- Threads ---- */

#define THREADS 4
#define ROUNDS	200

static void *own_ring(void *arg)
{
	struct io_uring ring;
	uintptr_t wrong = 0, seed = (uintptr_t)arg;

	ring_start(&ring, 16, 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int results[16];

		for (unsigned i = 0; i < 16; i++) {
			struct io_uring_sqe *sqe = entry(&ring, i);
			char path[160];

			snprintf(path, sizeof(path), "%s/%s", folder, i % 4 ? "file" : "none");
			io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
			sqe->user_data = i;
			sqe->flags |= (seed + i + round) % 3 ? 0 : IOSQE_ASYNC;
			io_uring_submit(&ring); /* copies path */
		}
		if (run_all(&ring, 16, results, 16) != 16)
			wrong++;
		for (unsigned i = 0; i < 16; i++) {
			if (i % 4 ? results[i] < 0 : results[i] != -ENOENT)
				wrong++;
			if (results[i] >= 0)
				close(results[i]);
		}
	}
	io_uring_queue_exit(&ring);
	return (void *)wrong;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	uintptr_t wrong = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, own_ring, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		wrong += (uintptr_t)result;
	}
	CHECK_EQ(wrong, 0);
}

/* One thread waits for completions another one causes. */
static void *wait_for_eight(void *arg)
{
	struct io_uring *ring = arg;

	return (void *)(uintptr_t)syscall(
		__NR_io_uring_enter, ring->ring_fd, 0, 8, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void test_waiter(void)
{
	struct io_uring ring;
	pthread_t waiter;
	void *result;

	ring_start(&ring, 16, 0);
	CHECK_EQ(pthread_create(&waiter, NULL, wait_for_eight, &ring), 0);
	for (unsigned i = 0; i < 8; i++) {
		struct io_uring_sqe *sqe = entry(&ring, i);

		io_uring_prep_nop(sqe);
		sqe->flags |= i % 2 ? IOSQE_ASYNC : 0;
		CHECK_EQ(io_uring_submit(&ring), 1);
	}
	pthread_join(waiter, &result);
	CHECK_EQ((uintptr_t)result, 0);
	CHECK_EQ(io_uring_cq_ready(&ring), 8);
	io_uring_queue_exit(&ring);
}

void test_workers(void)
{
	test_cancel_race();
	test_cancel_storm();
	test_exit_with_work();
	test_exit_with_waiting();
	test_unbounded();
	test_waiter();
	test_threads();
}

/* ---- Garbage ---- */

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Operations that Linux has and a random entry would do harm, or wait for ever, with. */
static bool harmless(unsigned op)
{
	return on_unlazy || op == IORING_OP_NOP || op == IORING_OP_STATX ||
	       op == IORING_OP_OPENAT2 || op >= 200;
}

/* Every opcode with random bytes: each gives a completion, nothing else happens. */
void test_garbage(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct __kernel_timespec limit = {.tv_sec = 5};
	unsigned sent = 0, lost = 0;
	int keep = dup(1);

	ring_start(&ring, 8, IORING_SETUP_SUBMIT_ALL);
	for (unsigned i = 0; i < 256 * 20; i++) {
		struct io_uring_sqe *sqe = entry(&ring, 0);
		uint64_t words[8];

		for (unsigned w = 0; w < 8; w++)
			words[w] = random_word() & (random_word() & 1 ? random_word() : ~0ull);
		memcpy(sqe, words, sizeof(*sqe));
		sqe->opcode = (uint8_t)i;
		if (!harmless(sqe->opcode))
			sqe->opcode = 255;
		/* No chains across submissions, no silence, and not a descriptor that is in use. */
		sqe->flags &= (uint8_t) ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK |
					  IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_DRAIN);
		if ((unsigned)sqe->fd < 100)
			sqe->fd += 100;
		/* Not into our own memory either. */
		sqe->addr = random_word() & 1 ? sqe->addr | 1ull << 63 : sqe->addr & 0xfff;
		sqe->off = random_word() & 1 ? sqe->off | 1ull << 63 : sqe->off & 0xfff;
		if (io_uring_submit(&ring) != 1)
			lost++;
		sent++;
		if (io_uring_wait_cqe_timeout(&ring, &cqe, &limit))
			lost++;
		else
			io_uring_cqe_seen(&ring, cqe);
	}
	CHECK(sent == 256 * 20);
	CHECK_EQ(lost, 0);
	CHECK_EQ(fcntl(keep, F_GETFD) >= 0, 1);
	close(keep);
	io_uring_queue_exit(&ring);
}
