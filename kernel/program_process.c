/* Process and thread system calls: identity, spawn, clone, exit, wait, kill, signals, limits. */
#include "abi/errno.h"
#include "kernel/entry.h"
#include "kernel/process_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

#define CLONE_VM	     0x00000100ull
#define CLONE_FS	     0x00000200ull
#define CLONE_FILES	     0x00000400ull
#define CLONE_SIGHAND	     0x00000800ull
#define CLONE_THREAD	     0x00010000ull
#define CLONE_SYSVSEM	     0x00040000ull
#define CLONE_SETTLS	     0x00080000ull
#define CLONE_PARENT_SETTID  0x00100000ull
#define CLONE_CHILD_CLEARTID 0x00200000ull
#define CLONE_DETACHED	     0x00400000ull
#define CLONE_CHILD_SETTID   0x01000000ull
#define CLONE_NEEDED	     (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_KNOWN                                                                                \
	(CLONE_NEEDED | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                       \
		CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID | 0xff)

SYSCALL0(getpid)
{
	return current->process->pid;
}

SYSCALL0(gettid)
{
	return current->tid;
}

SYSCALL0(getppid)
{
	struct process *parent = READ_ONCE(current->process->parent);

	return parent ? READ_ONCE(parent->pid) : 0;
}

SYSCALL1(set_tid_address, u64, address)
{
	current->clear_tid = address;
	return current->tid;
}

/* Threads only: there is no fork. The port calls this with the program's registers at hand. */
SYSCALL5(clone, u64, flags, u64, sp, u32 __user *, parent_tid, u32 __user *, child_tid, u64, tls)
{
	struct thread *t;
	u32 tid;
	int err = -ENOMEM;

	if ((flags & CLONE_NEEDED) != CLONE_NEEDED || (flags & ~CLONE_KNOWN))
		return -EINVAL;
	t = thread_create(current->process->name, NULL, NULL);
	if (!t)
		return -ENOMEM;
	if (arch_fpu_alloc(t))
		goto fail;
	arch_clone_program(t, sp, flags & CLONE_SETTLS, tls);
	tid = t->tid;
	err = -EFAULT;
	if ((flags & CLONE_PARENT_SETTID) && put_user(tid, parent_tid))
		goto fail;
	if ((flags & CLONE_CHILD_SETTID) && put_user(tid, child_tid))
		goto fail;
	if (flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = (u64)child_tid;
	err = -EAGAIN;
	if (!process_add_thread(current->process, t))
		goto fail;
	process_thread_begin(t);
	thread_start(t);
	thread_put(t);
	return tid;
fail:
	thread_cancel(t);
	return err;
}

SYSCALL1(exit, int, status)
{
	struct process *p = current->process;
	u64 flags = spin_lock_irqsave(&p->lock);

	/* The last thread's status is the program's, unless it was told to end. */
	if (!p->exiting)
		p->exit_status = (status & 0xff) << 8;
	spin_unlock_irqrestore(&p->lock, flags);
	process_thread_exit();
}

SYSCALL1(exit_group, int, status)
{
	process_kill(current->process, (status & 0xff) << 8);
	process_thread_exit();
}

#define WNOHANG 1

SYSCALL4(wait4, s32, pid, int __user *, status, int, options, void __user *, rusage)
{
	int code;
	s64 ret;

	if (pid == 0 || pid < -1)
		pid = -1;
	if (rusage && clear_user(rusage, 144))
		return -EFAULT;
	ret = process_wait_child(current->process, pid, !(options & WNOHANG), &code);
	if (ret > 0 && status && put_user(code, status))
		return -EFAULT;
	return ret;
}

/* ---- Spawn ---- */

#define SPAWN_STRINGS 256

struct spawn_args {
	char name[32];
	char *argv[SPAWN_STRINGS + 1], *envp[SPAWN_STRINGS + 1];
	int fds[3];
	char *text; /* all strings one after the other, PROGRAM_ARGS_MAX bytes */
	size_t used;
};

/* Copy a NULL-terminated vector of program strings. 0 or -errno. */
static int copy_strings(struct spawn_args *a, char *const __user *from, char **to)
{
	if (!from)
		return 0;
	for (unsigned i = 0; i < SPAWN_STRINGS; i++) {
		const char __user *s;
		ssize len;

		if (get_user(s, &from[i]))
			return -EFAULT;
		if (!s)
			return 0;
		len = strncpy_from_user(a->text + a->used, s, PROGRAM_ARGS_MAX - a->used);
		if (len < 0)
			return len == -ENAMETOOLONG ? -E2BIG : (int)len;
		to[i] = a->text + a->used;
		a->used += (size_t)len + 1;
		if (a->used == PROGRAM_ARGS_MAX)
			return -E2BIG;
	}
	return -E2BIG;
}

static int copy_spawn_args(struct spawn_args *a, const char __user *name, char *const __user *argv,
	char *const __user *envp, const int __user *fds)
{
	ssize len = strncpy_from_user(a->name, name, sizeof(a->name));
	int err;

	if (len < 0)
		return len == -ENAMETOOLONG ? -ENOENT : (int)len;
	err = copy_strings(a, argv, a->argv);
	if (!err)
		err = copy_strings(a, envp, a->envp);
	if (!err && fds && copy_from_user(a->fds, fds, sizeof(a->fds)))
		err = -EFAULT;
	return err;
}

SYSCALL4(unlazy_spawn, const char __user *, name, char *const __user *, argv, char *const __user *,
	envp, const int __user *, fds)
{
	struct spawn_args *a = kzalloc(sizeof(*a), ALLOC_WAIT);
	struct process *p;
	long ret = -ENOMEM;

	if (!a)
		return -ENOMEM;
	a->text = kmalloc(PROGRAM_ARGS_MAX, ALLOC_WAIT);
	if (a->text)
		ret = copy_spawn_args(a, name, argv, envp, fds);
	if (!ret) {
		p = process_spawn(a->name, a->argv, a->envp, fds ? a->fds : NULL);
		ret = IS_ERR(p) ? PTR_ERR(p) : (long)p->pid;
		if (!IS_ERR(p))
			process_put(p);
	}
	kfree(a->text);
	kfree(a);
	return ret;
}

/* ---- Signals: nothing is ever delivered to a handler; a signal ends its target or is ignored ---- */

#define NR_SIGNALS 64

/* Signals that do nothing unless somebody handles them (CHLD, CONT, URG, WINCH). */
#define HARMLESS (1ull << 16 | 1ull << 17 | 1ull << 22 | 1ull << 27)

static long send_signal(struct process *p, int signal)
{
	if (signal < 0 || signal > NR_SIGNALS)
		return -EINVAL;
	if (signal && !(HARMLESS >> (signal - 1) & 1))
		process_signal(p, signal);
	return 0;
}

SYSCALL2(kill, s32, pid, int, signal)
{
	struct process *p = pid > 0 ? process_find((u32)pid) : NULL;
	long ret;

	if (!p)
		return pid > 0 ? -ESRCH : -EINVAL;
	ret = send_signal(p, signal);
	process_put(p);
	return ret;
}

struct tid_search {
	u32 tid;
	struct process *found;
};

static void match_tid(struct thread *t, void *arg)
{
	struct tid_search *s = arg;

	if (t->tid == s->tid && t->process && !s->found) {
		s->found = t->process;
		process_get(s->found);
	}
}

static long signal_thread(s32 tgid, s32 tid, int signal)
{
	struct tid_search s = {.tid = (u32)tid};
	long ret = -ESRCH;

	if (tid <= 0)
		return -EINVAL;
	thread_for_each(match_tid, &s);
	if (!s.found)
		return -ESRCH;
	if (tgid < 0 || s.found->pid == (u32)tgid)
		ret = send_signal(s.found, signal);
	process_put(s.found);
	return ret;
}

SYSCALL3(tgkill, s32, tgid, s32, tid, int, signal)
{
	return tgid > 0 ? signal_thread(tgid, tid, signal) : -EINVAL;
}

SYSCALL2(tkill, s32, tid, int, signal)
{
	return signal_thread(-1, tid, signal);
}

struct sigaction_abi {
	u64 handler, flags, restorer, mask;
};
#define SIG_DFL 0
#define SIG_IGN 1

/* Only SIG_IGN is remembered; a handler counts as the default, because none ever runs. */
SYSCALL4(rt_sigaction, int, signal, const struct sigaction_abi __user *, act,
	struct sigaction_abi __user *, old, u64, size)
{
	struct process *p = current->process;
	struct sigaction_abi a = {0};
	u64 bit;

	if (signal < 1 || signal > NR_SIGNALS || size != 8)
		return -EINVAL;
	bit = 1ull << (signal - 1);
	if (old) {
		struct sigaction_abi was = {
			.handler = READ_ONCE(p->ignored_signals) & bit ? SIG_IGN : SIG_DFL};

		if (put_user(was, old))
			return -EFAULT;
	}
	if (!act)
		return 0;
	if (get_user(a, act))
		return -EFAULT;
	if (signal == SIGKILL || signal == 19)
		return -EINVAL;
	if (a.handler == SIG_IGN)
		atomic_fetch_or(&p->ignored_signals, bit);
	else
		atomic_fetch_and(&p->ignored_signals, ~bit);
	return 0;
}

SYSCALL4(rt_sigprocmask, int, how, const u64 __user *, set, u64 __user *, old, u64, size)
{
	struct process *p = current->process;
	u64 mask, was = p->signal_mask;

	if (size != 8 || how < 0 || how > 2)
		return -EINVAL;
	if (set && get_user(mask, set))
		return -EFAULT;
	if (set)
		p->signal_mask = how == 0 ? was | mask : how == 1 ? was & ~mask : mask;
	return old ? put_user(was, old) : 0;
}

SYSCALL2(sigaltstack, const void __user *, stack, void __user *, old)
{
	(void)stack;
	return old ? clear_user(old, 24) : 0;
}

/* ---- Thread pointer, robust lists ---- */

#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003

SYSCALL2(arch_prctl, int, code, u64, address)
{
	switch (code) {
	case ARCH_SET_FS:
		if (address >= USER_TOP)
			return -EPERM;
		arch_set_tls(address);
		return 0;
	case ARCH_GET_FS:
		return put_user(arch_get_tls(), (u64 __user *)address);
	default:
		return -EINVAL;
	}
}

/* Accepted and not used: every lock owner dies with the whole program. */
SYSCALL2(set_robust_list, void __user *, head, u64, size)
{
	(void)head;
	return size == 24 ? 0 : -EINVAL;
}

/* libcs probe for it; not an unknown call, so no console line. */
SYSCALL4(rseq, void __user *, area, u32, size, int, flags, u32, signature)
{
	(void)area, (void)size, (void)flags, (void)signature;
	return -ENOSYS;
}

/* ---- Scheduling ---- */

SYSCALL0(sched_yield)
{
	yield();
	return 0;
}

SYSCALL3(getcpu, u32 __user *, cpu, u32 __user *, node, void __user *, cache)
{
	u32 this = this_cpu_id(), zero = 0;

	(void)cache;
	if (cpu && put_user(this, cpu))
		return -EFAULT;
	return node ? put_user(zero, node) : 0;
}

SYSCALL3(sched_getaffinity, s32, pid, u64, size, u64 __user *, mask)
{
	u64 all = nr_cpus == 64 ? ~0ull : (1ull << nr_cpus) - 1;
	u64 mine = current->bound_cpu >= 0 ? 1ull << current->bound_cpu : all;

	(void)pid;
	if (size < sizeof(mine) || size % 8)
		return -EINVAL;
	return put_user(mine, mask) ? -EFAULT : (long)sizeof(mine);
}

/* One CPU or all of them. */
SYSCALL3(sched_setaffinity, s32, pid, u64, size, const u64 __user *, mask)
{
	u64 all = nr_cpus == 64 ? ~0ull : (1ull << nr_cpus) - 1, wanted = 0;

	if (pid != 0 && (u32)pid != current->tid)
		return -ESRCH;
	if (copy_from_user(&wanted, mask, MIN(size, sizeof(wanted))))
		return -EFAULT;
	wanted &= all;
	if (!wanted)
		return -EINVAL;
	if (wanted & (wanted - 1))
		sched_bind_current(-1);
	else
		sched_bind_current(__builtin_ctzll(wanted));
	return 0;
}
