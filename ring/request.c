/*
 * Requests: memory, the end of a request, chains.
 *
 * A ring keeps the requests it has ever needed at the same time: a posted one goes to ring->free
 * (submitter) or ring->returned (workers) and is used again without being cleared, so an inline open
 * allocates nothing. All of them go when the ring goes.
 *
 * Chains (CONTRACT 4, links). Members hang on ->link behind the head and are touched by nobody until
 * the one before has ended:
 *
 *	LINK member fails (negative, or short read)	the rest ends with -ECANCELED, unissued
 *	HARDLINK member fails				the next one is issued all the same
 *	a member was bad from the start			nothing is issued: the bad one ends with its
 *							error, all others with -ECANCELED
 *	the ring closes					the rest ends with -ECANCELED
 *
 * CQE_SKIP_SUCCESS: a success posts nothing; a failure does, and then the rest of its chain does not.
 *
 * Locking: ring->free under submit_lock; ring->returned under cq_lock (see internal.h).
 */
#include "ring/internal.h"

static struct slab_cache *request_cache;

void ring_request_init_cache(void)
{
	request_cache =
		slab_cache_create("ring_request", sizeof(struct ring_request), CACHE_LINE, 0, NULL);
	if (!request_cache)
		panic("no memory for ring requests");
}

struct ring_request *ring_request_alloc_slow(struct ring *ring)
{
	struct ring_request *req;

	spin_lock(&ring->cq_lock);
	req = ring->returned;
	ring->returned = NULL;
	spin_unlock(&ring->cq_lock);
	if (req) {
		ring->free = req->next;
		return req;
	}
	req = slab_alloc(request_cache, ALLOC_WAIT);
	if (!req)
		return NULL;
	req->ring = ring;
	req->waiter.fn = ring_park_released;
	return req;
}

void ring_request_free(struct ring *ring, struct ring_request *req)
{
	req->next = ring->free;
	ring->free = req;
}

void ring_request_destroy_list(struct ring_request *first)
{
	while (first) {
		struct ring_request *next = first->next;

		slab_free(request_cache, first);
		first = next;
	}
}

/* Give back what req holds and hand it over for posting. */
static void request_finish(struct ring_request *req, int result, struct ring_done *d)
{
	req->result = result;
	if (unlikely(req->flags & REQ_CLEANUP))
		req->op->cleanup(req);
	if (req->flags & REQ_CRED)
		cred_put(req->cred);
	WRITE_ONCE(req->finished, true);
	ring_done_add(d, req);
}

/* A failure is always told; CQE_SKIP_SUCCESS then silences the rest of the chain instead. */
static void request_set_failed(struct ring_request *req)
{
	req->flags |= REQ_FAIL;
	if (req->flags & REQ_SKIP_CQE)
		req->flags = (u16)((req->flags & ~REQ_SKIP_CQE) | REQ_SKIP_LINKS);
}

static void cancel_rest(struct ring_request *req, bool silent, struct ring_done *d)
{
	while (req) {
		struct ring_request *next = req->flags & REQ_LINK ? req->link : NULL;

		req->flags &= (u16)~REQ_SKIP_CQE;
		if (silent)
			req->flags |= REQ_SKIP_CQE;
		request_finish(req, req->flags & REQ_FAIL ? req->result : -ECANCELED, d);
		req = next;
	}
}

struct ring_request *ring_request_end_slow(
	struct ring_request *req, int result, struct ring_done *d)
{
	struct ring_request *next = req->flags & REQ_LINK ? req->link : NULL;

	if (result < 0 || (req->flags & REQ_FAIL))
		request_set_failed(req);
	request_finish(req, result, d);
	if (!next)
		return NULL;
	if (((req->flags & REQ_FAIL) && !(req->sqe_flags & IOSQE_IO_HARDLINK)) ||
		READ_ONCE(req->ring->closing)) {
		cancel_rest(next, req->flags & REQ_SKIP_LINKS, d);
		return NULL;
	}
	return next;
}

void ring_request_enter_flight(struct ring_request *req)
{
	struct ring *ring = req->ring;

	req->flags |= REQ_INFLIGHT;
	req->cancelled = false;
	req->finished = false;
	spin_lock(&ring->cq_lock);
	list_add_tail(&req->inflight, &ring->inflight);
	spin_unlock(&ring->cq_lock);
}

void ring_request_fail_chain(struct ring_request *head, struct ring_done *d)
{
	cancel_rest(head, false, d);
}
