/*
 * Deferred work: one FIFO, served by one thread per CPU (at least two, so that a work that waits for
 * another one is not stuck).
 *
 * Works are numbered in the order they are queued. A flush waits until no work with a smaller number
 * is queued or running; a work itself must not flush, it would wait for itself. What it may do is finish
 * another work: run it here when it is queued, which needs no thread, and wait when it runs elsewhere.
 *
 * Locking: queue_lock (RANK_WORK, interrupts off) guards everything here; inside it, only the wait
 * queues' locks.
 */
#include "kernel/workqueue.h"
#include "kernel/panic.h"
#include "kernel/wait.h"

struct runner {
	u64 number; /* of the work it runs, or NONE; guarded by queue_lock */
	const struct work
		*work; /* it runs this one (only compared), or NULL; guarded by queue_lock */
};

#define NONE ~0ull

static struct spinlock queue_lock = SPINLOCK_INIT(RANK_WORK);
static LIST_HEAD(queue);
static u64 last_number;
static struct runner runners[MAX_CPUS];
static unsigned nr_runners;
static struct waitqueue work_wq = WAITQUEUE_INIT(work_wq);
static struct waitqueue flush_wq = WAITQUEUE_INIT(flush_wq);

void work_init(struct work *w, void (*fn)(struct work *w))
{
	list_init(&w->node);
	w->fn = fn;
}

bool work_queue(struct work *w)
{
	u64 flags = spin_lock_irqsave(&queue_lock);
	bool fresh = list_empty(&w->node);

	if (fresh) {
		w->number = ++last_number;
		list_add_tail(&w->node, &queue);
	}
	spin_unlock_irqrestore(&queue_lock, flags);
	if (fresh)
		wake_up_one(&work_wq);
	return fresh;
}

static struct work *take_work(struct runner *r)
{
	struct work *w = NULL;
	u64 flags = spin_lock_irqsave(&queue_lock);

	if (!list_empty(&queue)) {
		w = list_first_entry(&queue, struct work, node);
		r->number = w->number;
		r->work = w;
		list_del(&w->node); /* may be queued again from now on */
	}
	spin_unlock_irqrestore(&queue_lock, flags);
	return w;
}

static void run_works(void *arg)
{
	struct runner *r = arg;
	struct work *w;

	for (;;) {
		u64 flags;

		w = NULL;
		(void)wait_event_exclusive(&work_wq, (w = take_work(r)) != NULL, DEADLINE_NEVER);
		if (!w)
			continue;
		w->fn(w); /* may free w */
		flags = spin_lock_irqsave(&queue_lock);
		r->number = NONE;
		r->work = NULL;
		spin_unlock_irqrestore(&queue_lock, flags);
		wake_up_all(&flush_wq);
	}
}

static bool done_up_to(u64 number)
{
	u64 flags = spin_lock_irqsave(&queue_lock);
	bool done =
		list_empty(&queue) || list_first_entry(&queue, struct work, node)->number > number;

	for (unsigned i = 0; i < nr_runners; i++)
		done = done && runners[i].number > number;
	spin_unlock_irqrestore(&queue_lock, flags);
	return done;
}

void work_flush(void)
{
	u64 number, flags;

	might_sleep();
	assert(current->fn != run_works);
	flags = spin_lock_irqsave(&queue_lock);
	number = last_number;
	spin_unlock_irqrestore(&queue_lock, flags);
	wait_event(&flush_wq, done_up_to(number));
}

static bool unqueue(struct work *w)
{
	u64 flags = spin_lock_irqsave(&queue_lock);
	bool queued = !list_empty(&w->node);

	if (queued)
		list_del(&w->node);
	spin_unlock_irqrestore(&queue_lock, flags);
	return queued;
}

static bool is_running(const struct work *w)
{
	u64 flags = spin_lock_irqsave(&queue_lock);
	bool running = false;

	for (unsigned i = 0; i < nr_runners; i++)
		running = running || runners[i].work == w;
	spin_unlock_irqrestore(&queue_lock, flags);
	return running;
}

void work_finish(struct work *w)
{
	might_sleep();
	if (unqueue(w)) {
		w->fn(w);
		wake_up_all(&flush_wq); /* a flush may have counted on it */
	}
	wait_event(&flush_wq, !is_running(w));
}

void workqueue_init(void)
{
	for (unsigned i = 0; i < MAX(nr_cpus, 2u); i++) {
		struct thread *t = thread_create("work", run_works, &runners[i]);

		if (!t)
			panic("no memory for the work threads");
		runners[i].number = NONE;
		nr_runners++;
		thread_start(t);
		thread_put(t);
	}
}
