/*
 * Kinds of RCU to torture: the kernel's, another one that is right, and some that are wrong, each in one
 * way that somebody has got wrong before. Nothing here is used by anybody else.
 *
 * The other right one: read sections disable preemption, so who runs on a CPU knows that no section is
 * under way there. A thread that has visited every CPU has waited for all of them. What is wrong is
 * mostly a visit too few.
 *
 * The callbacks of kinds that do not use the kernel's call_rcu are run by the collector, a thread that
 * takes what is queued, waits for a grace period of the kind, and calls.
 */
#include "tests/torture/rcu.h"

#include "kernel/clock.h"
#include "kernel/panic.h"

/* ---- The kernel's ---- */

static void real_lock(void)
{
	rcu_read_lock();
}

static void real_unlock(void)
{
	rcu_read_unlock();
}

/* ---- The collector ---- */

static struct {
	struct spinlock lock;
	struct rcu_head *first, **end; /* lock */
	bool stop;		       /* lock */
	u64 queued, run;	       /* lock; atomic */
	struct waitqueue work, idle;
	const struct rcu_kind *kind;
	struct thread *thread;
	struct completion done;
} collector;

static void nothing(void)
{
}

static void collector_call(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	u64 flags = spin_lock_irqsave(&collector.lock);

	head->fn = fn;
	head->next = NULL;
	WRITE_ONCE(*collector.end, head);
	collector.end = &head->next;
	WRITE_ONCE(collector.queued, collector.queued + 1);
	spin_unlock_irqrestore(&collector.lock, flags);
	wake_up_all(&collector.work);
}

static struct rcu_head *collector_take(void)
{
	u64 flags = spin_lock_irqsave(&collector.lock);
	struct rcu_head *list = collector.first;

	WRITE_ONCE(collector.first, NULL);
	collector.end = &collector.first;
	spin_unlock_irqrestore(&collector.lock, flags);
	return list;
}

static void collector_run(struct rcu_head *list)
{
	while (list) {
		struct rcu_head *next = list->next;

		list->fn(list);
		list = next;
		atomic_add(&collector.run, 1ull);
	}
	wake_up_all(&collector.idle);
}

static void call_early(struct rcu_head *head, void (*fn)(struct rcu_head *head));

static void collector_main(void *arg)
{
	struct rcu_head *list;

	(void)arg;
	while (!READ_ONCE(collector.stop) || READ_ONCE(collector.first)) {
		wait_event(
			&collector.work, READ_ONCE(collector.first) || READ_ONCE(collector.stop));
		/* One stage early: what is queued while the grace period runs goes with it. */
		list = collector.kind->call == call_early ? NULL : collector_take();
		collector.kind->synchronize();
		collector_run(list ? list : collector_take());
	}
	complete(&collector.done);
}

/* Everything queued before has been called: the list is run in order. */
static void collector_barrier(void)
{
	u64 target = READ_ONCE(collector.queued);

	wait_event(&collector.idle, load_acquire(&collector.run) >= target);
}

void rcu_kinds_start(const struct rcu_kind *kind)
{
	spin_lock_init(&collector.lock, RANK_RCU);
	collector.first = NULL;
	collector.end = &collector.first;
	collector.stop = false;
	collector.queued = collector.run = 0;
	waitqueue_init(&collector.work);
	waitqueue_init(&collector.idle);
	completion_init(&collector.done);
	collector.kind = kind;
	collector.thread = thread_create("collector", collector_main, NULL);
	assert(collector.thread);
	thread_start(collector.thread);
}

/* Nothing is queued any more; what is, is run. */
void rcu_kinds_stop(void)
{
	WRITE_ONCE(collector.stop, true);
	wake_up_all(&collector.work);
	wait_for_completion(&collector.done);
	thread_put(collector.thread);
}

/* ---- Grace periods by visiting CPUs ---- */

static void visit_all(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		sched_bind_current((s32)cpu);
	sched_bind_current(-1);
}

static void visit_first(void)
{
	sched_bind_current(0);
	sched_bind_current(-1);
}

static void visit_nobody(void)
{
	yield();
}

/* How often idle threads were left. */
static void count_idle(struct thread *t, void *arg)
{
	u64 *count = arg;

	if (READ_ONCE(t->flags) & THREAD_IDLE)
		*count += READ_ONCE(t->switches);
}

/* Once some CPU has been idle, all are taken to have been. */
static void visit_until_one_is_idle(void)
{
	u64 before = 0, now;

	thread_for_each(count_idle, &before);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		sleep_ns(50 * NSEC_PER_USEC);
		now = 0;
		thread_for_each(count_idle, &now);
		if (now != before)
			break;
		sched_bind_current((s32)cpu);
	}
	sched_bind_current(-1);
}

/* ---- Other mistakes ---- */

static void call_at_once(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	fn(head);
}

static void call_early(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	collector_call(head, fn);
}

#define REAL_SECTIONS .lock = real_lock, .unlock = real_unlock
#define REAL_PERIODS                                                                               \
	.synchronize = synchronize_rcu, .synchronize_expedited = synchronize_rcu_expedited
#define REAL_CALLBACKS .call = call_rcu, .wait_callbacks = rcu_barrier
#define PERIODS(fn)    .synchronize = fn, .synchronize_expedited = fn
#define COLLECTED      .call = collector_call, .wait_callbacks = collector_barrier

const struct rcu_kind rcu_kinds[] = {
	{.name = "the kernel's", REAL_SECTIONS, REAL_PERIODS, REAL_CALLBACKS},
	{.name = "visits to every CPU", REAL_SECTIONS, PERIODS(visit_all), COLLECTED},
	{.name = "visits to one CPU",
		.broken = true,
		.cpus = 2,
		REAL_SECTIONS,
		PERIODS(visit_first),
		COLLECTED},
	{.name = "grace periods that wait for nobody",
		.broken = true,
		.cpus = 2,
		REAL_SECTIONS,
		PERIODS(visit_nobody),
		COLLECTED},
	{.name = "an idle CPU answers for all",
		.broken = true,
		.cpus = 2,
		REAL_SECTIONS,
		PERIODS(visit_until_one_is_idle),
		COLLECTED},
	{.name = "callbacks at once",
		.broken = true,
		.cpus = 1,
		REAL_SECTIONS,
		REAL_PERIODS,
		.call = call_at_once,
		.wait_callbacks = rcu_barrier},
	{.name = "callbacks a grace period early",
		.broken = true,
		.cpus = 2,
		REAL_SECTIONS,
		REAL_PERIODS,
		.call = call_early,
		.wait_callbacks = collector_barrier},
	{.name = "read sections that are none",
		.broken = true,
		.cpus = 1,
		.lock = nothing,
		.unlock = nothing,
		REAL_PERIODS,
		REAL_CALLBACKS},
	{.name = "barriers that do not wait",
		.broken = true,
		.cpus = 1,
		REAL_SECTIONS,
		REAL_PERIODS,
		.call = call_rcu,
		.wait_callbacks = nothing},
	{.name = "a grace period before the update",
		.broken = true,
		.cpus = 1,
		REAL_SECTIONS,
		REAL_PERIODS,
		REAL_CALLBACKS,
		.retires_first = true},
	{.name = "published before it is filled in",
		.broken = true,
		.cpus = 1,
		REAL_SECTIONS,
		REAL_PERIODS,
		REAL_CALLBACKS,
		.fills_late = true},
};
const unsigned nr_rcu_kinds = ARRAY_SIZE(rcu_kinds);
