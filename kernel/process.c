/*
 * Programs at run time: spawning, ending, waiting.
 *
 *	process_spawn    slot, image, what hooks inherit, main thread
 *	...              clone adds threads
 *	process_kill     every thread gets THREAD_KILLED and leaves at its next return to program code;
 *	                 interruptible waits end with -EINTR
 *	thread exit      the last one releases: hooks in order, then memory
 *	exited           kept for its parent's wait (a zombie); an orphan goes at once
 *
 * References: one for the running program, one for the place in its parent's list of children (until
 * it is waited for), one for whoever holds the pointer process_spawn returned.
 *
 * Locking, interrupts off because ^C arrives in one:
 *	process_lock		(RANK_PROCESS_TREE) parents, children, pids, waits_for, exited
 *	  process->lock		(RANK_PROCESS_THREADS) threads, exiting, exit_status
 */
#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/process_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

static struct spinlock process_lock = SPINLOCK_INIT(RANK_PROCESS_TREE);
static LIST_HEAD(all_processes);      /* guarded by process_lock */
static LIST_HEAD(hooks);	      /* registered at boot */
static struct process *first_process; /* guarded by process_lock */
static struct slab_cache *process_cache;

void process_hooks_register(struct process_hooks *h)
{
	list_add_tail(&h->node, &hooks);
}

/* ---- References and lookups ---- */

void process_get(struct process *p)
{
	atomic_add(&p->refs, 1u);
}

void process_put(struct process *p)
{
	if (atomic_sub_return(&p->refs, 1u) == 0)
		slab_free(process_cache, p);
}

struct process *process_find(u32 pid)
{
	u64 flags = spin_lock_irqsave(&process_lock);
	struct process *p, *found = NULL;

	list_for_each_entry (p, &all_processes, all_node)
		if (p->pid == pid) {
			found = p;
			process_get(p);
			break;
		}
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

void process_for_each(void (*fn)(struct process *p, void *arg), void *arg)
{
	u64 flags = spin_lock_irqsave(&process_lock);
	struct process *p;

	list_for_each_entry (p, &all_processes, all_node)
		fn(p, arg);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* ---- Spawning ---- */

static struct process *process_alloc(const char *name)
{
	struct process *p = slab_zalloc(process_cache, ALLOC_WAIT);

	if (!p)
		return NULL;
	strlcpy(p->name, name, sizeof(p->name));
	p->refs = 1;
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->all_node);
	list_init(&p->threads);
	spin_lock_init(&p->lock, RANK_PROCESS_THREADS);
	waitqueue_init(&p->child_wq);
	waitqueue_init(&p->exit_wq);
	p->nofile_limit = NOFILE_LIMIT;
	return p;
}

static void hooks_release_until(struct process *p, struct list_head *end)
{
	struct list_head *node;

	list_for_each (node, &hooks) {
		struct process_hooks *h = list_entry(node, struct process_hooks, node);

		if (node == end)
			break;
		if (h->release)
			h->release(p);
	}
}

static int hooks_inherit(struct process *p, struct process *parent, const int *fds)
{
	struct process_hooks *h;
	int err;

	list_for_each_entry (h, &hooks, node) {
		err = h->inherit ? h->inherit(p, parent, fds) : 0;
		if (err) {
			hooks_release_until(p, &h->node);
			return err;
		}
	}
	return 0;
}

void process_thread_begin(struct thread *t)
{
	struct process_hooks *h;

	list_for_each_entry (h, &hooks, node)
		if (h->thread_begin)
			h->thread_begin(t);
}

bool process_add_thread(struct process *p, struct thread *t)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool ok = !p->exiting;

	if (ok) {
		t->process = p;
		list_add_tail(&t->process_node, &p->threads);
		p->nr_threads++;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return ok;
}

static void main_thread(void *arg)
{
	struct program_start start = *(struct program_start *)arg;

	kfree(arg);
	program_return(); /* killed before it ran */
	arch_enter_program(start.pc, start.sp);
}

/* The main thread, not started; owns start. NULL when memory is short. */
static struct thread *make_main_thread(struct process *p, const struct program_start *start)
{
	struct program_start *copy = kmalloc(sizeof(*copy), ALLOC_WAIT);
	struct thread *t;

	if (!copy)
		return NULL;
	*copy = *start;
	t = thread_create(p->name, main_thread, copy);
	if (t && arch_fpu_alloc(t) == 0)
		return t;
	if (t)
		thread_cancel(t);
	kfree(copy);
	return NULL;
}

static void link_into_tree(struct process *p, struct process *parent)
{
	u64 flags = spin_lock_irqsave(&process_lock);

	list_add_tail(&p->all_node, &all_processes);
	p->parent = parent;
	if (parent) {
		process_get(p);
		list_add_tail(&p->sibling, &parent->children);
	}
	if (!first_process)
		first_process = p;
	spin_unlock_irqrestore(&process_lock, flags);
}

struct process *process_spawn(
	const char *name, char *const argv[], char *const envp[], const int *fds)
{
	const struct program_image *image = program_find(name);
	struct process *parent = current->process, *p;
	struct program_start start;
	struct thread *t;
	int err;

	if (!image)
		return ERR_PTR(-ENOENT);
	p = process_alloc(name);
	if (!p)
		return ERR_PTR(-ENOMEM);
	err = memory_init(p);
	if (err)
		goto fail;
	err = program_load(p, image, argv, envp, &start);
	if (err)
		goto fail_memory;
	err = hooks_inherit(p, parent, fds);
	if (err)
		goto fail_memory;
	err = -ENOMEM;
	t = make_main_thread(p, &start);
	if (!t)
		goto fail_hooks;
	p->pid = t->tid;
	process_add_thread(p, t);
	process_thread_begin(t);
	process_get(p); /* for the caller; the first one is the running program's */
	link_into_tree(p, parent);
	thread_start(t);
	thread_put(t);
	return p;
fail_hooks:
	hooks_release_until(p, &hooks);
fail_memory:
	memory_release(p);
fail:
	process_put(p);
	return ERR_PTR(err);
}

/* ---- Ending ---- */

/* Context: p->lock held. A running thread is interrupted, so that it comes by program_return. */
static void kill_threads(struct process *p)
{
	struct thread *t;

	list_for_each_entry (t, &p->threads, process_node) {
		atomic_fetch_or(&t->flags, THREAD_KILLED);
		thread_interrupt(t);
		if (READ_ONCE(t->on_cpu) && READ_ONCE(t->cpu) != this_cpu_id())
			arch_send_ipi(READ_ONCE(t->cpu), ARCH_IPI_RESCHED);
	}
}

void process_kill(struct process *p, int status)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	if (!p->exiting) {
		WRITE_ONCE(p->exiting, true);
		p->exit_status = status;
		kill_threads(p);
	}
	spin_unlock_irqrestore(&p->lock, flags);
}

void process_signal(struct process *p, int signal)
{
	if (signal != SIGKILL && (READ_ONCE(p->ignored_signals) >> (signal - 1) & 1))
		return;
	process_kill(p, signal);
}

/* Children that outlive p belong to nobody; those that have ended are gone with it. */
static void disown_children(struct process *p)
{
	struct process *child, *next;
	u64 flags = spin_lock_irqsave(&process_lock);

	list_for_each_entry_safe (child, next, &p->children, sibling) {
		list_del(&child->sibling);
		child->parent = NULL;
		if (child->exited)
			list_del(&child->all_node);
		process_put(child);
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

/* The last thread is leaving. Afterwards only the exit status is left. */
static void process_finish(struct process *p)
{
	struct process *parent;
	u64 flags;

	hooks_release_until(p, &hooks);
	memory_release(p);
	disown_children(p);

	flags = spin_lock_irqsave(&process_lock);
	parent = p->parent;
	WRITE_ONCE(p->exited, true);
	if (parent)
		wake_up_all(&parent->child_wq);
	else
		list_del(&p->all_node);
	if (first_process == p)
		first_process = NULL;
	wake_up_all(&p->exit_wq);
	spin_unlock_irqrestore(&process_lock, flags);
	process_put(p);
}

void process_thread_exit(void)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct process_hooks *h;
	bool last;
	u64 flags;

	if (t->clear_tid) {
		u32 zero = 0;

		if (copy_to_user((void *)t->clear_tid, &zero, sizeof(zero)) == 0)
			futex_wake(t->clear_tid, 1, ~0u);
	}
	if (READ_ONCE(p->exiting) && !atomic_xchg(&p->exit_announced, true))
		list_for_each_entry (h, &hooks, node)
			if (h->exiting)
				h->exiting(p);
	flags = spin_lock_irqsave(&p->lock);
	last = p->nr_threads == 1;
	if (last)
		WRITE_ONCE(p->exiting, true); /* no new threads */
	else
		p->nr_threads--;
	list_del(&t->process_node);
	spin_unlock_irqrestore(&p->lock, flags);
	atomic_fetch_and(&t->flags, ~(THREAD_KILLED | THREAD_INTERRUPTED));
	if (last)
		process_finish(p);
	list_for_each_entry (h, &hooks, node)
		if (h->thread_end)
			h->thread_end();
	t->process = NULL;
	thread_exit();
}

void program_return_slow(void)
{
	arch_irq_enable();
	process_thread_exit();
}

/* ---- Waiting ---- */

int process_wait(struct process *p)
{
	wait_event(&p->exit_wq, READ_ONCE(p->exited));
	return p->exit_status;
}

/*
 * Take an ended child off the tree: pid > 0 that one, -1 any. Returns it with the list's reference,
 * NULL when none has ended, ERR_PTR(-ECHILD) when there is no such child. Also notes whom the caller
 * waits for, which is where ^C goes.
 */
static struct process *reap(struct process *parent, s32 pid)
{
	struct process *child, *found = ERR_PTR(-ECHILD);
	u64 flags = spin_lock_irqsave(&process_lock);

	parent->waits_for = NULL;
	list_for_each_entry (child, &parent->children, sibling) {
		if (pid > 0 && child->pid != (u32)pid)
			continue;
		if (child->exited) {
			found = child;
			list_del(&child->sibling);
			list_del(&child->all_node);
			parent->waits_for = NULL;
			break;
		}
		found = NULL;
		parent->waits_for = child; /* the youngest one when waiting for any */
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

static void stop_waiting(struct process *parent)
{
	u64 flags = spin_lock_irqsave(&process_lock);

	parent->waits_for = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
}

s64 process_wait_child(struct process *parent, s32 pid, bool hang, int *status)
{
	struct process *child = NULL;
	s64 ret;
	int err = 0;

	if (hang)
		err = wait_event_interruptible(
			&parent->child_wq, (child = reap(parent, pid)) != NULL);
	else
		child = reap(parent, pid);
	if (!child) {
		stop_waiting(parent);
		return err;
	}
	if (IS_ERR(child))
		return PTR_ERR(child);
	*status = child->exit_status;
	ret = child->pid;
	process_put(child);
	return ret;
}

bool process_interrupt_foreground(void)
{
	u64 flags = spin_lock_irqsave(&process_lock);
	struct process *p = first_process;
	bool found;

	while (p && p->waits_for)
		p = p->waits_for;
	found = p && p != first_process;
	if (found)
		process_signal(p, SIGINT);
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

/* ---- Faults ---- */

void program_fault(int signal, const char *kind, u64 pc, u64 address)
{
	struct process *p = current->process;
	char where[48] = "outside the program";

	if (pc >= p->image_base && pc < p->image_end)
		snprintf(where, sizeof(where), "%s+0x%llx", p->name,
			(unsigned long long)(pc - p->image_base));
	printk("%s[%u]: %s at address %llx, pc %llx (%s)", p->name, p->pid, kind,
		(unsigned long long)address, (unsigned long long)pc, where);
	process_kill(p, signal);
}

void process_init(void)
{
	process_cache = slab_cache_create("process", sizeof(struct process), 64, 0, NULL);
	if (!process_cache)
		panic("no memory for processes");
	futex_init();
}
