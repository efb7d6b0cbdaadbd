/*
 * Entries of every opcode, every field from a mixture of plausible and random values. Some may wait for ever
 * (an open of a FIFO, a read of a ring), so a batch's ring is thrown away with them; where nothing asks to
 * wait for them (IOSQE_IO_DRAIN), a NOP behind them has to be answered.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "garbage.h"

#define BATCH	 32
#define LAST_NOP 0xfeedull

unsigned long entries_done, entries_failed;
static char memory[1 << 16];

static uint64_t path(void)
{
	static const char *const paths[] = {
		"file", "folder", "fifo", "loop", "", "missing/x", ".", "..", "/proc/self/fd/4"};

	return (uintptr_t)paths[next() % (sizeof(paths) / sizeof(paths[0]))];
}

/* Paths, structures, holes in the address space, the kernel's own memory. */
static uint64_t address(void)
{
	switch (next() % 4) {
	case 0:
		return path();
	case 1:
		return (uintptr_t)memory + next() % sizeof(memory);
	case 2:
		return ONE_OF(0, 1, 4095, 0x7ffffffff000, 0x800000000000, 0xffff800000000000,
			0xffffffff80200000, UINT64_MAX, (uintptr_t)memory + sizeof(memory) - 3);
	default:
		return next();
	}
}

/* Never 0, 1, 2: nobody types, and the console is ours. */
static int descriptor(const struct io_uring *ring)
{
	return (int)ONE_OF(3, 4, 5, 6, 7, 1000, (uint32_t)-1, (uint32_t)AT_FDCWD, INT32_MAX,
		(uint32_t)INT32_MIN, (uint32_t)ring->ring_fd, (uint32_t)next() | 64);
}

/* What a program might mean. */
static void fill_sensibly(struct io_uring_sqe *sqe)
{
	sqe->fd = (int)ONE_OF(3, 4, (uint32_t)AT_FDCWD, (uint32_t)AT_FDCWD, (uint32_t)AT_FDCWD);
	sqe->addr = ONE_OF(path(), path(), (uintptr_t)memory);
	sqe->off = ONE_OF(0, 0, 0, UINT64_MAX, (uintptr_t)memory + 4096);
	sqe->len = (uint32_t)ONE_OF(0, 1, sizeof(struct open_how), 256, 4096);
	sqe->open_flags = (uint32_t)ONE_OF(0, 0, O_RDWR | O_CREAT, O_DIRECTORY, O_PATH | O_NOFOLLOW,
		O_CLOEXEC | O_TRUNC | O_WRONLY);
}

static void fill_wildly(const struct io_uring *ring, struct io_uring_sqe *sqe)
{
	sqe->fd = descriptor(ring);
	sqe->off = next() % 2 ? address() : ONE_OF(0, 1, 4096, UINT64_MAX, 1ull << 62);
	sqe->addr = address();
	sqe->len = (uint32_t)ONE_OF(0, 1, 24, 256, 4096, UINT32_MAX, next());
	sqe->open_flags = (uint32_t)(next() % 2 ? next() & 0777777 : next());
	sqe->ioprio = (uint16_t)(next() % 4 ? 0 : next());
	sqe->buf_index = (uint16_t)(next() % 4 ? 0 : next());
	sqe->personality = (uint16_t)(next() % 4 ? 0 : next());
	sqe->file_index = (uint32_t)(next() % 4 ? 0 : next());
	sqe->__pad2[0] = next() % 4 ? 0 : next();
}

void fill(const struct io_uring *ring, struct io_uring_sqe *sqe, unsigned opcode, bool drain)
{
	unsigned flags = next() % 4 ? 0 : (unsigned)next();

	memset(sqe, 0, sizeof(*sqe));
	if (next() % 2)
		fill_sensibly(sqe);
	else
		fill_wildly(ring, sqe);
	sqe->opcode = (uint8_t)opcode;
	sqe->flags = (uint8_t)(drain ? flags : flags & ~(unsigned)IOSQE_IO_DRAIN);
	sqe->user_data = next() >> 1 | 1ull << 62;
}

static void drop_completions(struct io_uring *ring, bool *seen_nop)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		if (cqe->user_data == LAST_NOP)
			*seen_nop = cqe->res == 0;
		else if (cqe->res < 0)
			entries_failed++;
		else
			entries_done++;
		io_uring_cqe_seen(ring, cqe);
	}
}

/* Submission stops behind a bad entry: until all are gone. */
static void submit_all(struct io_uring *ring)
{
	for (unsigned i = 0; i < 4 * BATCH && io_uring_sq_ready(ring); i++)
		if (io_uring_submit(ring) <= 0)
			break;
}

/* One batch into a ring of its own; true when a NOP behind it was answered, or need not be. */
static bool batch(unsigned opcode, unsigned setup, bool drain)
{
	struct io_uring ring;
	bool answered = false;
	int error = io_uring_queue_init(BATCH * 2, &ring, setup);

	if (error) {
		printf("a new ring: %s\n", strerror(-error));
		return false;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned known = (unsigned)ONE_OF(IORING_OP_NOP, IORING_OP_OPENAT,
			IORING_OP_OPENAT2, IORING_OP_CLOSE, IORING_OP_READ, IORING_OP_STATX);

		fill(&ring, io_uring_get_sqe(&ring), next() % 4 ? opcode : known, drain);
	}
	submit_all(&ring);
	drop_completions(&ring, &answered);
	if (!drain) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_nop(sqe);
		sqe->user_data = LAST_NOP;
		submit_all(&ring);
		while (!answered) {
			struct io_uring_cqe *cqe;

			if (io_uring_wait_cqe(&ring, &cqe))
				break;
			drop_completions(&ring, &answered);
		}
	}
	io_uring_queue_exit(&ring);
	return drain || answered;
}

bool entries_round(unsigned setup, bool drain)
{
	for (unsigned opcode = 0; opcode < OPCODES; opcode++)
		if (!batch(opcode, setup, drain)) {
			printf("opcode %u\n", opcode);
			return false;
		}
	return true;
}

bool new_ring_works(void)
{
	return batch(IORING_OP_NOP, 0, false);
}
