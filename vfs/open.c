/*
 * open: walk, check, make the file. One function for openat(2), the ring's inline try and its workers.
 *
 *   vfs_open -> walk_attempts -> open_attempt
 *                                  walk_to_end + walk_complete          the common case
 *                                  or open_create                      O_CREAT: the last component under
 *                                                                      the directory's lock
 *                                  or open_tmpfile                     O_TMPFILE
 *                                  open_position                       permission, truncation, the file
 *
 * open_fd.c has the short cut for what is cached, and the system calls.
 *
 * A cached attempt never reaches open_create or open_tmpfile (the flag rules refuse it before), and after
 * walk_complete does nothing that sleeps: the file comes from a per-CPU cache, references are dropped
 * with the _nosleep forms, and an ->open that might wait is not called at all.
 *
 * Locking: open_create holds the directory's inode rwsem exclusively while it looks up and creates.
 */
#include "vfs/walk_state.h"

#include "kernel/string.h"
#include "vfs/file_internal.h"

/* What one attempt needs to know and gives back. */
struct open_attempt {
	const struct open_params *params;
	bool nonblock;
	bool created;		     /* by us: its permission bits do not apply to this open */
	const struct walk_hit *from; /* the first attempt goes on from here; NULL: from the start */
	struct file *file;
};

/* ---- Creating ---- */

/* Context: dir's rwsem held exclusively; d negative. */
static int create_locked(struct walk *w, struct dentry *d, const struct open_params *params)
{
	struct inode *dir = w->inode;
	int err;

	if (READ_ONCE(dir->nlink) == 0)
		return -ENOENT;
	err = path_may_change(&w->path);
	if (!err)
		err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!dir->ops->create)
		return -EACCES;
	return dir->ops->create(dir, d, inode_new_mode(dir, S_IFREG | params->mode));
}

/* The last component, made if it is missing. Context: ref mode. */
static int lookup_or_create(struct walk *w, struct open_attempt *o, struct walk_next *next)
{
	struct dentry *d;
	int err = 0;

	rwsem_down_write(&w->inode->rwsem);
	d = walk_lookup_one(w->path.dentry, &w->last);
	if (IS_ERR(d)) {
		err = (int)PTR_ERR(d);
	} else if (!d->inode) {
		err = create_locked(w, d, o->params);
		o->created = !err;
	} else if ((o->params->flags & O_EXCL)) {
		err = -EEXIST;
	}
	if (err && !IS_ERR(d))
		dentry_put(d);
	rwsem_up_write(&w->inode->rwsem);
	if (!err)
		*next = (struct walk_next){.path = {w->path.mnt, d}, .inode = d->inode};
	return err;
}

/* The path ends in `.`, `..` or `/`: it is there, and a directory, unless the walk may not go there. */
static int create_at_dots(struct walk *w, const struct open_params *params)
{
	const char *body;
	int err =
		w->last_type == WALK_LAST_ROOT ? 0 : walk_component(w, w->depth != 0, true, &body);

	if (err)
		return err;
	return params->flags & O_EXCL ? -EEXIST : -EISDIR;
}

static int open_create(struct walk *w, const char *name, struct open_attempt *o)
{
	bool follow = o->params->walk_flags & WALK_FOLLOW;

	for (;;) {
		struct walk_next next;
		const char *body;
		int err = walk_components(w, name);

		if (!err && (w->flags & WALK_RCU))
			err = walk_unlazy(w, WALK_OUT_create);
		if (!err && w->last_type != WALK_LAST_NORMAL)
			return create_at_dots(w, o->params);
		if (!err && w->trailing_slash)
			err = -EISDIR;
		if (!err)
			err = lookup_or_create(w, o, &next);
		if (!err)
			err = walk_enter(w, &next, w->depth != 0, follow, &body);
		if (err || !body)
			return err;
		w->links[w->depth - 1].rest = NULL;
		name = body;
	}
}

/* An unnamed file: w's position becomes a dentry that is in no directory. */
static int open_tmpfile(struct walk *w, const char *name, struct open_attempt *o)
{
	static const struct qstr nameless = {"#tmpfile", 8};
	struct inode *inode = NULL;
	struct dentry *d;
	int err = walk_to_end(w, name, true);

	if (!err)
		err = walk_complete(w);
	if (err)
		return err;
	if (!S_ISDIR(w->inode->mode))
		return -ENOTDIR;
	u32 mode = inode_new_mode(w->inode, S_IFREG | o->params->mode);

	err = path_may_change(&w->path);
	if (!err)
		err = inode_permission(w->inode, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = w->inode->ops->tmpfile ? w->inode->ops->tmpfile(w->inode, mode, &inode)
					     : -EOPNOTSUPP;
	if (err)
		return err;
	d = dentry_alloc(w->path.dentry, &nameless);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	dcache_instantiate(d, inode);
	dentry_put(w->path.dentry);
	w->path.dentry = d;
	w->inode = inode;
	o->created = true;
	return 0;
}

/* ---- From a position to a file ---- */

/* May the object at w be opened with these flags? */
static int check_open(const struct walk *w, const struct open_attempt *o)
{
	const struct inode *inode = w->inode;
	const struct open_params *p = o->params;
	u32 mode = READ_ONCE(inode->mode);
	int err;

	if (unlikely((w->trailing_slash || (p->flags & O_DIRECTORY)) && !S_ISDIR(mode) &&
		     !o->created))
		return -ENOTDIR;
	if (unlikely(p->flags & O_PATH))
		return 0;
	if (unlikely(S_ISLNK(mode)))
		return -ELOOP;
	if (unlikely(S_ISDIR(mode) && ((p->may & MAY_WRITE) || (p->flags & O_CREAT))))
		return -EISDIR;
	if (likely(!o->created)) {
		/* A read-only file system says so to everybody, a read-only mount to who might write. */
		if (unlikely((p->may & MAY_WRITE) && S_ISREG(mode) &&
			     (READ_ONCE(inode->sb->flags) & SB_RDONLY)))
			return -EROFS;
		err = inode_permission(inode, p->may);
		if (unlikely(err))
			return err;
	}
	if (unlikely((p->may & MAY_WRITE) && S_ISREG(mode) && path_may_change(&w->path)))
		return -EROFS;
	if (unlikely((p->flags & O_NOATIME) && current_cred()->fsuid != 0 &&
		     current_cred()->fsuid != inode->uid))
		return -EPERM;
	if (unlikely(!inode->fops))
		return -ENXIO;
	return unlikely((p->flags & O_DIRECT) && !S_ISREG(mode)) ? -EINVAL : 0;
}

static int truncate_for_open(struct inode *inode)
{
	int err;

	rwsem_down_write(&inode->rwsem);
	inode_drop_setid(inode);
	err = inode->ops->truncate ? inode->ops->truncate(inode, 0) : -EINVAL;
	rwsem_up_write(&inode->rwsem);
	return err;
}

/* Make the file of w's position, whose references it takes over. */
static int open_position(struct walk *w, struct open_attempt *o)
{
	const struct open_params *p = o->params;
	struct inode *inode = w->inode;
	struct file *f;
	int err = check_open(w, o);

	if (unlikely(err))
		return err;
	if (unlikely(o->nonblock && inode->fops && inode->fops->open_may_block &&
		     !(p->flags & (O_PATH | O_NONBLOCK)))) {
		walk_count(WALK_OUT_would_block);
		return -EAGAIN;
	}
	if (unlikely((p->flags & O_TRUNC) && S_ISREG(inode->mode) && !o->created)) {
		err = truncate_for_open(inode);
		if (err)
			return err;
	}
	f = file_alloc(&w->path, inode, p->flags, o->nonblock ? ALLOC_NOWAIT : ALLOC_WAIT);
	if (unlikely(!f)) {
		walk_count(WALK_OUT_no_memory);
		return o->nonblock ? -EAGAIN : -ENOMEM;
	}
	w->path.mnt = NULL; /* the file's now */
	err = p->flags & O_PATH ? 0 : file_open(f);
	if (unlikely(err)) {
		if (o->nonblock)
			file_put_nosleep(f);
		else
			file_put(f);
		return err;
	}
	o->file = f;
	return 0;
}

static int open_attempt(const struct walk_start *start, unsigned flags, void *arg)
{
	struct open_attempt *o = arg;
	struct walk w;
	const char *name =
		o->from ? walk_continue(&w, start, flags, o->from) : walk_begin(&w, start, flags);
	int err = IS_ERR(name) ? (int)PTR_ERR(name) : 0;

	o->from = NULL;
	if (unlikely(err)) {
		walk_end(&w);
		return err;
	}
	if (unlikely(o->params->flags & O_CREAT)) {
		err = open_create(&w, name, o);
	} else if (unlikely(o->params->flags & O_TMPFILE_BIT)) {
		err = open_tmpfile(&w, name, o);
	} else {
		err = walk_to_end(&w, name, flags & WALK_FOLLOW);
		if (likely(!err))
			err = walk_complete(&w);
	}
	if (likely(!err))
		err = open_position(&w, o);
	walk_end(&w);
	return err;
}

struct file *open_from(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, const struct walk_hit *from)
{
	struct walk_start s = *start;
	struct open_attempt o = {.params = params, .nonblock = nonblock_open, .from = from};
	int err;

	s.flags |= params->walk_flags;
	err = walk_attempts(&s, open_attempt, &o);
	return unlikely(err) ? ERR_PTR(err) : o.file;
}

struct file *vfs_open(
	const struct walk_start *start, const struct open_params *params, bool nonblock_open)
{
	return open_from(start, params, nonblock_open, NULL);
}
