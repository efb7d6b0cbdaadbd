/*
 * Programs at run time. A process is one run of a static-PIE image: an address slot, threads, and
 * the resources that vfs and ring hang on it, released when the last thread is gone.
 *
 * Address slots: the single address space below USER_TOP is cut into slots of 512 GiB (one top-level
 * page-table entry each). A process owns one: image at its base, heap (brk) above the image, mmap
 * regions from the top down. Everything is populated when mapped; a program never faults on valid
 * memory. The slot's page tables are torn down in one piece at exit.
 */
#pragma once

#include "kernel/mutex.h"
#include "kernel/sched.h"

struct page;
struct ring_pool;  /* ring/: the worker threads of a process that uses rings */
struct files;	   /* vfs/file.h: fd table */
struct fs_context; /* vfs/file.h: root and working directory, umask */

struct process {
	u32 pid;
	u32 refs;		/* atomic */
	struct process *parent; /* guarded by process_lock; NULL for the first and for orphans */
	struct list_head children, sibling; /* guarded by process_lock */
	struct list_head all_node;	    /* every process; guarded by process_lock */
	struct process *waits_for; /* child it waits for (foreground); guarded by process_lock */
	struct list_head threads;  /* guarded by lock */
	u32 nr_threads;		   /* guarded by lock */
	struct spinlock lock;	   /* RANK_PROCESS_THREADS, interrupts off */
	char name[24];
	int exit_status;     /* wait status as in wait(2); valid when exiting; guarded by lock */
	bool exiting;	     /* told to end; guarded by lock, read without */
	bool exited;	     /* everything released; guarded by process_lock, read without */
	bool exit_announced; /* the exiting hooks have been called; atomic */
	struct waitqueue child_wq; /* its waiting threads: a child exited */
	struct waitqueue exit_wq;  /* process_wait: this one exited */
	u64 ignored_signals;	   /* bit n-1: signal n has SIG_IGN; atomic */
	u64 signal_mask;	   /* as rt_sigprocmask set it: remembered, never consulted */

	struct mutex memory_lock; /* regions, brk */
	u32 slot;
	u64 image_base, image_end, brk_start, brk_end, brk_mapped, mmap_top;
	struct list_head regions; /* guarded by memory_lock */
	u64 mapped_pages;

	struct files *files;	     /* owner: vfs */
	struct fs_context *fs;	     /* owner: vfs */
	u64 nofile_limit;	     /* RLIMIT_NOFILE, soft */
	struct ring_pool *ring_pool; /* owner: ring; made with the first ring, never replaced */
};

/* What vfs (and whoever else) does for a process; registered once at init, called in order. */
struct process_hooks {
	/*
	 * Give child its resources, inheriting from parent (NULL for the first). fds is NULL, or the
	 * parent's three descriptors that become 0, 1, 2. 0 or -errno; after an error release is
	 * called for the hooks that succeeded. Context: may sleep.
	 */
	int (*inherit)(struct process *child, struct process *parent, const int *fds);
	/* A thread begins, made by current (credentials) / the current thread ends. May be NULL. */
	void (*thread_begin)(struct thread *t);
	void (*thread_end)(void);
	/* Last thread gone: release. Context: may sleep. */
	void (*release)(struct process *p);
	/* First sign of the end, threads still there: start cancelling what could keep them. Called once,
	 * by the first thread that leaves. Context: may sleep. */
	void (*exiting)(struct process *p);
	struct list_head node;
};
void process_hooks_register(struct process_hooks *h);
/* What mmap of a descriptor calls (vfs: file_ops->mmap). Address or -errno. */
void process_mmap_file_register(s64 (*fn)(int fd, u64 offset, u64 length, unsigned prot));

#define USER_TOP       0x0000800000000000ull
#define USER_SLOT_SIZE 0x0000008000000000ull

/*
 * Start program name with argv/envp (kernel copies, NULL-terminated); fds[3] are the parent's
 * descriptors to become 0, 1, 2 (or NULL: inherit). Returns the child with a reference, or ERR_PTR
 * (-ENOENT: no such program). Context: may sleep.
 */
struct process *process_spawn(
	const char *name, char *const argv[], char *const envp[], const int *fds);
/* Wait until it exits; returns the wait status. */
int process_wait(struct process *p);
void process_get(struct process *p);
void process_put(struct process *p);
/* End the program: every thread leaves at its next return to program code. Context: any. */
void process_kill(struct process *p, int status);
/* End p by signal unless it ignores that one. Context: any. */
void process_signal(struct process *p, int signal);
#define SIGPIPE 13

/*
 * ^C on the console. The foreground is the program somebody waits for, followed from the first program
 * down: a process that waits (wait4) for a child hands the foreground to it. The first program itself
 * is never interrupted. True when a program was told to end. Context: any.
 */
bool process_interrupt_foreground(void);

/*
 * Kernel memory shown to a program (ring memory): map npages pages into p's slot, read-write. The
 * pages are referenced while mapped. Returns the address or -errno.
 */
s64 process_map_pages(struct process *p, struct page **pages, size_t npages);
int process_unmap(struct process *p, u64 addr, size_t length);

/* By pid, with a reference, or NULL. */
struct process *process_find(u32 pid);
/* fn for each process, under a spinlock with interrupts off. */
void process_for_each(void (*fn)(struct process *p, void *arg), void *arg);

/* The images inside the kernel ELF. */
struct program_image {
	const char *name;
	const void *start, *end;
};
extern const struct program_image program_images[];
extern const unsigned nr_program_images;
void process_init(void);
