/*
 * Threads: creation, end, references.
 *
 * A thread has two references while it lives: its creator's and its own. Its own goes when the
 * scheduler has switched away from it for the last time; its stack goes then, too. Both happen in
 * the reaper thread, because freeing a stack waits for other CPUs' TLBs.
 *
 *	thread_create -> thread_start -> fn(arg) -> thread_exit -> reaper: stack, own reference
 *
 * Locking:
 *	threads_lock	(RANK_RUNQUEUE: taken from the scheduler's tail, run-queue locks are raw) the
 *			list of all threads and the list of dead ones
 */
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/faults.h"
#include "kernel/reclaim.h"
#include "kernel/sched_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/wait.h"

static struct spinlock threads_lock = SPINLOCK_INIT(RANK_RUNQUEUE);
static LIST_HEAD(all_threads);	/* guarded by threads_lock */
static LIST_HEAD(dead_threads); /* through run_node; guarded by threads_lock */
static struct slab_cache *thread_cache;
static struct thread *reaper;
static u32 last_tid; /* atomic */

struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = slab_zalloc(thread_cache, ALLOC_WAIT);
	u64 flags;

	if (!t)
		return NULL;
	t->stack = fault_hits(FAULT_ALLOC) ? NULL : arch_kstack_alloc();
	if (!t->stack) {
		slab_free(thread_cache, t);
		return NULL;
	}
	t->state = THREAD_SLEEPING; /* until thread_start wakes it */
	t->refs = 2;
	t->tid = atomic_add_return(&last_tid, 1u);
	t->fn = fn;
	t->arg = arg;
	t->bound_cpu = -1;
	t->usual_burst = NSEC_PER_MSEC; /* unknown: as if it ran for long */
	t->cpu = this_cpu_id();
	strlcpy(t->name, name, sizeof(t->name));
	list_init(&t->run_node);
	list_init(&t->process_node);
	arch_thread_init(t, thread_entry);
	flags = spin_lock_irqsave(&threads_lock);
	list_add_tail(&t->all_node, &all_threads);
	spin_unlock_irqrestore(&threads_lock, flags);
	return t;
}

void thread_init_idle(struct thread *t, unsigned cpu)
{
	t->state = THREAD_RUNNABLE;
	t->flags = THREAD_IDLE;
	t->cpu = cpu;
	t->bound_cpu = (s32)cpu;
	t->on_cpu = true;
	snprintf(t->name, sizeof(t->name), "idle/%u", cpu);
}

void thread_entry(void)
{
	struct thread *t;

	sched_thread_begin();
	t = current;
	t->fn(t->arg);
	thread_exit();
}

void thread_start(struct thread *t)
{
	thread_wake(t);
}

void thread_bind(struct thread *t, unsigned cpu)
{
	t->bound_cpu = (s32)cpu;
}

void thread_exit(void)
{
#ifdef CONFIG_DEBUG
	assert(current->locks_count == 0);
#endif
	WRITE_ONCE(current->state, THREAD_DEAD);
	schedule();
	panic("a dead thread ran again");
}

static void thread_release(struct thread *t)
{
	arch_thread_release(t);
	arch_kstack_free(t->stack);
	thread_put(t);
}

void thread_cancel(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&threads_lock);

	list_del(&t->all_node);
	spin_unlock_irqrestore(&threads_lock, flags);
	thread_release(t);
	thread_put(t);
}

void thread_get(struct thread *t)
{
	atomic_add(&t->refs, 1u);
}

void thread_put(struct thread *t)
{
	if (atomic_sub_return(&t->refs, 1u) == 0)
		slab_free(thread_cache, t);
}

void thread_reap_later(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&threads_lock);

	list_add_tail(&t->run_node, &dead_threads);
	spin_unlock_irqrestore(&threads_lock, flags);
	thread_wake(reaper);
}

static struct thread *take_dead(void)
{
	struct thread *t = NULL;
	u64 flags = spin_lock_irqsave(&threads_lock);

	if (!list_empty(&dead_threads)) {
		t = list_first_entry(&dead_threads, struct thread, run_node);
		list_del(&t->run_node);
		list_del(&t->all_node);
	}
	spin_unlock_irqrestore(&threads_lock, flags);
	return t;
}

static void reaper_main(void *arg)
{
	(void)arg;
	for (;;) {
		struct thread *t;

		thread_prepare_sleep(THREAD_SLEEPING);
		t = take_dead();
		if (!t) {
			schedule();
			continue;
		}
		thread_finish_sleep();
		thread_release(t);
	}
}

/* Context: lists only; fn runs under a spinlock with interrupts off. */
void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg)
{
	struct thread *t;
	u64 flags = spin_lock_irqsave(&threads_lock);

	list_for_each_entry (t, &all_threads, all_node)
		fn(t, arg);
	spin_unlock_irqrestore(&threads_lock, flags);
}

void sleep_ns(u64 ns)
{
	u64 deadline = clock_ns() + ns;

	might_sleep();
	while (clock_ns() < deadline) {
		thread_prepare_sleep(THREAD_SLEEPING);
		wait_sleep(THREAD_SLEEPING, deadline);
		thread_finish_sleep();
	}
}

/* Context: the boot thread, nothing else runs. */
void thread_init_cache(void)
{
	thread_cache = slab_cache_create("thread", sizeof(struct thread), 64, 0, NULL);
	if (!thread_cache)
		panic("no memory for threads");
}

static u64 stacks_count(struct shrinker *s)
{
	(void)s;
	return arch_kstack_cached();
}

static u64 stacks_scan(struct shrinker *s, u64 nr)
{
	(void)s;
	return arch_kstack_shrink(nr);
}

/* Not for drop_caches: that is about files, and those who measure start threads right after it. */
static struct shrinker stack_shrinker = {
	.name = "kernel stacks",
	.count = stacks_count,
	.scan = stacks_scan,
	.object_size = KSTACK_SIZE,
};

/* Context: the first kernel thread. */
void thread_init(void)
{
	shrinker_register(&stack_shrinker);
	reaper = thread_create("reaper", reaper_main, NULL);
	if (!reaper)
		panic("no memory for the reaper thread");
	thread_start(reaper);
}
