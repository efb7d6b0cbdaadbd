/*
 * Threads and the scheduler: preemptive, one run queue per CPU, waking to an idle CPU, stealing when
 * idle. Every thread has a kernel stack with a guard page; program threads (thread->process and
 * thread->program set) run program code on a stack of their own below USER_TOP.
 *
 * Sleeping, the one pattern:
 *
 *	thread_prepare_sleep(STATE);   state is set before the condition is tested, so that a
 *	if (!condition)                thread_wake in between turns schedule() into a no-op
 *		schedule();
 *	thread_finish_sleep();
 *
 * Nearly everyone uses kernel/wait.h instead.
 */
#pragma once

#include "kernel/list.h"
#include "kernel/preempt.h"
#include "kernel/panic.h"
#include "arch/arch.h"

struct process;
struct cred;
struct slab_cache;

enum thread_state {
	THREAD_RUNNABLE,
	THREAD_SLEEPING,      /* woken only by thread_wake */
	THREAD_INTERRUPTIBLE, /* also woken by thread_interrupt */
	THREAD_DEAD,
};

/* thread->flags, guarded by atomic_fetch_or/and */
#define THREAD_INTERRUPTED 0x1u /* interruptible waits return -EINTR until cleared */
#define THREAD_KILLED	   0x2u /* leaves at the next return to program code */
#define THREAD_IDLE	   0x4u
#define THREAD_RECLAIMING  0x8u /* gives memory back; may use the last pages itself */

struct thread {
	struct arch_thread arch; /* saved registers, FS base, FPU state; owner: arch */
	u32 state; /* enum thread_state; owner itself, or waker under the run-queue lock */
	u32 flags;
	u32 nonblock_depth;    /* > 0 inside a nonblocking attempt; owner only */
	u32 cpu;	       /* run queue it is on or last ran on */
	void (*fn)(void *arg); /* what it runs */
	void *arg;
	s32 bound_cpu;		   /* the only CPU it may run on, or -1; set before it starts */
	bool on_cpu;		   /* is a CPU's current thread; guarded by the run-queue lock */
	bool queued;		   /* on a run queue; guarded by that queue's lock */
	struct list_head run_node; /* run queue; guarded by its lock */
	u64 burst, usual_burst;	   /* CPU time in ns since the last wake-up, and usually between
				   * wake-up and sleep; guarded by the run-queue lock */
	u64 vruntime;		   /* fair share used, in ns; guarded by the run-queue lock */
	struct list_head all_node; /* all_threads; guarded by its lock */
	void *stack;		   /* lowest usable byte of the kernel stack */
	struct process *process;   /* whose files, cwd and memory; NULL for pure kernel threads */
	struct cred *cred;	   /* vfs/cred.h; replaced only by the owner */
	struct list_head process_node; /* process->threads; guarded by process->lock */
	u32 refs;		       /* atomic; the struct outlives the stack while referenced */
	u32 tid;
	u64 run_ns; /* time on CPU; owner's CPU only */
	u64 switches;
	char name[24];
	u64 clear_tid; /* program address to zero and futex-wake at exit, or 0 */
	/*
	 * Called by the scheduler when this thread goes to sleep / runs again (worker pools start a
	 * replacement). Context: about to switch, may not sleep. NULL for everyone else.
	 */
	void (*sleep_hook)(struct thread *self, bool sleeping);
	void *hook_data;
	void *private_data;
	/* Block requests collected (kernel/block.h); owner only. schedule() calls block_flush_plug
	 * before a sleep when plug_depth is not 0. */
	u32 plug_depth, plug_count;
	struct list_head plug; /* initialised by the outermost block_plug */
#ifdef CONFIG_DEBUG
	const void *locks_held[16]; /* sleeping locks, for rank checks */
	u64 lock_callers[16];	    /* where each was taken */
	u16 lock_ranks[16];
	u32 locks_count;
#endif
};

DECLARE_PERCPU(struct thread *, current_thread);
#define current this_cpu_read_stable(current_thread)

/* The kernel stack of a thread, in bytes (without its guard page). */
#define KSTACK_SIZE (16 * 1024)

/*
 * Make a kernel thread running fn(arg); it starts with thread_start and ends when fn returns.
 * The creator holds one reference (thread_put). name is copied. Returns NULL when memory is short.
 * Context: may sleep.
 */
struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg);
void thread_start(struct thread *t);
/* Undo thread_create for a thread that was never started; drops both references. May sleep. */
void thread_cancel(struct thread *t);
__noreturn void thread_exit(void);
void thread_get(struct thread *t);
void thread_put(struct thread *t);
/* Pin a not yet started thread to one CPU (tests, per-CPU kernel threads). */
void thread_bind(struct thread *t, unsigned cpu);

/* Bind the running thread to one CPU (it is there on return), or to none (-1). May sleep. */
void sched_bind_current(s32 cpu);
/* CPU time of the running thread up to now, in ns. */
u64 sched_thread_time(void);

/* Give up the CPU according to current->state. Context: may sleep. */
void schedule(void);
/* Let others run; stays runnable. Context: may sleep. */
void yield(void);
void thread_prepare_sleep(enum thread_state state);
void thread_finish_sleep(void);
/* What the waker knows about where the woken thread should run. */
enum wake_place {
	WAKE_ANYWHERE,	/* nothing */
	WAKE_HERE,	/* the waker is about to sleep: its CPU is as good as free */
	WAKE_ELSEWHERE, /* it is to work beside the waker, and has enough to do */
};
/* Make runnable; false when it already was. Context: any, interrupts included. */
bool thread_wake_at(struct thread *t, enum wake_place place);
static inline bool thread_wake(struct thread *t)
{
	return thread_wake_at(t, WAKE_ANYWHERE);
}
/* Set THREAD_INTERRUPTED and wake it out of an interruptible wait. */
void thread_interrupt(struct thread *t);
static inline bool thread_interrupted(void)
{
	return READ_ONCE(current->flags) & (THREAD_INTERRUPTED | THREAD_KILLED);
}
void sleep_ns(u64 ns);

/*
 * The enforcement of the seed. First statement of everything that can sleep; the scheduler repeats
 * the check at every voluntary switch. Debug builds panic, release builds count
 * (sched_might_sleep_violations), when the thread holds a spinlock, is inside an RCU section, in an
 * interrupt, or inside a nonblocking attempt.
 */
void might_sleep_slow(const char *file, int line);
#define might_sleep()                                                                              \
	do {                                                                                       \
		if (unlikely(!preemptible() || current->nonblock_depth))                           \
			might_sleep_slow(__FILE__, __LINE__);                                      \
	} while (0)
extern u64 sched_might_sleep_violations;

/* Around every inline try. Being preempted inside is fine; sleeping is not. Nests. */
static inline void nonblock_begin(void)
{
	current->nonblock_depth++;
}
static inline void nonblock_end(void)
{
	debug_assert(current->nonblock_depth > 0);
	current->nonblock_depth--;
}

/* Called by arch on interrupt exit and by the timer tick. */
void sched_tick(void);
void sched_init(void);
/* Start the reaper of ended threads. Context: the first thread. */
void thread_init(void);
/* The idle loop of this CPU; called once by each CPU when it is ready. */
__noreturn void sched_idle(void);

/* Walk over all threads: fn is called under a lock and may not sleep. */
void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg);
