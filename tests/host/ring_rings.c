/*
 * Rings on the host, under AddressSanitizer: real submissions over tmpfs with worker threads of the hosted
 * scheduler, hostile indices, a queue that overflows, chains, cancelling, random entries, and that
 * nothing is left when a ring goes.
 */
#include "tests/host/ring_user.h"
#include "vfs/internal.h"
#include "vfs/prefetch.h"

/* ---- Sizes and layout ---- */

KTEST(ring_entry_counts_are_rounded_clamped_and_refused)
{
	struct io_uring_params p = {0};

	KT_EQ(ring_entries(0, &p), -EINVAL);
	KT_EQ(ring_entries(32769, &p), -EINVAL);
	for (u32 n = 1; n <= 32768; n = n * 3 / 2 + 1) {
		KT_EQ(ring_entries(n, &p), 0);
		KT_CHECK(p.sq_entries >= n && p.sq_entries < 2 * n + (n == 1));
		KT_EQ(p.sq_entries & (p.sq_entries - 1), 0);
		KT_EQ(p.cq_entries, 2 * p.sq_entries);
	}
	p.flags = IORING_SETUP_CLAMP;
	KT_EQ(ring_entries(~0u, &p), 0);
	KT_EQ(p.sq_entries, 32768);
	p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 33};
	KT_EQ(ring_entries(32, &p), 0);
	KT_EQ(p.cq_entries, 64);
	p.cq_entries = 16;
	KT_EQ(ring_entries(32, &p), -EINVAL);
	p.cq_entries = 65537;
	KT_EQ(ring_entries(32, &p), -EINVAL);
}

/* ---- Submission ---- */

KTEST(ring_indices_of_a_hostile_program_stay_inside)
{
	setup_once();
	struct user_ring r = ring_open_plain(8);
	struct io_rings *shared = r.ring->rings;

	/* Twice the entries there are, wherever the counters stand. */
	for (u32 start = 0xfffffff0; start != 16; start += 8) {
		shared->sq_tail = start + 1000;
		r.ring->sq_head = start;
		shared->cq_head = shared->cq_tail;
		for (u32 i = 0; i < 8; i++) {
			r.ring->sq_array[i] = i;
			memset(&r.ring->sqes[i], 0, sizeof(struct io_uring_sqe));
		}
		KT_EQ(sys_io_uring_enter(r.fd, 5000, 0, 0, 0, 0), 8);
		KT_EQ(shared->sq_head, start + 8);
	}
	for (u32 i = 0; i < 8; i++)
		r.ring->sq_array[i] = 8 + i * 0x10000000;
	u32 dropped = shared->sq_dropped;

	for (u32 i = 0; i < 8; i++)
		KT_EQ(sys_io_uring_enter(r.fd, 8, 0, 0, 0, 0), 0);
	KT_EQ(shared->sq_dropped - dropped, 8);
	/* A completion head from nowhere. */
	for (u32 i = 0; i < 8; i++) {
		shared->cq_head = i * 0x23456789;
		r.ring->sq_array[i] = 0;
		KT_EQ(sys_io_uring_enter(r.fd, 1, 0, 0, 0, 0), 1);
	}
	ring_close_it(&r);
}

KTEST(ring_opens_inline_and_queued_give_descriptors)
{
	setup_once();
	struct user_ring r = ring_open_plain(32);
	s32 results[32];

	for (u32 round = 0; round < 20; round++) {
		for (u32 i = 0; i < 16; i++)
			open_sqe(&r, i % 4 ? "/file" : "/none", i)->flags =
				(i + round) % 2 ? IOSQE_ASYNC : 0;
		KT_EQ(enter(&r, 16, 16), 16);
		KT_CHECK(reap(&r, 16, results, 32));
		for (u32 i = 0; i < 16; i++) {
			KT_CHECK(i % 4 ? results[i] >= 0 : results[i] == -ENOENT);
			if (results[i] >= 0)
				next_sqe(&r, IORING_OP_CLOSE, i)->fd = results[i];
		}
		KT_EQ(enter(&r, 12, 12), 12);
		KT_CHECK(reap(&r, 12, results, 32));
		for (u32 i = 1; i < 16; i++)
			KT_CHECK(i % 4 == 0 || results[i] == 0);
	}
	ring_close_it(&r);
}

/* More names than the process may have descriptors, each looked up for the first time. */
/* Opens of odd paths in one batch: 0 or -errno of each. False: not all of them ended. */
static bool open_odd_paths(struct user_ring *r, s32 *results, u32 n)
{
	static char long_path[600];
	static const char *const paths[] = {"/file", "file", "//file", "/", "//", "", "/none",
		"/none/x", "/file/x", "/file/", "/.", "/..", "/../file", "/./file", "/never/seen",
		long_path, (const char *)8};

	memset(long_path, 'n', 300);
	for (u32 i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = open_sqe(r, paths[i % ARRAY_SIZE(paths)], i);

		/* from the working directory, from nowhere, and what is no open at all */
		sqe->fd = i % 3 ? AT_FDCWD : 999;
		sqe->flags = i % 11 == 10 ? IOSQE_ASYNC : 0;
		if (i % 13 == 12)
			sqe->opcode = IORING_OP_NOP;
	}
	for (u32 taken = 0; taken < n;) {
		int took = enter(r, n - taken, 0);

		if (took <= 0)
			return false;
		taken += (u32)took;
	}
	if (enter(r, 0, n) < 0 || !reap(r, n, results, n))
		return false;
	for (u32 i = 0; i < n; i++)
		if (results[i] > 0) {
			sys_close(results[i], 0, 0, 0, 0, 0);
			results[i] = 0;
		}
	return true;
}

KTEST(ring_looking_ahead_changes_no_answer)
{
	enum { N = 60 };
	s32 plain[64], ahead[64];
	u64 dentries;

	setup_once();
	struct user_ring r = ring_open_plain(64);

	/* The first time caches what is not there. */
	KT_CHECK(open_odd_paths(&r, plain, N));
	WRITE_ONCE(prefetch_pays, false);
	KT_CHECK(open_odd_paths(&r, plain, N));
	WRITE_ONCE(prefetch_pays, true);
	dentries = dcache_dentry_count();
	KT_CHECK(open_odd_paths(&r, ahead, N));
	WRITE_ONCE(prefetch_pays, false);
	KT_EQ(dcache_dentry_count(), dentries);
	for (u32 i = 0; i < N; i++)
		KT_EQ(ahead[i], plain[i]);
	ring_close_it(&r);
}

KTEST(ring_failed_opens_give_their_descriptors_back)
{
	setup_once();
	struct user_ring r = ring_open_plain(8);
	s32 results[8];
	char names[8][24];

	for (u32 round = 0; round < 40; round++) {
		for (u32 i = 0; i < 8; i++) {
			snprintf(names[i], sizeof(names[i]), "/none-%u-%u", round, i);
			open_sqe(&r, names[i], i)->flags = i % 2 ? IOSQE_ASYNC : 0;
		}
		KT_EQ(enter(&r, 8, 8), 8);
		KT_CHECK(reap(&r, 8, results, 8));
		for (u32 i = 0; i < 8; i++)
			KT_EQ(results[i], -ENOENT);
	}
	ring_close_it(&r);
}

KTEST(ring_requests_are_used_again)
{
	setup_once();
	struct user_ring r = ring_open_plain(8);
	s32 results[8];

	for (u32 round = 0; round < 200; round++) {
		for (u32 i = 0; i < 8; i++)
			next_sqe(&r, IORING_OP_NOP, i)->flags = round % 2 ? IOSQE_ASYNC : 0;
		KT_EQ(enter(&r, 8, 8), 8);
		KT_CHECK(reap(&r, 8, results, 8));
	}
	u32 n = 0;

	for (struct ring_request *req = r.ring->free; req; req = req->next)
		n++;
	for (struct ring_request *req = r.ring->returned; req; req = req->next)
		n++;
	KT_CHECK(n <= 24);
	ring_close_it(&r);
}

/* ---- Chains ---- */

static bool chain_gives(struct user_ring *r, const char *what, const s32 *wanted)
{
	s32 results[8];
	u32 n = 0;

	/* n: NOP, e: an open that fails, b: a bad entry; upper case: LINK, after '+': HARDLINK */
	for (const char *c = what; *c; c++) {
		bool hard = *c == '+', link;
		struct io_uring_sqe *sqe;

		c += hard;
		link = *c < 'a';
		switch (*c | 0x20) {
		case 'e':
			sqe = open_sqe(r, "/none", n++);
			break;
		case 'b':
			sqe = next_sqe(r, 251, n++);
			break;
		default:
			sqe = next_sqe(r, IORING_OP_NOP, n++);
		}
		sqe->flags = hard ? IOSQE_IO_HARDLINK : link ? IOSQE_IO_LINK : 0;
	}
	if (enter(r, n, n) != n || !reap(r, n, results, 8))
		return false;
	return memcmp(results, wanted, n * sizeof(s32)) == 0;
}

KTEST(ring_chains_stop_where_they_should)
{
	setup_once();
	struct user_ring r = ring_open_plain(8);
#define E (-ENOENT)
#define C (-ECANCELED)
#define B (-EINVAL)
	KT_CHECK(chain_gives(&r, "NNn", (s32[]){0, 0, 0}));
	KT_CHECK(chain_gives(&r, "ENnn", (s32[]){E, C, C, 0}));
	KT_CHECK(chain_gives(&r, "NEn", (s32[]){0, E, C}));
	KT_CHECK(chain_gives(&r, "+EN+en", (s32[]){E, 0, E, 0}));
	KT_CHECK(chain_gives(&r, "+E+En", (s32[]){E, E, 0}));
	KT_CHECK(chain_gives(&r, "NBn", (s32[]){C, B, C}));
	KT_CHECK(chain_gives(&r, "BNNn", (s32[]){B, C, C, C}));
	KT_CHECK(chain_gives(&r, "NNb", (s32[]){C, C, B}));
	KT_CHECK(chain_gives(&r, "EnEn", (s32[]){E, C, E, C}));
	KT_CHECK(chain_gives(&r, "NN", (s32[]){0, 0}));
#undef E
#undef C
#undef B
	ring_close_it(&r);
}

/* ---- Cancelling ---- */

static struct io_uring_sqe *cancel_sqe(struct user_ring *r, u64 target, u64 user_data)
{
	struct io_uring_sqe *sqe = next_sqe(r, IORING_OP_ASYNC_CANCEL, user_data);

	sqe->addr = target;
	return sqe;
}

/*
 * The first is cancelled in the queue, before any worker has begun; what is behind it runs or does not. A
 * worker may be faster, when our turn on the CPU ends: then once more.
 */
static bool cancelled_chain_gives(u8 link, s32 follower)
{
	struct user_ring r = ring_open_plain(8);
	s32 results[3];

	do {
		next_sqe(&r, IORING_OP_NOP, 0)->flags = IOSQE_ASYNC | link;
		next_sqe(&r, IORING_OP_NOP, 1);
		cancel_sqe(&r, 0, 2);
		if (enter(&r, 3, 3) != 3 || !reap(&r, 3, results, 3))
			return false;
	} while (results[0] == 0 && results[1] == 0 && results[2] == -ENOENT);
	ring_close_it(&r);
	return results[0] == -ECANCELED && results[1] == follower && results[2] == 0;
}

KTEST(ring_follower_of_a_cancelled_request_is_not_forgotten)
{
	setup_once();
	KT_CHECK(cancelled_chain_gives(IOSQE_IO_LINK, -ECANCELED));
	KT_CHECK(cancelled_chain_gives(IOSQE_IO_HARDLINK, 0));
}

/* A request that cancel can find already, and that no queue has yet (a worker cancels everything while
 * the submitter is on the way from one lock to the next). */
KTEST(ring_cancel_between_submitter_and_queue)
{
	setup_once();
	struct user_ring r = ring_open_plain(8);
	struct ring_pool *pool = r.ring->pool;
	struct list_head list = LIST_HEAD_INIT(list);
	struct ring_request *req;
	s32 result;

	mutex_lock(&r.ring->submit_lock);
	req = ring_request_alloc(r.ring);
	KT_CHECK(req != NULL);
	*req = (struct ring_request){.ring = r.ring,
		.op = ring_op_of[IORING_OP_NOP],
		.account = RING_BOUNDED,
		.where = REQ_AT_SUBMITTER,
		.waiter.fn = ring_park_released};
	list_add(&req->node, &list);
	ring_request_enter_flight(req);
	ring_cancel_all(r.ring);
	KT_CHECK(list.next == &req->node);
	KT_EQ(pool_queued(pool), 0);
	preempt_disable(); /* no worker takes it before we look */
	ring_pool_queue(pool, &list);
	u32 queued = pool_queued(pool);

	preempt_enable();
	KT_CHECK(queued == 1 || nr_cpus > 1); /* a worker on another CPU may be faster */
	mutex_unlock(&r.ring->submit_lock);
	KT_CHECK(reap(&r, 1, &result, 1));
	KT_EQ(result, -ECANCELED);
	ring_close_it(&r);
}

/* ---- Overflow ---- */

KTEST(ring_overflow_loses_nothing)
{
	setup_once();
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	struct user_ring r = ring_open_with(4, &p);
	u64 id, expected = 0;
	s32 res;

	/* Six a round, of which the program takes one: entries that came later must not overtake. */
	for (u32 i = 0; i < 96;) {
		for (u32 k = 0; k < 2; k++) {
			for (u32 e = 0; e < 3; e++)
				next_sqe(&r, IORING_OP_NOP, i++);
			KT_EQ(enter(&r, 3, 0), 3);
		}
		KT_CHECK(next_cqe(&r, &id, &res));
		KT_EQ(id, expected);
		expected++;
	}
	while (expected < 96) {
		if (!next_cqe(&r, &id, &res)) {
			KT_EQ(enter(&r, 0, 1), 0);
			continue;
		}
		KT_EQ(id, expected);
		expected++;
	}
	KT_EQ(enter(&r, 0, 0), 0);
	KT_CHECK(!next_cqe(&r, &id, &res));
	KT_CHECK(!(r.ring->rings->sq_flags & IORING_SQ_CQ_OVERFLOW));
	KT_EQ(r.ring->rings->cq_overflow, 0);
	ring_close_it(&r);
}

static u64 posts(void)
{
	struct ring_stats stats;

	ring_get_stats(&stats);
	return stats.cqes;
}

/*
 * Six completions in a queue for four, and a seventh of a worker, which comes when four have been taken.
 * True when it did, and was not faster.
 */
static bool worker_comes_to_room(struct user_ring *r, bool *in_order)
{
	u64 id, expected = 0, before;
	bool late;
	s32 res;

	*in_order = true;
	for (u32 i = 0; i < 6; i++) {
		next_sqe(r, IORING_OP_NOP, i);
		enter(r, 1, 0);
	}
	before = posts();
	next_sqe(r, IORING_OP_NOP, 6)->flags = IOSQE_ASYNC;
	enter(r, 1, 0);
	for (; expected < 4; expected++)
		*in_order &= next_cqe(r, &id, &res) && id == expected;
	late = posts() == before;
	while (posts() == before)
		sleep_ns(1000);
	for (; expected < 7; expected++) {
		enter(r, 0, 1);
		*in_order &= next_cqe(r, &id, &res) && id == expected;
	}
	return late;
}

KTEST(ring_worker_does_not_overtake_what_waits_for_room)
{
	setup_once();
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	struct user_ring r = ring_open_with(4, &p);
	bool in_order, late;

	do {
		late = worker_comes_to_room(&r, &in_order);
		KT_CHECK(in_order);
	} while (!late);
	ring_close_it(&r);
}

/* ---- Memory ---- */

/* A path that does not fit its request has pages of its own. */
KTEST(ring_long_paths_are_given_back)
{
	setup_once();
	static char path[300];
	struct page_stats before, after;
	s32 results[8];

	memset(path, '/', sizeof(path) - 8);
	memcpy(path + sizeof(path) - 8, "file", 5);
	for (u32 round = 0; round < 50; round++) {
		struct user_ring r = ring_open_plain(8);

		for (u32 i = 0; i < 8; i++)
			open_sqe(&r, path, i)->flags = i % 2 ? IOSQE_ASYNC : 0;
		KT_EQ(enter(&r, 8, 8), 8);
		KT_CHECK(reap(&r, 8, results, 8));
		for (u32 i = 0; i < 8; i++) {
			KT_CHECK(results[i] >= 0);
			KT_EQ(sys_close(results[i], 0, 0, 0, 0, 0), 0);
		}
		ring_close_it(&r);
		page_get_stats(round ? &after : &before);
	}
	/* 8 x 49 paths, if they were kept; caches may take a page or two. */
	KT_CHECK(after.free + 100 > before.free);
}

/* ---- Ends ---- */

KTEST(ring_may_go_with_work_in_every_state)
{
	setup_once();
	u64 files = file_count();

	for (u32 round = 0; round < 30; round++) {
		struct user_ring r = ring_open_plain(32);

		for (u32 i = 0; i < 32; i++) {
			struct io_uring_sqe *sqe = next_sqe(&r, IORING_OP_STATX, i);
			static struct statx stx;

			sqe->fd = AT_FDCWD;
			sqe->addr = (u64) "/file";
			sqe->off = (u64)&stx;
			sqe->flags = IOSQE_ASYNC | (i % 5 ? IOSQE_IO_LINK : 0);
		}
		KT_EQ(enter(&r, 32, round % 3), 32);
		ring_close_it(&r);
	}
	KT_EQ(file_count(), files);
}

/* ---- Garbage ---- */

static u64 random_state = 1;

static u64 random_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/*
 * Every opcode with random words. Addresses are the kernel's half, which no copy may touch, or a buffer of
 * ours: the host has no fault-fixed copies.
 */
KTEST(ring_survives_random_entries)
{
	setup_once();
	static u64 buffer[1024];
	struct user_ring r = ring_open_plain(8);
	u64 id;
	s32 res;

	for (u32 i = 0; i < 256 * 40; i++) {
		struct io_uring_sqe *sqe = next_sqe(&r, 0, 0);
		u64 words[8];

		for (u32 w = 0; w < 8; w++)
			words[w] = random_word() & (random_word() % 2 ? random_word() : ~0ull);
		memcpy(sqe, words, sizeof(*sqe));
		sqe->opcode = (u8)i;
		sqe->flags &= ~(IOSQE_CQE_SKIP_SUCCESS | IOSQE_LINKS);
		sqe->len %= sizeof(buffer) / 2;
		sqe->addr = random_word() % 2 ? (u64)buffer : sqe->addr | 1ull << 63;
		sqe->off = random_word() % 2 ? (u64)buffer : sqe->off | 1ull << 63;
		if (sqe->fd >= 0 && sqe->fd < 16)
			sqe->fd += 16;
		buffer[0] = random_word();
		KT_EQ(enter(&r, 1, 1), 1);
		KT_CHECK(next_cqe(&r, &id, &res));
		KT_EQ(id, sqe->user_data);
		KT_CHECK(!next_cqe(&r, &id, &res));
	}
	ring_close_it(&r);
}

/* ---- The process goes ---- */

KTEST(ring_process_exit_leaves_no_worker)
{
	setup_once();
	struct user_ring r = ring_open_plain(32);
	struct ring_stats stats;

	for (u32 i = 0; i < 32; i++)
		open_sqe(&r, "/file", i)->flags = IOSQE_ASYNC;
	/* One answer: there is a worker, and it has not gone through all of them. */
	KT_EQ(enter(&r, 32, 1), 32);
	ring_pool_process_exiting(&process);
	ring_pool_process_release(&process);
	KT_CHECK(process.ring_pool == NULL);
	ring_get_stats(&stats);
	KT_EQ(stats.workers_created, stats.workers_exited);
	ring_close_it(&r);
}
