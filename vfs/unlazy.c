/*
 * From RCU walk to ref walk: the function the system is named after.
 *
 * An RCU walk holds nothing. To go on in a world where it may sleep it must turn what it stands on into
 * references: first the symlinks whose bodies it is in the middle of, then mount and dentry of its
 * position, then (for scoped walks, whose root is their fence) the root. Each reference is only good if
 * the sequence sampled when the pointer was read has not moved since; mount_lock's sequence covers all
 * mounts at once. If one of them fails, what was taken so far is dropped again and the walk has to
 * start over as a ref walk (-ECHILD).
 *
 * A cached walk (WALK_CACHED) never gets that far: wanting to leave RCU *is* its failure. It drops the
 * links, forgets its position, leaves RCU and answers -EAGAIN, having taken no reference at all. The
 * one exception is the retry strategy `resume`: the last good parent is referenced, without sleeping,
 * and left in walk_start.resume for the worker.
 *
 * The root of an unscoped walk is not worth a reference here: if a later absolute symlink needs it, it
 * is read again.
 */
#include "vfs/walk_state.h"

#include "abi/unlazy.h"

DEFINE_PERCPU(u64[WALK_OUTCOMES_MAX], walk_outcome_counts);

const char *const walk_outcome_names[] = {
#define X(name, text) #name,
	WALK_OUTCOMES(X)
#undef X
};
const char *const walk_outcome_texts[] = {
#define X(name, text) text,
	WALK_OUTCOMES(X)
#undef X
};

u64 walk_outcome_count(enum walk_outcome o)
{
	return percpu_sum(walk_outcome_counts[o]);
}

/* The position, the links and the root hold nothing: only walk_end may follow. */
static void walk_forget(struct walk *w)
{
	w->depth = 0;
	w->path.mnt = NULL;
	w->root.mnt = NULL;
	w->flags &= ~WALK_RCU;
	rcu_read_unlock();
}

static void put_links(struct walk *w, unsigned n)
{
	while (n--)
		path_put_nosleep(&w->links[n].path);
}

static bool legitimize_links(struct walk *w)
{
	for (unsigned i = 0; i < w->depth; i++) {
		if (!walk_legitimize(&w->links[i].path, w->links[i].seq, w->mount_seq)) {
			put_links(w, i);
			return false;
		}
	}
	return true;
}

static bool legitimize_root(struct walk *w)
{
	if (!(w->flags & WALK_SCOPED)) {
		w->root.mnt = NULL;
		return true;
	}
	return !w->root.mnt || walk_legitimize(&w->root, w->root_seq, w->mount_seq);
}

/* Only where the component in w->last is still to be walked from w->path. */
static bool may_resume(const struct walk *w, enum walk_outcome reason)
{
	return w->start->resume && w->depth == 0 && !(w->flags & WALK_SCOPED) &&
	       (reason == WALK_OUT_not_cached || reason == WALK_OUT_link_not_cached ||
		       reason == WALK_OUT_revalidate);
}

static int fail_cached(struct walk *w, enum walk_outcome reason)
{
	if (may_resume(w, reason) && walk_legitimize(&w->path, w->seq, w->mount_seq))
		*w->start->resume =
			(struct walk_resume){.at = w->path, .rest = w->last.name, .valid = true};
	walk_forget(w);
	return -EAGAIN;
}

static void left_rcu(struct walk *w, enum walk_outcome reason)
{
	walk_count(reason);
	trace(walk_unlazy, walk_outcome_names[reason], w->depth);
	if (unlikely(w->start->log))
		walk_log_event(w, UNLAZY_WALK_UNLAZY, "", walk_outcome_names[reason]);
}

int walk_unlazy(struct walk *w, enum walk_outcome reason)
{
	debug_assert(w->flags & WALK_RCU);
	left_rcu(w, reason);
	if (w->flags & WALK_CACHED)
		return fail_cached(w, reason);

	if (!legitimize_links(w))
		goto lost;
	if (!walk_legitimize(&w->path, w->seq, w->mount_seq))
		goto put_links;
	if (!legitimize_root(w))
		goto put_path;
	w->flags &= ~WALK_RCU;
	rcu_read_unlock();
	return 0;

put_path:
	path_put_nosleep(&w->path);
put_links:
	put_links(w, w->depth);
lost:
	walk_count(WALK_OUT_no_reference);
	walk_forget(w);
	return -ECHILD;
}

int walk_unlazy_next(struct walk *w, struct dentry *child, u32 seq, enum walk_outcome reason)
{
	debug_assert(w->flags & WALK_RCU);
	left_rcu(w, reason);
	if (w->flags & WALK_CACHED)
		return fail_cached(w, reason);

	if (!legitimize_links(w))
		goto lost;
	if (!mount_get_rcu(w->path.mnt, w->mount_seq))
		goto put_links;
	/*
	 * The parent's own sequence need not be checked: the child was found in it, and the child's
	 * sequence, which covers its parent pointer, is confirmed below.
	 */
	if (!lockref_get_not_dead(&w->path.dentry->ref, RANK_DENTRY))
		goto put_mount;
	switch (dentry_get_rcu(child, seq)) {
	case REF_OK:
		break;
	case REF_STALE:
		dentry_put_nosleep(child);
		goto put_parent;
	case REF_DEAD:
		goto put_parent;
	}
	if (!legitimize_root(w))
		goto put_child;
	w->flags &= ~WALK_RCU;
	rcu_read_unlock();
	return 0;

put_child:
	dentry_put_nosleep(child);
put_parent:
	dentry_put_nosleep(w->path.dentry);
put_mount:
	mount_put(w->path.mnt);
put_links:
	put_links(w, w->depth);
lost:
	walk_count(WALK_OUT_no_reference);
	walk_forget(w);
	return -ECHILD;
}

int walk_lost(struct walk *w, enum walk_outcome reason)
{
	left_rcu(w, reason);
	walk_forget(w);
	return -ECHILD;
}
