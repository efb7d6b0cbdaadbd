/*
 * Waiting for an event: wait queues and completions.
 *
 *	wait_event(&wq, cond)                     sleep until cond; cond is re-tested after each wake
 *	wait_event_interruptible(&wq, cond)       0, or -EINTR when interrupted or killed
 *	wait_event_deadline(&wq, cond, ns)        0, -ETIME at clock_ns() >= ns, or -EINTR
 *
 * Whoever makes cond true wakes afterwards. A struct waiter with a function of its own is called
 * back under the queue's lock instead of waking a thread.
 */
#pragma once

#include "abi/errno.h"
#include "kernel/sched.h"
#include "kernel/spinlock.h"

#define DEADLINE_NEVER (~0ull)

struct waitqueue {
	struct spinlock lock;
	struct list_head waiters; /* guarded by lock */
};

struct waiter {
	struct list_head node;
	struct thread *thread;
	/* NULL: wake thread. Context: queue lock held, interrupts off. */
	void (*fn)(struct waiter *w);
	bool exclusive; /* wake_up_one stops after the first of these */
};

#define WAITQUEUE_INIT(name)                                                                       \
	{                                                                                          \
		.lock = SPINLOCK_INIT(RANK_WAITQUEUE), .waiters = LIST_HEAD_INIT((name).waiters)   \
	}

void waitqueue_init(struct waitqueue *wq);
void waitqueue_add(struct waitqueue *wq, struct waiter *w);
void waitqueue_remove(struct waitqueue *wq, struct waiter *w);
/* Wake all / all up to and including the first exclusive waiter. Context: any. */
void wake_up_all(struct waitqueue *wq);
void wake_up_one(struct waitqueue *wq);
/* Anyone there? Only a hint unless ordered by the caller (smp_mb before, as in wake paths). */
static inline bool waitqueue_active(const struct waitqueue *wq)
{
	return !list_empty(&wq->waiters);
}

/* Sleep once in state until woken or the deadline (clock_ns). 0, -ETIME or -EINTR. */
int wait_sleep(enum thread_state state, u64 deadline_ns);

#define wait_event_full_(wq, cond, state, deadline, excl)                                          \
	({                                                                                         \
		struct waiter w_ = {.thread = current, .exclusive = (excl)};                       \
		int ret_ = 0;                                                                      \
		might_sleep();                                                                     \
		if (!(cond)) {                                                                     \
			waitqueue_add((wq), &w_);                                                  \
			for (;;) {                                                                 \
				thread_prepare_sleep(state);                                       \
				if (cond) {                                                        \
					ret_ = 0;                                                  \
					break;                                                     \
				}                                                                  \
				if (ret_)                                                          \
					break;                                                     \
				ret_ = wait_sleep((state), (deadline));                            \
			}                                                                          \
			thread_finish_sleep();                                                     \
			waitqueue_remove((wq), &w_);                                               \
		}                                                                                  \
		ret_;                                                                              \
	})

#define wait_event(wq, cond)                                                                       \
	(void)wait_event_full_(wq, cond, THREAD_SLEEPING, DEADLINE_NEVER, false)
#define wait_event_interruptible(wq, cond)                                                         \
	wait_event_full_(wq, cond, THREAD_INTERRUPTIBLE, DEADLINE_NEVER, false)
#define wait_event_deadline(wq, cond, ns)                                                          \
	wait_event_full_(wq, cond, THREAD_INTERRUPTIBLE, ns, false)
#define wait_event_exclusive(wq, cond, ns)                                                         \
	wait_event_full_(wq, cond, THREAD_INTERRUPTIBLE, ns, true)

struct completion {
	u32 done; /* guarded by wq.lock; saturates under complete_all */
	struct waitqueue wq;
};

#define COMPLETION_INIT(name)                                                                      \
	{                                                                                          \
		.done = 0, .wq = WAITQUEUE_INIT((name).wq)                                         \
	}

void completion_init(struct completion *c);
/* Let one / every waiter go. Context: any. The completion may lie on the waiter's stack. */
void complete(struct completion *c);
void complete_all(struct completion *c);
/* Context: may sleep. */
void wait_for_completion(struct completion *c);
/* 0, or -ETIME once clock_ns() reaches deadline_ns. */
int wait_for_completion_deadline(struct completion *c, u64 deadline_ns);
