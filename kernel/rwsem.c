/*
 * Reader-writer semaphore: many readers or one writer.
 *
 * State, all under s->lock: readers inside (-1: a writer), and how many writers wait. New readers
 * queue behind a waiting writer, so that a stream of readers cannot starve it. A writer that leaves
 * opens a turn for the readers that are waiting at that moment: they go before the next writer.
 *
 * The fast path is the spinlock and the count; sleepers sit on s->wq and re-test.
 */
#include "kernel/mutex.h"
#include "kernel/lockrank_internal.h"
#include "kernel/panic.h"

#define CALLER ((u64)__builtin_return_address(0))

void rwsem_init(struct rwsem *s, enum lock_rank rank)
{
	spin_lock_init(&s->lock, RANK_NONE);
	s->readers = 0;
	s->writers_waiting = 0;
	s->readers_waiting = 0;
	s->reader_turn = 0;
	s->rank = (u16)rank;
	waitqueue_init(&s->wq);
}

/* ticket: this reader waits already and may use a turn that a leaving writer granted. */
static bool reader_enter(struct rwsem *s, bool waiting)
{
	bool entered = false;

	spin_lock(&s->lock);
	if (s->readers >= 0 && (s->writers_waiting == 0 || (waiting && s->reader_turn))) {
		s->readers++;
		if (waiting) {
			s->readers_waiting--;
			if (s->reader_turn)
				s->reader_turn--;
		}
		entered = true;
	}
	spin_unlock(&s->lock);
	return entered;
}

static bool writer_enter(struct rwsem *s, bool waiting)
{
	bool entered = false;

	spin_lock(&s->lock);
	if (s->readers == 0 && (!waiting || s->reader_turn == 0) &&
		(waiting || s->writers_waiting == 0)) {
		s->readers = -1;
		if (waiting)
			WRITE_ONCE(s->writers_waiting, s->writers_waiting - 1);
		entered = true;
	}
	spin_unlock(&s->lock);
	return entered;
}

__noinline void rwsem_down_read(struct rwsem *s)
{
	might_sleep();
	lock_rank_acquire_sleeping(s, s->rank, false, CALLER);
	if (reader_enter(s, false))
		return;
	spin_lock(&s->lock);
	s->readers_waiting++;
	spin_unlock(&s->lock);
	wait_event(&s->wq, reader_enter(s, true));
}

__noinline bool rwsem_try_down_read(struct rwsem *s)
{
	if (!reader_enter(s, false))
		return false;
	lock_rank_acquire_sleeping(s, s->rank, true, CALLER);
	return true;
}

static void rwsem_wake(struct rwsem *s)
{
	smp_mb(); /* the state before the look at the queue; partner: waitqueue_add before *_enter */
	if (waitqueue_active(&s->wq))
		wake_up_all(&s->wq);
}

void rwsem_up_read(struct rwsem *s)
{
	bool last;

	lock_rank_release_sleeping(s);
	spin_lock(&s->lock);
	assert(s->readers > 0);
	last = --s->readers == 0;
	spin_unlock(&s->lock);
	if (last)
		rwsem_wake(s);
}

static void down_write(struct rwsem *s)
{
	if (writer_enter(s, false))
		return;
	spin_lock(&s->lock);
	WRITE_ONCE(s->writers_waiting, s->writers_waiting + 1);
	spin_unlock(&s->lock);
	wait_event(&s->wq, writer_enter(s, true));
}

__noinline void rwsem_down_write(struct rwsem *s)
{
	might_sleep();
	lock_rank_acquire_sleeping(s, s->rank, false, CALLER);
	down_write(s);
}

__noinline void rwsem_down_write_nested(struct rwsem *s, unsigned subclass)
{
	might_sleep();
	lock_rank_acquire_sleeping(s, s->rank ? s->rank + subclass : 0, false, CALLER);
	down_write(s);
}

__noinline bool rwsem_try_down_write(struct rwsem *s)
{
	if (!writer_enter(s, false))
		return false;
	lock_rank_acquire_sleeping(s, s->rank, true, CALLER);
	return true;
}

void rwsem_up_write(struct rwsem *s)
{
	lock_rank_release_sleeping(s);
	spin_lock(&s->lock);
	assert(s->readers == -1);
	s->readers = 0;
	s->reader_turn = s->readers_waiting;
	spin_unlock(&s->lock);
	rwsem_wake(s);
}
