/*
 * Rings, with memory or the disk failing: every operation inline and queued, chains, full completion queues,
 * cancelling, registering, and rings that go with work in flight. Kernel threads fail, too, because one of
 * them makes the workers.
 *
 * What comes back must be all there, once: a request that was taken is answered.
 */
#include "tests/faults/sweep.h"

#include "kernel/clock.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "ring/internal.h"

#define ENTRIES	   8
#define NONE_YET   (1 << 30)
#define FILE_PATH  "/tmp/f/file"
#define OTHER_PATH "/tmp/f/other"
#define LONG_FOLDER                                                                                \
	"/./././././././././././././././././././././././././././././././././././././././././././"  \
	"./."
/* Longer than what a request has room for: memory of its own. */
#define LONG_PATH LONG_FOLDER LONG_FOLDER LONG_FOLDER "/etc/motd"

struct user_ring {
	long fd;
	struct ring *ring;
	u32 tail, head;
	u32 asked;		  /* entries filled in; their user_data counts from 0 */
	u32 lengths[2 * ENTRIES]; /* of transfers: a short one breaks its chain */
	s32 results[2 * ENTRIES];
};

static long ring_begin(struct user_ring *r, u32 cq_entries)
{
	struct io_uring_params params = {0};

	if (cq_entries) {
		params.flags = IORING_SETUP_CQSIZE;
		params.cq_entries = cq_entries;
	}
	*r = (struct user_ring){.fd = sys_io_uring_setup(ENTRIES, (long)&params, 0, 0, 0, 0)};
	if (r->fd < 0)
		return r->fd;
	r->ring = file_lookup_fd_rcu(faults_process.files, (int)r->fd)->private_data;
	for (unsigned i = 0; i < ARRAY_SIZE(r->results); i++)
		r->results[i] = NONE_YET;
	return 0;
}

static struct io_uring_sqe *ask(struct user_ring *r, u8 opcode, u8 flags)
{
	u32 index = r->tail++ & (r->ring->sq_entries - 1);
	struct io_uring_sqe *sqe = &r->ring->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = flags;
	sqe->user_data = r->asked++;
	r->ring->sq_array[index] = index;
	return sqe;
}

static void ask_open(struct user_ring *r, const char *path, u8 flags)
{
	struct io_uring_sqe *sqe = ask(r, IORING_OP_OPENAT, flags);

	sqe->fd = AT_FDCWD;
	sqe->addr = (u64)path;
}

/* Submit what has been asked. What is not taken for want of memory is asked no more. 0 or -errno. */
static long submit(struct user_ring *r)
{
	u32 before = r->ring->sq_head;
	long n = 0;

	store_release(&r->ring->rings->sq_tail, r->tail);
	if (r->tail != before)
		n = sys_io_uring_enter(r->fd, r->tail - before, 0, 0, 0, 0);
	r->asked -= r->tail - r->ring->sq_head;
	r->tail = r->ring->sq_head;
	store_release(&r->ring->rings->sq_tail, r->tail);
	return n < 0 ? n : 0;
}

/* Wait for n of the completions. 0 or -errno; -ANSWER_WRONG: twice there, or nobody asked. */
static long reap(struct user_ring *r, u32 n)
{
	while (n) {
		struct io_uring_cqe cqe;
		long error = sys_io_uring_enter(r->fd, 0, 1, IORING_ENTER_GETEVENTS, 0, 0);

		if (error < 0)
			return error;
		while (load_acquire(&r->ring->rings->cq_tail) != r->head && n) {
			cqe = r->ring->rings->cqes[r->head & (r->ring->cq_entries - 1)];
			store_release(&r->ring->rings->cq_head, ++r->head);
			if (cqe.user_data >= r->asked || r->results[cqe.user_data] != NONE_YET)
				return -ANSWER_WRONG;
			r->results[cqe.user_data] = (s32)cqe.res_flags;
			n--;
		}
	}
	return 0;
}

/* The first error that is no consequence of another, or of a short transfer. Descriptors are closed. */
static long judge(struct user_ring *r, u32 descriptors)
{
	long answer = 0, cancelled = 0;
	bool is_short = false;

	for (u32 i = 0; i < r->asked; i++) {
		s32 res = r->results[i];

		if (res == NONE_YET)
			answer = answer ? answer : -ANSWER_WRONG;
		else if (res == -ECANCELED)
			cancelled = -ECANCELED;
		else if (res < 0)
			answer = answer ? answer : res;
		else if ((u32)res < r->lengths[i])
			is_short = true;
		else if (descriptors & 1u << i)
			close_fd(res);
	}
	return answer || is_short ? answer : cancelled;
}

/* Submit, wait for everything, end the ring. Bit i of descriptors: the i-th result is one. */
static long finish(struct user_ring *r, u32 descriptors)
{
	u32 asked = r->asked;
	long error = submit(r), answer;

	if (!error)
		error = reap(r, r->asked);
	answer = judge(r, descriptors);
	/* Not all were taken, so there was no memory for all. */
	if (!error && !answer && r->asked != asked)
		error = -ENOMEM;
	close_fd(r->fd);
	return error ? error : answer;
}

/* ---- Scenarios ---- */

static long setup(void)
{
	struct user_ring r;
	long error = ring_begin(&r, 0);

	return error ? error : finish(&r, 0);
}

static long opens(const char *path, u8 flags)
{
	struct user_ring r;
	long error = ring_begin(&r, 0);

	if (error)
		return error;
	for (unsigned i = 0; i < 3; i++)
		ask_open(&r, path, flags);
	return finish(&r, 7);
}

static long opens_inline(void)
{
	return opens("/etc/motd", 0);
}

static long opens_queued(void)
{
	return opens("/etc/motd", IOSQE_ASYNC);
}

static long opens_long(void)
{
	return opens(LONG_PATH, 0);
}

static long opens_create(void)
{
	struct user_ring r;
	long error = ring_begin(&r, 0);
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	sqe = ask(&r, IORING_OP_OPENAT, 0);
	sqe->fd = AT_FDCWD;
	sqe->addr = (u64)FILE_PATH;
	sqe->len = 0644;
	sqe->op_flags = O_CREAT | O_RDWR;
	return finish(&r, 1);
}

static long opens_cached_only(void)
{
	static const struct open_how how = {.resolve = RESOLVE_CACHED};
	struct user_ring r;
	long error = ring_begin(&r, 0);
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	sqe = ask(&r, IORING_OP_OPENAT2, 0);
	sqe->fd = AT_FDCWD;
	sqe->addr = (u64) "/etc/motd";
	sqe->off = (u64)&how;
	sqe->len = sizeof(how);
	return finish(&r, 1);
}

static void warm(void)
{
	must(open_and_close("/etc/motd", O_RDONLY, 0), "/etc/motd");
}

static void with_file(void)
{
	static const char text[] = "text";
	long fd = sys_openat(AT_FDCWD, (long)FILE_PATH, O_CREAT | O_RDWR, 0644, 0, 0);

	must(fd, FILE_PATH);
	must(sys_write(fd, (long)text, sizeof(text), 0, 0, 0), "write");
	close_fd(fd);
}

static void without_file(void)
{
	may_unlink(FILE_PATH);
}

/* Read, write and sync what is open at path, then close it by the ring, in a chain or not. */
static long transfers(const char *path, u32 open_flags, u8 flags)
{
	static char buf[16384];
	struct user_ring r;
	long error = ring_begin(&r, 0), fd;
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	fd = sys_openat(AT_FDCWD, (long)path, open_flags, 0, 0, 0);
	if (fd < 0) {
		close_fd(r.fd);
		return fd;
	}
	sqe = ask(&r, open_flags == O_RDONLY ? IORING_OP_READ : IORING_OP_WRITE, flags);
	sqe->fd = (s32)fd;
	sqe->addr = (u64)buf;
	sqe->len = r.lengths[0] = sizeof(buf);
	ask(&r, IORING_OP_FSYNC, flags)->fd = (s32)fd;
	ask(&r, IORING_OP_NOP, flags & IOSQE_ASYNC);
	error = finish(&r, 0);
	close_fd(fd);
	return error;
}

static long reads_inline(void)
{
	return transfers("/cases/big", O_RDONLY, 0);
}

static long reads_queued(void)
{
	return transfers("/cases/fragmented", O_RDONLY, IOSQE_ASYNC);
}

static long writes_inline(void)
{
	return transfers(FILE_PATH, O_RDWR, 0);
}

static long writes_chained(void)
{
	return transfers(FILE_PATH, O_RDWR, IOSQE_IO_LINK | IOSQE_ASYNC);
}

static long stats(u8 flags)
{
	static struct statx st;
	struct user_ring r;
	long error = ring_begin(&r, 0);
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	sqe = ask(&r, IORING_OP_STATX, flags);
	sqe->fd = AT_FDCWD;
	sqe->addr = (u64) "/cases/sparse";
	sqe->len = 0xfff;
	sqe->off = (u64)&st;
	return finish(&r, 0);
}

static long stats_inline(void)
{
	return stats(0);
}

static long stats_queued(void)
{
	return stats(IOSQE_ASYNC);
}

/* An open into the ring's own table, and what uses and closes it. */
static long chain(u8 link)
{
	static const struct open_how how = {.flags = O_RDONLY};
	static const s32 empty[2] = {-1, -1};
	static char buf[512];
	struct user_ring r;
	long error = ring_begin(&r, 0);
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	error = sys_io_uring_register(r.fd, IORING_REGISTER_FILES, (long)empty, 2, 0, 0);
	if (error) {
		close_fd(r.fd);
		return error;
	}
	sqe = ask(&r, IORING_OP_OPENAT2, link);
	sqe->fd = AT_FDCWD;
	sqe->addr = (u64) "/etc/motd";
	sqe->off = (u64)&how;
	sqe->len = sizeof(how);
	sqe->file_index = 1;
	sqe = ask(&r, IORING_OP_READ, link | IOSQE_FIXED_FILE);
	sqe->addr = (u64)buf;
	sqe->len = 100;
	sqe = ask(&r, IORING_OP_CLOSE, 0);
	sqe->file_index = 1;
	return finish(&r, 0);
}

static long chain_soft(void)
{
	return chain(IOSQE_IO_LINK);
}

static long chain_hard(void)
{
	return chain(IOSQE_IO_HARDLINK);
}

/* More completions than there is room for. */
static long overflow(void)
{
	struct user_ring r;
	long error = ring_begin(&r, ENTRIES);

	if (error)
		return error;
	for (unsigned i = 0; i < ENTRIES; i++)
		ask(&r, IORING_OP_NOP, 0);
	error = submit(&r);
	if (!error)
		for (unsigned i = 0; i < ENTRIES; i++)
			ask(&r, IORING_OP_NOP, i & 1 ? IOSQE_ASYNC : 0);
	if (error) {
		close_fd(r.fd);
		return error;
	}
	return finish(&r, 0);
}

static void make_fifo(const char *path)
{
	must(sys_mknodat(AT_FDCWD, (long)path, S_IFIFO | 0644, 0, 0, 0), "mknod");
}

static void with_fifo(void)
{
	make_fifo(FILE_PATH);
}

static void with_two_fifos(void)
{
	make_fifo(FILE_PATH);
	make_fifo(OTHER_PATH);
}

/* What requests had opened by the time their ring went. */
static void close_some(void)
{
	for (int fd = 0; fd < 16; fd++)
		(void)sys_close(fd, 0, 0, 0, 0, 0);
}

/* Two that wait for ever; one is cancelled, the other goes with its ring. */
static long cancel(void)
{
	struct user_ring r;
	long error = ring_begin(&r, 0);
	struct io_uring_sqe *sqe;

	if (error)
		return error;
	ask_open(&r, FILE_PATH, 0);
	ask_open(&r, FILE_PATH, IOSQE_ASYNC);
	error = submit(&r);
	if (!error && r.asked == 2) {
		sqe = ask(&r, IORING_OP_ASYNC_CANCEL, 0);
		sqe->addr = 0;
		error = submit(&r);
		if (!error && r.asked == 3)
			error = reap(&r, 2);
	}
	close_fd(r.fd);
	return error;
}

/* Take what has come. */
static void look(struct user_ring *r)
{
	while (load_acquire(&r->ring->rings->cq_tail) != r->head) {
		struct io_uring_cqe cqe = r->ring->rings->cqes[r->head & (r->ring->cq_entries - 1)];

		store_release(&r->ring->rings->cq_head, ++r->head);
		if (cqe.user_data < ARRAY_SIZE(r->results))
			r->results[cqe.user_data] = (s32)cqe.res_flags;
	}
}

/*
 * One waits for ever; the other, behind it, waits for somebody who comes. It gets a worker or an answer: no
 * memory for the worker must not mean that it waits for the first one's.
 */
static long second_waits(void)
{
	struct user_ring r;
	long error = ring_begin(&r, 0), fd = -1;

	if (error)
		return error;
	ask_open(&r, FILE_PATH, IOSQE_ASYNC);
	error = submit(&r);
	ask_open(&r, OTHER_PATH, IOSQE_ASYNC);
	if (!error)
		error = submit(&r);
	if (!error && r.asked < 2)
		error = -EAGAIN;
	for (unsigned i = 0; !error && fd < 0 && r.results[1] == NONE_YET; i++) {
		sleep_ns(NSEC_PER_MSEC);
		look(&r);
		fd = sys_openat(AT_FDCWD, (long)OTHER_PATH, O_WRONLY | O_NONBLOCK, 0, 0, 0);
		if (fd < 0 && fd != -ENXIO)
			error = fd;
		else if (i > 60000)
			error = -ANSWER_WRONG;
	}
	close_fd(fd);
	close_fd(r.fd);
	close_some();
	return error ? error : MIN(0, r.results[1]);
}

static long registers(void)
{
	static u32 limits[2] = {3, 0};
	s32 fds[2] = {-1, -1};
	struct user_ring r;
	long error = ring_begin(&r, 0);

	if (error)
		return error;
	fds[0] = (s32)sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0, 0, 0);
	if (fds[0] < 0)
		error = fds[0];
	if (!error)
		error = sys_io_uring_register(r.fd, IORING_REGISTER_FILES, (long)fds, 2, 0, 0);
	if (!error)
		error = sys_io_uring_register(r.fd, IORING_REGISTER_PERSONALITY, 0, 0, 0, 0);
	if (error >= 0)
		error = sys_io_uring_register(
			r.fd, IORING_REGISTER_IOWQ_MAX_WORKERS, (long)limits, 2, 0, 0);
	if (fds[0] >= 0)
		close_fd(fds[0]);
	close_fd(r.fd);
	return error;
}

/* The ring goes while its requests are at the disk, and behind a chain. */
static long exits_with_work(void)
{
	struct user_ring r;
	long error = ring_begin(&r, 0);

	if (error)
		return error;
	ask_open(&r, "/cases/big", IOSQE_ASYNC);
	ask_open(&r, "/many/entry-1000", IOSQE_IO_LINK);
	ask_open(&r, "/links/very-long", 0);
	ask_open(&r, FILE_PATH, 0);
	error = submit(&r);
	close_fd(r.fd);
	close_some();
	return error;
}

/* The pool goes, so that its workers are made anew. */
static void pool_ends(void)
{
	ring_pool_process_exiting(&faults_process);
	ring_pool_process_release(&faults_process);
}

static void pool_and_file_end(void)
{
	pool_ends();
	without_file();
	may_unlink(OTHER_PATH);
}

/* A submission that no request was there for is -EAGAIN. */
#define ALSO .also = MAY_BE(EAGAIN), .everybody = true

static const struct scenario scenarios[] = {
	{"set up a ring", .run = setup, .after = pool_ends, ALSO},
	{"opens, inline", .before = warm, .run = opens_inline, .after = pool_ends, ALSO},
	{"opens, nothing cached", .run = opens_inline, .after = pool_ends, .cold = true, ALSO},
	{"opens, queued", .before = warm, .run = opens_queued, .after = pool_ends, ALSO},
	{"opens of a long path", .run = opens_long, .after = pool_ends, .cold = true, ALSO},
	{"opens that create", .run = opens_create, .after = pool_and_file_end, ALSO},
	{"opens, cached only", .before = warm, .run = opens_cached_only, .after = pool_ends, ALSO},
	{"reads, inline", .run = reads_inline, .after = pool_ends, .cold = true, ALSO},
	{"reads, queued", .run = reads_queued, .after = pool_ends, .cold = true, ALSO},
	{"writes, inline", .before = with_file, .run = writes_inline, .after = pool_and_file_end,
		ALSO},
	{"writes in a chain", .before = with_file, .run = writes_chained,
		.after = pool_and_file_end, ALSO},
	{"statx, inline", .run = stats_inline, .after = pool_ends, .cold = true, ALSO},
	{"statx, queued", .run = stats_queued, .after = pool_ends, .cold = true, ALSO},
	{"a chain", .run = chain_soft, .after = pool_ends, .cold = true, ALSO},
	{"a hard chain", .run = chain_hard, .after = pool_ends, .cold = true,
		.also = MAY_BE(EAGAIN) | MAY_BE(EBADF), .everybody = true},
	{"more completions than room", .run = overflow, .after = pool_ends, ALSO},
	{"cancel", .before = with_fifo, .run = cancel, .after = pool_and_file_end, ALSO},
	{"the second of two that wait", .before = with_two_fifos, .run = second_waits,
		.after = pool_and_file_end, ALSO},
	{"register", .run = registers, .after = pool_ends, ALSO},
	{"a ring goes with work", .before = with_fifo, .run = exits_with_work,
		.after = pool_and_file_end, .cold = true, ALSO},
};

KTEST(faults_rings)
{
	sweep_all(scenarios, ARRAY_SIZE(scenarios));
}
