/*
 * One ordering rule each: the smallest use of a primitive that goes wrong when a barrier in it is missing.
 * They live for weak mode; a sequentially consistent machine passes them whatever is left out. docs/locking.md
 * names the partners of each barrier.
 */
#include "arch/host/sim/control.h"
#include "kernel/ktest.h"
#include "kernel/mutex.h"
#include "kernel/rcu.h"
#include "kernel/seqlock.h"
#include "kernel/slab.h"
#include "kernel/wait.h"

#define ROUNDS 24u

/* ---- Two or three threads side by side ---- */

struct player {
	void (*fn)(void *arg);
	void *arg;
	struct completion done;
};

static void player_main(void *arg)
{
	struct player *p = arg;

	p->fn(p->arg);
	complete(&p->done);
}

/* Run them all, each on any CPU, and wait. */
static void play(struct player *players, unsigned n)
{
	struct thread *threads[4];

	for (unsigned i = 0; i < n; i++) {
		completion_init(&players[i].done);
		threads[i] = thread_create("player", player_main, &players[i]);
		assert(threads[i]);
		thread_bind(threads[i], (s32)(i % nr_cpus));
		thread_start(threads[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		wait_for_completion(&players[i].done);
		thread_put(threads[i]);
	}
}

/* ---- Sleeping and waking: whoever sets the condition wakes whoever found it unset ---- */

struct ball {
	struct waitqueue wq;
	u32 side; /* whose turn it is */
};

static void hit(struct ball *b, u32 side)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		wait_event(&b->wq, READ_ONCE(b->side) == side);
		WRITE_ONCE(b->side, !side);
		wake_up_all(&b->wq);
	}
}

static void hit_left(void *arg)
{
	hit(arg, 0);
}

static void hit_right(void *arg)
{
	hit(arg, 1);
}

/* A wake-up that is lost leaves everybody asleep, which the simulation sees. */
KTEST(sim_order_sleep_and_wake)
{
	struct ball b = {.side = 0};
	struct player players[] = {{.fn = hit_left, .arg = &b}, {.fn = hit_right, .arg = &b}};

	waitqueue_init(&b.wq);
	play(players, ARRAY_SIZE(players));
}

/* The same for a lock that sleeps. */
struct share {
	struct rwsem sem;
	struct mutex mutex;
	u32 a, b; /* equal whenever nobody writes */
};

static void write_share(void *arg)
{
	struct share *s = arg;

	for (u32 i = 0; i < ROUNDS; i++) {
		rwsem_down_write(&s->sem);
		s->a++;
		yield();
		s->b++;
		rwsem_up_write(&s->sem);
		mutex_lock(&s->mutex);
		yield();
		mutex_unlock(&s->mutex);
	}
}

static void read_share(void *arg)
{
	struct share *s = arg;

	for (u32 i = 0; i < ROUNDS; i++) {
		rwsem_down_read(&s->sem);
		if (s->a != s->b)
			ktest_fail(__FILE__, __LINE__, "%u and %u", s->a, s->b);
		rwsem_up_read(&s->sem);
		mutex_lock(&s->mutex);
		mutex_unlock(&s->mutex);
	}
}

KTEST(sim_order_sleeping_locks)
{
	struct share s = {.a = 0};
	struct player players[] = {{.fn = write_share, .arg = &s}, {.fn = read_share, .arg = &s},
		{.fn = read_share, .arg = &s}};

	rwsem_init(&s.sem, 0);
	mutex_init(&s.mutex, 0);
	play(players, ARRAY_SIZE(players));
}

/* ---- Sequence counts: a section that is not retried has seen one state ---- */

static struct {
	struct seqlock lock;
	u32 stop;
	u32 a, b;
} pair = {.lock = SEQLOCK_INIT(0)};

static void write_pair(void *arg)
{
	(void)arg;
	for (u32 i = 1; i <= ROUNDS; i++) {
		write_seqlock(&pair.lock);
		WRITE_ONCE(pair.a, i);
		WRITE_ONCE(pair.b, i);
		write_sequnlock(&pair.lock);
	}
	WRITE_ONCE(pair.stop, 1);
}

static void read_pair(void *arg)
{
	(void)arg;
	while (!READ_ONCE(pair.stop)) {
		u32 seq = read_seqbegin(&pair.lock), a = READ_ONCE(pair.a), b = READ_ONCE(pair.b);

		if (!read_seqretry(&pair.lock, seq) && a != b)
			ktest_fail(__FILE__, __LINE__, "%u and %u", a, b);
		if (sim_draw(16) == 0)
			yield(); /* the writer may be waiting for this CPU */
	}
}

KTEST(sim_order_seqlock)
{
	struct player players[] = {{.fn = write_pair}, {.fn = read_pair}, {.fn = read_pair}};

	play(players, ARRAY_SIZE(players));
}

/* ---- RCU: what is followed is initialised, and stays until the section ends ---- */

struct element {
	struct rcu_head rcu;
	u32 check;
};
#define ALIVE 0x600dcafeu

static struct element *published;
static u32 rcu_stop;

static void bury(struct rcu_head *head)
{
	struct element *e = container_of(head, struct element, rcu);

	WRITE_ONCE(e->check, 0);
	kfree(e);
}

static void replace_element(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < ROUNDS; i++) {
		struct element *e = kmalloc(sizeof(*e), ALLOC_WAIT), *old = published;

		assert(e);
		WRITE_ONCE(e->check, ALIVE);
		rcu_assign_pointer(published, e);
		if (old)
			call_rcu(&old->rcu, bury);
		if (sim_draw(8) == 0)
			synchronize_rcu_expedited();
	}
	WRITE_ONCE(rcu_stop, 1);
}

static void read_element(void *arg)
{
	(void)arg;
	while (!READ_ONCE(rcu_stop)) {
		struct element *e;

		rcu_read_lock();
		e = rcu_dereference(published);
		for (unsigned i = 0; e && i < 3; i++)
			if (READ_ONCE(e->check) != ALIVE)
				ktest_fail(__FILE__, __LINE__, "%x at look %u", READ_ONCE(e->check),
					i);
		rcu_read_unlock();
		if (sim_draw(4) == 0)
			sleep_ns(sim_draw(5000)); /* idle CPUs are answered for */
	}
}

KTEST(sim_order_rcu)
{
	struct player players[] = {
		{.fn = replace_element}, {.fn = read_element}, {.fn = read_element}};

	play(players, ARRAY_SIZE(players));
	call_rcu(&published->rcu, bury);
	rcu_barrier();
}

/* ---- A thread that is woken here and there: it is queued once ---- */

static struct {
	struct thread *sleeper;
	u32 stop;
} bed;

static void wake_sleeper(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 4 * ROUNDS; i++) {
		thread_wake(bed.sleeper);
		if (sim_draw(2))
			sleep_ns(sim_draw(5000)); /* an idle CPU is where a thread is moved to */
	}
	WRITE_ONCE(bed.stop, 1);
	thread_wake(bed.sleeper);
}

static void sleeper_main(void *arg)
{
	while (!READ_ONCE(bed.stop)) {
		thread_prepare_sleep(THREAD_SLEEPING);
		if (!READ_ONCE(bed.stop))
			schedule();
		thread_finish_sleep();
	}
	complete(arg);
}

KTEST(sim_order_moved_thread)
{
	struct player players[] = {
		{.fn = wake_sleeper}, {.fn = wake_sleeper}, {.fn = wake_sleeper}};
	struct completion up;

	completion_init(&up);
	bed.sleeper = thread_create("sleeper", sleeper_main, &up);
	assert(bed.sleeper);
	thread_start(bed.sleeper);
	play(players, ARRAY_SIZE(players));
	wait_for_completion(&up);
	thread_put(bed.sleeper);
}
