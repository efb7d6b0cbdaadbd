/*
 * Time and timers.
 *
 * Each CPU keeps its armed timers in a list sorted by deadline, and programs its interrupt for the
 * earliest one or for the scheduler's tick, whichever comes first. There is no periodic tick.
 *
 * Locking: timer_cpu.lock (RANK_TIMER, interrupts off) guards the list. A timer's function runs
 * without it; `running` tells timer_cancel_sync which one that is.
 *
 * Limits: arming is linear in the number of timers armed on that CPU.
 */
#include "kernel/clock.h"
#include "kernel/percpu_init.h"
#include "kernel/sched_internal.h"
#include "kernel/spinlock.h"

#define NEVER (~0ull)

struct timer_cpu {
	struct spinlock lock;
	struct list_head timers; /* guarded by lock */
	struct timer *running;	 /* whose fn runs now; written by this CPU */
	u64 tick_ns;		 /* the scheduler's tick; this CPU, interrupts off */
	u64 armed_ns;		 /* what the hardware was told; guarded by lock */
};

static DEFINE_PERCPU(struct timer_cpu, timer_cpu);
static u64 wall_offset_ns; /* wall clock minus clock_ns; set once */

u64 clock_ns(void)
{
	return arch_clock_ns();
}

u64 clock_wall_ns(void)
{
	return wall_offset_ns + clock_ns();
}

/*
 * Tell the hardware what comes first. What it was told before and is too early stays: it fires once for
 * nothing, and then is told again, which is less work than two writes to the timer for every thread that
 * waits with a time limit, and for every one that is queued for a moment. Context: own CPU, lock held.
 */
static void program(struct timer_cpu *tc)
{
	u64 first = tc->tick_ns;

	if (!list_empty(&tc->timers))
		first = MIN(first, list_first_entry(&tc->timers, struct timer, node)->deadline_ns);
	if (first >= tc->armed_ns)
		return;
	tc->armed_ns = first;
	arch_timer_arm(first);
}

void clock_set_tick(u64 deadline_ns)
{
	struct timer_cpu *tc = this_cpu_ptr(&timer_cpu);

	raw_lock(&tc->lock.word);
	tc->tick_ns = deadline_ns;
	program(tc);
	raw_unlock(&tc->lock.word);
}

void timer_setup(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn};
	list_init(&t->node);
}

static void insert(struct timer_cpu *tc, struct timer *t)
{
	struct list_head *after = tc->timers.prev;

	while (after != &tc->timers &&
		list_entry(after, struct timer, node)->deadline_ns > t->deadline_ns)
		after = after->prev;
	list_add(&t->node, after);
}

/* Re-arming an armed timer moves it. */
void timer_arm(struct timer *t, u64 deadline_ns)
{
	struct timer_cpu *tc;
	u64 flags;

	timer_cancel(t);
	preempt_disable();
	tc = this_cpu_ptr(&timer_cpu);
	flags = spin_lock_irqsave(&tc->lock);
	t->deadline_ns = deadline_ns;
	WRITE_ONCE(t->cpu, this_cpu_id());
	WRITE_ONCE(t->armed, 1);
	insert(tc, t);
	program(tc);
	spin_unlock_irqrestore(&tc->lock, flags);
	preempt_enable();
}

bool timer_cancel(struct timer *t)
{
	struct timer_cpu *tc = &per_cpu(timer_cpu, READ_ONCE(t->cpu));
	u64 flags = spin_lock_irqsave(&tc->lock);
	bool armed = t->armed;

	if (armed) {
		list_del(&t->node);
		WRITE_ONCE(t->armed, 0);
	}
	spin_unlock_irqrestore(&tc->lock, flags);
	return armed;
}

void timer_cancel_sync(struct timer *t)
{
	struct timer_cpu *tc = &per_cpu(timer_cpu, READ_ONCE(t->cpu));

	if (timer_cancel(t))
		return;
	/* fn may free what t lies in, so only its address is compared. */
	while (load_acquire(&tc->running) == t)
		arch_cpu_relax();
}

static struct timer *take_due(struct timer_cpu *tc, u64 now)
{
	struct timer *t = NULL;

	spin_lock(&tc->lock);
	if (!list_empty(&tc->timers)) {
		t = list_first_entry(&tc->timers, struct timer, node);
		if (t->deadline_ns <= now) {
			list_del(&t->node);
			WRITE_ONCE(t->armed, 0);
			WRITE_ONCE(tc->running, t);
		} else {
			t = NULL;
		}
	}
	spin_unlock(&tc->lock);
	return t;
}

void timer_interrupt(void)
{
	struct timer_cpu *tc = this_cpu_ptr(&timer_cpu);
	u64 now = clock_ns();
	struct timer *t;

	while ((t = take_due(tc, now)) != NULL) {
		t->fn(t);
		store_release(&tc->running, NULL);
	}
	if (tc->tick_ns <= now) {
		tc->tick_ns = NEVER;
		sched_tick();
	}
	spin_lock(&tc->lock);
	tc->armed_ns = NEVER; /* it has fired */
	program(tc);
	spin_unlock(&tc->lock);
}

void clock_init_cpu(unsigned cpu)
{
	struct timer_cpu *tc = &per_cpu(timer_cpu, cpu);

	spin_lock_init(&tc->lock, RANK_TIMER);
	list_init(&tc->timers);
	tc->running = NULL;
	tc->tick_ns = tc->armed_ns = NEVER;
}

void clock_init(void)
{
	wall_offset_ns = arch_rtc_seconds() * NSEC_PER_SEC - clock_ns();
}
