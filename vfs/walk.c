/*
 * Path resolution from end to end: where a walk starts, the loop over its components, how it finishes,
 * and the up to three attempts around it.
 *
 *   walk.c        begin, the component loop, complete, end, attempts      (this file)
 *   walk_step.c   one step: lookup, mounts, `..`, symlinks
 *   unlazy.c      from RCU mode to ref mode
 *   walk_log.c    a record of every step, for the walk command
 *
 * The loop is iterative; symlinks go on an explicit stack. The string being walked changes when a link
 * is entered and changes back when its body is used up:
 *
 *   "a/link/b"          link -> "x/y"
 *    walk a, link       push {link, rest "b"}, walk "x/y"
 *    walk x, y          y is the end of the body: pop, go on with "b"
 *    b                  is the last component of all: left in w->last for the caller
 *
 * A link that is itself the last component is pushed with rest NULL: the last component of its body is
 * then the last of all.
 *
 * Context: the RCU part runs in one read section and never sleeps; the rest may.
 */
#include "vfs/walk_hit.h"
#include "vfs/walk_state.h"

#include "abi/unlazy.h"
#include "kernel/uaccess.h"

/* ---- Where a walk starts ---- */

static void start_at_rcu(struct walk *w, const struct path *p)
{
	w->path = *p;
	w->seq = seqcount_begin(&p->dentry->seq);
	w->inode = load_acquire(&p->dentry->inode);
}

static void start_at(struct walk *w, const struct path *p)
{
	w->path = *p;
	w->inode = p->dentry->inode;
}

static void start_at_pwd(struct walk *w)
{
	struct fs_context *fs = current_fs();
	u32 fs_seq;

	if (!(w->flags & WALK_RCU)) {
		struct path pwd;

		fs_context_get_pwd(fs, &pwd);
		start_at(w, &pwd);
		return;
	}
	do {
		struct path pwd;

		fs_seq = seqcount_begin(&fs->seq);
		pwd.mnt = READ_ONCE(fs->pwd.mnt);
		pwd.dentry = READ_ONCE(fs->pwd.dentry);
		start_at_rcu(w, &pwd);
	} while (seqcount_retry(&fs->seq, fs_seq));
}

/* The file is referenced: its path cannot change or go away while the walk runs. */
static int start_at_dirfd(struct walk *w)
{
	struct file *f = file_get_fd(current_files(), w->start->dirfd);

	if (!f)
		return -EBADF;
	w->dir_file = f;
	if (*w->start->name && !S_ISDIR(READ_ONCE(f->inode->mode)))
		return -ENOTDIR;
	if (w->flags & WALK_RCU) {
		start_at_rcu(w, &f->path);
	} else {
		path_get(&f->path);
		start_at(w, &f->path);
	}
	return 0;
}

/* Scoped walks: the fence is where they start. */
static void root_is_start(struct walk *w)
{
	w->root = w->path;
	w->root_seq = w->seq;
	if (!(w->flags & WALK_RCU))
		path_get(&w->root);
}

static const char *begin_resumed(struct walk *w, struct walk_resume *r)
{
	start_at(w, &r->at); /* its references are now the walk's */
	r->valid = false;
	return r->rest;
}

/* A walk that stands nowhere yet. */
static __always_inline void walk_init(
	struct walk *w, const struct walk_start *start, unsigned flags)
{
	w->flags = flags;
	w->start = start;
	w->depth = 0;
	w->total_links = 0;
	w->trailing_slash = false;
	w->asked = false;
	w->had_run = false;
	w->last_type = WALK_LAST_ROOT;
	w->path.mnt = NULL;
	w->root.mnt = NULL;
	w->dir_file = NULL;
}

const char *walk_begin(struct walk *w, const struct walk_start *start, unsigned flags)
{
	const char *name = start->name;
	int err = 0;

	walk_init(w, start, flags);
	if (flags & WALK_RCU)
		rcu_read_lock();
	w->mount_seq = read_seqbegin(&mount_lock);
	w->rename_seq = read_seqbegin(&rename_lock);

	if (!*name && !(flags & WALK_EMPTY))
		return ERR_PTR(-ENOENT);
	if (unlikely(start->resume && start->resume->valid && !(flags & WALK_RCU)))
		return begin_resumed(w, start->resume);
	if (*name == '/' && !(flags & WALK_IN_ROOT)) {
		if (flags & WALK_BENEATH)
			return ERR_PTR(-EXDEV);
		walk_jump_root(w);
		return name;
	}
	if (start->dirfd == AT_FDCWD)
		start_at_pwd(w);
	else
		err = start_at_dirfd(w);
	if (err)
		return ERR_PTR(err);
	if (flags & WALK_SCOPED)
		root_is_start(w);
	return name;
}

const char *walk_continue(
	struct walk *w, const struct walk_start *start, unsigned flags, const struct walk_hit *from)
{
	debug_assert(flags & WALK_RCU);
	walk_init(w, start, flags);
	w->path = from->path;
	w->inode = from->inode;
	w->seq = from->seq;
	w->mount_seq = from->mount_seq;
	w->rename_seq = 0; /* looked at by scoped walks only, and this is none */
	w->had_run = true;
	return from->rest;
}

/* ---- The loop ---- */

static bool search_allowed(const struct walk *w)
{
	/* x for everybody, which is nearly every directory, needs no look at the credentials */
	return likely((READ_ONCE(w->inode->mode) & 0111) == 0111) ||
	       inode_permission(w->inode, MAY_EXEC) == 0;
}

/* May we look names up where we are? A refusal in RCU mode is judged again outside (CONTRACT 3). */
static __always_inline int walk_may_search(struct walk *w)
{
	int err;

	if (likely(search_allowed(w)))
		return 0;
	if (w->flags & WALK_RCU) {
		err = walk_unlazy(w, WALK_OUT_permission);
		if (err)
			return err;
		if (search_allowed(w))
			return 0;
	}
	return -EACCES;
}

static int walk_not_directory(struct walk *w)
{
	int err = 0;

	if (w->flags & WALK_RCU)
		err = walk_unlazy(w, WALK_OUT_not_directory);
	return err ? err : -ENOTDIR;
}

/* Take the component at name into w->last; returns the character behind it. */
static const char *walk_next_name(struct walk *w, const char *name)
{
	u64 hash_len = name_hash(w->path.dentry, name);
	u32 len = (u32)hash_len;

	w->last.name = name;
	w->last.hash_len = hash_len;
	w->last_type = WALK_LAST_NORMAL;
	if (unlikely(name[0] == '.')) {
		if (len == 1)
			w->last_type = WALK_LAST_DOT;
		else if (len == 2 && name[1] == '.')
			w->last_type = WALK_LAST_DOTDOT;
	}
	return name + len;
}

int walk_components(struct walk *w, const char *name)
{
	while (*name == '/')
		name++;
	if (!*name) {
		w->last_type = WALK_LAST_ROOT;
		return 0;
	}
	for (;;) {
		const char *end, *rest, *body;
		bool ends_link = false;
		int err;

		err = walk_may_search(w);
		if (unlikely(err))
			return err;
		end = rest = walk_next_name(w, name);
		if (unlikely(qstr_len(&w->last) > NAME_MAX))
			return -ENAMETOOLONG;
		while (*rest == '/')
			rest++;
		if (!*rest) {
			ends_link = w->depth && w->links[w->depth - 1].rest;
			if (!ends_link) {
				w->trailing_slash |= *end == '/';
				return 0;
			}
			rest = w->links[w->depth - 1].rest;
		}
		err = walk_component(w, ends_link, true, &body);
		if (unlikely(err))
			return err;
		if (unlikely(body)) {
			w->links[w->depth - 1].rest = rest;
			name = body;
			continue;
		}
		if (unlikely(dentry_type(w->path.dentry) != DENTRY_TYPE_DIR))
			return walk_not_directory(w);
		name = rest;
	}
}

/* Take the common way as far as it goes (walk_run). */
static int walk_run_from(struct walk *w, const char **name)
{
	struct walk_hit at = {.path = w->path, .inode = w->inode, .seq = w->seq};
	int result;

	while (**name == '/')
		++*name;
	if (unlikely(!**name))
		return WALK_RUN_STOPPED;
	result = walk_run(&at, name);
	w->path = at.path;
	w->inode = at.inode;
	w->seq = at.seq;
	return result;
}

int walk_to_end(struct walk *w, const char *name, bool follow)
{
	if ((w->flags & WALK_RCU) && !w->had_run && !w->start->log && !READ_ONCE(trace_enabled)) {
		int result = walk_run_from(w, &name);

		if (likely(result < WALK_RUN_STOPPED))
			return result;
	}
	for (;;) {
		const char *body;
		int err = walk_components(w, name);

		if (unlikely(err))
			return err;
		err = walk_component(w, w->depth != 0, follow || w->trailing_slash, &body);
		if (unlikely(err) || likely(!body))
			return err;
		w->links[w->depth - 1].rest = NULL;
		name = body;
	}
}

/* ---- The end ---- */

int walk_complete(struct walk *w)
{
	if (!(w->flags & WALK_RCU)) {
		walk_count(WALK_OUT_done_ref);
		return 0;
	}
	/* From here on nothing waits: a cached walk may take its one set of references. */
	w->flags &= ~WALK_CACHED;
	if (unlikely(w->depth))
		return walk_unlazy(w, WALK_OUT_create);
	if (unlikely(!walk_legitimize(&w->path, w->seq, w->mount_seq)))
		return walk_lost(w, WALK_OUT_no_reference);
	walk_count(WALK_OUT_done_rcu);
	w->root.mnt = NULL;
	w->flags &= ~WALK_RCU;
	rcu_read_unlock();
	return 0;
}

void walk_end(struct walk *w)
{
	bool nosleep = w->start->flags & WALK_CACHED;

	if (w->flags & WALK_RCU) {
		w->flags &= ~WALK_RCU;
		rcu_read_unlock();
	} else {
		/* in a cached walk only walk_complete takes references: position, no links, no root */
		while (w->depth)
			walk_pop_link(w);
		if (w->path.mnt && nosleep)
			path_put_nosleep(&w->path);
		else if (w->path.mnt)
			path_put(&w->path);
		if (w->root.mnt)
			path_put(&w->root);
	}
	if (unlikely(w->dir_file)) {
		if (nosleep)
			file_put_nosleep(w->dir_file);
		else
			file_put(w->dir_file);
	}
}

int walk_attempts(const struct walk_start *start,
	int (*attempt)(const struct walk_start *start, unsigned flags, void *arg), void *arg)
{
	unsigned flags = start->flags;
	int err = -ECHILD;

	if (likely(!(flags & WALK_NO_RCU) && !(start->resume && start->resume->valid)))
		err = attempt(start, flags | WALK_RCU, arg);
	if (likely(err != -ECHILD && err != -ESTALE))
		return err;
	/* A cached walk never makes a second attempt. */
	if (flags & WALK_CACHED)
		return -EAGAIN;
	if (err == -ECHILD) {
		walk_count(WALK_OUT_restart_ref);
		if (unlikely(start->log))
			walk_log_restart(start->log, walk_outcome_names[WALK_OUT_restart_ref]);
		err = attempt(start, flags, arg);
	}
	if (err == -ESTALE) {
		walk_count(WALK_OUT_restart_reval);
		if (unlikely(start->log))
			walk_log_restart(start->log, walk_outcome_names[WALK_OUT_restart_reval]);
		err = attempt(start, flags | WALK_REVAL, arg);
	}
	return err;
}

/* ---- Public entry points ---- */

static int path_attempt(const struct walk_start *start, unsigned flags, void *arg)
{
	struct path *out = arg;
	struct walk w;
	const char *name = walk_begin(&w, start, flags);
	int err = IS_ERR(name) ? (int)PTR_ERR(name) : 0;

	if (likely(!err))
		err = walk_to_end(&w, name, flags & WALK_FOLLOW);
	if (likely(!err))
		err = walk_complete(&w);
	if (likely(!err)) {
		if (unlikely((w.trailing_slash || (flags & WALK_DIRECTORY)) &&
			     dentry_type(w.path.dentry) != DENTRY_TYPE_DIR)) {
			err = -ENOTDIR;
		} else {
			*out = w.path;
			w.path.mnt = NULL;
		}
	}
	walk_end(&w);
	return err;
}

int walk_path(const struct walk_start *start, struct path *out)
{
	return walk_attempts(start, path_attempt, out);
}

static int parent_attempt(const struct walk_start *start, unsigned flags, void *arg)
{
	struct walk_parent *out = arg;
	struct walk w;
	const char *name = walk_begin(&w, start, flags);
	int err = IS_ERR(name) ? (int)PTR_ERR(name) : 0;

	if (!err)
		err = walk_components(&w, name);
	if (!err)
		err = walk_complete(&w);
	if (!err) {
		*out = (struct walk_parent){.path = w.path,
			.last = w.last,
			.last_type = w.last_type,
			.trailing_slash = w.trailing_slash};
		w.path.mnt = NULL;
	}
	walk_end(&w);
	return err;
}

int walk_parent(const struct walk_start *start, struct walk_parent *out)
{
	return walk_attempts(start, parent_attempt, out);
}

void walk_resume_release(struct walk_resume *r)
{
	if (r->valid)
		path_put(&r->at);
	r->valid = false;
}

/* ---- Copies of users' paths ---- */

int path_name_copy(
	struct path_name *p, const char __user *path, bool allow_empty, enum alloc_mode mode)
{
	ssize n = strncpy_from_user(p->small, path, sizeof(p->small) - NAME_SLACK);

	p->name = p->small;
	if (unlikely(n == -ENAMETOOLONG)) {
		p->name = kmalloc(PATH_MAX + NAME_SLACK, mode);
		if (!p->name)
			return mode == ALLOC_NOWAIT ? -EAGAIN : -ENOMEM;
		n = strncpy_from_user(p->name, path, PATH_MAX);
		if (n < 0)
			path_name_release(p);
	}
	if (unlikely(n < 0))
		return (int)n;
	p->length = (u32)n;
	return unlikely(n == 0 && !allow_empty) ? -ENOENT : 0;
}

void path_name_release(struct path_name *p)
{
	if (unlikely(p->name != p->small))
		kfree(p->name);
	p->name = p->small;
}
