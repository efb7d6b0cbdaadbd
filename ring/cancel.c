/*
 * Cancelling: ASYNC_CANCEL, and everything at a ring's end.
 *
 *	queued	 taken off the queue, ends with -ECANCELED; the canceller gets 0
 *	handed	 on its way to the queue: ends with -ECANCELED when its turn comes; 0
 *	taken	 in a worker's batch, not begun: ends with -ECANCELED when its turn comes; 0
 *	running	 its worker is interrupted; the canceller gets -EALREADY, the request ends with -EINTR,
 *		 -ECANCELED, or its result if it was faster
 *	parked	 behind another's lookup: ends with -ECANCELED when that is over; -EALREADY
 *	neither	 -ENOENT
 *
 * Requests are found on ring->inflight, and judged under cq_lock, pool->lock and their worker's lock
 * (internal.h), so none can slip from queued to running in between.
 */
#include "ring/internal.h"

/*
 * Stop one request. One taken off the queue goes to removed, and is the caller's to end.
 * Context: cq_lock and pool->lock held. 0, -EALREADY, or -ENOENT when it has its result already.
 */
static int cancel_request(struct ring_request *req, struct list_head *removed)
{
	struct ring_worker *w;
	int ret = 0;

	switch (req->where) {
	case REQ_AT_QUEUE:
		list_move_tail(&req->node, removed);
		req->ring->pool->accounts[req->account].queued--;
		req->where = REQ_ENDING;
		return 0;
	case REQ_AT_SUBMITTER:
		WRITE_ONCE(req->cancelled, true);
		return 0;
	case REQ_PARKED:
		WRITE_ONCE(req->cancelled, true);
		return -EALREADY;
	case REQ_AT_WORKER:
		break;
	default:
		return -ENOENT;
	}
	w = req->worker;
	spin_lock_nested(&w->lock, 1);
	if (READ_ONCE(req->finished)) {
		ret = -ENOENT;
	} else {
		WRITE_ONCE(req->cancelled, true);
		if (w->current_request == req) {
			ring_worker_interrupt(w);
			ret = -EALREADY;
		}
	}
	spin_unlock(&w->lock);
	return ret;
}

/* What hangs behind a cancelled request by a HARDLINK runs all the same. */
static void queue_follower(struct ring_request *req)
{
	struct list_head list = LIST_HEAD_INIT(list);

	req->where = REQ_AT_SUBMITTER;
	ring_request_enter_flight(req);
	list_add(&req->node, &list);
	ring_pool_queue(req->ring->pool, &list);
}

/* End and post what cancel took off the queue. May sleep. */
static void end_removed(struct ring *ring, struct list_head *removed)
{
	struct ring_request *req, *next;
	struct ring_done done;

	ring_done_init(&done);
	list_for_each_entry_safe (req, next, removed, node) {
		struct ring_request *follower = ring_request_end(req, -ECANCELED, &done);

		if (follower)
			queue_follower(follower);
	}
	if (done.count)
		ring_post(ring, &done, NULL, false);
}

void ring_cancel_all(struct ring *ring)
{
	struct list_head removed = LIST_HEAD_INIT(removed);
	struct ring_request *req;

	spin_lock(&ring->cq_lock);
	spin_lock(&ring->pool->lock);
	list_for_each_entry (req, &ring->inflight, inflight)
		cancel_request(req, &removed);
	spin_unlock(&ring->pool->lock);
	spin_unlock(&ring->cq_lock);
	end_removed(ring, &removed);
}

/* ---- The operation ---- */

#define CANCEL_FLAGS                                                                               \
	(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY |              \
		IORING_ASYNC_CANCEL_USERDATA)

int ring_cancel_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct ring_cancel *c = &req->cancel;

	if (sqe->off || sqe->file_index || sqe->len)
		return -EINVAL;
	req->flags |= REQ_FLUSH;
	c->target = sqe->addr;
	c->flags = sqe->op_flags;
	if (c->flags & ~CANCEL_FLAGS)
		return -EINVAL;
	if ((c->flags & IORING_ASYNC_CANCEL_ANY) &&
		(c->flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_USERDATA)))
		return -EINVAL;
	return 0;
}

static bool cancel_matches(const struct ring_request *req, const struct ring_request *by)
{
	const struct ring_cancel *c = &by->cancel;

	if (req == by)
		return false;
	if (c->flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	if ((c->flags & IORING_ASYNC_CANCEL_FD) && req->fd != by->fd)
		return false;
	if (!(c->flags & IORING_ASYNC_CANCEL_FD) || (c->flags & IORING_ASYNC_CANCEL_USERDATA))
		return req->user_data == c->target;
	return true;
}

int ring_cancel_issue(struct ring_request *req, unsigned flags)
{
	struct ring *ring = req->ring;
	bool all = req->cancel.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
	struct ring_request *other;
	int result = -ENOENT, found = 0;
	struct list_head removed = LIST_HEAD_INIT(removed);

	(void)flags;
	spin_lock(&ring->cq_lock);
	spin_lock(&ring->pool->lock);
	list_for_each_entry (other, &ring->inflight, inflight) {
		int ret;

		if (!cancel_matches(other, req))
			continue;
		ret = cancel_request(other, &removed);
		if (ret == -ENOENT)
			continue;
		found++;
		result = ret;
		if (!all)
			break;
	}
	spin_unlock(&ring->pool->lock);
	spin_unlock(&ring->cq_lock);
	end_removed(ring, &removed);
	return all ? found : result;
}
