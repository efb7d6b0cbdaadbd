/*
 * open: flag rules, the walk, the file. The same function serves openat(2), the ring's inline try
 * (nonblocking) and its workers; the mode is an argument.
 */
#pragma once

#include "vfs/walk.h"

/* A checked open_how. */
struct open_params {
	u32 flags;	/* O_* */
	u32 mode;	/* permission bits for creation, umask not yet applied */
	u32 walk_flags; /* WALK_* that follow from flags and resolve */
	u32 may;	/* MAY_* the file must grant */
	bool plain; /* reads, and no flag changes the rules: the short way of open_fd.c may be tried */
};

/*
 * The rules of CONTRACT 2, openat2's strict form. 0, -EINVAL; -EAGAIN for RESOLVE_CACHED together with
 * O_TRUNC, O_CREAT or __O_TMPFILE (after all EINVAL checks).
 */
int open_params_from_how(const struct open_how *how, struct open_params *out);
/* openat's forgiving form: unknown flags are masked, O_PATH clears what does not go with it. */
void open_how_from_openat(u32 flags, u32 mode, struct open_how *out);
/* Copy a struct open_how of the program's size in: 0, -EINVAL (small), -E2BIG, -EFAULT. */
int open_how_copy(struct open_how *out, const void __user *how, size_t size);

/*
 * Open. params->walk_flags are added to start->flags; when those contain WALK_CACHED, nothing sleeps
 * and -EAGAIN means "would sleep; nothing changed". nonblock_open: also serve only what cannot block in
 * ->open (regular files, directories, harmless devices), -EAGAIN for anything else.
 * Returns a file with one reference, or ERR_PTR.
 */
struct file *vfs_open(
	const struct walk_start *start, const struct open_params *params, bool nonblock_open);
/*
 * The same into the lowest free descriptor of the current process: it, or -errno. mode ALLOC_NOWAIT: -EAGAIN
 * instead of sleeping to grow the table.
 */
int vfs_open_fd(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, enum alloc_mode mode);
/*
 * The same as an attempt that never sleeps, WALK_CACHED and nothing else, from a kernel copy of a path (see
 * walk_start) that nobody traces: -EAGAIN, would sleep.
 */
int vfs_open_fd_cached(int dirfd, const char *name, const struct open_params *params);
