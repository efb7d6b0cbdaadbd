/*
 * What the ring tests share: the world, an idle worker, and the shortest way to use a ring.
 */
#pragma once

#include "ring/internal.h"
#include "tests/host/world.h"

syscall_fn sys_io_uring_setup, sys_io_uring_enter, sys_io_uring_register;

/* ---- The shortest way to use a ring ---- */

struct user_ring {
	int fd;
	struct ring *ring;
	u32 sq_tail, cq_head;
};

static inline struct user_ring ring_open_with(u32 entries, struct io_uring_params *p)
{
	struct user_ring r = {.fd = (int)sys_io_uring_setup(entries, (long)p, 0, 0, 0, 0)};

	assert(r.fd >= 0);
	r.ring = file_lookup_fd_rcu(process.files, r.fd)->private_data;
	return r;
}

static inline struct user_ring ring_open_plain(u32 entries)
{
	struct io_uring_params p = {0};

	return ring_open_with(entries, &p);
}

static inline void ring_close_it(struct user_ring *r)
{
	assert(sys_close(r->fd, 0, 0, 0, 0, 0) == 0);
}

static inline struct io_uring_sqe *next_sqe(struct user_ring *r, u8 opcode, u64 user_data)
{
	u32 index = r->sq_tail++ & (r->ring->sq_entries - 1);
	struct io_uring_sqe *sqe = &r->ring->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->user_data = user_data;
	r->ring->sq_array[index] = index;
	return sqe;
}

static inline struct io_uring_sqe *open_sqe(struct user_ring *r, const char *path, u64 user_data)
{
	struct io_uring_sqe *sqe = next_sqe(r, IORING_OP_OPENAT, user_data);

	sqe->fd = AT_FDCWD;
	sqe->addr = (u64)path;
	return sqe;
}

static inline long enter(struct user_ring *r, u32 submit, u32 wait)
{
	store_release(&r->ring->rings->sq_tail, r->sq_tail);
	return sys_io_uring_enter(r->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, 0, 0);
}

static inline bool next_cqe(struct user_ring *r, u64 *user_data, s32 *res)
{
	struct io_uring_cqe *cqe;

	if (load_acquire(&r->ring->rings->cq_tail) == r->cq_head)
		return false;
	cqe = &r->ring->rings->cqes[r->cq_head & (r->ring->cq_entries - 1)];
	*user_data = cqe->user_data;
	*res = (s32)cqe->res_flags;
	store_release(&r->ring->rings->cq_head, ++r->cq_head);
	return true;
}

/* Take n completions; results[user_data]. False when one is missing, twice there, or too much. */
static inline bool reap(struct user_ring *r, u32 n, s32 *results, u32 size)
{
	u64 id;
	s32 res;

	for (u32 i = 0; i < size; i++)
		results[i] = 1 << 30;
	while (n--) {
		if (enter(r, 0, 1) || !next_cqe(r, &id, &res) || id >= size ||
			results[id] != 1 << 30)
			return false;
		results[id] = res;
	}
	return !next_cqe(r, &id, &res);
}

/* ---- The worker ---- */

static inline u32 pool_idle(struct ring_pool *pool)
{
	spin_lock(&pool->lock);
	u32 n = pool->accounts[RING_BOUNDED].nr_idle;

	spin_unlock(&pool->lock);
	return n;
}

static inline u32 pool_queued(struct ring_pool *pool)
{
	spin_lock(&pool->lock);
	u32 n = pool->accounts[RING_BOUNDED].queued;

	spin_unlock(&pool->lock);
	return n;
}

/*
 * The process' pool gets its worker, which goes idle: what is queued from here on stays queued until the
 * test waits, whereas a new worker's creation runs at once.
 */
static inline void start_worker(void)
{
	struct user_ring r = ring_open_plain(1);
	s32 result;

	next_sqe(&r, IORING_OP_NOP, 0)->flags = IOSQE_ASYNC;
	assert(enter(&r, 1, 1) == 1 && reap(&r, 1, &result, 1));
	while (!pool_idle(r.ring->pool))
		sleep_ns(1000);
	ring_close_it(&r);
}

static inline void setup_once(void)
{
	if (!world_setup())
		return;
	ring_init();
	start_worker();
}
