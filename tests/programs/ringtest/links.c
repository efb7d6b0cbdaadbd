/* Chains, bad entries, completions that are not wanted, and more completions than fit the queue. */
#include "ringtest.h"

static struct io_uring ring;

static struct io_uring_sqe *nop(uint64_t id, unsigned flags)
{
	struct io_uring_sqe *sqe = entry(&ring, id);

	io_uring_prep_nop(sqe);
	sqe->user_data = id;
	sqe->flags |= flags;
	return sqe;
}

/* An open of a file that is not there. */
static struct io_uring_sqe *failing(uint64_t id, unsigned flags)
{
	struct io_uring_sqe *sqe = entry(&ring, id);

	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("none"), O_RDONLY, 0);
	sqe->user_data = id;
	sqe->flags |= flags;
	return sqe;
}

static struct io_uring_sqe *bad(uint64_t id, unsigned flags)
{
	struct io_uring_sqe *sqe = nop(id, flags);

	sqe->opcode = 250;
	return sqe;
}

static void expect(unsigned n, const int *wanted, int line)
{
	int results[16];
	unsigned got = run_all(&ring, n, results, 16), wrong = 0;

	for (unsigned i = 0; i < n; i++)
		if (results[i] != wanted[i]) {
			printf("%s:%d: entry %u: %d, expected %d\n", __FILE__, line, i, results[i],
				wanted[i]);
			wrong++;
		}
	CHECK(got == n && wrong == 0);
}
#define EXPECT(...)                                                                                \
	do {                                                                                       \
		const int wanted_[] = {__VA_ARGS__};                                               \
		expect(sizeof(wanted_) / sizeof(wanted_[0]), wanted_, __LINE__);                   \
	} while (0)

static void test_chains(unsigned async)
{
	static char buf[64];
	struct io_uring_sqe *sqe;
	int fd = open(in_folder("file"), O_RDONLY);

	nop(0, IOSQE_IO_LINK | async), nop(1, IOSQE_IO_LINK), nop(2, 0);
	EXPECT(0, 0, 0);
	failing(0, IOSQE_IO_LINK | async), nop(1, IOSQE_IO_LINK), nop(2, 0), nop(3, 0);
	EXPECT(-ENOENT, -ECANCELED, -ECANCELED, 0);
	failing(0, IOSQE_IO_HARDLINK | async), nop(1, IOSQE_IO_HARDLINK), nop(2, 0);
	EXPECT(-ENOENT, 0, 0);
	failing(0, IOSQE_IO_HARDLINK | async), failing(1, IOSQE_IO_LINK), nop(2, 0);
	EXPECT(-ENOENT, -ENOENT, -ECANCELED);
	/* Two chains in one submission do not know each other. */
	failing(0, IOSQE_IO_LINK | async), nop(1, 0), nop(2, IOSQE_IO_LINK | async), nop(3, 0);
	EXPECT(-ENOENT, -ECANCELED, 0, 0);
	/* A chain whose last member has the flag ends with the submission. */
	nop(0, IOSQE_IO_LINK | async), nop(1, IOSQE_IO_LINK);
	EXPECT(0, 0);
	nop(0, 0);
	EXPECT(0);
	/* A short read breaks, a full one does not. */
	sqe = entry(&ring, 0);
	io_uring_prep_read(sqe, fd, buf, sizeof(buf), 0);
	sqe->flags |= IOSQE_IO_LINK | async;
	nop(1, 0);
	EXPECT(sizeof(HELLO) - 1, -ECANCELED);
	sqe = entry(&ring, 0);
	io_uring_prep_read(sqe, fd, buf, 4, 0);
	sqe->flags |= IOSQE_IO_LINK | async;
	nop(1, 0);
	EXPECT(4, 0);
	close(fd);
}

/* Linux lets a failing STATX go on (CONTRACT 4: a defect there). */
static void test_statx_breaks(void)
{
	static struct statx stx;
	struct io_uring_sqe *sqe = entry(&ring, 0);

	io_uring_prep_statx(sqe, AT_FDCWD, in_folder("none"), 0, STATX_BASIC_STATS, &stx);
	sqe->flags |= IOSQE_IO_LINK;
	nop(1, 0);
	if (on_unlazy)
		EXPECT(-ENOENT, -ECANCELED);
	else
		EXPECT(-ENOENT, 0);
}

/* A descriptor opened by one member is used by the next: it is looked up when that one is issued. */
static void test_linked_file(unsigned async)
{
	static char buf[64];
	struct io_uring_sqe *sqe;
	int free_fd = dup(0), results[3];

	close(free_fd); /* what the open will get */
	sqe = entry(&ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
	sqe->flags |= IOSQE_IO_LINK | async;
	sqe = entry(&ring, 0);
	io_uring_prep_read(sqe, free_fd, buf, 5, 0);
	sqe->user_data = 1;
	sqe->flags |= IOSQE_IO_LINK;
	sqe = entry(&ring, 0);
	io_uring_prep_close(sqe, free_fd);
	sqe->user_data = 2;
	CHECK_EQ(run_all(&ring, 3, results, 3), 3);
	CHECK_EQ(results[0], free_fd);
	CHECK_EQ(results[1], 5);
	CHECK_EQ(results[2], 0);
	CHECK(memcmp(buf, HELLO, 5) == 0);
}

static void test_bad_entries(void)
{
	struct io_uring all;
	int results[8];

	/* Outside a chain: its completion, and the submission ends there. */
	nop(0, 0), bad(1, 0), nop(2, 0);
	CHECK_EQ(io_uring_submit(&ring), 2);
	CHECK_EQ(run_all(&ring, 3, results, 8), 3);
	CHECK_EQ(results[0], 0);
	CHECK_EQ(results[1], -EINVAL);
	CHECK_EQ(results[2], 0);
	/* Inside: it gets its error, the others, before and after, are cancelled. */
	nop(0, IOSQE_IO_LINK), bad(1, IOSQE_IO_LINK), nop(2, IOSQE_IO_LINK), nop(3, 0);
	EXPECT(-ECANCELED, -EINVAL, -ECANCELED, -ECANCELED);
	bad(0, IOSQE_IO_LINK), nop(1, 0);
	EXPECT(-EINVAL, -ECANCELED);

	ring_start(&all, 8, IORING_SETUP_SUBMIT_ALL);
	for (unsigned i = 0; i < 4; i++) {
		struct io_uring_sqe *sqe = entry(&all, i);

		io_uring_prep_nop(sqe);
		sqe->user_data = i;
		sqe->opcode = i % 2 ? 250 : 0;
	}
	CHECK_EQ(io_uring_submit(&all), 4);
	CHECK_EQ(run_all(&all, 4, results, 8), 4);
	CHECK_EQ(results[1], -EINVAL);
	CHECK_EQ(results[2], 0);
	CHECK_EQ(results[3], -EINVAL);
	io_uring_queue_exit(&all);
}

static void test_skip_success(unsigned async)
{
	int results[8];

	nop(0, IOSQE_CQE_SKIP_SUCCESS | async), nop(1, async);
	CHECK_EQ(run_all(&ring, 1, results, 8), 1);
	CHECK_EQ(results[1], 0);
	failing(0, IOSQE_CQE_SKIP_SUCCESS | async);
	CHECK_EQ(run_all(&ring, 1, results, 8), 1);
	CHECK_EQ(results[0], -ENOENT);
	/* A silent one that fails is heard; what it takes down with it is not. */
	failing(0, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK | async), nop(1, 0);
	CHECK_EQ(run_all(&ring, 1, results, 8), 1);
	CHECK_EQ(results[0], -ENOENT);
	CHECK_EQ(results[1], NO_CQE);
	/* A chain that says one word in the end. */
	nop(0, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK | async);
	nop(1, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK), nop(2, 0);
	CHECK_EQ(run_all(&ring, 1, results, 8), 1);
	CHECK_EQ(results[2], 0);
}

void test_links(void)
{
	ring_start(&ring, 16, 0);
	for (unsigned round = 0; round < 2; round++) {
		unsigned async = round ? IOSQE_ASYNC : 0;

		test_chains(async);
		test_linked_file(async);
		test_skip_success(async);
	}
	test_statx_breaks();
	test_bad_entries();
	CHECK(!any_completion(&ring));
	io_uring_queue_exit(&ring);
}

/* ---- Overflow ---- */

/* Eight times as many completions as fit, none lost, in order for the inline ones. */
static void overflow_round(unsigned async)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 8};
	struct io_uring_cqe *cqe;
	bool seen[64] = {false}, ordered = true, once = true;
	struct io_uring r;
	unsigned got = 0;

	if (io_uring_queue_init_params(8, &r, &p)) {
		CHECK(!"a ring with eight completion entries");
		return;
	}
	for (unsigned id = 0; id < 64;) {
		for (unsigned i = 0; i < 8; i++, id++) {
			struct io_uring_sqe *sqe = entry(&r, id);

			io_uring_prep_nop(sqe);
			sqe->user_data = id;
			sqe->flags |= async;
		}
		CHECK_EQ(io_uring_submit(&r), 8);
	}
	while (!async && !(*r.sq.kflags & IORING_SQ_CQ_OVERFLOW)) {
		CHECK(!"the flag tells");
		break;
	}
	while (got < 64 && io_uring_wait_cqe(&r, &cqe) == 0) {
		if (cqe->user_data >= 64 || seen[cqe->user_data])
			once = false;
		else
			seen[cqe->user_data] = true;
		ordered &= cqe->user_data == got;
		got++;
		io_uring_cqe_seen(&r, cqe);
	}
	CHECK_EQ(got, 64);
	CHECK(once);
	CHECK(async || ordered);
	CHECK_EQ(*r.cq.koverflow, 0);
	CHECK(!any_completion(&r));
	CHECK(!(*r.sq.kflags & IORING_SQ_CQ_OVERFLOW));
	io_uring_queue_exit(&r);
}

void test_overflow(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	struct io_uring r;

	overflow_round(0);
	overflow_round(IOSQE_ASYNC);
	/* A ring that goes with completions still waiting. */
	if (io_uring_queue_init_params(4, &r, &p) == 0) {
		for (unsigned i = 0; i < 16; i++) {
			io_uring_prep_nop(entry(&r, i));
			io_uring_submit(&r);
		}
		io_uring_queue_exit(&r);
	}
}
