/* Locks: exclusion under contention, rwsem fairness, completions, lockref. */
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/lockref.h"
#include "kernel/mutex.h"
#include "kernel/seqlock.h"
#include "kernel/wait.h"

#define THREADS 8
#define ROUNDS	500

struct shared {
	struct spinlock spin;
	struct mutex mutex;
	struct rwsem rwsem;
	struct seqlock seq;
	struct lockref ref;
	u64 a, b; /* equal whenever nobody is inside */
	u32 torn, left, go, reads;
	struct completion done;
};

static void run_all(struct shared *s, void (*fn)(void *arg))
{
	s->left = THREADS;
	s->go = 0;
	completion_init(&s->done);
	for (int i = 0; i < THREADS; i++) {
		struct thread *t = thread_create("locker", fn, s);

		assert(t);
		thread_start(t);
		thread_put(t);
	}
	wait_for_completion(&s->done);
}

/* All threads begin together, or they would run one after the other. */
static void wait_for_all(struct shared *s)
{
	atomic_add(&s->go, 1u);
	while (READ_ONCE(s->go) < THREADS)
		yield();
}

static void finish(struct shared *s)
{
	if (atomic_sub_return(&s->left, 1u) == 0)
		complete(&s->done);
}

static void with_spinlock(void *arg)
{
	struct shared *s = arg;

	wait_for_all(s);
	for (int i = 0; i < ROUNDS * 4; i++) {
		spin_lock(&s->spin);
		WRITE_ONCE(s->a, s->a + 1);
		WRITE_ONCE(s->b, s->b + 1);
		spin_unlock(&s->spin);
	}
	finish(s);
}

KTEST(locks_spinlock_excludes)
{
	struct shared s = {.spin = SPINLOCK_INIT(RANK_NONE)};

	run_all(&s, with_spinlock);
	KT_EQ(s.a, THREADS * ROUNDS * 4);
	KT_EQ(s.b, s.a);
}

static void with_mutex(void *arg)
{
	struct shared *s = arg;

	wait_for_all(s);
	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&s->mutex);
		WRITE_ONCE(s->a, s->a + 1);
		if (i % 16 == 0)
			yield();
		WRITE_ONCE(s->b, s->b + 1);
		mutex_unlock(&s->mutex);
	}
	finish(s);
}

KTEST(locks_mutex_excludes_across_sleep)
{
	struct shared s = {0};

	mutex_init(&s.mutex, RANK_NONE);
	run_all(&s, with_mutex);
	KT_EQ(s.a, THREADS * ROUNDS);
	KT_EQ(s.b, s.a);
}

static void with_rwsem(void *arg)
{
	struct shared *s = arg;

	wait_for_all(s);
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0) {
			rwsem_down_write(&s->rwsem);
			WRITE_ONCE(s->a, s->a + 1);
			if (i % 16 == 0)
				yield();
			WRITE_ONCE(s->b, s->b + 1);
			rwsem_up_write(&s->rwsem);
		} else {
			rwsem_down_read(&s->rwsem);
			if (READ_ONCE(s->a) != READ_ONCE(s->b))
				atomic_add(&s->torn, 1u);
			rwsem_up_read(&s->rwsem);
		}
	}
	finish(s);
}

KTEST(locks_rwsem_readers_see_no_writer)
{
	struct shared s = {0};

	rwsem_init(&s.rwsem, RANK_NONE);
	run_all(&s, with_rwsem);
	KT_EQ(s.torn, 0);
	KT_EQ(s.a, THREADS * ROUNDS / 4);
}

static void take_write(void *arg)
{
	struct shared *s = arg;

	WRITE_ONCE(s->go, 1);
	rwsem_down_write(&s->rwsem);
	WRITE_ONCE(s->a, 1);
	rwsem_up_write(&s->rwsem);
	complete(&s->done);
}

/* Once a writer waits, a new reader does not get in before it. */
KTEST(locks_rwsem_writer_is_not_starved)
{
	struct shared s = {0};
	struct thread *t;

	rwsem_init(&s.rwsem, RANK_NONE);
	completion_init(&s.done);
	rwsem_down_read(&s.rwsem);
	t = thread_create("writer", take_write, &s);
	assert(t);
	thread_start(t);
	thread_put(t);
	while (READ_ONCE(s.rwsem.writers_waiting) == 0)
		sleep_ns(NSEC_PER_MSEC);
	KT_CHECK(!rwsem_try_down_read(&s.rwsem));
	KT_EQ(READ_ONCE(s.a), 0);
	rwsem_up_read(&s.rwsem);
	wait_for_completion(&s.done);
	rwsem_down_read(&s.rwsem);
	KT_EQ(s.a, 1);
	rwsem_up_read(&s.rwsem);
}

static void with_seqlock(void *arg)
{
	struct shared *s = arg;

	wait_for_all(s);
	for (int i = 0; i < ROUNDS * 4; i++) {
		u64 a, b;
		u32 seq;

		if (i % 64 == 0) {
			write_seqlock(&s->seq);
			WRITE_ONCE(s->a, s->a + 1);
			/* Give readers the time to look at the half-written pair. */
			u32 reads = READ_ONCE(s->reads);

			for (int n = 0; n < 2000 && READ_ONCE(s->reads) < reads + 4; n++)
				arch_cpu_relax();
			WRITE_ONCE(s->b, s->b + 1);
			write_sequnlock(&s->seq);
			continue;
		}
		do {
			seq = read_seqbegin(&s->seq);
			a = READ_ONCE(s->a);
			b = READ_ONCE(s->b);
			atomic_add(&s->reads, 1u);
		} while (read_seqretry(&s->seq, seq));
		if (a != b)
			atomic_add(&s->torn, 1u);
	}
	finish(s);
}

KTEST(locks_seqlock_readers_never_see_half_a_write)
{
	struct shared s = {.seq = SEQLOCK_INIT(RANK_NONE)};

	run_all(&s, with_seqlock);
	KT_EQ(s.torn, 0);
	KT_EQ(s.a, THREADS * DIV_ROUND_UP(ROUNDS * 4, 64));
}

static void with_lockref(void *arg)
{
	struct shared *s = arg;

	wait_for_all(s);
	for (int i = 0; i < ROUNDS; i++) {
		lockref_get(&s->ref, RANK_NONE);
		if (i % 32 == 0) {
			lockref_lock(&s->ref, RANK_NONE);
			WRITE_ONCE(s->a, s->a + 1);
			lockref_unlock(&s->ref);
		}
		if (lockref_put_return(&s->ref) < 0) {
			lockref_lock(&s->ref, RANK_NONE);
			WRITE_ONCE(s->ref.count, lockref_count(&s->ref) - 1);
			lockref_unlock(&s->ref);
		}
	}
	finish(s);
}

KTEST(locks_lockref_counts_and_locks)
{
	struct shared s = {.ref = {.word = 0, .count = 1}};

	run_all(&s, with_lockref);
	KT_EQ(s.ref.count, 1);
	KT_EQ(s.ref.word, 0);
	KT_EQ(s.a, THREADS * DIV_ROUND_UP(ROUNDS, 32));
	s.ref.count = 0;
	lockref_mark_dead(&s.ref);
	KT_CHECK(!lockref_get_not_dead(&s.ref, RANK_NONE));
}

KTEST(locks_completion_times_out_and_counts)
{
	struct completion c = COMPLETION_INIT(c);

	KT_EQ(wait_for_completion_deadline(&c, clock_ns() + NSEC_PER_MSEC), -ETIME);
	complete(&c);
	complete(&c);
	wait_for_completion(&c);
	wait_for_completion(&c);
	KT_EQ(wait_for_completion_deadline(&c, clock_ns() + NSEC_PER_MSEC), -ETIME);
	complete_all(&c);
	wait_for_completion(&c);
	wait_for_completion(&c);
}
