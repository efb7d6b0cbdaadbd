/*
 * The scheduler: threads start and end, wake where it is quick, are stolen and preempted, and nobody
 * sleeps where sleeping is forbidden.
 */
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/mutex.h"
#include "kernel/page.h"
#include "kernel/rcu.h"
#include "kernel/reclaim.h"
#include "kernel/sched_internal.h"
#include "kernel/slab.h"
#include "kernel/wait.h"
#include "kernel/workqueue.h"

#define SECONDS(n) (clock_ns() + (n)*NSEC_PER_SEC)

static void start(const char *name, void (*fn)(void *arg), void *arg, int cpu)
{
	struct thread *t = thread_create(name, fn, arg);

	assert(t);
	if (cpu >= 0)
		thread_bind(t, (unsigned)cpu);
	thread_start(t);
	thread_put(t);
}

struct hello {
	struct completion done;
	u32 cpu;
};

static void say_hello(void *arg)
{
	struct hello *h = arg;

	h->cpu = this_cpu_id();
	complete(&h->done);
}

KTEST(sched_thread_runs_on_the_cpu_it_is_bound_to)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct hello h = {.done = COMPLETION_INIT(h.done), .cpu = ~0u};

		start("hello", say_hello, &h, (int)cpu);
		wait_for_completion(&h.done);
		KT_EQ(h.cpu, cpu);
	}
}

static void count_and_exit(void *arg)
{
	atomic_add((u32 *)arg, 1u);
}

static void count_thread(struct thread *t, void *arg)
{
	(void)t;
	++*(u32 *)arg;
}

static u32 thread_count(void)
{
	u32 n = 0;

	thread_for_each(count_thread, &n);
	return n;
}

/* Ended threads are reaped, and their stacks used again. */
KTEST(sched_ended_threads_leave_nothing)
{
	struct page_stats before, after;
	u32 ran = 0, threads;

	sleep_ns(20 * NSEC_PER_MSEC);
	threads = thread_count();
	page_get_stats(&before);
	for (u32 i = 0; i < 400; i++) {
		start("short", count_and_exit, &ran, -1);
		while (thread_count() > threads + 10)
			sleep_ns(NSEC_PER_MSEC);
	}
	while (READ_ONCE(ran) < 400 || thread_count() > threads)
		sleep_ns(NSEC_PER_MSEC);
	KT_EQ(thread_count(), threads);
	page_get_stats(&after);
	KT_CHECK(after.kernel_stacks < before.kernel_stacks + 100);
}

struct pingpong {
	struct waitqueue wq;
	u32 turn;
	struct completion done;
};

static void pong(void *arg)
{
	struct pingpong *p = arg;

	for (u32 i = 0; i < 1000; i++) {
		wait_event(&p->wq, READ_ONCE(p->turn) == 2 * i + 1);
		WRITE_ONCE(p->turn, 2 * i + 2);
		wake_up_all(&p->wq);
	}
	complete(&p->done);
}

KTEST(sched_no_wakeup_is_lost_between_two_threads)
{
	struct pingpong p = {.wq = WAITQUEUE_INIT(p.wq), .done = COMPLETION_INIT(p.done)};

	start("pong", pong, &p, -1);
	for (u32 i = 0; i < 1000; i++) {
		WRITE_ONCE(p.turn, 2 * i + 1);
		wake_up_all(&p.wq);
		wait_event(&p.wq, READ_ONCE(p.turn) == 2 * i + 2);
	}
	wait_for_completion(&p.done);
}

struct spinner {
	bool stop, running;
	struct completion done;
};

static void spin(void *arg)
{
	struct spinner *s = arg;

	WRITE_ONCE(s->running, true);
	while (!READ_ONCE(s->stop))
		arch_cpu_relax();
	complete(&s->done);
}

/* A thread that never sleeps shares its CPU with one that wants to run. */
KTEST(sched_running_thread_is_preempted)
{
	struct spinner s = {.done = COMPLETION_INIT(s.done)};
	struct hello h = {.done = COMPLETION_INIT(h.done)};
	int cpu = nr_cpus > 1 ? 1 : 0;

	start("spin", spin, &s, cpu);
	while (!READ_ONCE(s.running))
		yield();
	start("hello", say_hello, &h, cpu);
	KT_EQ(wait_for_completion_deadline(&h.done, SECONDS(20)), 0);
	WRITE_ONCE(s.stop, true);
	wait_for_completion(&s.done);
}

/* A thread queued behind a busy one is taken over by an idle CPU. */
KTEST(sched_idle_cpu_steals)
{
	struct spinner s[MAX_CPUS];

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	/* As many unbound spinners as CPUs, all woken from here, must all come to run at once. */
	for (unsigned i = 0; i < nr_cpus; i++) {
		s[i] = (struct spinner){.done = COMPLETION_INIT(s[i].done)};
		start("spin", spin, &s[i], -1);
	}
	for (unsigned i = 0; i < nr_cpus; i++)
		for (int n = 0; n < 20000 && !READ_ONCE(s[i].running); n++)
			sleep_ns(NSEC_PER_MSEC);
	for (unsigned i = 0; i < nr_cpus; i++) {
		if (!READ_ONCE(s[i].running))
			ktest_fail(__FILE__, __LINE__, "spinner %u never ran", i);
		WRITE_ONCE(s[i].stop, true);
	}
	for (unsigned i = 0; i < nr_cpus; i++)
		wait_for_completion(&s[i].done);
}

KTEST(sched_interrupt_ends_an_interruptible_wait)
{
	struct waitqueue wq = WAITQUEUE_INIT(wq);

	thread_interrupt(current);
	KT_EQ(wait_event_interruptible(&wq, false), -EINTR);
	atomic_fetch_and(&current->flags, ~THREAD_INTERRUPTED);
	KT_EQ(wait_event_deadline(&wq, false, clock_ns() + NSEC_PER_MSEC), -ETIME);
	KT_CHECK(list_empty(&wq.waiters));
}

/* ---- might_sleep ---- */

#ifdef CONFIG_DEBUG
/* Violations counted while fn runs. */
static u64 violations_of(void (*fn)(void))
{
	u64 before = READ_ONCE(sched_might_sleep_violations);

	WRITE_ONCE(sched_count_violations_only, true);
	fn();
	WRITE_ONCE(sched_count_violations_only, false);
	return READ_ONCE(sched_might_sleep_violations) - before;
}

static void in_rcu_section(void)
{
	rcu_read_lock();
	might_sleep();
	rcu_read_unlock();
}

static void under_spinlock(void)
{
	struct spinlock l = SPINLOCK_INIT(RANK_NONE);

	spin_lock(&l);
	might_sleep();
	spin_unlock(&l);
}

static void in_nonblocking_attempt(void)
{
	nonblock_begin();
	might_sleep();
	nonblock_end();
}

static void allocation_in_attempt(void)
{
	nonblock_begin();
	kfree(kmalloc(64, ALLOC_WAIT));
	nonblock_end();
}

static void unannotated_sleeper(void)
{
	nonblock_begin();
	schedule();
	nonblock_end();
}

static void allowed(void)
{
	might_sleep();
	nonblock_begin();
	kfree(kmalloc(64, ALLOC_NOWAIT));
	nonblock_end();
}

KTEST(sched_might_sleep_sees_every_forbidden_place)
{
	KT_EQ(violations_of(allowed), 0);
	KT_EQ(violations_of(in_rcu_section), 1);
	KT_EQ(violations_of(under_spinlock), 1);
	KT_EQ(violations_of(in_nonblocking_attempt), 1);
	KT_CHECK(violations_of(allocation_in_attempt) >= 1);
	KT_EQ(violations_of(unannotated_sleeper), 1);
}

/* What can sleep, where it does not have to this time: only might_sleep can tell. */

static void free_mutex(void)
{
	struct mutex m = MUTEX_INIT(m, RANK_NONE);

	mutex_lock(&m);
	mutex_unlock(&m);
}

static void free_mutex_nested(void)
{
	struct mutex m = MUTEX_INIT(m, RANK_NONE);

	mutex_lock_nested(&m, 1);
	mutex_unlock(&m);
}

static void free_mutex_interruptible(void)
{
	struct mutex m = MUTEX_INIT(m, RANK_NONE);

	if (mutex_lock_interruptible(&m) == 0)
		mutex_unlock(&m);
}

static void free_rwsem_read(void)
{
	struct rwsem s;

	rwsem_init(&s, RANK_NONE);
	rwsem_down_read(&s);
	rwsem_up_read(&s);
}

static void free_rwsem_write(void)
{
	struct rwsem s;

	rwsem_init(&s, RANK_NONE);
	rwsem_down_write(&s);
	rwsem_up_write(&s);
}

static void free_rwsem_write_nested(void)
{
	struct rwsem s;

	rwsem_init(&s, RANK_NONE);
	rwsem_down_write_nested(&s, 1);
	rwsem_up_write(&s);
}

static void true_condition(void)
{
	struct waitqueue wq = WAITQUEUE_INIT(wq);

	wait_event(&wq, true);
}

static void done_completion(void)
{
	struct completion c = COMPLETION_INIT(c);

	complete(&c);
	wait_for_completion(&c);
}

static void no_time_at_all(void)
{
	sleep_ns(0);
}

static void free_page(void)
{
	struct page *p = page_alloc(0, ALLOC_WAIT);

	if (p)
		page_put(p);
}

static void free_address_range(void)
{
	vfree(vzalloc(PAGE_SIZE));
}

static void nothing_to_drop(void)
{
	drop_caches(0);
}

static void nothing_to_flush(void)
{
	work_flush();
}

KTEST(sched_might_sleep_is_in_all_that_can_sleep)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} sleepers[] = {
		{"mutex_lock", free_mutex},
		{"mutex_lock_nested", free_mutex_nested},
		{"mutex_lock_interruptible", free_mutex_interruptible},
		{"rwsem_down_read", free_rwsem_read},
		{"rwsem_down_write", free_rwsem_write},
		{"rwsem_down_write_nested", free_rwsem_write_nested},
		{"wait_event", true_condition},
		{"wait_for_completion", done_completion},
		{"sleep_ns", no_time_at_all},
		{"page_alloc", free_page},
		{"vzalloc", free_address_range},
		{"drop_caches", nothing_to_drop},
		{"work_flush", nothing_to_flush},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(sleepers); i++) {
		nonblock_begin();
		u64 violations = violations_of(sleepers[i].fn);

		nonblock_end();
		if (!violations)
			ktest_fail(__FILE__, __LINE__, "%s does not say that it may sleep",
				sleepers[i].name);
	}
}
#endif
