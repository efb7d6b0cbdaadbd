/*
 * One worker thread: takes a batch from its account's queue, runs it, posts the results together, and
 * idles when there is nothing; after five idle seconds it leaves.
 *
 * A worker runs with the process of the ring (current->process) and the submitter's credentials. It is no
 * thread of the program: it is not on process->threads and never leaves the kernel.
 *
 *	take	pool->lock: some of the queue, shared out over the running workers
 *	begin	w->lock: the next of the batch becomes current_request; an interrupt meant for the one
 *		before is forgotten here
 *	end	result onto w->done; what is chained behind it goes to the front of the batch
 *	sleep	(scheduler's hook) results are posted and the rest of the batch goes back to the queue, so
 *		that nothing waits behind a request that waits for the disk
 */
#include "kernel/trace.h"
#include "ring/internal.h"

#define RING_BATCH_MIN 4u
#define RING_BATCH_MAX 16u
#define RING_IDLE_NS   (5 * NSEC_PER_SEC)

/* ---- Posting ---- */

void ring_worker_post(struct ring_worker *w)
{
	struct ring *ring = w->done_ring;

	if (!w->done.count)
		return;
	w->done_ring = NULL;
	ring_post(ring, &w->done, NULL, false);
}

/* ---- The scheduler's hook ---- */

/* What w has taken and not begun goes back to the front of the queue. Context: pool->lock. */
static void give_back_batch(struct ring_worker *w, struct ring_account *a)
{
	struct ring_request *req;

	spin_lock_nested(&w->lock, 1);
	list_for_each_entry (req, &w->batch, node) {
		req->where = REQ_AT_QUEUE;
		a->queued++;
	}
	list_splice_tail(&a->queue, &w->batch);
	list_splice_tail(&w->batch, &a->queue);
	spin_unlock(&w->lock);
}

/* Context: the worker itself, about to sleep (its state is set: nothing here may sleep) or awake again. */
static void worker_sleep_hook(struct thread *self, bool sleeping)
{
	struct ring_worker *w = self->hook_data;
	struct ring_account *a = &w->pool->accounts[w->account];

	if (READ_ONCE(w->state) != WORKER_RUNNING)
		return;
	if (sleeping) {
		ring_count(workers_slept);
		ring_worker_post(w);
	}
	spin_lock(&w->pool->lock);
	w->asleep = sleeping;
	w->slept = true;
	if (sleeping) {
		a->running--;
		give_back_batch(w, a);
		ring_pool_kick(w->pool, a);
	} else {
		a->running++;
	}
	spin_unlock(&w->pool->lock);
}

bool ring_on_worker(void)
{
	return current->sleep_hook == worker_sleep_hook;
}

/* ---- Running requests ---- */

/* Take the credentials c; they stay until the next request needs others. */
static void become(struct cred *c)
{
	struct cred *old;

	if (likely(current->cred == c))
		return;
	old = cred_override(c);
	if (old)
		cred_put(old);
}

/* A request the kernel itself starts, behind one that has ended: it enters inflight here. */
static void begin_next(struct ring_worker *w, struct ring_request *req)
{
	req->worker = w;
	req->where = REQ_AT_WORKER;
	ring_request_enter_flight(req);
	spin_lock(&w->lock);
	list_add(&req->node, &w->batch);
	spin_unlock(&w->lock);
}

static bool must_cancel(const struct ring_worker *w, const struct ring_request *req)
{
	return READ_ONCE(req->cancelled) || READ_ONCE(req->ring->closing) ||
	       READ_ONCE(w->pool->exiting);
}

static void run_request(struct ring_worker *w, struct ring_request *req)
{
	struct ring_request *next;
	int result = -ECANCELED;

	if (likely(!must_cancel(w, req))) {
		become(req->flags & REQ_CRED ? req->cred : req->ring->cred);
		req->waiter.chained = false;
		req->released = false;
		trace(worker_start, req->opcode, req->user_data);
		result = req->op->issue(
			req, w->account == RING_ACCOUNT_UNBOUNDED ? RING_UNBOUNDED : 0);
		trace(worker_end, req->opcode, result);
		w->requests++;
		if (unlikely(result == -EAGAIN && req->waiter.chained)) {
			ring_pool_park(req);
			return;
		}
		if (unlikely(result == -EAGAIN && !(req->flags & REQ_EAGAIN_FINAL) &&
			     w->account == RING_BOUNDED)) {
			ring_pool_move_unbounded(req);
			return;
		}
		debug_assert(!req->waiter.chained);
	}
	if (w->done_ring != req->ring) {
		ring_worker_post(w);
		w->done_ring = req->ring;
	}
	next = ring_request_end(req, result, &w->done);
	if (next)
		begin_next(w, next);
	if (w->done.count >= RING_DONE_MAX)
		ring_worker_post(w);
}

/* The next of the batch, now current; NULL at its end. */
static struct ring_request *next_request(struct ring_worker *w)
{
	struct ring_request *req = NULL;

	spin_lock(&w->lock);
	if (unlikely(w->interrupted)) {
		w->interrupted = false;
		atomic_fetch_and(&current->flags, ~THREAD_INTERRUPTED);
	}
	if (!list_empty(&w->batch)) {
		req = list_first_entry(&w->batch, struct ring_request, node);
		list_del(&req->node);
	}
	w->current_request = req;
	spin_unlock(&w->lock);
	return req;
}

/*
 * Take a share of the queue: what each running worker would get, but enough to be worth the lock, and
 * the wake-up of whoever waits for the results. False when the queue is empty. Context: pool->lock.
 */
static bool take_batch(struct ring_worker *w)
{
	struct ring_account *a = &w->pool->accounts[w->account];
	u32 n = DIV_ROUND_UP(a->queued, a->running);

	if (!a->queued)
		return false;
	n = MIN(MAX(n, RING_BATCH_MIN), RING_BATCH_MAX);
	n = MIN(n, a->queued);
	if (w->account == RING_ACCOUNT_UNBOUNDED)
		n = 1;
	a->queued -= n;
	w->taken = n;
	w->slept = false;
	w->began_ns = clock_ns();
	spin_lock_nested(&w->lock, 1);
	while (n--) {
		struct ring_request *req = list_first_entry(&a->queue, struct ring_request, node);

		req->where = REQ_AT_WORKER;
		req->worker = w;
		list_move_tail(&req->node, &w->batch);
	}
	spin_unlock(&w->lock);
	ring_count(worker_batches);
	return true;
}

/* The batch is done: what it has taught about the time requests take. Context: pool->lock. */
static void learn_request_time(struct ring_worker *w)
{
	struct ring_account *a = &w->pool->accounts[w->account];

	if (w->taken && !w->slept)
		ring_mean_add(&a->request_ns, (clock_ns() - w->began_ns) / w->taken);
	w->taken = 0;
}

/* ---- Idling and leaving ---- */

/* Leave the account for good. Context: pool->lock; the worker is counted as running. */
static void leave_account(struct ring_worker *w)
{
	struct ring_account *a = &w->pool->accounts[w->account];

	a->running--;
	a->nr_workers--;
}

/* Sleep until woken for work (true) or idle for too long (false). Context: pool->lock, on both ends. */
static bool idle(struct ring_worker *w)
{
	struct ring_pool *pool = w->pool;
	struct ring_account *a = &pool->accounts[w->account];
	u64 deadline = clock_ns() + RING_IDLE_NS;
	int error = 0;

	a->running--;
	a->nr_idle++;
	WRITE_ONCE(w->state, WORKER_IDLE);
	list_add(&w->idle_node, &a->idle);
	while (w->state == WORKER_IDLE && error != -ETIME) {
		thread_prepare_sleep(THREAD_SLEEPING);
		spin_unlock(&pool->lock);
		error = wait_sleep(THREAD_SLEEPING, deadline);
		thread_finish_sleep();
		spin_lock(&pool->lock);
	}
	if (w->state == WORKER_IDLE) {
		list_del(&w->idle_node);
		a->nr_idle--;
		a->running++;
	}
	if (w->woken_ns) {
		ring_mean_add(&pool->wake_ns, clock_ns() - w->woken_ns);
		w->woken_ns = 0;
	}
	error = w->state == WORKER_IDLE;
	WRITE_ONCE(w->state, WORKER_RUNNING);
	return !error;
}

/* Wait for work and take some. False: leave. */
static bool worker_take(struct ring_worker *w)
{
	struct ring_pool *pool = w->pool;
	bool got;

	spin_lock(&pool->lock);
	learn_request_time(w);
	while (!(got = take_batch(w)))
		if (READ_ONCE(pool->exiting) || !idle(w))
			break;
	/* Work may have come in the moment it gave up; then nobody else was told. */
	if (!got)
		got = take_batch(w);
	if (!got)
		leave_account(w);
	spin_unlock(&pool->lock);
	return got;
}

static void worker_main(void *arg)
{
	struct ring_worker *w = arg;
	struct ring_pool *pool = w->pool;
	struct ring_request *req;

	current->process = pool->process;
	current->hook_data = w;
	current->sleep_hook = worker_sleep_hook;
	while (worker_take(w)) {
		while ((req = next_request(w)) != NULL)
			run_request(w, req);
		ring_worker_post(w);
	}
	current->sleep_hook = NULL;
	become(&root_cred);
	current->process = NULL;

	ring_count(workers_exited); /* before anybody can see that it has left */
	spin_lock(&pool->lock);
	list_del(&w->node);
	pool->nr_threads--;
	if (pool->drainer)
		thread_wake(pool->drainer);
	spin_unlock(&pool->lock);
	thread_put(w->thread);
	kfree(w);
	ring_pool_put(pool);
}

int ring_worker_create(struct ring_pool *pool, unsigned account)
{
	struct ring_worker *w = kzalloc(sizeof(*w), ALLOC_WAIT);
	char name[24];

	if (!w)
		return -ENOMEM;
	snprintf(name, sizeof(name), "ring/%u", pool->process->pid);
	w->thread = thread_create(name, worker_main, w);
	if (!w->thread) {
		kfree(w);
		return -ENOMEM;
	}
	spin_lock_init(&w->lock, RANK_RING_WORKERS);
	list_init(&w->batch);
	ring_done_init(&w->done);
	w->account = (u8)account;
	w->state = WORKER_RUNNING;
	w->pool = pool;
	atomic_add(&pool->refs, 1u);
	spin_lock(&pool->lock);
	list_add_tail(&w->node, &pool->workers);
	spin_unlock(&pool->lock);
	ring_count(workers_created);
	thread_start(w->thread);
	return 0;
}
