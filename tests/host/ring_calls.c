/*
 * What rings refuse: arguments of setup, enter and register, fields of entries; registered files and
 * personalities; the three ways to try again; rings that others have.
 */
#include "tests/host/ring_user.h"

syscall_fn sys_fcntl, sys_setresuid, sys_pipe2, sys_mkdir, sys_dup, sys_close_range, sys_unlink,
	sys_symlink;

#define REGISTER(answer, op, arg, nr) CALL(answer, io_uring_register, r.fd, op, arg, nr)

/* The answer to the one entry that has been made. */
static s32 one(struct user_ring *r, struct io_uring_sqe *sqe)
{
	s32 result = 0;
	u64 id;

	(void)sqe;
	if (enter(r, 1, 1) != 1 || !next_cqe(r, &id, &result))
		ktest_fail(__FILE__, __LINE__, "no completion");
	return result;
}

KTEST(ring_calls_setup_refuses)
{
	struct io_uring_params p = {0}, flags = {.flags = 1u << 30}, clamp;
	struct io_uring_params reserved[3] = {{.resv = {1}}, {.resv = {0, 1}}, {.resv = {0, 0, 1}}};

	setup_once();
	clamp = (struct io_uring_params){
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE, .cq_entries = 1 << 20};
	MAKE_CALLS(CALL(-EFAULT, io_uring_setup, 4, BAD), CALL(-EINVAL, io_uring_setup, 0, &p),
		CALL(-EINVAL, io_uring_setup, 4, &flags),
		CALL(-EINVAL, io_uring_setup, 4, &reserved[0]),
		CALL(-EINVAL, io_uring_setup, 4, &reserved[1]),
		CALL(-EINVAL, io_uring_setup, 4, &reserved[2]));
	KT_EQ(ring_entries(1 << 20, &clamp), 0);
	KT_EQ(clamp.cq_entries, IORING_MAX_CQ_ENTRIES);
	clamp.cq_entries = 0;
	KT_EQ(ring_entries(1, &clamp), -EINVAL);
	/* no descriptor left: the ring goes again */
	long file = SYS(openat, AT_FDCWD, "/file", O_RDONLY), files;
	struct ring_stats before, after;

	while (SYS(dup, file) >= 0)
		;
	files = file_count();
	ring_get_stats(&before);
	MAKE_CALLS(CALL(-EMFILE, io_uring_setup, 4, &p));
	ring_get_stats(&after);
	KT_EQ(file_count(), files);
	KT_EQ(after.rings, before.rings);
	MAKE_CALLS(CALL(0, close_range, 0, ~0u, 0));
}

KTEST(ring_calls_enter_refuses)
{
	setup_once();
	struct user_ring r = ring_open_plain(4);
	long file = SYS(openat, AT_FDCWD, "/file", O_RDONLY);
	struct io_uring_timespec past = {-1, 0}, before = {0, -1}, soon = {0, 1000};
	struct io_uring_timespec centuries = {1ll << 40, 0}, long_ns = {0, 1ll << 62};
	struct io_uring_getevents_arg none = {0}, mask = {.sigmask = 1, .sigmask_sz = 4};
	struct io_uring_getevents_arg wait = {.min_wait_usec = 1}, bad = {.ts = (u64)BAD};
	struct io_uring_getevents_arg a = {.ts = (u64)&past}, b = {.ts = (u64)&before};
	struct io_uring_getevents_arg c = {.ts = (u64)&soon}, d = {.ts = (u64)&centuries};
	struct io_uring_getevents_arg e = {.ts = (u64)&long_ns};
	const u32 ext = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;

	next_sqe(&r, IORING_OP_NOP, 0);
	next_sqe(&r, IORING_OP_NOP, 1);
	MAKE_CALLS(CALL(-EBADF, io_uring_enter, 99, 0, 0, 0, 0, 0),
		CALL(-EOPNOTSUPP, io_uring_enter, file, 0, 0, 0, 0, 0),
		CALL(-EINVAL, io_uring_enter, r.fd, 0, 0, 1 << 20, 0, 0),
		CALL(-EINVAL, io_uring_enter, r.fd, 0, 0, IORING_ENTER_GETEVENTS, &none, 4),
		CALL(0, io_uring_enter, r.fd, 0, 0, IORING_ENTER_GETEVENTS, &none, 8),
		CALL(-EINVAL, io_uring_enter, r.fd, 0, 1, ext, &none, 8),
		CALL(-EFAULT, io_uring_enter, r.fd, 0, 1, ext, BAD, sizeof(none)),
		CALL(-EINVAL, io_uring_enter, r.fd, 0, 1, ext, &wait, sizeof(none)),
		CALL(-EINVAL, io_uring_enter, r.fd, 0, 1, ext, &mask, sizeof(none)),
		CALL(-EFAULT, io_uring_enter, r.fd, 0, 1, ext, &bad, sizeof(none)),
		CALL(-ETIME, io_uring_enter, r.fd, 0, 1, ext, &a, sizeof(a)),
		CALL(-ETIME, io_uring_enter, r.fd, 0, 1, ext, &b, sizeof(b)),
		CALL(-ETIME, io_uring_enter, r.fd, 0, 1, ext, &c, sizeof(c)));
	/* the tail has not moved so far: with something to take nobody waits for ever */
	store_release(&r.ring->rings->sq_tail, r.sq_tail);
	MAKE_CALLS(CALL(1, io_uring_enter, r.fd, 1, 1, ext, &d, sizeof(d)),
		CALL(1, io_uring_enter, r.fd, 1, 2, ext, &e, sizeof(e)),
		CALL(0, io_uring_enter, r.fd, 0, 2, ext, &none, sizeof(none)),
		CALL(0, close, file));
	ring_close_it(&r);
}

KTEST(ring_calls_register_refuses)
{
	static u64 words[40];
	struct io_uring_rsrc_register sparse = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};
	struct io_uring_rsrc_register data = sparse, nothing = {.nr = 4},
				      tags = {.nr = 4, .tags = 1};
	struct io_uring_rsrc_register resv = {.nr = 4, .resv2 = 1}, flags = {.nr = 4, .flags = 2};
	u32 max[2] = {3, 0};

	setup_once();
	struct user_ring r = ring_open_plain(4);
	long file = SYS(openat, AT_FDCWD, "/file", O_RDONLY);

	data.data = (u64)words;
	MAKE_CALLS(CALL(-EBADF, io_uring_register, 99, IORING_REGISTER_PROBE, words, 1),
		CALL(-EOPNOTSUPP, io_uring_register, file, IORING_REGISTER_PROBE, words, 1),
		REGISTER(-EINVAL, 4711, NULL, 0), REGISTER(-EINVAL, IORING_REGISTER_PROBE, NULL, 1),
		REGISTER(-EINVAL, IORING_REGISTER_PROBE, words, 257),
		REGISTER(-EFAULT, IORING_REGISTER_PROBE, BAD, 1),
		REGISTER(0, IORING_REGISTER_PROBE, words, 8),
		REGISTER(-EINVAL, IORING_REGISTER_PROBE, words, 8), /* not cleared */
		REGISTER(-EINVAL, IORING_REGISTER_PERSONALITY, words, 0),
		REGISTER(-EINVAL, IORING_REGISTER_PERSONALITY, NULL, 1),
		REGISTER(-EINVAL, IORING_UNREGISTER_PERSONALITY, words, 1),
		REGISTER(-EINVAL, IORING_UNREGISTER_PERSONALITY, NULL, 0),
		REGISTER(-EINVAL, IORING_UNREGISTER_PERSONALITY, NULL, 1),
		REGISTER(-EINVAL, IORING_UNREGISTER_PERSONALITY, NULL, 1 << 20),
		REGISTER(-EINVAL, IORING_REGISTER_ENABLE_RINGS, words, 0),
		REGISTER(-EINVAL, IORING_REGISTER_ENABLE_RINGS, NULL, 1),
		REGISTER(-EBADFD, IORING_REGISTER_ENABLE_RINGS, NULL, 0),
		REGISTER(-EINVAL, IORING_REGISTER_IOWQ_MAX_WORKERS, NULL, 2),
		REGISTER(-EINVAL, IORING_REGISTER_IOWQ_MAX_WORKERS, max, 3),
		REGISTER(-EFAULT, IORING_REGISTER_IOWQ_MAX_WORKERS, BAD, 2),
		REGISTER(0, IORING_REGISTER_IOWQ_MAX_WORKERS, max, 2),
		REGISTER(-EFAULT, IORING_REGISTER_FILES, NULL, 1),
		REGISTER(-EFAULT, IORING_REGISTER_FILES, BAD, 1),
		REGISTER(-EINVAL, IORING_REGISTER_FILES, words, 0),
		REGISTER(-EMFILE, IORING_REGISTER_FILES, words, 1 << 20),
		REGISTER(-EMFILE, IORING_REGISTER_FILES, words, 129),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &sparse, 8),
		REGISTER(-EFAULT, IORING_REGISTER_FILES2, BAD, 32),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &data, 32),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &nothing, 32),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &tags, 32),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &resv, 32),
		REGISTER(-EINVAL, IORING_REGISTER_FILES2, &flags, 32),
		REGISTER(-EINVAL, IORING_UNREGISTER_FILES, words, 0),
		REGISTER(-EINVAL, IORING_UNREGISTER_FILES, NULL, 1),
		REGISTER(-ENXIO, IORING_UNREGISTER_FILES, NULL, 0));
	/* what the accounts had before */
	KT_CHECK(max[0] > 0 && max[1] > 0);
	MAKE_CALLS(REGISTER(0, IORING_REGISTER_IOWQ_MAX_WORKERS, max, 2));
	KT_EQ(max[0], 3);
	MAKE_CALLS(CALL(0, close, file));
	ring_close_it(&r);
}

KTEST(ring_calls_registered_files)
{
	struct {
		u32 offset, length;
		u64 reserved;
	} range = {2, 2, 0}, beyond = {5, 1, 0}, odd = {0, 1, 1};

	setup_once();
	struct user_ring r = ring_open_plain(8);
	long file = SYS(openat, AT_FDCWD, "/file", O_RDWR);
	s32 fds[4] = {(s32)file, -1, 99, r.fd}, some[2] = {(s32)file, -1};
	s32 skip[3] = {IORING_REGISTER_FILES_SKIP, (s32)file, 99};
	struct io_uring_files_update u = {.offset = 1, .fds = (u64)skip};
	struct io_uring_files_update off = {.offset = 5, .fds = (u64)skip};
	struct io_uring_files_update bad = {.fds = (u64)BAD}, odd_update = {.resv = 1};
	struct io_uring_rsrc_register sparse = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};

	MAKE_CALLS(REGISTER(-EBADF, IORING_REGISTER_FILES, fds, 3),
		REGISTER(-EBADF, IORING_REGISTER_FILES, fds + 3, 1), /* a ring in a ring */
		REGISTER(-ENXIO, IORING_REGISTER_FILES_UPDATE, &u, 1),
		REGISTER(-ENXIO, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0),
		REGISTER(0, IORING_REGISTER_FILES, some, 2),
		REGISTER(-EBUSY, IORING_REGISTER_FILES, some, 2),
		REGISTER(0, IORING_UNREGISTER_FILES, NULL, 0),
		REGISTER(0, IORING_REGISTER_FILES2, &sparse, 32),
		REGISTER(-EFAULT, IORING_REGISTER_FILES_UPDATE, BAD, 1),
		REGISTER(-EFAULT, IORING_REGISTER_FILES_UPDATE, &bad, 1),
		REGISTER(-EINVAL, IORING_REGISTER_FILES_UPDATE, &odd_update, 1),
		REGISTER(-EINVAL, IORING_REGISTER_FILES_UPDATE, &u, 0),
		REGISTER(-EINVAL, IORING_REGISTER_FILES_UPDATE, &u, 4),
		REGISTER(-EINVAL, IORING_REGISTER_FILES_UPDATE, &off, 1),
		REGISTER(2, IORING_REGISTER_FILES_UPDATE, &u, 3), /* as far as it went */
		REGISTER(-EINVAL, IORING_REGISTER_FILE_ALLOC_RANGE, NULL, 0),
		REGISTER(-EINVAL, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 1),
		REGISTER(-EFAULT, IORING_REGISTER_FILE_ALLOC_RANGE, BAD, 0),
		REGISTER(-EINVAL, IORING_REGISTER_FILE_ALLOC_RANGE, &odd, 0),
		REGISTER(-EINVAL, IORING_REGISTER_FILE_ALLOC_RANGE, &beyond, 0),
		REGISTER(0, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0));
	/* the first of the three was to stay as it was: empty */
	for (int i = 0; i < 5; i++) {
		struct io_uring_sqe *sync = next_sqe(&r, IORING_OP_FSYNC, 0);

		sync->fd = i;
		sync->flags = IOSQE_FIXED_FILE;
		KT_EQ(one(&r, sync), i == 2 ? 0 : -EBADF);
	}
	/* slots of the kernel's choice, within the range: one is left there */
	s32 any[3] = {(s32)file, (s32)file, (s32)file};
	struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_FILES_UPDATE, 0);

	sqe->addr = (u64)any;
	sqe->len = 3;
	sqe->off = IORING_FILE_INDEX_ALLOC;
	KT_EQ(one(&r, sqe), 1);
	KT_EQ(any[0], 3);
	any[0] = (s32)file;
	static const s32 none[] = {-1, 99};

	for (unsigned i = 0; i < 4; i++) {
		sqe = next_sqe(&r, IORING_OP_FILES_UPDATE, 0);
		sqe->addr = i < 2 ? (u64)&none[i] : i < 3 ? (u64)BAD : (u64)any;
		sqe->len = 1;
		sqe->off = IORING_FILE_INDEX_ALLOC;
		KT_EQ(one(&r, sqe), i < 2 ? -EBADF : i < 3 ? -EFAULT : -ENFILE);
	}
	for (unsigned i = 0; i < 4; i++) {
		sqe = next_sqe(&r, IORING_OP_FILES_UPDATE, 0);
		sqe->addr = (u64)any;
		sqe->len = i != 3;
		sqe->op_flags = i == 0;
		sqe->file_index = i == 1;
		sqe->buf_index = i == 2;
		KT_EQ(one(&r, sqe), -EINVAL);
	}
	/* nothing is registered any more */
	MAKE_CALLS(REGISTER(0, IORING_UNREGISTER_FILES, NULL, 0));
	sqe = next_sqe(&r, IORING_OP_FILES_UPDATE, 0);
	sqe->addr = (u64)any;
	sqe->len = 1;
	sqe->off = IORING_FILE_INDEX_ALLOC;
	KT_EQ(one(&r, sqe), -ENXIO);
	MAKE_CALLS(CALL(0, close, file));
	ring_close_it(&r);
}

KTEST(ring_calls_personalities_run_out_and_come_back)
{
	setup_once();
	struct user_ring r = ring_open_plain(4);
	long id, last = 0;

	while ((id = SYS(io_uring_register, r.fd, IORING_REGISTER_PERSONALITY, NULL, 0)) > 0) {
		KT_EQ(id, last + 1);
		last = id;
	}
	KT_EQ(id, -ENOMEM);
	next_sqe(&r, IORING_OP_NOP, 0)->personality = 3;
	KT_EQ(one(&r, NULL), 0);
	MAKE_CALLS(REGISTER(0, IORING_UNREGISTER_PERSONALITY, NULL, 3));
	next_sqe(&r, IORING_OP_NOP, 0)->personality = 3;
	KT_EQ(one(&r, NULL), -EINVAL);
	next_sqe(&r, IORING_OP_NOP, 0)->personality = 60000;
	KT_EQ(one(&r, NULL), -EINVAL);
	MAKE_CALLS(REGISTER(3, IORING_REGISTER_PERSONALITY, NULL, 0));
	ring_close_it(&r);
}

/* ---- Entries ---- */

KTEST(ring_calls_entries_that_are_refused)
{
	static const struct {
		u8 opcode;
		u16 ioprio;
		u32 op_flags, len, file_index;
		u16 buf_index;
		u64 addr, off;
		s32 expected;
	} rows[] = {
		{.opcode = IORING_OP_FSYNC, .addr = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_FSYNC, .buf_index = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_FSYNC, .file_index = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_FSYNC, .op_flags = 2, .expected = -EINVAL},
		{.opcode = IORING_OP_FSYNC, .expected = -EBADF},
		{.opcode = IORING_OP_READ, .expected = -EBADF},
		{.opcode = IORING_OP_READ, .op_flags = 1, .expected = -EOPNOTSUPP},
		{.opcode = IORING_OP_READ, .ioprio = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_READ, .ioprio = 4 << 13, .expected = -EINVAL},
		{.opcode = IORING_OP_READ, .ioprio = 2 << 13, .expected = -EBADF},
		{.opcode = IORING_OP_STATX, .buf_index = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_STATX, .file_index = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_STATX, .addr = 1ull << 63, .expected = -EFAULT},
		{.opcode = IORING_OP_ASYNC_CANCEL, .off = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_ASYNC_CANCEL, .len = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_ASYNC_CANCEL, .file_index = 1, .expected = -EINVAL},
		{.opcode = IORING_OP_ASYNC_CANCEL, .op_flags = 1 << 20, .expected = -EINVAL},
		{.opcode = IORING_OP_ASYNC_CANCEL,
			.op_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD,
			.expected = -EINVAL},
		{.opcode = IORING_OP_ASYNC_CANCEL, .addr = 4711, .expected = -ENOENT},
		{.opcode = IORING_OP_ASYNC_CANCEL,
			.op_flags = IORING_ASYNC_CANCEL_ANY,
			.expected = 0},
	};

	setup_once();
	struct user_ring r = ring_open_plain(4);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_sqe *sqe = next_sqe(&r, rows[i].opcode, i);
		s32 got;

		sqe->fd = 99;
		sqe->ioprio = rows[i].ioprio;
		sqe->op_flags = rows[i].op_flags;
		sqe->len = rows[i].len;
		sqe->file_index = rows[i].file_index;
		sqe->buf_index = rows[i].buf_index;
		sqe->addr = rows[i].addr;
		sqe->off = rows[i].off;
		got = one(&r, sqe);
		if (got != rows[i].expected)
			ktest_fail(__FILE__, __LINE__, "row %u is %d, expected %d", i, got,
				rows[i].expected);
	}
	ring_close_it(&r);
}

KTEST(ring_calls_cancel_by_descriptor)
{
	int ends[2], others[2];

	setup_once();
	struct user_ring r = ring_open_plain(8);
	static char buffer[4];
	s32 results[8];

	KT_EQ(SYS(pipe2, ends, 0), 0);
	KT_EQ(SYS(pipe2, others, 0), 0);
	for (u32 i = 0; i < 4; i++) {
		struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_READ, i);

		sqe->fd = i % 2 ? ends[0] : others[0];
		sqe->addr = (u64)buffer;
		sqe->len = 1;
		sqe->off = ~0ull;
	}
	KT_EQ(enter(&r, 4, 0), 4);
	struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_ASYNC_CANCEL, 4);

	sqe->fd = ends[0];
	sqe->op_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	sqe = next_sqe(&r, IORING_OP_ASYNC_CANCEL, 5);
	sqe->fd = others[0];
	sqe->addr = 2;
	sqe->op_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_USERDATA;
	KT_EQ(enter(&r, 2, 2), 2);
	SYS(close, others[1]); /* what is left ends with the pipe's writer */
	KT_CHECK(reap(&r, 6, results, 8));
	KT_EQ(results[4], 2);
	KT_CHECK(results[5] == 0 || results[5] == -EALREADY);
	KT_EQ(results[0], 0);
	for (u32 i = 1; i < 4; i++)
		KT_CHECK(results[i] == -ECANCELED || results[i] == -EINTR);
	ring_close_it(&r);
	MAKE_CALLS(CALL(0, close_range, 0, ~0u, 0));
}

/* ---- Rings of others ---- */

static struct user_ring shared;
static long issuer_answers[2];

static void other_thread(void *done)
{
	current->process = &process;
	issuer_answers[0] = SYS(io_uring_enter, shared.fd, 1, 0, 0, 0, 0);
	current->process = NULL;
	complete(done);
}

KTEST(ring_calls_of_one_issuer)
{
	struct io_uring_params p = {.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER};
	struct io_uring_params q = {.flags = IORING_SETUP_SINGLE_ISSUER};
	struct completion done = COMPLETION_INIT(done);

	setup_once();
	for (unsigned i = 0; i < 2; i++) {
		struct user_ring r = shared = ring_open_with(4, i ? &q : &p);

		next_sqe(&r, IORING_OP_NOP, 0);
		store_release(&r.ring->rings->sq_tail, r.sq_tail);
		if (!i)
			MAKE_CALLS(CALL(-EBADFD, io_uring_enter, r.fd, 1, 0, 0, 0, 0),
				REGISTER(0, IORING_REGISTER_ENABLE_RINGS, NULL, 0),
				REGISTER(-EBADFD, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
		struct thread *t = thread_create("other", other_thread, &done);

		thread_start(t);
		wait_for_completion(&done);
		thread_put(t);
		KT_EQ(issuer_answers[0], -EEXIST);
		KT_EQ(enter(&r, 1, 1), 1);
		ring_close_it(&r);
	}
}

KTEST(ring_calls_of_another_process)
{
	static struct process heir = {.pid = 2, .name = "heir", .nofile_limit = 128};

	setup_once();
	struct user_ring r = ring_open_plain(4);

	heir.files = process.files;
	heir.fs = &fs;
	current->process = &heir;
	MAKE_CALLS(CALL(-EPERM, io_uring_enter, r.fd, 1, 0, 0, 0, 0),
		REGISTER(-EPERM, IORING_REGISTER_PERSONALITY, NULL, 0));
	current->process = &process;
	ring_close_it(&r);
}

/* ---- How a worker tries again ---- */

KTEST(ring_calls_retry_in_three_ways)
{
	static const char *const ways[] = {"retry=norcu\n", "retry=resume", "retry=rcu  "};
	static struct statx stx;
	s32 results[8];
	char text[2048];

	setup_once();
	KT_EQ(SYS(mkdir, "/retry", 0755), 0);
	struct user_ring r = ring_open_plain(8);

	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		KT_EQ(ring_control(ways[i]), 0);
		ring_stats_text(text, sizeof(text));
		KT_CHECK(strncmp(text, "rings ", 6) == 0);
		char known[24], unknown[4][24];

		snprintf(known, sizeof(known), "/retry/known-%u", i);
		make_file(known);
		for (u32 k = 0; k < 8; k++) {
			if (k < 4)
				snprintf(unknown[k], 24, "/retry/none-%u-%u", i, k);
			const char *path = k < 4 ? unknown[k] : known;

			if (k % 2) {
				struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_STATX, k);

				sqe->fd = AT_FDCWD;
				sqe->addr = (u64)path;
				sqe->off = (u64)&stx;
				sqe->flags = k & 2 ? IOSQE_ASYNC : 0;
			} else {
				open_sqe(&r, path, k)->flags = k & 2 ? IOSQE_ASYNC : 0;
			}
		}
		KT_EQ(enter(&r, 8, 8), 8);
		KT_CHECK(reap(&r, 8, results, 8));
		for (u32 k = 0; k < 8; k++) {
			KT_CHECK(k < 4 ? results[k] == -ENOENT : results[k] >= 0);
			if (k >= 4 && k % 2 == 0)
				KT_EQ(SYS(close, results[k]), 0);
		}
	}
	/* what is behind a link, or must stay below its start, begins again from there */
	struct open_how beneath = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};

	KT_EQ(ring_control("retry=resume"), 0);
	struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_OPENAT2, 0);

	sqe->fd = AT_FDCWD;
	sqe->addr = (u64) "retry/not-there";
	sqe->off = (u64)&beneath;
	sqe->len = sizeof(beneath);
	KT_EQ(SYS(symlink, "/retry/not-yet/x", "/retry-deep"), 0);
	open_sqe(&r, "/retry-deep/y", 1);
	KT_EQ(enter(&r, 2, 2), 2);
	KT_CHECK(reap(&r, 2, results, 2));
	KT_EQ(results[0], -ENOENT);
	KT_EQ(results[1], -ENOENT);
	KT_EQ(ring_control("retry=rcu"), 0);
	KT_EQ(ring_control("retry=never"), -EINVAL);
	KT_EQ(ring_control("other=rcu"), -EINVAL);
	KT_EQ(ring_control(" \n"), -EINVAL);
	ring_close_it(&r);
}

KTEST(ring_calls_tell_of_their_workers)
{
	char text[4096], cut[64];

	setup_once();
	struct user_ring r = ring_open_plain(4);
	int whole = ring_workers_text(text, sizeof(text));

	KT_EQ(whole, strlen(text));
	/* two accounts of one process; the same text, cut, is as long */
	KT_CHECK(strncmp(text, "created ", 8) == 0);
	const char *line = strchr(text, 'p');

	while (line && strncmp(line, "process 1 test bounded", 22) != 0)
		line = strchr(line + 1, 'p');
	KT_CHECK(line != NULL);
	KT_CHECK(ring_workers_text(cut, sizeof(cut)) > 64);
	KT_CHECK(strncmp(text, cut, 20) == 0);
	ring_close_it(&r);
}
