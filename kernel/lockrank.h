/*
 * Lock ranks, outermost first: a thread may only take a lock of a higher rank than any it holds.
 * The debug build checks every acquisition and panics with both stacks on an inversion.
 * A rank with _NESTED room (the next multiple of 10) may be taken again with a subclass 1..9,
 * which orders locks of the same kind: parent directory before child, ancestor before descendant.
 *
 * docs/locking.md says what each lock protects. A new lock is a new line here and there.
 */
#pragma once

#include "kernel/compiler.h"

enum lock_rank {
	RANK_NONE = 0, /* unchecked: early boot and the lock checker itself */
	/* sleeping locks */
	RANK_RING_SUBMIT = 120, /* one submitter per ring at a time (mutex) */
	RANK_FILE_POS = 140,	/* a file's position (mutex) */
	RANK_MOUNT_TREE = 160,	/* changes of the mount tree (mutex) */
	RANK_SUPER = 170,	/* list of super blocks, mounting and shutdown (mutex) */
	RANK_RENAME_SB = 180,	/* one cross-directory rename per super block (mutex) */
	RANK_INODE = 200,	/* inode rwsem; subclass 1 parent, 2 child, 3/4 files by address */
	RANK_FS_MUTEX = 240,	/* a file system's own sleeping lock */
	RANK_PAGE_LOAD = 260,	/* a page being read (bit lock with a wait queue) */
	RANK_ADDRESS_SPACE = 280, /* a program's address regions (mutex) */
	/* spinlocks */
	RANK_FS_CONTEXT = 295,	/* a process' root and working directory */
	RANK_MOUNT = 300,	/* mount_lock (seqlock) */
	RANK_IN_LOOKUP = 305,	/* one in-lookup bucket */
	RANK_RENAME = 310,	/* rename_lock (seqlock) */
	RANK_DENTRY = 320,	/* dentry lockref; subclass by depth */
	RANK_DENTRY_HASH = 340, /* one bucket's bit lock */
	RANK_INODE_HASH = 360,
	RANK_INODE_STATE = 370, /* inode->lock */
	RANK_LRU = 380,
	RANK_MAPPING = 400, /* page tree of one mapping */
	RANK_FS_SPIN = 410, /* a file system's own spinlock */
	RANK_FDTABLE = 420,
	RANK_PROCESS_TREE = 430,    /* parents, children, pids */
	RANK_PROCESS_THREADS = 435, /* one process's list of threads */
	RANK_RING_COMPLETION = 440, /* CQ tail and overflow list */
	RANK_FUTEX = 445,	    /* one bucket; subclass 1: the second one of a requeue */
	RANK_RING_WORKERS = 450,    /* a worker pool's queues */
	RANK_VMAP = 460, /* held with interrupts on: outside everything that interrupts take */
	RANK_BLOCK_QUEUE = 500, /* one hardware queue */
	RANK_SLAB = 600,
	RANK_PAGES = 620,
	RANK_RCU = 640,
	RANK_WORK = 650, /* the queue of deferred work */
	RANK_TIMER = 660,
	RANK_WAITQUEUE = 680,
	RANK_RUNQUEUE = 700, /* subclass by CPU order when stealing */
	RANK_MACHINE = 780,  /* arch: interrupt vectors, the PCI port pair */
	RANK_CONSOLE = 800,
};

#ifdef CONFIG_DEBUG
/* Record and check; trylocks are recorded without the order check. Context: any. */
void lock_rank_acquire(const void *lock, unsigned rank, bool trylock);
void lock_rank_release(const void *lock);
bool lock_rank_held(const void *lock);
/* Spinlocks held by this CPU right now (for might_sleep and assertions). */
unsigned lock_rank_spins_held(void);
#else
static inline void lock_rank_acquire(const void *lock, unsigned rank, bool trylock)
{
	(void)lock, (void)rank, (void)trylock;
}
static inline void lock_rank_release(const void *lock)
{
	(void)lock;
}
#endif
