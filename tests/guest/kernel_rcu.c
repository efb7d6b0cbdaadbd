/* RCU: a grace period really waits for readers, callbacks run once and in order, floods drain. */
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/rcu.h"
#include "kernel/slab.h"
#include "kernel/wait.h"

static u32 callbacks; /* atomic: run so far */

struct section {
	u32 inside, leave, left;
	struct completion done;
};

static void hold_section(void *arg)
{
	struct section *s = arg;

	rcu_read_lock();
	WRITE_ONCE(s->inside, 1);
	while (!READ_ONCE(s->leave))
		arch_cpu_relax();
	WRITE_ONCE(s->left, 1);
	rcu_read_unlock();
	complete(&s->done);
}

struct waiter_arg {
	struct section *s;
	bool expedited;
	u32 left_at_end, over;
	struct completion done;
};

static void wait_for_period(void *arg)
{
	struct waiter_arg *w = arg;

	if (w->expedited)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
	w->left_at_end = READ_ONCE(w->s->left);
	WRITE_ONCE(w->over, 1);
	complete(&w->done);
}

static void start_on(const char *name, void (*fn)(void *arg), void *arg, unsigned cpu)
{
	struct thread *t = thread_create(name, fn, arg);

	assert(t);
	thread_bind(t, cpu);
	thread_start(t);
	thread_put(t);
}

static void check_waits(bool expedited)
{
	struct section s = {.done = COMPLETION_INIT(s.done)};
	struct waiter_arg w = {.s = &s, .expedited = expedited, .done = COMPLETION_INIT(w.done)};

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	start_on("reader", hold_section, &s, 1);
	while (!READ_ONCE(s.inside))
		sleep_ns(NSEC_PER_MSEC);
	start_on("synchronize", wait_for_period, &w, 0);
	/* Not a proof, but long enough for a broken implementation to return. */
	for (int i = 0; i < 30 && !READ_ONCE(w.over); i++)
		sleep_ns(NSEC_PER_MSEC);
	if (READ_ONCE(w.over))
		ktest_fail(__FILE__, __LINE__, "the grace period ended inside a read section");
	WRITE_ONCE(s.leave, 1);
	wait_for_completion(&w.done);
	wait_for_completion(&s.done);
	KT_EQ(w.left_at_end, 1);
}

KTEST(rcu_grace_period_waits_for_a_reader)
{
	check_waits(false);
}

KTEST(rcu_expedited_grace_period_waits_for_a_reader)
{
	check_waits(true);
}

static void note_end(struct rcu_head *head)
{
	(void)head;
	WRITE_ONCE(callbacks, 1);
}

KTEST(rcu_callback_waits_for_a_reader)
{
	struct section s = {.done = COMPLETION_INIT(s.done)};
	struct rcu_head head;

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	WRITE_ONCE(callbacks, 0);
	start_on("reader", hold_section, &s, 1);
	while (!READ_ONCE(s.inside))
		sleep_ns(NSEC_PER_MSEC);
	call_rcu(&head, note_end);
	for (int i = 0; i < 30 && !READ_ONCE(callbacks); i++)
		sleep_ns(NSEC_PER_MSEC);
	if (READ_ONCE(callbacks))
		ktest_fail(__FILE__, __LINE__, "the callback ran inside a read section");
	WRITE_ONCE(s.leave, 1);
	wait_for_completion(&s.done);
	rcu_barrier();
	KT_EQ(callbacks, 1);
}

/* A CPU that runs one thread for ever, without a tick, holds nothing up. */
static void spin_without_tick(void *arg)
{
	struct section *s = arg;

	WRITE_ONCE(s->inside, 1);
	while (!READ_ONCE(s->leave))
		arch_cpu_relax();
	complete(&s->done);
}

KTEST(rcu_busy_cpu_does_not_hold_a_grace_period_up)
{
	struct section s = {.done = COMPLETION_INIT(s.done)};

	start_on("busy", spin_without_tick, &s, nr_cpus - 1);
	while (!READ_ONCE(s.inside))
		sleep_ns(NSEC_PER_MSEC);
	synchronize_rcu();
	synchronize_rcu_expedited();
	WRITE_ONCE(s.leave, 1);
	wait_for_completion(&s.done);
}

struct item {
	struct rcu_head head;
	u32 number;
};

static u32 last_run, out_of_order;

static void in_order(struct rcu_head *head)
{
	struct item *i = container_of(head, struct item, head);

	if (i->number != READ_ONCE(last_run) + 1)
		atomic_add(&out_of_order, 1u);
	WRITE_ONCE(last_run, i->number);
	kfree(i);
}

static void queue_in_order(void *arg)
{
	for (u32 n = 1; n <= 1000; n++) {
		struct item *i = kmalloc(sizeof(*i), ALLOC_WAIT);

		assert(i);
		i->number = n;
		call_rcu(&i->head, in_order);
	}
	complete(arg);
}

KTEST(rcu_callbacks_of_a_cpu_run_in_order_and_barrier_waits)
{
	struct completion done = COMPLETION_INIT(done);

	last_run = out_of_order = 0;
	start_on("queue", queue_in_order, &done, nr_cpus - 1);
	wait_for_completion(&done);
	rcu_barrier();
	KT_EQ(last_run, 1000);
	KT_EQ(out_of_order, 0);
}

static void count_and_free(struct rcu_head *head)
{
	atomic_add(&callbacks, 1u);
	kfree(container_of(head, struct item, head));
}

static void flood(void *arg)
{
	struct section *s = arg;

	for (u32 n = 0; n < 5000; n++) {
		struct item *i = kmalloc(sizeof(*i), ALLOC_WAIT);

		if (i)
			call_rcu(&i->head, count_and_free);
		else
			atomic_add(&callbacks, 1u);
	}
	if (atomic_sub_return(&s->left, 1u) == 0)
		complete(&s->done);
}

KTEST(rcu_callback_flood_from_every_cpu_drains)
{
	struct section s = {.left = nr_cpus, .done = COMPLETION_INIT(s.done)};
	struct rcu_stats stats;

	callbacks = 0;
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		start_on("flood", flood, &s, cpu);
	wait_for_completion(&s.done);
	rcu_barrier();
	KT_EQ(callbacks, 5000 * nr_cpus);
	rcu_get_stats(&stats);
	KT_EQ(stats.stalls, 0);
}

/*
 * Torture: an updater replaces an object and poisons the old one after a grace period; readers that
 * ever see poison have been overtaken.
 */
struct object {
	u32 alive;
};

struct torture {
	struct object *now;
	u32 stop, left, poisoned;
	u64 reads;
	struct completion done;
};

static void torture_reader(void *arg)
{
	struct torture *t = arg;

	while (!READ_ONCE(t->stop)) {
		struct object *o;

		rcu_read_lock();
		o = rcu_dereference(t->now);
		for (int i = 0; i < 50; i++)
			if (READ_ONCE(o->alive) != 1) {
				atomic_add(&t->poisoned, 1u);
				break;
			}
		rcu_read_unlock();
		atomic_add(&t->reads, 1ull);
		if (READ_ONCE(t->reads) % 512 == 0)
			yield();
	}
	if (atomic_sub_return(&t->left, 1u) == 0)
		complete(&t->done);
}

KTEST(rcu_readers_never_see_an_object_after_its_grace_period)
{
	struct torture t = {.left = nr_cpus + 2, .done = COMPLETION_INIT(t.done)};
	struct object pair[2] = {{1}, {1}};

	t.now = &pair[0];
	for (unsigned i = 0; i < nr_cpus + 2; i++) {
		struct thread *r = thread_create("reader", torture_reader, &t);

		assert(r);
		thread_start(r);
		thread_put(r);
	}
	for (u32 i = 0; i < 60; i++) {
		struct object *old = &pair[i % 2], *fresh = &pair[(i + 1) % 2];

		WRITE_ONCE(fresh->alive, 1);
		rcu_assign_pointer(t.now, fresh);
		if (i % 2)
			synchronize_rcu();
		else
			synchronize_rcu_expedited();
		WRITE_ONCE(old->alive, 0);
	}
	WRITE_ONCE(t.stop, 1);
	wait_for_completion(&t.done);
	KT_EQ(t.poisoned, 0);
	KT_CHECK(t.reads > 0);
}
