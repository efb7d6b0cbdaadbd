/*
 * Wait queues and completions.
 *
 * Ordering: a sleeper queues itself and sets its state (full barrier in thread_prepare_sleep), then
 * tests the condition; a waker makes the condition true, then (full barrier) looks whether anyone is
 * queued and wakes. Whichever comes second sees the other: no wake-up is lost. Mostly nobody is queued,
 * and the lock is not taken.
 *
 * Locking: waitqueue.lock (RANK_WAITQUEUE, interrupts off), inside it only run-queue locks.
 */
#include "kernel/wait.h"
#include "kernel/clock.h"

void waitqueue_init(struct waitqueue *wq)
{
	spin_lock_init(&wq->lock, RANK_WAITQUEUE);
	list_init(&wq->waiters);
}

void waitqueue_add(struct waitqueue *wq, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	list_add_tail(&w->node, &wq->waiters);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void waitqueue_remove(struct waitqueue *wq, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&wq->lock);

	list_del(&w->node);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/*
 * Context: wq->lock held. An exclusive waiter that was already awake does not use the wake-up up:
 * it may be leaving for another reason, and the event must reach somebody.
 */
static void wake_locked(struct waitqueue *wq, bool one)
{
	struct waiter *w, *next;

	list_for_each_entry_safe (w, next, &wq->waiters, node) {
		bool exclusive = w->exclusive, woken = true;

		if (w->fn)
			w->fn(w);
		else
			woken = thread_wake(w->thread);
		if (one && exclusive && woken)
			break;
	}
}

static void wake_up(struct waitqueue *wq, bool one)
{
	u64 flags;

	/* Partner: thread_prepare_sleep, between waitqueue_add and the sleeper's test. */
	smp_mb();
	if (likely(!waitqueue_active(wq)))
		return;
	flags = spin_lock_irqsave(&wq->lock);
	wake_locked(wq, one);
	spin_unlock_irqrestore(&wq->lock, flags);
}

void wake_up_all(struct waitqueue *wq)
{
	wake_up(wq, false);
}

void wake_up_one(struct waitqueue *wq)
{
	wake_up(wq, true);
}

static void deadline_passed(struct timer *t)
{
	thread_wake(t->owner);
}

int wait_sleep(enum thread_state state, u64 deadline_ns)
{
	struct timer timer;

	if (state == THREAD_INTERRUPTIBLE && thread_interrupted())
		return -EINTR;
	if (deadline_ns == DEADLINE_NEVER) {
		schedule();
	} else {
		if (clock_ns() >= deadline_ns)
			return -ETIME;
		timer_setup(&timer, deadline_passed);
		timer.owner = current;
		timer_arm(&timer, deadline_ns);
		schedule();
		timer_cancel_sync(&timer);
		if (clock_ns() >= deadline_ns)
			return -ETIME;
	}
	if (state == THREAD_INTERRUPTIBLE && thread_interrupted())
		return -EINTR;
	return 0;
}

void completion_init(struct completion *c)
{
	c->done = 0;
	waitqueue_init(&c->wq);
}

void complete(struct completion *c)
{
	u64 flags = spin_lock_irqsave(&c->wq.lock);

	if (c->done != ~0u)
		WRITE_ONCE(c->done, c->done + 1);
	wake_locked(&c->wq, true);
	spin_unlock_irqrestore(&c->wq.lock, flags);
}

void complete_all(struct completion *c)
{
	u64 flags = spin_lock_irqsave(&c->wq.lock);

	WRITE_ONCE(c->done, ~0u);
	wake_locked(&c->wq, false);
	spin_unlock_irqrestore(&c->wq.lock, flags);
}

/*
 * Everything happens under the queue's lock, so that a waiter returns only after complete() has let
 * go of it: the completion may then vanish with the waiter's stack.
 */
static int completion_wait(struct completion *c, u64 deadline_ns)
{
	struct waiter w = {.thread = current, .exclusive = true};
	int ret = 0;
	u64 flags;

	might_sleep();
	flags = spin_lock_irqsave(&c->wq.lock);
	list_add_tail(&w.node, &c->wq.waiters);
	while (c->done == 0 && ret == 0) {
		thread_prepare_sleep(THREAD_SLEEPING);
		spin_unlock_irqrestore(&c->wq.lock, flags);
		ret = wait_sleep(THREAD_SLEEPING, deadline_ns);
		thread_finish_sleep();
		flags = spin_lock_irqsave(&c->wq.lock);
	}
	list_del(&w.node);
	if (c->done) {
		ret = 0;
		if (c->done != ~0u)
			WRITE_ONCE(c->done, c->done - 1);
	}
	spin_unlock_irqrestore(&c->wq.lock, flags);
	return ret;
}

void wait_for_completion(struct completion *c)
{
	completion_wait(c, DEADLINE_NEVER);
}

int wait_for_completion_deadline(struct completion *c, u64 deadline_ns)
{
	return completion_wait(c, deadline_ns);
}
