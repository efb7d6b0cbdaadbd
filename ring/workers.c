/*
 * The worker pool of a process: queues, who should run, parking, the end.
 *
 * Two accounts. Bounded: work that ends by itself (the disk answers); at most max_workers threads,
 * min(SQ entries, 4 x CPUs) unless IOWQ_MAX_WORKERS says otherwise. Unbounded: work that may wait for an
 * event outside for ever (opening a FIFO); it can never take the bounded threads' place.
 *
 * How many run. `running` counts workers that are not asleep inside a request: executing, woken and on
 * their way, or being created. Whenever work is queued, ring_pool_kick sees to it that somebody runs: an idle
 * worker is woken, else one is created. The first one on the submitter's CPU, because the submitter is
 * going to wait; others on other CPUs, at most one a CPU, and only for as much work as pays for that:
 * the time requests usually take and the time a wake-up across CPUs usually takes are measured all along, and
 * another worker is worth RING_WAKE_WORTH wake-ups. When a worker goes to sleep inside a request,
 * the scheduler's hook takes it out of `running`, gives the rest of its batch back and kicks. So as
 * long as work is queued somebody runs or is about to, a burst does not wake or create more
 * workers than can run, and requests that wait for the disk wait for it together.
 *
 * Creation is a work item, because neither a submitter's fast path nor the scheduler's hook may sleep.
 *
 * Parking. A request whose lookup another thread is already doing chains on it (dentry_waiter) and
 * leaves its worker; when that lookup ends, ring_park_released queues it again at the front. If
 * the answer comes before it is parked, ->released says so.
 *
 *	process exits	 exiting is set, running requests are interrupted
 *	last thread gone ring_pool_process_release ends what is queued itself, and sleeps until every
 *			 worker has left: it waits for no timer and for nothing outside its requests
 *
 *	pool->lock	everything in the pool; ->where, ->node, ->worker, ->released of its requests
 *	  worker->lock	(subclass 1) a worker's batch
 */
#include "ring/internal.h"

/* Each further worker must have so many wake-ups' time of work. */
#define RING_WAKE_WORTH	   16
#define RING_WAKE_NS	   (50 * NSEC_PER_USEC) /* until it has been measured */
#define RING_UNBOUNDED_MAX 1024

/* ---- Making and finding pools ---- */

static void pool_create_work(struct work *work);

static struct ring_pool *pool_alloc(struct process *p)
{
	struct ring_pool *pool = kzalloc(sizeof(*pool), ALLOC_WAIT);

	if (!pool)
		return NULL;
	pool->refs = 1;
	pool->cpus = nr_cpus;
	pool->process = p;
	pool->wake_ns = RING_WAKE_NS;
	spin_lock_init(&pool->lock, RANK_RING_WORKERS);
	list_init(&pool->workers);
	work_init(&pool->create_work, pool_create_work);
	for (unsigned i = 0; i < RING_ACCOUNTS; i++) {
		list_init(&pool->accounts[i].queue);
		list_init(&pool->accounts[i].idle);
	}
	pool->accounts[RING_ACCOUNT_UNBOUNDED].max_workers = RING_UNBOUNDED_MAX;
	ring_pool_add(pool);
	return pool;
}

struct ring_pool *ring_pool_get(u32 sq_entries)
{
	struct process *p = current->process;
	struct ring_pool *pool = load_acquire(&p->ring_pool), *none = NULL;
	struct ring_account *a;

	if (!pool) {
		pool = pool_alloc(p);
		if (!pool)
			return NULL;
		/* Two threads may set up their first rings at once. */
		if (!atomic_cas(&p->ring_pool, &none, pool)) {
			ring_pool_put(pool);
			pool = none;
		}
	}
	atomic_add(&pool->refs, 1u);
	a = &pool->accounts[RING_BOUNDED];
	spin_lock(&pool->lock);
	if (!pool->limits_set)
		a->max_workers = MAX(a->max_workers, MIN(sq_entries, 4 * pool->cpus));
	spin_unlock(&pool->lock);
	return pool;
}

void ring_pool_put(struct ring_pool *pool)
{
	if (atomic_sub_return(&pool->refs, 1u) != 0)
		return;
	ring_pool_del(pool);
	kfree(pool);
}

void ring_pool_set_max(struct ring_pool *pool, u32 max[RING_ACCOUNTS])
{
	spin_lock(&pool->lock);
	for (unsigned i = 0; i < RING_ACCOUNTS; i++) {
		u32 old = pool->accounts[i].max_workers;

		if (max[i]) {
			pool->accounts[i].max_workers = max[i];
			pool->limits_set = true;
		}
		max[i] = old;
	}
	spin_unlock(&pool->lock);
}

/* ---- Who runs ---- */

static void wake_idle(struct ring_account *a, enum wake_place place)
{
	struct ring_worker *w = list_first_entry(&a->idle, struct ring_worker, idle_node);

	list_del(&w->idle_node);
	a->nr_idle--;
	a->running++;
	WRITE_ONCE(w->state, WORKER_WOKEN);
	w->woken_ns = place == WAKE_ELSEWHERE ? clock_ns() : 0;
	ring_count(workers_woken);
	thread_wake_at(w->thread, place);
}

/* How many should run for what is queued. */
static u32 workers_wanted(struct ring_pool *pool, const struct ring_account *a)
{
	u64 further = a->queued * a->request_ns / (RING_WAKE_WORTH * pool->wake_ns + 1);

	/* Where wake-ups have been slow they are tried again after a while. */
	if (!further)
		pool->wake_ns -= pool->wake_ns / 256;
	further = MIN(further, (u64)pool->cpus - 1);
	return MIN(1 + (u32)further, a->queued);
}

void ring_pool_kick(struct ring_pool *pool, struct ring_account *a)
{
	u32 want = workers_wanted(pool, a);

	while (a->running < want) {
		if (!list_empty(&a->idle)) {
			wake_idle(a, a->running ? WAKE_ELSEWHERE : WAKE_HERE);
			continue;
		}
		if (a->nr_workers >= a->max_workers || pool->exiting)
			break;
		a->nr_workers++;
		a->running++;
		a->to_create++;
		atomic_add(&pool->refs, 1u);
		if (!work_queue(&pool->create_work))
			atomic_sub(&pool->refs, 1u);
	}
}

/*
 * Will what waits be taken by somebody who is there? Those who sleep in a bounded request come back; in an
 * unbounded one perhaps never. Context: pool->lock.
 */
static bool nobody_comes(const struct ring_pool *pool, const struct ring_account *a)
{
	bool bounded = a == &pool->accounts[RING_BOUNDED];

	return a->running == 0 && (a->nr_workers == 0 || !bounded);
}

/* Nobody can be created for an account where nobody comes: end what waits there. */
static void fail_queue(struct ring_pool *pool, struct ring_account *a, int error)
{
	struct list_head failed = LIST_HEAD_INIT(failed);
	struct ring_request *req, *next;

	spin_lock(&pool->lock);
	list_for_each_entry (req, &a->queue, node)
		req->where = REQ_ENDING;
	list_splice_tail(&a->queue, &failed);
	a->queued = 0;
	spin_unlock(&pool->lock);
	list_for_each_entry_safe (req, next, &failed, node) {
		struct ring *ring = req->ring;
		struct ring_done done;

		ring_done_init(&done);
		while (req)
			req = ring_request_end(req, error, &done);
		ring_post(ring, &done, NULL, false);
	}
}

/* Take one worker to be created from any account; false when there is none. */
static bool take_to_create(struct ring_pool *pool, unsigned *account)
{
	bool found = false;

	spin_lock(&pool->lock);
	for (unsigned i = 0; i < RING_ACCOUNTS && !found; i++) {
		struct ring_account *a = &pool->accounts[i];

		if (!a->to_create)
			continue;
		a->to_create--;
		*account = i;
		if (pool->exiting) {
			a->nr_workers--;
			a->running--;
			i--;
			continue;
		}
		pool->nr_threads++;
		found = true;
	}
	spin_unlock(&pool->lock);
	return found;
}

static void pool_create_work(struct work *work)
{
	struct ring_pool *pool = container_of(work, struct ring_pool, create_work);
	unsigned account;

	while (take_to_create(pool, &account)) {
		struct ring_account *a = &pool->accounts[account];
		bool nobody;

		if (ring_worker_create(pool, account) == 0)
			continue;
		printk_ratelimited("ring: no memory for a worker of %s", pool->process->name);
		spin_lock(&pool->lock);
		a->nr_workers--;
		a->running--;
		nobody = nobody_comes(pool, a);
		pool->nr_threads--;
		if (pool->drainer)
			thread_wake(pool->drainer);
		spin_unlock(&pool->lock);
		if (nobody)
			fail_queue(pool, a, -ENOMEM);
	}
	ring_pool_put(pool);
}

/* ---- Queueing ---- */

/* Context: pool->lock. */
static void kick_accounts(struct ring_pool *pool)
{
	for (unsigned i = 0; i < RING_ACCOUNTS; i++)
		if (pool->accounts[i].queued)
			ring_pool_kick(pool, &pool->accounts[i]);
	if (unlikely(pool->drainer))
		thread_wake(pool->drainer);
}

void ring_pool_queue(struct ring_pool *pool, struct list_head *requests)
{
	struct ring_request *req, *next;

	spin_lock(&pool->lock);
	list_for_each_entry_safe (req, next, requests, node) {
		struct ring_account *a = &pool->accounts[req->account];

		req->where = REQ_AT_QUEUE;
		list_move_tail(&req->node, &a->queue);
		a->queued++;
	}
	kick_accounts(pool);
	spin_unlock(&pool->lock);
}

/* Context: pool->lock. */
static void requeue(struct ring_pool *pool, struct ring_request *req)
{
	struct ring_account *a = &pool->accounts[req->account];

	req->where = REQ_AT_QUEUE;
	list_add(&req->node, &a->queue);
	a->queued++;
	kick_accounts(pool);
}

void ring_pool_move_unbounded(struct ring_request *req)
{
	struct ring_pool *pool = req->ring->pool;

	ring_count(unbounded);
	spin_lock(&pool->lock);
	req->account = RING_ACCOUNT_UNBOUNDED;
	requeue(pool, req);
	spin_unlock(&pool->lock);
}

void ring_pool_park(struct ring_request *req)
{
	struct ring_pool *pool = req->ring->pool;

	ring_count(chained);
	spin_lock(&pool->lock);
	if (req->released) {
		requeue(pool, req);
	} else {
		req->where = REQ_PARKED;
		pool->nr_parked++;
	}
	spin_unlock(&pool->lock);
}

void ring_park_released(struct dentry_waiter *w)
{
	struct ring_request *req = container_of(w, struct ring_request, waiter);
	/* While it is neither parked nor ended, its ring and pool are there. */
	struct ring_pool *pool = req->ring->pool;

	spin_lock(&pool->lock);
	if (req->where == REQ_PARKED) {
		pool->nr_parked--;
		requeue(pool, req);
	} else {
		req->released = true;
	}
	spin_unlock(&pool->lock);
}

/* ---- The end of a process ---- */

void ring_pool_process_exiting(struct process *p)
{
	struct ring_pool *pool = load_acquire(&p->ring_pool);
	struct ring_worker *w;

	if (!pool)
		return;
	spin_lock(&pool->lock);
	WRITE_ONCE(pool->exiting, true);
	list_for_each_entry (w, &pool->workers, node) {
		spin_lock_nested(&w->lock, 1);
		if (w->current_request)
			ring_worker_interrupt(w);
		spin_unlock(&w->lock);
	}
	for (unsigned i = 0; i < RING_ACCOUNTS; i++)
		while (!list_empty(&pool->accounts[i].idle))
			wake_idle(&pool->accounts[i], WAKE_ANYWHERE);
	spin_unlock(&pool->lock);
}

/* Everybody has left, and nothing waits. Context: pool->lock. */
static bool pool_is_quiet(const struct ring_pool *pool)
{
	return pool->nr_threads == 0 && pool->nr_parked == 0 &&
	       pool->accounts[RING_BOUNDED].queued == 0 &&
	       pool->accounts[RING_ACCOUNT_UNBOUNDED].queued == 0;
}

void ring_pool_process_release(struct process *p)
{
	struct ring_pool *pool = p->ring_pool;
	bool quiet;

	if (!pool)
		return;
	ring_pool_process_exiting(p);
	spin_lock(&pool->lock);
	pool->drainer = current;
	for (;;) {
		thread_prepare_sleep(THREAD_SLEEPING);
		quiet = pool_is_quiet(pool);
		spin_unlock(&pool->lock);
		if (quiet)
			break;
		if (READ_ONCE(pool->accounts[RING_BOUNDED].queued) ||
			READ_ONCE(pool->accounts[RING_ACCOUNT_UNBOUNDED].queued)) {
			thread_finish_sleep();
			for (unsigned i = 0; i < RING_ACCOUNTS; i++)
				fail_queue(pool, &pool->accounts[i], -ECANCELED);
		} else {
			schedule();
		}
		spin_lock(&pool->lock);
	}
	thread_finish_sleep();
	p->ring_pool = NULL;
	WRITE_ONCE(pool->process, NULL); /* a ring that another process has inherited stays */
	ring_pool_put(pool);
}
