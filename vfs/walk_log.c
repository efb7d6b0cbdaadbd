/*
 * A walk explained: records of every step, for the system call behind the walk command (abi/unlazy.h).
 * The walk's own code calls in here at each step when walk_start.log is set, which costs everyone else
 * one predictable branch. Records are collected in kernel memory, also in RCU mode, and copied out at
 * the end.
 */
#include "vfs/walk_state.h"

#include "abi/unlazy.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define MAX_RECORDS 512

struct walk_log {
	u32 count; /* had, also beyond MAX_RECORDS */
	struct unlazy_walk_record *records;
};

static struct unlazy_walk_record *log_next(struct walk_log *log)
{
	struct unlazy_walk_record *r;

	if (log->count >= MAX_RECORDS)
		return NULL;
	r = &log->records[log->count++];
	memset(r, 0, sizeof(*r));
	return r;
}

static void copy_name(struct unlazy_walk_record *r, const char *name, size_t len)
{
	len = MIN(len, sizeof(r->name) - 1);
	memcpy(r->name, name, len);
	r->name[len] = 0;
}

static u32 mode_of(const struct walk *w)
{
	return w->flags & WALK_RCU ? UNLAZY_MODE_RCU : UNLAZY_MODE_REF;
}

static u32 found_in(const struct walk *w, const struct walk_next *next, int err)
{
	if (w->start->waiter && w->start->waiter->chained)
		return UNLAZY_FOUND_IN_LOOKUP;
	if (!next || err)
		return UNLAZY_FOUND_NOWHERE;
	if (w->last_type != WALK_LAST_NORMAL)
		return UNLAZY_FOUND_DOT;
	if (w->asked)
		return next->inode ? UNLAZY_FOUND_FS : UNLAZY_FOUND_FS_MISSING;
	return next->inode ? UNLAZY_FOUND_HASH : UNLAZY_FOUND_NEGATIVE;
}

void walk_log_step(struct walk *w, const struct walk_next *next, int err)
{
	struct unlazy_walk_record *r = log_next(w->start->log);

	if (!r)
		return;
	r->kind = UNLAZY_WALK_STEP;
	r->mode = mode_of(w);
	r->error = err;
	r->found_in = found_in(w, next, err);
	if (w->last_type != WALK_LAST_ROOT)
		copy_name(r, w->last.name, qstr_len(&w->last));
	else
		copy_name(r, "/", 1);
	if (!next)
		return;
	r->seq = READ_ONCE(next->path.dentry->seq.sequence);
	if (next->inode) {
		r->ino = next->inode->ino;
		r->inode_mode = READ_ONCE(next->inode->mode);
	}
}

void walk_log_event(struct walk *w, u32 kind, const char *name, const char *reason)
{
	struct unlazy_walk_record *r = log_next(w->start->log);

	if (!r)
		return;
	r->kind = kind;
	r->mode = kind == UNLAZY_WALK_UNLAZY ? UNLAZY_MODE_REF : mode_of(w);
	copy_name(r, name, strlen(name));
	strlcpy(r->reason, reason, sizeof(r->reason));
}

void walk_log_restart(struct walk_log *log, const char *reason)
{
	struct unlazy_walk_record *r = log_next(log);

	if (!r)
		return;
	r->kind = UNLAZY_WALK_RESTART;
	r->mode = UNLAZY_MODE_REF;
	strlcpy(r->reason, reason, sizeof(r->reason));
}

/* The cached-only attempt; its answer is reported, its records only when asked for. */
static int cached_attempt(struct walk_start *start, struct path *out)
{
	unsigned flags = start->flags;
	int err;

	start->flags |= WALK_CACHED;
	nonblock_begin();
	err = walk_path(start, out);
	if (!err)
		path_put_nosleep(out);
	nonblock_end();
	start->flags = flags;
	return err;
}

static void log_result(struct walk_log *log, int err, int cached_err)
{
	struct unlazy_walk_record *r;

	if (log->count == MAX_RECORDS)
		log->count--; /* the result is always the last one */
	r = log_next(log);
	r->kind = UNLAZY_WALK_RESULT;
	r->error = err;
	r->cached_error = cached_err;
}

static int walk_logged(struct walk_start *start, struct walk_log *log, bool cached_only)
{
	struct path found;
	int err, cached_err;

	if (cached_only)
		start->log = log;
	cached_err = err = cached_attempt(start, &found);
	if (!cached_only) {
		start->log = log;
		err = walk_path(start, &found);
		if (!err)
			path_put(&found);
	}
	log_result(log, err, cached_err);
	return (int)log->count;
}

SYSCALL5(unlazy_walk, int, dirfd, const char __user *, path, u64, flags,
	struct unlazy_walk_record __user *, buf, u64, n)
{
	struct walk_start start = {
		.dirfd = dirfd, .flags = flags & UNLAZY_WALK_NOFOLLOW ? 0 : WALK_FOLLOW};
	struct walk_log log = {0};
	struct path_name name;
	long ret;

	if (flags & ~(u64)(UNLAZY_WALK_CACHED | UNLAZY_WALK_NOFOLLOW))
		return -EINVAL;
	ret = path_name_copy(&name, path, true, ALLOC_WAIT);
	if (ret)
		return ret;
	start.name = name.name;
	log.records = vzalloc(MAX_RECORDS * sizeof(*log.records));
	if (!log.records) {
		ret = -ENOMEM;
	} else {
		ret = walk_logged(&start, &log, flags & UNLAZY_WALK_CACHED);
		if (copy_to_user(buf, log.records, MIN(n, (u64)ret) * sizeof(*buf)))
			ret = -EFAULT;
	}
	vfree(log.records);
	path_name_release(&name);
	return ret;
}
