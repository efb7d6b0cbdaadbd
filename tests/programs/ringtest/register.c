/* io_uring_register: probe, personalities, worker limits, registered files and direct descriptors. */
#include "ringtest.h"

static void test_probe(struct io_uring *ring)
{
	static const int ours[] = {IORING_OP_NOP, IORING_OP_OPENAT, IORING_OP_OPENAT2,
		IORING_OP_CLOSE, IORING_OP_READ, IORING_OP_STATX, IORING_OP_ASYNC_CANCEL};
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	struct {
		struct io_uring_probe head;
		struct io_uring_probe_op ops[4];
	} dirty = {.head.resv = 1};

	CHECK(probe != NULL);
	if (!probe)
		return;
	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		CHECK(io_uring_opcode_supported(probe, ours[i]));
	CHECK(!io_uring_opcode_supported(probe, 200));
	/* What the probe claims, an entry gets something else than EINVAL for; and the reverse. */
	if (on_unlazy)
		for (int op = 0; op <= probe->last_op; op++) {
			struct io_uring_sqe *sqe = entry(ring, 0);

			sqe->opcode = (uint8_t)op;
			sqe->fd = -1;
			if (!io_uring_opcode_supported(probe, op))
				CHECK_EQ(run_one(ring), -EINVAL);
			else
				run_one(ring);
		}
	io_uring_free_probe(probe);
	CHECK_EQ(io_uring_register_probe(ring, &dirty.head, 4), -EINVAL);
	CHECK_EQ(io_uring_register_probe(ring, (void *)8, 4), -EFAULT);
}

static void test_personality(struct io_uring *ring)
{
	int id = io_uring_register_personality(ring), results[2];
	struct io_uring_sqe *sqe;

	CHECK(id > 0);
	sqe = entry(ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
	sqe->personality = (uint16_t)id;
	sqe = entry(ring, 0);
	io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
	sqe->personality = (uint16_t)id;
	sqe->user_data = 1;
	sqe->flags |= IOSQE_ASYNC;
	CHECK_EQ(run_all(ring, 2, results, 2), 2);
	CHECK(results[0] >= 0 && results[1] >= 0);
	close(results[0]);
	close(results[1]);
	CHECK_EQ(io_uring_unregister_personality(ring, id), 0);
	CHECK_EQ(io_uring_unregister_personality(ring, id), -EINVAL);
	sqe = entry(ring, 0);
	io_uring_prep_nop(sqe);
	sqe->personality = (uint16_t)id;
	CHECK_EQ(run_one(ring), -EINVAL);
}

/* A personality keeps the rights of the moment it was made, whatever the thread becomes. */
static void test_personality_rights(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int id, results[4];

	if (geteuid() != 0)
		return;
	CHECK_EQ(chmod(in_folder("file"), 0600), 0);
	ring_start(&ring, 8, 0);
	id = io_uring_register_personality(&ring);
	CHECK_EQ(syscall(__NR_setresuid, -1, 1000, -1), 0);
	for (unsigned i = 0; i < 4; i++) {
		sqe = entry(&ring, 0);
		io_uring_prep_openat(sqe, AT_FDCWD, in_folder("file"), O_RDONLY, 0);
		sqe->user_data = i;
		sqe->personality = i < 2 ? 0 : (uint16_t)id;
		sqe->flags |= i % 2 ? IOSQE_ASYNC : 0;
	}
	CHECK_EQ(run_all(&ring, 4, results, 4), 4);
	CHECK_EQ(results[0], -EACCES);
	CHECK_EQ(results[1], -EACCES);
	CHECK(results[2] >= 0);
	CHECK(results[3] >= 0);
	close(results[2]);
	close(results[3]);
	CHECK_EQ(syscall(__NR_setresuid, -1, 0, -1), 0);
	CHECK_EQ(chmod(in_folder("file"), 0644), 0);
	io_uring_queue_exit(&ring);
}

void test_register(void)
{
	struct io_uring ring;
	unsigned max[2] = {3, 0}, none[2] = {0, 0};

	ring_start(&ring, 8, 0);
	test_probe(&ring);
	test_personality(&ring);
	test_personality_rights();
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, max), 0);
	CHECK(max[0] > 0 && max[1] > 0);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, none), 0);
	CHECK_EQ(none[0], 3);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, max), 0);
	CHECK_EQ(syscall(__NR_io_uring_register, ring.ring_fd, 200, NULL, 0), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(syscall(__NR_io_uring_register, 9999, 8, NULL, 0), -1);
	CHECK_EQ(errno, EBADF);
	io_uring_queue_exit(&ring);
}

/* ---- Direct descriptors ---- */

static int open_direct(struct io_uring *ring, unsigned slot, int flags)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_openat_direct(sqe, AT_FDCWD, in_folder("file"), flags, 0, slot);
	return run_one(ring);
}

static int close_direct(struct io_uring *ring, unsigned slot)
{
	io_uring_prep_close_direct(entry(ring, 0), slot);
	return run_one(ring);
}

static int read_direct(struct io_uring *ring, unsigned slot, char *buf)
{
	struct io_uring_sqe *sqe = entry(ring, 0);

	io_uring_prep_read(sqe, (int)slot, buf, 5, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	return run_one(ring);
}

void test_direct(void)
{
	struct io_uring ring;
	char buf[8];
	int fds[2] = {open(in_folder("file"), O_RDONLY), -1}, update, slots;

	ring_start(&ring, 8, 0);
	CHECK_EQ(open_direct(&ring, 0, O_RDONLY), -ENXIO);
	CHECK_EQ(close_direct(&ring, 0), -ENXIO);
	CHECK_EQ(read_direct(&ring, 0, buf), -EBADF);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), -EBUSY);
	CHECK_EQ(open_direct(&ring, 1, O_RDONLY), 0);
	CHECK_EQ(read_direct(&ring, 1, buf), 5);
	CHECK(memcmp(buf, HELLO, 5) == 0);
	CHECK_EQ(open_direct(&ring, 1, O_RDONLY), 0); /* replaced */
	CHECK_EQ(open_direct(&ring, 4, O_RDONLY), -EINVAL);
	CHECK_EQ(open_direct(&ring, 1, O_RDONLY | O_CLOEXEC), -EINVAL);
	slots = 0;
	for (unsigned i = 0; i < 3; i++)
		slots |= 1 << open_direct(&ring, IORING_FILE_INDEX_ALLOC - 1, O_RDONLY);
	CHECK_EQ(slots, 1 << 0 | 1 << 2 | 1 << 3);
	CHECK_EQ(open_direct(&ring, IORING_FILE_INDEX_ALLOC - 1, O_RDONLY), -ENFILE);
	CHECK_EQ(close_direct(&ring, 2), 0);
	CHECK_EQ(close_direct(&ring, 2), -EBADF);
	CHECK_EQ(close_direct(&ring, 100), -EINVAL);
	CHECK_EQ(read_direct(&ring, 2, buf), -EBADF);
	CHECK_EQ(open_direct(&ring, IORING_FILE_INDEX_ALLOC - 1, O_RDONLY), 2);
	update = -1;
	CHECK_EQ(io_uring_register_files_update(&ring, 0, &update, 1), 1);
	CHECK_EQ(read_direct(&ring, 0, buf), -EBADF);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, fds, 1), 1);
	CHECK_EQ(read_direct(&ring, 0, buf), 5);
	CHECK_EQ(io_uring_register_files_update(&ring, 3, fds, 2), -EINVAL);
	update = ring.ring_fd;
	CHECK_EQ(io_uring_register_files_update(&ring, 0, &update, 1), -EBADF);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK_EQ(io_uring_unregister_files(&ring), -ENXIO);
	/* Without a table that comes before what is wrong with the descriptors. */
	io_uring_prep_files_update(entry(&ring, 0), &update, 1, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_one(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_files(&ring, fds, 2), 0);
	CHECK_EQ(read_direct(&ring, 0, buf), 5);
	CHECK_EQ(read_direct(&ring, 1, buf), -EBADF);
	close(fds[0]);
	CHECK_EQ(read_direct(&ring, 0, buf), 5);
	io_uring_queue_exit(&ring);
}
