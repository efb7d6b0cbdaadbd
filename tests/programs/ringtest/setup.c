/* io_uring_setup and io_uring_enter: arguments, sizes, offsets, waiting. */
#include "ringtest.h"

static int setup(unsigned entries, struct io_uring_params *p)
{
	long fd = syscall(__NR_io_uring_setup, entries, p);

	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

static int setup_with(unsigned entries, unsigned flags, unsigned cq_entries)
{
	struct io_uring_params p = {.flags = flags, .cq_entries = cq_entries};

	return setup(entries, &p);
}

void test_setup(void)
{
	struct io_uring_params p = {0};

	CHECK_EQ(setup_with(0, 0, 0), -EINVAL);
	CHECK_EQ(setup_with(32769, 0, 0), -EINVAL);
	CHECK_EQ(setup_with(8, 1u << 31, 0), -EINVAL);
	CHECK_EQ(setup_with(8, IORING_SETUP_CQSIZE, 0), -EINVAL);
	CHECK_EQ(setup_with(8, IORING_SETUP_CQSIZE, 4), -EINVAL);
	CHECK_EQ(setup_with(8, IORING_SETUP_CQSIZE, 65537), -EINVAL);
	p.resv[1] = 1;
	CHECK_EQ(setup(8, &p), -EINVAL);
	CHECK_EQ(setup(8, NULL), -EFAULT);
	CHECK_EQ(setup(8, (void *)0xffff800000000000ul), -EFAULT);

	p = (struct io_uring_params){0};
	CHECK_EQ(setup(5, &p), 0);
	CHECK_EQ(p.sq_entries, 8);
	CHECK_EQ(p.cq_entries, 16);
	CHECK_EQ(p.sq_off.head, 0);
	CHECK_EQ(p.sq_off.tail, 4);
	CHECK_EQ(p.sq_off.ring_mask, 16);
	CHECK_EQ(p.sq_off.ring_entries, 24);
	CHECK_EQ(p.sq_off.flags, 36);
	CHECK_EQ(p.sq_off.dropped, 32);
	CHECK_EQ(p.cq_off.head, 8);
	CHECK_EQ(p.cq_off.tail, 12);
	CHECK_EQ(p.cq_off.ring_mask, 20);
	CHECK_EQ(p.cq_off.ring_entries, 28);
	CHECK_EQ(p.cq_off.overflow, 44);
	CHECK_EQ(p.cq_off.cqes, 64);
	CHECK_EQ(p.sq_off.array, 64 + 16 * 16);
	CHECK(p.features & IORING_FEAT_SINGLE_MMAP);
	CHECK(p.features & IORING_FEAT_NODROP);
	CHECK(p.features & IORING_FEAT_EXT_ARG);

	p = (struct io_uring_params){.flags = IORING_SETUP_CLAMP};
	CHECK_EQ(setup(100000, &p), 0);
	CHECK_EQ(p.sq_entries, 32768);
	CHECK_EQ(p.cq_entries, 65536);
	p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 100};
	CHECK_EQ(setup(8, &p), 0);
	CHECK_EQ(p.cq_entries, 128);
}

/* ---- enter ---- */

static void test_enter_arguments(void)
{
	struct io_uring ring;
	int fd = open(in_folder("file"), O_RDONLY);

	ring_start(&ring, 8, 0);
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 0, 0, 1u << 31, NULL, 0), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(syscall(__NR_io_uring_enter, 12345, 0, 0, 0, NULL, 0), -1);
	CHECK_EQ(errno, EBADF);
	CHECK_EQ(syscall(__NR_io_uring_enter, fd, 0, 0, 0, NULL, 0), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 5, 0, 0, NULL, 0), 0);
	close(fd);
	io_uring_queue_exit(&ring);
}

static void test_nop_batches(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	uint64_t expected = 0;

	ring_start(&ring, 32, 0);
	for (unsigned round = 0; round < 100; round++) {
		unsigned n = 1 + round % 32;

		for (unsigned i = 0; i < n; i++)
			io_uring_prep_nop(entry(&ring, 0)), io_uring_sq_ready(&ring);
		for (unsigned i = 0; i < n; i++)
			ring.sq.sqes[(ring.sq.sqe_tail - n + i) & *ring.sq.kring_mask].user_data =
				expected + i;
		if (io_uring_submit_and_wait(&ring, n) != (int)n) {
			CHECK(!"a batch of no-operations is taken whole");
			break;
		}
		for (unsigned i = 0; i < n; i++) {
			if (io_uring_peek_cqe(&ring, &cqe) || cqe->user_data != expected ||
				cqe->res || cqe->flags) {
				CHECK(!"no-operations complete in order with 0");
				round = 100;
				break;
			}
			expected++;
			io_uring_cqe_seen(&ring, cqe);
		}
	}
	CHECK(expected > 1000);
	CHECK(!any_completion(&ring));
	io_uring_queue_exit(&ring);
}

/* A time limit from EXT_ARG: ETIME only with an empty queue. */
static void test_timeout(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct __kernel_timespec soon = {.tv_nsec = 20000000}, none = {0};

	ring_start(&ring, 8, 0);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &soon), -ETIME);
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 1, &none, NULL), -ETIME);
	io_uring_prep_nop(entry(&ring, 7));
	CHECK_EQ(io_uring_submit(&ring), 1);
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&soon};

	/* Two wanted, one there: the time passes, and the call still succeeds. */
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 0, 2,
			 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)),
		0);
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 0, 1,
			 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, 8),
		-1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 0, 1,
			 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (void *)8, sizeof(arg)),
		-1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), 0);
	CHECK_EQ(cqe->user_data, 7);
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
}

/* The queue's words belong to the program; nonsense there harms nobody but itself. */
static void test_hostile_indices(void)
{
	struct io_uring ring;
	unsigned dropped;

	ring_start(&ring, 8, 0);
	/* A tail far ahead counts for no more than the queue is long: eight no-operations. */
	memset(ring.sq.sqes, 0, 8 * sizeof(struct io_uring_sqe));
	*ring.sq.ktail += 1000000;
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 1000000, 0, 0, NULL, 0), 8);
	*ring.sq.ktail = *ring.sq.khead;
	CHECK_EQ(*ring.cq.ktail - *ring.cq.khead, 8);
	/* An index beyond the entries is counted and skipped. */
	dropped = *ring.sq.kdropped;
	ring.sq.array[*ring.sq.ktail & *ring.sq.kring_mask] = 0x7fffffff;
	*ring.sq.ktail += 1;
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 1, 0, 0, NULL, 0), 0);
	CHECK_EQ(*ring.sq.kdropped - dropped, 1);
	CHECK_EQ(*ring.sq.khead, *ring.sq.ktail);
	/* Masks and sizes in shared memory are for the program's eyes only. */
	*ring.cq.kring_mask = *ring.sq.kring_mask = 0xffffffff;
	*ring.cq.kring_entries = *ring.sq.kring_entries = 0xffffffff;
	ring.sq.array[*ring.sq.ktail & 7] = 0;
	*ring.sq.ktail += 1;
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 1, 0, 0, NULL, 0), 1);
	*ring.cq.khead = 0x80000000;
	ring.sq.array[*ring.sq.ktail & 7] = 0;
	*ring.sq.ktail += 1;
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.ring_fd, 1, 0, 0, NULL, 0), 1);
	close(ring.ring_fd);
}

/* The library has this call only from 2.4 on. */
static int enable(struct io_uring *ring)
{
	long ret = syscall(
		__NR_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	return ret < 0 ? -errno : 0;
}

static void test_disabled(void)
{
	struct io_uring ring;

	ring_start(&ring, 8, IORING_SETUP_R_DISABLED);
	io_uring_prep_nop(entry(&ring, 1));
	CHECK_EQ(io_uring_submit(&ring), -EBADFD);
	CHECK_EQ(enable(&ring), 0);
	CHECK_EQ(enable(&ring), -EBADFD);
	CHECK_EQ(run_one(&ring), 0);
	io_uring_queue_exit(&ring);
}

void test_enter(void)
{
	test_enter_arguments();
	test_nop_batches();
	test_timeout();
	test_hostile_indices();
	test_disabled();
}
