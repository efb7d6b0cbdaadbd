/*
 * The scheduler.
 *
 * Each CPU has a run queue: runnable threads other than the running one, sorted by vruntime (CPU
 * time received, in ns). The first one runs next. A thread that wakes is placed a little before
 * everybody else on the queue (WAKE_CREDIT), so that it answers quickly, but never further, so that
 * sleeping earns nothing beyond that.
 *
 *	thread_wake:  this CPU, when it is idle (an interrupt wakes), or when the thread usually runs
 *	              shorter than SHORT_BURST (sending it elsewhere would take longer than running it),
 *	              or when the waker says that it goes to sleep (WAKE_HERE).
 *	              Else its previous CPU if idle, any idle CPU (claimed in idle_cpus), the previous one
 *	handover:     threads queued here while other CPUs idle wait for the waker to go
 *	              to sleep, but HANDOVER_NS at most; then the tick calls an idle CPU to take one
 *	preemption:   when the running thread is GRANULARITY ahead of the first queued one; noticed at
 *	              a wake-up and at the 250 Hz tick, which runs only while somebody is queued
 *	stealing:     a CPU about to go idle takes a thread from the end of another's queue
 *
 * Who wants a CPU to reschedule clears PREEMPT_NO_RESCHED there: on the own CPU directly, on another
 * one by IPI. The last preempt_enable, the interrupt exit or the idle loop then switches.
 *
 * The IPI waits until the sender holds no spinlock: it is noted in `kicks`, and PREEMPT_NO_RESCHED
 * cleared here, so that the last preempt_enable or the end of the interrupt comes and sends it. Whoever
 * is woken mostly wants at once a lock its waker holds (the run queue's, the wait queue's), and under an
 * emulator the host likes to run the woken CPU instead of the waker: it then spun for a whole time slice
 * of the host, milliseconds.
 *
 * A voluntary switch (schedule) takes a thread off when its state is not RUNNABLE. A preemption
 * leaves it queued whatever its state is, so that it can be preempted between
 * thread_prepare_sleep() and schedule().
 *
 * Locking: run_queue.lock, a raw lock taken with interrupts off, guards the queue, on_cpu, queued,
 * cpu and vruntime of its threads, and every change of state away from sleeping. It is held across
 * the context switch and released by the thread switched to: whoever holds the lock and sees on_cpu
 * false knows that the thread's registers are saved. Two locks are held at once only when stealing,
 * the second one by trylock.
 *
 *	thread->cpu changes only under the lock of the old CPU's queue, with the thread not running;
 *	while its state is not RUNNABLE, or it is queued, under both locks.
 */
#include "kernel/block.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/lockrank_internal.h"
#include "kernel/percpu_init.h"
#include "kernel/rcu.h"
#include "kernel/sched_internal.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include "kernel/trace.h"

#define TICK_NS	    (NSEC_PER_SEC / 250)
#define WAKE_CREDIT (3 * NSEC_PER_MSEC)
#define GRANULARITY (1 * NSEC_PER_MSEC)
#define SHORT_BURST (200 * NSEC_PER_USEC)
#define SHORT_QUEUE 4
#define HANDOVER_NS (1 * NSEC_PER_MSEC)

struct run_queue {
	u32 lock;
	u32 nr; /* queued threads; read without the lock by stealers */
	struct list_head queue;
	u64 min_vruntime; /* never goes back */
	struct thread *curr, *idle;
	struct thread *prev; /* between arch_switch and finish_switch: who ran before */
	bool prev_ended;     /* it has left for good (a dead one may still be preempted first) */
	u64 switched_ns;     /* curr has been accounted up to here */
	bool ticking;	     /* the tick is armed; this CPU only */
	bool resched;	     /* a switch is wanted; this CPU only, interrupts off */
	u64 kicks;	     /* other CPUs to be interrupted; this CPU only, interrupts off */
};

DEFINE_PERCPU(struct thread *, current_thread);
/* Booting counts as one level of preempt_disable; the idle thread keeps it for ever. */
DEFINE_PERCPU(u32, preempt_word) = PREEMPT_NO_RESCHED + 1;
DEFINE_PERCPU(unsigned, cpu_number);
unsigned nr_cpus = 1;

static DEFINE_PERCPU(struct run_queue, run_queue);
static struct thread boot_thread;
/* One bit for each CPU that waits for work; a waker claims one by clearing its bit. */
static u64 idle_cpus;
u64 sched_might_sleep_violations;
bool sched_count_violations_only;
static bool scheduling; /* false while booting: nobody to switch to, so nothing ever sleeps */

/* ---- might_sleep ---- */

void might_sleep_slow(const char *file, int line)
{
	if (!READ_ONCE(scheduling))
		return;
	atomic_add(&sched_might_sleep_violations, 1ull);
#ifdef CONFIG_DEBUG
	if (READ_ONCE(sched_count_violations_only))
		return;
	lock_rank_print_spins();
	panic("%s:%d: may sleep, but %s (preempt word %x, nonblock depth %u)", file, line,
		in_interrupt()		  ? "this is an interrupt"
		: current->nonblock_depth ? "this is a nonblocking attempt"
					  : "a spinlock is held or an RCU section is open",
		this_cpu_read(preempt_word), current->nonblock_depth);
#else
	printk_ratelimited("%s:%d: sleeps where it must not", file, line);
#endif
}

/* ---- Asking for a reschedule; interrupts off ---- */

/* The last preempt_enable comes to reschedule(). */
static void want_attention(void)
{
	this_cpu_write(preempt_word, this_cpu_read(preempt_word) & ~PREEMPT_NO_RESCHED);
}

void sched_set_need_resched(void)
{
	this_cpu_ptr(&run_queue)->resched = true;
	want_attention();
}

static void clear_need_resched(void)
{
	this_cpu_ptr(&run_queue)->resched = false;
	this_cpu_write(preempt_word, this_cpu_read(preempt_word) | PREEMPT_NO_RESCHED);
}

static bool need_resched(void)
{
	return !(this_cpu_read(preempt_word) & PREEMPT_NO_RESCHED);
}

static void kick_later(unsigned cpu)
{
	this_cpu_ptr(&run_queue)->kicks |= 1ull << cpu;
	want_attention();
}

static void send_kicks(struct run_queue *rq)
{
	while (unlikely(rq->kicks)) {
		unsigned cpu = (unsigned)__builtin_ctzll(rq->kicks);

		rq->kicks &= rq->kicks - 1;
		arch_send_ipi(cpu, ARCH_IPI_RESCHED);
	}
}

/* ---- Run queue; lock held ---- */

static void account(struct run_queue *rq)
{
	u64 now = clock_ns(), ran = now - rq->switched_ns;
	struct thread *t = rq->curr;

	rq->switched_ns = now;
	if (t == rq->idle)
		return;
	WRITE_ONCE(t->run_ns, t->run_ns + ran);
	t->vruntime += ran;
	t->burst += ran;
}

/*
 * The running thread goes to sleep: remember how long it ran. Down at once, up slowly: a virtual CPU
 * that its host took away for a while looks like a long burst and is none.
 */
static void account_sleep(struct thread *t)
{
	if (t->burst < t->usual_burst)
		t->usual_burst = (t->usual_burst + 3 * t->burst) / 4;
	else
		t->usual_burst = MIN(t->burst, t->usual_burst + t->usual_burst / 8 + NSEC_PER_USEC);
	t->burst = 0;
}

static struct thread *first_queued(struct run_queue *rq)
{
	return list_empty(&rq->queue) ? NULL
				      : list_first_entry(&rq->queue, struct thread, run_node);
}

static void enqueue(struct run_queue *rq, struct thread *t)
{
	struct list_head *after = rq->queue.prev;

	while (after != &rq->queue &&
		list_entry(after, struct thread, run_node)->vruntime > t->vruntime)
		after = after->prev;
	list_add(&t->run_node, after);
	t->queued = true;
	WRITE_ONCE(rq->nr, rq->nr + 1);
}

static void dequeue(struct run_queue *rq, struct thread *t)
{
	list_del(&t->run_node);
	t->queued = false;
	WRITE_ONCE(rq->nr, rq->nr - 1);
}

/*
 * A thread's place on another queue: as far behind that queue's start as it was behind its own. A
 * long sleeper is not further ahead than WAKE_CREDIT.
 */
static u64 rebase(const struct thread *t, const struct run_queue *from, const struct run_queue *to)
{
	s64 lag = (s64)(t->vruntime - READ_ONCE(from->min_vruntime));

	return READ_ONCE(to->min_vruntime) + (u64)MAX(lag, -(s64)WAKE_CREDIT);
}

static void enqueue_woken(struct run_queue *rq, struct thread *t)
{
	t->vruntime = MAX(t->vruntime, rq->min_vruntime - WAKE_CREDIT);
	enqueue(rq, t);
}

/* Should the first queued thread run instead of the current one? */
static bool should_preempt(struct run_queue *rq)
{
	const struct thread *first = first_queued(rq);

	return first && (rq->curr == rq->idle ||
				first->vruntime + GRANULARITY <
					rq->curr->vruntime + (clock_ns() - rq->switched_ns));
}

/* The tick runs while somebody waits. Context: this CPU's queue. */
static void update_tick(struct run_queue *rq, u64 period)
{
	bool wanted = rq->nr > 0;

	if (wanted == rq->ticking)
		return;
	rq->ticking = wanted;
	clock_set_tick(wanted ? clock_ns() + period : ~0ull);
}

/* Take a thread from the end of another CPU's queue. Both locks held on the way. */
static struct thread *steal(struct run_queue *rq, unsigned self)
{
	for (unsigned i = 1; i < nr_cpus; i++) {
		unsigned cpu = (self + i) % nr_cpus;
		struct run_queue *from = &per_cpu(run_queue, cpu);
		struct list_head *node;

		if (READ_ONCE(from->nr) == 0 || !raw_trylock(&from->lock))
			continue;
		for (node = from->queue.prev; node != &from->queue; node = node->prev) {
			struct thread *t = list_entry(node, struct thread, run_node);

			if (t->bound_cpu >= 0)
				continue;
			dequeue(from, t);
			t->vruntime = rebase(t, from, rq);
			store_release(&t->cpu, self); /* partner: lock_queue_of */
			raw_unlock(&from->lock);
			return t;
		}
		raw_unlock(&from->lock);
	}
	return NULL;
}

static struct thread *pick_next(struct run_queue *rq)
{
	struct thread *t = first_queued(rq);

	if (t)
		dequeue(rq, t);
	else
		t = steal(rq, this_cpu_id());
	if (!t)
		return rq->idle;
	if ((s64)(t->vruntime - rq->min_vruntime) > 0)
		WRITE_ONCE(rq->min_vruntime, t->vruntime);
	return t;
}

/* ---- The switch ---- */

static void finish_switch(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct thread *prev = rq->prev;
	bool ended = rq->prev_ended;

	rq->prev = NULL;
	raw_unlock(&rq->lock);
	if (ended)
		thread_reap_later(prev);
}

/* Context: interrupts off, preempt depth 1 and nothing but that. */
static void reschedule(bool voluntary)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct thread *prev = rq->curr, *next;

	rcu_note_quiescent();
	send_kicks(rq);
	if (!voluntary && !rq->resched) {
		clear_need_resched();
		return;
	}
	raw_lock(&rq->lock);
	clear_need_resched();
	account(rq);
	if (voluntary && READ_ONCE(prev->state) != THREAD_RUNNABLE)
		account_sleep(prev);
	else if (prev != rq->idle)
		enqueue(rq, prev);
	next = pick_next(rq);
	update_tick(rq, TICK_NS);
	if (next == prev) {
		raw_unlock(&rq->lock);
		return;
	}
	WRITE_ONCE(prev->switches, prev->switches + 1);
	prev->on_cpu = false;
	next->on_cpu = true;
	rq->curr = next;
	rq->prev = prev;
	rq->prev_ended = voluntary && prev->state == THREAD_DEAD;
	this_cpu_write(current_thread, next);
	trace(sched_switch, prev->tid, next->tid);
	arch_switch(prev, next);
	finish_switch();
}

void sched_thread_begin(void)
{
	finish_switch();
	arch_irq_enable();
	preempt_enable();
}

static void switch_now(bool voluntary)
{
	preempt_disable();
	arch_irq_disable();
	reschedule(voluntary);
	arch_irq_enable();
	preempt_enable_no_resched();
}

/*
 * A release build counts a sleeper in a place where it must not sleep and goes on: the next thread
 * must start with depth zero, and this one finds its own depth again.
 */
static u32 leave_depth(void)
{
	u32 depth = this_cpu_read(preempt_word) & PREEMPT_DEPTH_MASK;

	this_cpu_add(preempt_word, -(s32)depth);
	return depth;
}

void schedule(void)
{
	struct thread *t = current;
	bool hooked = false;
	u32 depth = 0;

	if (unlikely(!preemptible() || t->nonblock_depth)) {
		might_sleep_slow(__FILE__, __LINE__);
		depth = leave_depth();
	}
	debug_assert(arch_irqs_enabled());
	if (READ_ONCE(t->state) != THREAD_RUNNABLE) {
		if (t->plug_depth)
			block_flush_plug();
		hooked = t->sleep_hook != NULL;
		if (hooked)
			t->sleep_hook(t, true);
	}
	switch_now(true);
	while (unlikely(this_cpu_read(preempt_word) == 0))
		switch_now(false);
	if (hooked)
		t->sleep_hook(t, false);
	this_cpu_add(preempt_word, depth);
}

void yield(void)
{
	might_sleep();
	schedule();
}

void preempt_schedule(void)
{
	/* With interrupts off nobody may switch; whoever enables them finds the wish still there. */
	if (!arch_irqs_enabled()) {
		send_kicks(this_cpu_ptr(&run_queue));
		return;
	}
	do
		switch_now(false);
	while (this_cpu_read(preempt_word) == 0);
}

void thread_prepare_sleep(enum thread_state state)
{
	/* State before condition; partner: the waker's condition before thread_wake. */
	atomic_xchg(&current->state, (u32)state);
}

void thread_finish_sleep(void)
{
	WRITE_ONCE(current->state, THREAD_RUNNABLE);
}

/* ---- Waking ---- */

/* Lock the queue a thread belongs to. Context: interrupts off. */
static struct run_queue *lock_queue_of(struct thread *t)
{
	for (;;) {
		/* Partner: the releases that move a thread, which come after all it was before. */
		unsigned cpu = load_acquire(&t->cpu);
		struct run_queue *rq = &per_cpu(run_queue, cpu);

		raw_lock(&rq->lock);
		if (READ_ONCE(t->cpu) == cpu)
			return rq;
		raw_unlock(&rq->lock);
	}
}

static bool claim_idle(unsigned cpu)
{
	u64 bit = 1ull << cpu;

	return (READ_ONCE(idle_cpus) & bit) && (atomic_fetch_and(&idle_cpus, ~bit) & bit);
}

/* The CPU a woken thread should run on. */
static unsigned choose_cpu(const struct thread *t, enum wake_place place)
{
	const struct run_queue *here = this_cpu_ptr(&run_queue);
	/* Both words may be stale; then the choice is merely not the best. */
	u32 queued = READ_ONCE(here->nr);
	bool idle_here = queued == 0 && READ_ONCE(here->curr) == here->idle;
	bool soon = t->usual_burst < SHORT_BURST || place == WAKE_HERE;
	u64 idle;

	if (t->bound_cpu >= 0)
		return (unsigned)t->bound_cpu;
	if (idle_here || (soon && queued < SHORT_QUEUE && place != WAKE_ELSEWHERE))
		return this_cpu_id();
	if (claim_idle(t->cpu))
		return t->cpu;
	while ((idle = READ_ONCE(idle_cpus)) != 0) {
		unsigned cpu = (unsigned)__builtin_ctzll(idle);

		if (claim_idle(cpu))
			return cpu;
	}
	return t->cpu;
}

/* Somebody was queued on cpu: make it look. Context: interrupts off, its lock held. */
static void kick(struct run_queue *rq, unsigned cpu)
{
	bool preempt = should_preempt(rq);

	if (cpu == this_cpu_id()) {
		if (preempt)
			sched_set_need_resched();
		update_tick(rq, READ_ONCE(idle_cpus) ? HANDOVER_NS : TICK_NS);
	} else if (preempt || rq->nr == 1) {
		kick_later(cpu);
	}
}

bool thread_wake_at(struct thread *t, enum wake_place place)
{
	u64 flags = arch_irq_save();
	struct run_queue *rq = lock_queue_of(t);
	unsigned cpu;
	bool woken;

	smp_mb_after_lock(); /* the caller's condition before the state; partner: thread_prepare_sleep */
	woken = READ_ONCE(t->state) != THREAD_RUNNABLE && READ_ONCE(t->state) != THREAD_DEAD;
	if (!woken)
		goto out;
	WRITE_ONCE(t->state, THREAD_RUNNABLE);
	if (t->on_cpu || t->queued)
		goto out; /* has not gone to sleep yet */
	cpu = choose_cpu(t, place);
	if (cpu != t->cpu) {
		struct run_queue *to = &per_cpu(run_queue, cpu);

		/* RUNNABLE and neither queued nor running: nobody else moves it meanwhile. */
		t->vruntime = rebase(t, rq, to);
		store_release(&t->cpu, cpu); /* partner: lock_queue_of */
		raw_unlock(&rq->lock);
		rq = to;
		raw_lock(&rq->lock);
	}
	enqueue_woken(rq, t);
	kick(rq, cpu);
out:
	raw_unlock(&rq->lock);
	arch_irq_restore(flags);
	/* The wish, on this CPU or for another one, is honoured by the next preempt_enable or interrupt
	 * exit; make sure that there is one when the caller has preemption enabled. */
	if (unlikely(this_cpu_read(preempt_word) == 0))
		preempt_schedule();
	return woken;
}

void thread_interrupt(struct thread *t)
{
	u64 flags;
	struct run_queue *rq;
	bool wake;

	atomic_fetch_or(&t->flags, THREAD_INTERRUPTED);
	flags = arch_irq_save();
	rq = lock_queue_of(t);
	wake = READ_ONCE(t->state) == THREAD_INTERRUPTIBLE;
	raw_unlock(&rq->lock);
	arch_irq_restore(flags);
	if (wake)
		thread_wake(t); /* at worst an extra wake-up: every sleeper re-tests */
}

u64 sched_thread_time(void)
{
	u64 flags = arch_irq_save(), ns;
	struct run_queue *rq = this_cpu_ptr(&run_queue);

	raw_lock(&rq->lock);
	account(rq);
	ns = current->run_ns;
	raw_unlock(&rq->lock);
	arch_irq_restore(flags);
	return ns;
}

static void wake_bound(struct timer *t)
{
	thread_wake(t->owner);
}

/*
 * A running thread cannot be moved: it goes to sleep, and being woken it is queued on the right CPU.
 */
void sched_bind_current(s32 cpu)
{
	struct thread *t = current;
	u64 delay = 1; /* grows: a timer that fires before schedule() moves nobody */

	might_sleep();
	WRITE_ONCE(t->bound_cpu, cpu);
	for (; cpu >= 0 && this_cpu_id() != (unsigned)cpu; delay *= 2) {
		struct timer timer;

		timer_setup(&timer, wake_bound);
		timer.owner = t;
		thread_prepare_sleep(THREAD_SLEEPING);
		timer_arm(&timer, clock_ns() + delay);
		schedule();
		timer_cancel_sync(&timer);
	}
}

/* ---- Interrupts ---- */

void sched_tick(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	u64 idle;

	raw_lock(&rq->lock);
	rq->ticking = false;
	account(rq);
	idle = rq->nr > 0 ? READ_ONCE(idle_cpus) : 0;
	/* An idle CPU gets the chance to steal first; but it may not be able to (bound threads). */
	if (rq->nr > 0 &&
		(rq->curr == rq->idle ||
			first_queued(rq)->vruntime + (idle ? GRANULARITY : 0) < rq->curr->vruntime))
		sched_set_need_resched();
	update_tick(rq, idle ? HANDOVER_NS : TICK_NS);
	raw_unlock(&rq->lock);
	if (idle) {
		unsigned cpu = (unsigned)__builtin_ctzll(idle);

		if (claim_idle(cpu))
			kick_later(cpu); /* it will steal */
	}
}

void sched_resched_ipi(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);

	raw_lock(&rq->lock);
	if (should_preempt(rq))
		sched_set_need_resched();
	update_tick(rq, TICK_NS);
	raw_unlock(&rq->lock);
}

void irq_enter(void)
{
	this_cpu_add(preempt_word, PREEMPT_IRQ_ONE);
	rcu_irq_enter();
}

void irq_exit(void)
{
	this_cpu_add(preempt_word, -PREEMPT_IRQ_ONE);
	if (!preemptible()) {
		/* What was interrupted may go on for long; the locks it holds are rarely the ones that
		 * whoever an interrupt wakes is after. */
		send_kicks(this_cpu_ptr(&run_queue));
		return;
	}
	rcu_note_quiescent();
	while (unlikely(this_cpu_read(preempt_word) == 0)) {
		this_cpu_inc(preempt_word);
		reschedule(false);
		this_cpu_dec(preempt_word);
	}
}

/* ---- Idle ---- */

void sched_idle(void)
{
	u64 bit = 1ull << this_cpu_id();

	WRITE_ONCE(scheduling, true);
	for (;;) {
		arch_irq_disable();
		reschedule(true);
		/* The bit before the look at the queues; partner: enqueue before claim_idle fails. */
		atomic_fetch_or(&idle_cpus, bit);
		if (!need_resched() && READ_ONCE(this_cpu_ptr(&run_queue)->nr) == 0) {
			rcu_idle_enter();
			arch_idle_wait();
			arch_irq_disable();
			rcu_idle_exit();
		}
		atomic_fetch_and(&idle_cpus, ~bit);
		arch_irq_enable();
	}
}

/* ---- Start ---- */

static void run_queue_init(unsigned cpu, struct thread *idle)
{
	struct run_queue *rq = &per_cpu(run_queue, cpu);

	rq->lock = 0;
	rq->nr = 0;
	list_init(&rq->queue);
	rq->min_vruntime = NSEC_PER_SEC; /* above any credit: differences never wrap */
	rq->idle = rq->curr = idle;
	rq->switched_ns = clock_ns();
	rq->ticking = rq->resched = false;
	rq->kicks = 0;
	per_cpu(current_thread, cpu) = idle;
	per_cpu(cpu_number, cpu) = cpu;
	per_cpu(preempt_word, cpu) = PREEMPT_NO_RESCHED + 1;
}

void sched_init(void)
{
	thread_init_cache();
	thread_init_idle(&boot_thread, 0);
	run_queue_init(0, &boot_thread);
	percpu_init(0);
}

struct thread *sched_prepare_cpu(unsigned cpu)
{
	struct thread *idle = thread_create("idle", NULL, NULL);

	if (!idle)
		return NULL;
	thread_init_idle(idle, cpu);
	run_queue_init(cpu, idle);
	percpu_init(cpu);
	return idle;
}
