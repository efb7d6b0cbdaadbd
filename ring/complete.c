/*
 * The completion queue.
 *
 * Completions come from the submitter (inline) and from workers. Each collects what it has finished on
 * a struct ring_done of its own and posts the lot under one hold of cq_lock: at most RING_DONE_MAX at
 * a time, at the end of a submission, at the end of a worker's batch, and before a worker sleeps. The
 * shared tail is written once for all of them.
 *
 * Overflow. When the program's queue is full the request itself becomes the record and waits on
 * ring->overflow, in order, so nothing can be lost for want of memory; sq_flags says CQ_OVERFLOW. Every
 * io_uring_enter moves records into the room there is. As long as one waits, new ones queue behind it.
 *
 * Waking. A thread in io_uring_enter waits for a tail, and is woken when that tail is reached (or when
 * the queue overflows): once for its min_complete, not once a completion.
 *
 *	ring->cq_lock	private tail, overflow, returned, inflight, waiters
 *
 * The program's head is its own business: a wrong one only makes the queue look fuller or emptier than
 * it is. Indices are masked, so nothing outside the ring is ever touched.
 */
#include "kernel/trace.h"
#include "ring/internal.h"

/* Free entries as far as the program's head can be believed. Context: cq_lock. */
static u32 cq_room(const struct ring *ring)
{
	/* Acquire: the program has read an entry before it moved its head over it. */
	u32 used = ring->cq_tail - load_acquire(&ring->rings->cq_head);

	return ring->cq_entries - MIN(used, ring->cq_entries);
}

static __always_inline void fill_cqe(struct io_uring_cqe *cqe, const struct ring_request *req)
{
	WRITE_ONCE(cqe->user_data, req->user_data);
	WRITE_ONCE(cqe->res_flags, (u64)(u32)req->result); /* no operation has flags */
}

static void write_cqe(struct ring *ring, const struct ring_request *req)
{
	fill_cqe(&ring->rings->cqes[ring->cq_tail++ & (ring->cq_entries - 1)], req);
	trace(cqe, req->user_data, req->result);
}

/* Partner: the program's acquire of the tail, before it reads the entries. */
static void publish_tail(struct ring *ring)
{
	store_release(&ring->rings->cq_tail, ring->cq_tail);
}

static void set_overflow_flag(struct ring *ring, bool on)
{
	u32 flags = READ_ONCE(ring->rings->sq_flags);

	/* Only the kernel writes this word, under cq_lock; what a program puts there is lost. */
	WRITE_ONCE(ring->rings->sq_flags,
		on ? flags | IORING_SQ_CQ_OVERFLOW : flags & ~IORING_SQ_CQ_OVERFLOW);
}

static void add_overflow(struct ring *ring, struct ring_request *req)
{
	if (!ring->overflow) {
		ring->overflow_tail = &ring->overflow;
		set_overflow_flag(ring, true);
	}
	req->next = NULL;
	*ring->overflow_tail = req;
	ring->overflow_tail = &req->next;
	ring_count(overflows);
}

static bool target_reached(const struct ring *ring, const struct ring_waiter *w)
{
	return (s32)(ring->cq_tail - w->target) >= 0 || ring->overflow;
}

static void wake_waiters(struct ring *ring)
{
	struct ring_waiter *w;

	list_for_each_entry (w, &ring->waiters, node)
		if (target_reached(ring, w))
			thread_wake(w->thread);
}

/*
 * The general form: some of the list does not get an entry. Returns what of it is free now, linked, with
 * its last in *last. Context: cq_lock.
 */
static __noinline struct ring_request *post_some(
	struct ring *ring, struct ring_request *req, u32 room, struct ring_request **last)
{
	struct ring_request *next, *freed = NULL;

	for (; req; req = next) {
		next = req->next;
		if (!(req->flags & REQ_SKIP_CQE)) {
			if (!room || ring->overflow) {
				add_overflow(ring, req);
				continue;
			}
			room--;
			write_cqe(ring, req);
		}
		if (!freed)
			*last = req;
		req->next = freed;
		freed = req;
	}
	return freed;
}

/* The common form: each gets an entry, and there is room. Context: cq_lock. */
static __always_inline void post_all(struct ring *ring, const struct ring_request *req)
{
	struct io_uring_cqe *cqes = ring->rings->cqes;
	u32 mask = ring->cq_entries - 1, tail = ring->cq_tail;
	bool tracing = READ_ONCE(trace_enabled);

	for (; req; req = req->next) {
		fill_cqe(&cqes[tail++ & mask], req);
		if (unlikely(tracing))
			trace(cqe, req->user_data, req->result);
	}
	ring->cq_tail = tail;
}

static void leave_inflight(struct ring_request *req)
{
	for (; req; req = req->next)
		if (req->flags & REQ_INFLIGHT)
			list_del(&req->inflight);
}

void ring_post(struct ring *ring, struct ring_done *d, struct list_head *inflight, bool submitter)
{
	struct ring_request *freed, *last;
	u32 room;

	*d->tail = NULL;
	freed = d->first;
	last = container_of(d->tail, struct ring_request, next);
	spin_lock(&ring->cq_lock);
	room = cq_room(ring);
	if (d->flags & REQ_INFLIGHT)
		leave_inflight(freed);
	if (unlikely((d->flags & REQ_SKIP_CQE) || room < d->count || ring->overflow))
		freed = post_some(ring, freed, room, &last);
	else
		post_all(ring, freed);
	publish_tail(ring);
	if (inflight)
		list_splice_tail(inflight, &ring->inflight);
	if (freed && !submitter) {
		last->next = ring->returned;
		ring->returned = freed;
	}
	if (!list_empty(&ring->waiters))
		wake_waiters(ring);
	if (unlikely(ring->destroyer) && list_empty(&ring->inflight))
		thread_wake(ring->destroyer);
	/* The ring may be gone once the lock is free, unless the caller is in the middle of a call. */
	spin_unlock(&ring->cq_lock);
	if (freed && submitter) {
		last->next = ring->free;
		ring->free = freed;
	}
	ring_count_n(cqes, d->count);
	ring_done_init(d);
}

void ring_flush_overflow(struct ring *ring)
{
	struct ring_request *req;
	u32 room;

	spin_lock(&ring->cq_lock);
	for (room = cq_room(ring); room && (req = ring->overflow) != NULL; room--) {
		ring->overflow = req->next;
		write_cqe(ring, req);
		req->next = ring->returned;
		ring->returned = req;
	}
	publish_tail(ring);
	if (!ring->overflow)
		set_overflow_flag(ring, false);
	spin_unlock(&ring->cq_lock);
}

int ring_wait_cqes(struct ring *ring, u32 min_complete, u64 deadline_ns)
{
	struct ring_waiter w = {.thread = current};
	int error = 0;

	might_sleep();
	min_complete = MIN(min_complete, ring->cq_entries);
	/* Often they are there already, posted by this very call. The program's own tail, because the
	 * private one moves a moment before it; a program that scribbles over it fools itself only. */
	if (load_acquire(&ring->rings->cq_tail) - READ_ONCE(ring->rings->cq_head) - min_complete <
		ring->cq_entries)
		return 0;
	spin_lock(&ring->cq_lock);
	w.target = READ_ONCE(ring->rings->cq_head) + min_complete;
	if (target_reached(ring, &w)) {
		spin_unlock(&ring->cq_lock);
		return 0;
	}
	list_add_tail(&w.node, &ring->waiters);
	do {
		thread_prepare_sleep(THREAD_INTERRUPTIBLE);
		spin_unlock(&ring->cq_lock);
		error = wait_sleep(THREAD_INTERRUPTIBLE, deadline_ns);
		spin_lock(&ring->cq_lock);
	} while (!target_reached(ring, &w) && !error);
	thread_finish_sleep();
	list_del(&w.node);
	if (ring->cq_tail != READ_ONCE(ring->rings->cq_head))
		error = 0;
	spin_unlock(&ring->cq_lock);
	return error;
}
