/* Timers, the clock and work queues. */
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/wait.h"
#include "kernel/workqueue.h"

struct alarm {
	struct timer timer;
	u64 fired_ns;
	u32 order;
	struct completion done;
};

static u32 fired;

static void ring(struct timer *t)
{
	struct alarm *a = container_of(t, struct alarm, timer);

	WRITE_ONCE(a->fired_ns, clock_ns());
	WRITE_ONCE(a->order, atomic_add_return(&fired, 1u));
	complete(&a->done);
}

KTEST(time_timers_fire_in_order_and_never_early)
{
	struct alarm alarms[5];
	u64 now = clock_ns();
	static const u32 delay_ms[5] = {30, 10, 50, 20, 40}, order[5] = {3, 1, 5, 2, 4};

	fired = 0;
	sched_bind_current(0);
	for (int i = 0; i < 5; i++) {
		timer_setup(&alarms[i].timer, ring);
		completion_init(&alarms[i].done);
		timer_arm(&alarms[i].timer, now + delay_ms[i] * NSEC_PER_MSEC);
	}
	for (int i = 0; i < 5; i++) {
		wait_for_completion(&alarms[i].done);
		KT_CHECK(alarms[i].fired_ns >= now + delay_ms[i] * NSEC_PER_MSEC);
	}
	sched_bind_current(-1);
	for (int i = 0; i < 5; i++)
		KT_EQ(alarms[i].order, order[i]);
}

KTEST(time_cancelled_timer_does_not_fire)
{
	struct alarm a;

	timer_setup(&a.timer, ring);
	completion_init(&a.done);
	timer_arm(&a.timer, clock_ns() + 20 * NSEC_PER_MSEC);
	KT_CHECK(timer_cancel(&a.timer));
	KT_CHECK(!timer_cancel(&a.timer));
	timer_cancel_sync(&a.timer);
	KT_EQ(wait_for_completion_deadline(&a.done, clock_ns() + 40 * NSEC_PER_MSEC), -ETIME);
}

KTEST(time_clock_is_monotonic_on_every_cpu)
{
	u64 last = clock_ns();

	for (unsigned i = 0; i < 4 * nr_cpus; i++) {
		u64 now;

		sched_bind_current((s32)(i % nr_cpus));
		now = clock_ns();
		KT_CHECK(now >= last);
		last = now;
	}
	sched_bind_current(-1);
	/* 2020-01-01, roughly: the RTC was read. */
	KT_CHECK(clock_wall_ns() > 1577836800ull * NSEC_PER_SEC);
}

struct counted_work {
	struct work work;
	u32 runs;
};

static void count_run(struct work *w)
{
	atomic_add(&container_of(w, struct counted_work, work)->runs, 1u);
	sleep_ns(NSEC_PER_MSEC);
}

KTEST(time_work_runs_once_per_queueing_and_flush_waits)
{
	struct counted_work w[20];

	for (int i = 0; i < 20; i++) {
		w[i].runs = 0;
		work_init(&w[i].work, count_run);
		KT_CHECK(work_queue(&w[i].work));
	}
	work_flush();
	for (int i = 0; i < 20; i++)
		KT_EQ(READ_ONCE(w[i].runs), 1);
	KT_CHECK(work_queue(&w[0].work));
	work_flush();
	KT_EQ(READ_ONCE(w[0].runs), 2);
}

/* A work that needs another one done, as the end of a file system does. */
struct finishing_work {
	struct work work;
	struct counted_work *other;
	u32 seen; /* runs of other when it was finished, + 1 */
};

static void finish_other(struct work *w)
{
	struct finishing_work *f = container_of(w, struct finishing_work, work);

	work_finish(&f->other->work);
	WRITE_ONCE(f->seen, READ_ONCE(f->other->runs) + 1);
}

/* More of them than there are threads: those that wait must not need one more. */
KTEST(time_works_finish_another_one)
{
	static struct counted_work other[MAX_CPUS + 2];
	static struct finishing_work f[MAX_CPUS + 2];

	for (unsigned i = 0; i < nr_cpus + 2; i++) {
		f[i].other = &other[i];
		f[i].seen = other[i].runs = 0;
		work_init(&f[i].work, finish_other);
		work_init(&other[i].work, count_run);
		KT_CHECK(work_queue(&f[i].work));
	}
	for (unsigned i = 0; i < nr_cpus + 2; i++)
		KT_CHECK(work_queue(&other[i].work));
	work_flush();
	for (unsigned i = 0; i < nr_cpus + 2; i++) {
		KT_EQ(READ_ONCE(other[i].runs), 1);
		KT_CHECK(READ_ONCE(f[i].seen) == 2 || READ_ONCE(f[i].seen) == 1);
	}
}
