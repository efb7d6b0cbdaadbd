/*
 * Read-copy-update: grace periods and callbacks.
 *
 * One grace period is under way at a time, driven by the thread "rcu". It sets one bit for each CPU
 * in rcu_waiting_cpus; the period is over when all bits are clear. A bit is cleared
 *   - by its CPU, at a point where it is outside every read section (rcu_note_quiescent),
 *   - by the grace-period thread, for a CPU that is idle or has been idle since the start.
 * A CPU that has not answered for NUDGE_NS gets an IPI: if that hits preemptible code, the end of the
 * interrupt is the answer; if not, the handler asks for a reschedule, and the end of the read
 * section is. An expedited request nudges at once.
 *
 * Why it is correct. Let U be an update before a grace period (an unlink), and let a read section on
 * CPU c begin after c was counted as quiescent. The section must see U; and what a section before
 * that point did must be over when the period ends.
 *
 *   U happens before the start: the updater takes rcu.lock, or its CPU's callback lock, after U, and
 *   the grace-period thread takes the same lock before it sets the bits.
 *
 *   Answer by the CPU: the load of rcu_waiting_cpus that finds the bit set is an acquire and pairs
 *   with the full barrier of the exchange that set it: later sections see U. Clearing the bit is a
 *   full barrier: earlier sections are complete before the thread sees it clear. A CPU that is slow
 *   between the two may clear the bit of the NEXT period; it is still outside any section then and
 *   the clearing itself, reading the newer value, orders its later sections after the newer start.
 *
 *   Idle: idle_count is even while the CPU is idle and is changed with full barriers. The thread
 *   reads it after the exchange above. CPU leaving idle: [count odd, barrier, read section]; thread:
 *   [U, barrier, read count]. One of the two sees the other's write: either the thread reads odd
 *   and waits, or the section sees U. CPU entering idle: [section, barrier, count even]; a thread
 *   that reads that even value (or a later one: it differs from the snapshot) has the section's
 *   accesses before it. Interrupts in idle make the count odd first (rcu_irq_enter).
 *
 * Callbacks. call_rcu appends to its CPU's `next` list. A starting grace period moves every `next` to
 * `waiting`, a finished one every `waiting` to `done`; the CPU's callback thread runs `done` in
 * order. rcu_barrier queues one callback behind the others on each CPU.
 *
 * A grace period costs the same for one callback as for a thousand: wake-ups of this thread and of each
 * callback thread, and on an idle machine an interrupt for each. So callbacks that nobody waits for are
 * collected for COLLECT_NS after the period before, unless a CPU has MANY, or memory is short.
 *
 * Locking:
 *	rcu.lock		(RANK_RCU) numbers of grace periods, requests
 *	  rcu_cpu.lock		(RANK_RCU + 1) the lists of one CPU
 */
#include "kernel/rcu.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/mutex.h"
#include "kernel/percpu_init.h"
#include "kernel/sched_internal.h"
#include "kernel/wait.h"

#define NUDGE_NS (10 * NSEC_PER_MSEC)
#define STALL_NS (20 * NSEC_PER_SEC)

#define COLLECT_NS (5 * NSEC_PER_MSEC)
#define MANY	   1000

struct callback_list {
	struct rcu_head *first, **end;
	u64 count;
};

struct rcu_cpu {
	struct spinlock lock;
	struct callback_list next, waiting, done; /* guarded by lock */
	struct waitqueue done_wq;
	struct thread *thread; /* runs done; made by the grace-period thread */
	u64 idle_count;	       /* even: idle; written by its CPU */
	u64 idle_snapshot;     /* grace-period thread only */
	u64 queued, run;       /* statistics; guarded by lock */
};

static struct {
	struct spinlock lock;
	u64 started, completed; /* numbers of grace periods; written by the thread under lock */
	u64 wanted;		/* run until this one is completed; guarded by lock */
	bool callbacks;		/* some CPU has callbacks in next; atomic */
	bool hurry;		/* no collecting; atomic */
	u64 expedite_until;	/* nudge at once up to this one; written under lock */
	struct waitqueue done_wq;
	struct thread *thread;
	u64 expedited, stalls, nudges;
} rcu = {.lock = SPINLOCK_INIT(RANK_RCU), .done_wq = WAITQUEUE_INIT(rcu.done_wq)};

static DEFINE_PERCPU(struct rcu_cpu, rcu_cpu);
u64 rcu_waiting_cpus; /* atomic */

/* ---- Callback lists ---- */

static void callbacks_init(struct callback_list *l)
{
	WRITE_ONCE(l->first, NULL);
	l->end = &l->first;
	l->count = 0;
}

static void callbacks_append(struct callback_list *l, struct rcu_head *head)
{
	head->next = NULL;
	WRITE_ONCE(*l->end, head);
	l->end = &head->next;
	l->count++;
}

static void callbacks_move(struct callback_list *from, struct callback_list *to)
{
	if (!from->first)
		return;
	WRITE_ONCE(*to->end, from->first);
	to->end = from->end;
	to->count += from->count;
	callbacks_init(from);
}

/* ---- Quiescent states ---- */

void rcu_report_quiescent(void)
{
	u64 bit = 1ull << this_cpu_id();

	if (atomic_fetch_and(&rcu_waiting_cpus, ~bit) == bit)
		thread_wake(rcu.thread);
}

void rcu_idle_enter(void)
{
	atomic_add(&this_cpu_ptr(&rcu_cpu)->idle_count, 1ull);
}

/* Also when an interrupt has done so already. */
void rcu_idle_exit(void)
{
	struct rcu_cpu *rc = this_cpu_ptr(&rcu_cpu);

	if (!(READ_ONCE(rc->idle_count) & 1))
		atomic_add(&rc->idle_count, 1ull);
}

void rcu_irq_enter(void)
{
	rcu_idle_exit();
}

/* Context: interrupt. The end of the interrupt reports when it hit preemptible code. */
void rcu_ipi(void)
{
	if (this_cpu_read(preempt_word) & PREEMPT_DEPTH_MASK)
		sched_set_need_resched();
}

/* ---- The grace-period thread ---- */

static bool wanted(void)
{
	return READ_ONCE(rcu.callbacks) || READ_ONCE(rcu.wanted) > READ_ONCE(rcu.completed);
}

/* May what is wanted wait for company? */
static bool may_collect(void)
{
	return !READ_ONCE(rcu.hurry) && READ_ONCE(rcu.wanted) <= READ_ONCE(rcu.completed);
}

static void start_grace_period(void)
{
	u64 all = nr_cpus == 64 ? ~0ull : (1ull << nr_cpus) - 1, flags;

	flags = spin_lock_irqsave(&rcu.lock);
	WRITE_ONCE(rcu.started, rcu.started + 1);
	atomic_xchg(&rcu.callbacks, false);
	atomic_xchg(&rcu.hurry, false);
	spin_unlock_irqrestore(&rcu.lock, flags);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);

		flags = spin_lock_irqsave(&rc->lock);
		callbacks_move(&rc->next, &rc->waiting);
		spin_unlock_irqrestore(&rc->lock, flags);
	}
	atomic_xchg(&rcu_waiting_cpus, all);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);

		rc->idle_snapshot = load_acquire(&rc->idle_count);
	}
}

/* Answer for the CPUs that are idle now or have been since the snapshot. */
static void answer_for_idle(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		u64 bit = 1ull << cpu, count = load_acquire(&per_cpu(rcu_cpu, cpu).idle_count);

		if (!(READ_ONCE(rcu_waiting_cpus) & bit))
			continue;
		if (!(count & 1) || count != per_cpu(rcu_cpu, cpu).idle_snapshot)
			atomic_fetch_and(&rcu_waiting_cpus, ~bit);
	}
}

/* This thread is outside any read section, so its own CPU can be answered for at once. */
static void nudge(void)
{
	u64 waiting = READ_ONCE(rcu_waiting_cpus), flags;

	WRITE_ONCE(rcu.nudges, rcu.nudges + 1);
	flags = arch_irq_save();
	rcu_note_quiescent();
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != this_cpu_id() && (waiting & (1ull << cpu)))
			arch_send_ipi(cpu, ARCH_IPI_RCU);
	arch_irq_restore(flags);
}

static void report_stall(u64 since)
{
	u64 waiting = READ_ONCE(rcu_waiting_cpus);

	WRITE_ONCE(rcu.stalls, rcu.stalls + 1);
	printk("rcu: grace period %llu waits for CPUs %llx since %llu ms",
		(unsigned long long)rcu.started, (unsigned long long)waiting,
		(unsigned long long)((clock_ns() - since) / NSEC_PER_MSEC));
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (waiting & (1ull << cpu)) {
			printk("rcu: CPU %u runs thread %s", cpu,
				READ_ONCE(per_cpu(current_thread, cpu))->name);
			arch_backtrace_cpu(cpu);
		}
	nudge();
}

static void wait_for_cpus(void)
{
	u64 start = clock_ns(), nudge_at = start + NUDGE_NS, stall_at = start + STALL_NS;
	bool hurried = false;

	for (;;) {
		u64 now;

		answer_for_idle();
		thread_prepare_sleep(THREAD_SLEEPING);
		if (READ_ONCE(rcu_waiting_cpus) == 0)
			break;
		now = clock_ns();
		if ((!hurried && READ_ONCE(rcu.expedite_until) >= rcu.started) || now >= nudge_at) {
			hurried = READ_ONCE(rcu.expedite_until) >= rcu.started;
			nudge();
			nudge_at = now + NUDGE_NS;
		}
		if (now >= stall_at) {
			report_stall(start);
			stall_at = now + STALL_NS;
		}
		wait_sleep(THREAD_SLEEPING, nudge_at);
	}
	thread_finish_sleep();
}

static void finish_grace_period(void)
{
	u64 flags;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);
		bool any;

		flags = spin_lock_irqsave(&rc->lock);
		callbacks_move(&rc->waiting, &rc->done);
		any = rc->done.first != NULL;
		spin_unlock_irqrestore(&rc->lock, flags);
		if (any)
			wake_up_all(&rc->done_wq);
	}
	flags = spin_lock_irqsave(&rcu.lock);
	store_release(&rcu.completed, rcu.started);
	spin_unlock_irqrestore(&rcu.lock, flags);
	wake_up_all(&rcu.done_wq);
}

/* ---- Callback threads ---- */

/* Run what has waited long enough; a few at a time under preemption, never sleeping. */
static void run_callbacks(void *arg)
{
	struct rcu_cpu *rc = arg;

	for (;;) {
		struct callback_list ready;
		u64 flags, ran = 0;

		wait_event(&rc->done_wq, READ_ONCE(rc->done.first) != NULL);
		callbacks_init(&ready);
		flags = spin_lock_irqsave(&rc->lock);
		callbacks_move(&rc->done, &ready);
		spin_unlock_irqrestore(&rc->lock, flags);
		nonblock_begin();
		for (struct rcu_head *head = ready.first, *next; head; head = next, ran++) {
			next = head->next;
			head->fn(head);
		}
		nonblock_end();
		flags = spin_lock_irqsave(&rc->lock);
		WRITE_ONCE(rc->run, rc->run + ran);
		spin_unlock_irqrestore(&rc->lock, flags);
	}
}

/* CPUs come up after RCU does: the grace-period thread makes their callback threads. */
static void make_callback_threads(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);
		char name[24];

		if (rc->thread)
			continue;
		snprintf(name, sizeof(name), "rcu-callbacks/%u", cpu);
		rc->thread = thread_create(name, run_callbacks, rc);
		if (!rc->thread)
			return; /* short of memory: tried again at the next grace period */
		thread_bind(rc->thread, cpu);
		thread_start(rc->thread);
	}
}

static void grace_period_thread(void *arg)
{
	u64 collect_until = 0;

	(void)arg;
	for (;;) {
		thread_prepare_sleep(THREAD_SLEEPING);
		if (!wanted()) {
			schedule();
			continue;
		}
		if (may_collect() && clock_ns() < collect_until) {
			wait_sleep(THREAD_SLEEPING, collect_until);
			continue;
		}
		thread_finish_sleep();
		make_callback_threads();
		start_grace_period();
		wait_for_cpus();
		finish_grace_period();
		collect_until = clock_ns() + COLLECT_NS;
	}
}

/* ---- Interface ---- */

void rcu_hurry(void)
{
	if (!READ_ONCE(rcu.hurry) && !atomic_xchg(&rcu.hurry, true) && rcu.thread)
		thread_wake(rcu.thread);
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	u64 flags = arch_irq_save();
	struct rcu_cpu *rc = this_cpu_ptr(&rcu_cpu);
	bool many;

	head->fn = fn;
	spin_lock(&rc->lock);
	callbacks_append(&rc->next, head);
	WRITE_ONCE(rc->queued, rc->queued + 1);
	many = rc->next.count >= MANY;
	spin_unlock_irqrestore(&rc->lock, flags);
	if (!READ_ONCE(rcu.callbacks) && !atomic_xchg(&rcu.callbacks, true) && rcu.thread)
		thread_wake(rcu.thread);
	if (unlikely(many))
		rcu_hurry();
}

static void wait_for_grace_period(bool expedited)
{
	u64 target, flags;

	might_sleep();
	flags = spin_lock_irqsave(&rcu.lock);
	target = rcu.started + 1; /* the one under way may have begun before the caller's update */
	WRITE_ONCE(rcu.wanted, MAX(rcu.wanted, target));
	if (expedited) {
		WRITE_ONCE(rcu.expedite_until, MAX(rcu.expedite_until, target));
		WRITE_ONCE(rcu.expedited, rcu.expedited + 1);
	}
	spin_unlock_irqrestore(&rcu.lock, flags);
	thread_wake(rcu.thread);
	wait_event(&rcu.done_wq, load_acquire(&rcu.completed) >= target);
}

void synchronize_rcu(void)
{
	wait_for_grace_period(false);
}

void synchronize_rcu_expedited(void)
{
	wait_for_grace_period(true);
}

struct barrier {
	struct rcu_head head;
	struct barrier_wait *wait;
};
struct barrier_wait {
	u32 left; /* atomic */
	struct completion done;
};

static void barrier_callback(struct rcu_head *head)
{
	struct barrier_wait *w = container_of(head, struct barrier, head)->wait;

	if (atomic_sub_return(&w->left, 1u) == 0)
		complete(&w->done);
}

void rcu_barrier(void)
{
	struct barrier barriers[MAX_CPUS];
	struct barrier_wait w = {.left = nr_cpus, .done = COMPLETION_INIT(w.done)};

	might_sleep();
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);
		u64 flags = spin_lock_irqsave(&rc->lock);

		barriers[cpu].wait = &w;
		barriers[cpu].head.fn = barrier_callback;
		callbacks_append(&rc->next, &barriers[cpu].head);
		spin_unlock_irqrestore(&rc->lock, flags);
	}
	atomic_xchg(&rcu.callbacks, true);
	atomic_xchg(&rcu.hurry, true);
	thread_wake(rcu.thread);
	wait_for_completion(&w.done);
}

void rcu_get_stats(struct rcu_stats *out)
{
	*out = (struct rcu_stats){
		.grace_periods = READ_ONCE(rcu.completed),
		.expedited = READ_ONCE(rcu.expedited),
		.stalls = READ_ONCE(rcu.stalls),
		.nudges = READ_ONCE(rcu.nudges),
	};
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		out->callbacks_queued += READ_ONCE(per_cpu(rcu_cpu, cpu).queued);
		out->callbacks_run += READ_ONCE(per_cpu(rcu_cpu, cpu).run);
	}
}

void rcu_init_cpu(unsigned cpu)
{
	struct rcu_cpu *rc = &per_cpu(rcu_cpu, cpu);

	spin_lock_init(&rc->lock, RANK_RCU + 1);
	callbacks_init(&rc->next);
	callbacks_init(&rc->waiting);
	callbacks_init(&rc->done);
	waitqueue_init(&rc->done_wq);
	rc->thread = NULL;
	rc->idle_count = 1;
	rc->idle_snapshot = 0;
	rc->queued = rc->run = 0;
}

void rcu_init(void)
{
	rcu.thread = thread_create("rcu", grace_period_thread, NULL);
	if (!rcu.thread)
		panic("no memory for the RCU thread");
	thread_start(rcu.thread);
}
