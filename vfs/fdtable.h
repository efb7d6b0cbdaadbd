/*
 * Descriptor tables, inside: the structures, and what every open and close does, inline. Only vfs/ includes
 * it; how it all works: vfs/fdtable.c.
 */
#pragma once

#include "kernel/slab.h"
#include "vfs/file.h"

/* 64 descriptors; files->lock. A free one is never close-on-exec. */
struct fd_word {
	u64 free, cloexec;
};

struct files {
	struct spinlock lock;
	u32 next_word; /* below max; no free descriptor in the words below; lock */
	u32 max; /* descriptors there is memory for; grows, under lock; acquire: their slots */
	struct fd_word *words; /* lock */
	struct file **slots;   /* NULL: free or reserved; written under lock, or by fd_install */
	u64 *room;	       /* bit n: words[n].free is not 0; lock */
	struct process *process;
	struct varray slot_array, word_array; /* the second one begins with room; lock */
	struct files *spare;		      /* the next one without a process; spares_lock */
};

static inline void fd_room_set(struct files *files, u32 word)
{
	files->room[word / 64] |= 1ull << word % 64;
}

static inline void fd_room_clear(struct files *files, u32 word)
{
	files->room[word / 64] &= ~(1ull << word % 64);
}

/* Context: files->lock held; fd is not free. */
static __always_inline void fd_give_back(struct files *files, u32 fd)
{
	struct fd_word *w = &files->words[fd / 64];
	u64 bit = 1ull << fd % 64;

	if (unlikely(!w->free))
		fd_room_set(files, fd / 64);
	w->free |= bit;
	w->cloexec &= ~bit;
	if (unlikely(fd / 64 < files->next_word))
		files->next_word = fd / 64;
}

/* The word of the hint, and the lowest free descriptor in it, if there is one that the process may have.
 * Context: files->lock. */
static __always_inline bool fd_hinted(const struct files *files, struct fd_word **w, u32 *fd)
{
	u32 word = files->next_word;
	u64 free;

	*w = &files->words[word];
	free = (*w)->free;
	*fd = word * 64 + (u32)__builtin_ctzll(free | 1ull << 63);
	return likely(free && *fd < READ_ONCE(files->process->nofile_limit));
}

/* Context: files->lock; fd and w are what fd_hinted has found. */
static __always_inline void fd_take_hinted(
	struct files *files, struct fd_word *w, u32 fd, bool cloexec)
{
	u64 free = w->free;

	w->free = free & (free - 1);
	if (unlikely(!w->free))
		fd_room_clear(files, fd / 64);
	if (unlikely(cloexec))
		w->cloexec |= free & -free;
}

/*
 * fd_reserve and fd_install in one, in the common case: f (reference consumed) is behind *fd. False: nothing
 * done. Context: preemption off.
 */
static __always_inline bool fd_install_hinted(
	struct files *files, struct file *f, bool cloexec, u32 *fd)
{
	struct fd_word *w;
	bool found;

	spin_lock_nopreempt(&files->lock);
	found = fd_hinted(files, &w, fd);
	if (likely(found)) {
		fd_take_hinted(files, w, *fd, cloexec);
		rcu_assign_pointer(files->slots[*fd], f);
	}
	spin_unlock_nopreempt(&files->lock);
	return found;
}
