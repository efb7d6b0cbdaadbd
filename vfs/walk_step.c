/*
 * One step of a walk: look a component up, cross mounts, go up, enter symlinks. Every function works in
 * both modes; in RCU mode each hard answer is confirmed first (CONTRACT 1.8), and what cannot be decided
 * there unlazies.
 *
 * Chain of custody, the rule that makes RCU mode sound: the child's sequence is sampled when it is found
 * in the hash; then the parent's sequence is re-checked, which proves that the parent was what we
 * thought while we looked; only then is the child used. The child's own sample is checked the same way
 * one step later, or by the reference taken at the end.
 */
#include "vfs/walk_state.h"

#include "abi/unlazy.h"

/* ---- The root ---- */

static void need_root_rcu(struct walk *w)
{
	struct fs_context *fs = current_fs();
	u32 fs_seq;

	do {
		fs_seq = seqcount_begin(&fs->seq);
		w->root.mnt = READ_ONCE(fs->root.mnt);
		w->root.dentry = READ_ONCE(fs->root.dentry);
		w->root_seq = seqcount_begin(&w->root.dentry->seq);
	} while (seqcount_retry(&fs->seq, fs_seq));
}

void walk_need_root(struct walk *w)
{
	if (w->root.mnt)
		return;
	if (w->flags & WALK_RCU)
		need_root_rcu(w);
	else
		fs_context_get_root(current_fs(), &w->root);
}

void walk_jump_root(struct walk *w)
{
	walk_need_root(w);
	if (w->flags & WALK_RCU) {
		w->path = w->root;
		w->seq = w->root_seq;
		w->inode = load_acquire(&w->root.dentry->inode);
		return;
	}
	path_get(&w->root);
	if (w->path.mnt)
		path_put(&w->path);
	w->path = w->root;
	w->inode = w->root.dentry->inode;
}

/* ---- Lookup ---- */

/* A cached entry its file system no longer stands by is dropped. 1 good, 0 dropped, -errno. */
static int revalidate(struct dentry *d)
{
	int good = READ_ONCE(d->flags) & DENTRY_REVALIDATE ? d->ops->revalidate(d, false) : 1;

	if (good == 0)
		dcache_drop(d);
	return good;
}

/* Ask the file system, one thread a name. Context: ref mode; may sleep. */
static struct dentry *lookup_slow(
	struct dentry *parent, const struct qstr *name, struct dentry_waiter *waiter)
{
	struct inode *dir = parent->inode;
	struct dentry *d;
	bool ours;
	int err;

	might_sleep();
	if (READ_ONCE(dir->nlink) == 0)
		return ERR_PTR(-ENOENT); /* removed while we stood in it */
	for (;;) {
		err = dcache_lookup_begin(parent, name, waiter, &d, &ours);
		if (err)
			return ERR_PTR(err);
		if (ours)
			break;
		/* Another's answer, which the file system may not stand by for us. */
		err = revalidate(d);
		if (err > 0)
			return d;
		dentry_put(d);
		if (err < 0)
			return ERR_PTR(err);
	}
	err = dir->ops->lookup ? dir->ops->lookup(dir, d) : -ENOTDIR;
	dcache_lookup_end(d);
	if (!err)
		return d;
	dentry_put(d);
	return ERR_PTR(err);
}

struct dentry *walk_lookup_one(struct dentry *parent, const struct qstr *last)
{
	struct dentry *d = dcache_lookup(parent, last);
	int good = d ? revalidate(d) : 0;

	if (good > 0)
		return d;
	if (d)
		dentry_put(d);
	return good < 0 ? ERR_PTR(good) : lookup_slow(parent, last, NULL);
}

static int lookup_ref(struct walk *w, struct walk_next *next)
{
	struct dentry *parent = w->path.dentry, *d;
	int good;

	might_sleep();
	d = dcache_lookup(parent, &w->last);
	good = d ? revalidate(d) : 0;
	if (good <= 0) {
		if (d)
			dentry_put(d);
		if (good < 0)
			return good;
		rwsem_down_read(&w->inode->rwsem);
		d = lookup_slow(parent, &w->last, w->start->waiter);
		rwsem_up_read(&w->inode->rwsem);
		w->asked = true;
		if (IS_ERR(d)) {
			if (w->start->waiter && w->start->waiter->chained)
				walk_count(WALK_OUT_in_lookup);
			return (int)PTR_ERR(d);
		}
	}
	*next = (struct walk_next){.path = {w->path.mnt, d}, .inode = dentry_inode(d)};
	return 0;
}

/* The file system wants to be asked about a dentry found in RCU mode. */
static int revalidate_rcu(struct walk *w, struct walk_next *next)
{
	struct dentry *d = next->path.dentry;
	int good = w->flags & WALK_REVAL ? -ECHILD : d->ops->revalidate(d, true);
	int err;

	if (good > 0)
		return 0;
	if (good == -ECHILD) {
		err = walk_unlazy_next(w, d, next->seq, WALK_OUT_revalidate);
		if (err)
			return err;
		good = revalidate(d);
		if (good > 0)
			return 0;
		dentry_put(d);
		return good < 0 ? good : lookup_ref(w, next);
	}
	err = walk_unlazy(w, WALK_OUT_revalidate);
	return err ? err : lookup_ref(w, next);
}

int walk_lookup(struct walk *w, struct walk_next *next)
{
	struct dentry *parent = w->path.dentry, *d;
	int err;

	w->asked = false;
	if (unlikely(!(w->flags & WALK_RCU)))
		return lookup_ref(w, next);

	d = dcache_lookup_rcu(parent, &w->last, &next->seq);
	if (unlikely(!d)) {
		/* "not cached", never "does not exist" (CONTRACT 1.4) */
		err = walk_unlazy(w, WALK_OUT_not_cached);
		return err ? err : lookup_ref(w, next);
	}
	next->path.mnt = w->path.mnt;
	next->path.dentry = d;
	next->inode = load_acquire(&d->inode);
	if (unlikely(seqcount_retry(&parent->seq, w->seq)))
		return walk_lost(w, WALK_OUT_seq_changed);
	if (unlikely(READ_ONCE(d->flags) & DENTRY_REVALIDATE))
		return revalidate_rcu(w, next);
	return 0;
}

/* ---- Moving ---- */

static void next_put(struct walk *w, const struct walk_next *next)
{
	if (w->flags & WALK_RCU)
		return;
	dentry_put(next->path.dentry);
	if (next->path.mnt != w->path.mnt)
		mount_put(next->path.mnt);
}

static void walk_move(struct walk *w, const struct walk_next *next)
{
	if (!(w->flags & WALK_RCU)) {
		dentry_put(w->path.dentry);
		if (next->path.mnt != w->path.mnt)
			mount_put(w->path.mnt);
	}
	w->path = next->path;
	w->inode = next->inode;
	w->seq = next->seq;
}

/* ---- Mounts, downwards ---- */

static int cross_mounts_rcu(struct walk *w, struct walk_next *next)
{
	while (READ_ONCE(next->path.dentry->flags) & DENTRY_MOUNTED) {
		struct mount *m = mount_lookup_rcu(next->path.mnt, next->path.dentry);

		if (read_seqretry(&mount_lock, w->mount_seq))
			return walk_lost(w, WALK_OUT_mount_changed);
		if (!m)
			break; /* the mount is in another place of the tree */
		/* The last look at the mount point: from here on only m's root matters. */
		if (seqcount_retry(&next->path.dentry->seq, next->seq))
			return walk_lost(w, WALK_OUT_seq_changed);
		if (w->flags & WALK_NO_XDEV) {
			int err = walk_unlazy(w, WALK_OUT_no_xdev);

			return err ? err : WALK_AGAIN;
		}
		next->path.mnt = m;
		next->path.dentry = m->root;
		next->seq = seqcount_begin(&m->root->seq);
		next->inode = load_acquire(&m->root->inode);
		if (unlikely(w->start->log))
			walk_log_event(w, UNLAZY_WALK_MOUNT, m->sb->fs->name, "");
	}
	return 0;
}

static int cross_mounts_ref(struct walk *w, struct walk_next *next)
{
	while (READ_ONCE(next->path.dentry->flags) & DENTRY_MOUNTED) {
		struct mount *m = mount_lookup_get(&next->path);

		if (!m)
			break;
		if (w->flags & WALK_NO_XDEV) {
			mount_put(m);
			next_put(w, next);
			return -EXDEV;
		}
		next_put(w, next);
		dentry_get(m->root);
		next->path.mnt = m;
		next->path.dentry = m->root;
		next->inode = m->root->inode;
		if (unlikely(w->start->log))
			walk_log_event(w, UNLAZY_WALK_MOUNT, m->sb->fs->name, "");
	}
	return 0;
}

/* ---- Symlinks ---- */

void walk_pop_link(struct walk *w)
{
	w->depth--;
	if (!(w->flags & WALK_RCU))
		path_put(&w->links[w->depth].path);
}

/* The link becomes the top of the stack; in ref mode next's references become the stack's. */
static void push_link(struct walk *w, const struct walk_next *next)
{
	struct walk_link *l = &w->links[w->depth++];

	l->path = next->path;
	l->seq = next->seq;
	l->rest = NULL;
	if (!(w->flags & WALK_RCU) && next->path.mnt == w->path.mnt)
		mount_get(next->path.mnt);
}

/* A link of procfs that leads to an object, not to a name. Context: ref mode. */
static int follow_magic(struct walk *w, struct walk_next *next, bool ends_link)
{
	struct path target;
	int err;

	if (w->flags & WALK_NO_MAGICLINKS)
		err = -ELOOP;
	else if (w->flags & WALK_SCOPED)
		err = -EXDEV;
	else
		err = next->inode->ops->magic_link(next->path.dentry, &target);
	next_put(w, next);
	if (err)
		return err;
	if ((w->flags & WALK_NO_XDEV) && target.mnt != w->path.mnt) {
		path_put(&target);
		return -EXDEV;
	}
	if (ends_link)
		walk_pop_link(w);
	path_put(&w->path);
	w->path = target;
	w->inode = target.dentry->inode;
	return 0;
}

/* Make the body of the link at next known: cached, or read now. */
static int link_body(struct walk *w, struct walk_next *next, const char **body)
{
	int err = 0;

	*body = load_acquire(&next->inode->link);
	if (w->flags & WALK_RCU) {
		if (seqcount_retry(&next->path.dentry->seq, next->seq))
			return walk_lost(w, WALK_OUT_seq_changed);
		if (*body)
			return 0;
		err = walk_unlazy_next(w, next->path.dentry, next->seq, WALK_OUT_link_not_cached);
		if (err)
			return err;
	}
	if (!*body) {
		err = next->inode->ops->read_link ? next->inode->ops->read_link(next->inode)
						  : -EINVAL;
		*body = load_acquire(&next->inode->link);
	}
	if (!err && !*body)
		err = -EIO;
	if (err)
		next_put(w, next);
	return err;
}

/* An absolute body starts again at the root. *body is left at its first component, NULL if none. */
static int absolute_body(struct walk *w, const char **body)
{
	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	walk_need_root(w);
	if ((w->flags & WALK_NO_XDEV) && w->root.mnt != w->path.mnt)
		return -EXDEV;
	walk_jump_root(w);
	while (**body == '/')
		++*body;
	if (!**body) {
		walk_pop_link(w);
		*body = NULL;
	}
	return 0;
}

static int enter_link(struct walk *w, struct walk_next *next, bool ends_link, const char **body)
{
	int err;

	if (unlikely(w->total_links++ >= WALK_MAX_LINKS || (w->flags & WALK_NO_SYMLINKS))) {
		if ((w->flags & WALK_RCU) && seqcount_retry(&next->path.dentry->seq, next->seq))
			return walk_lost(w, WALK_OUT_seq_changed);
		next_put(w, next);
		return -ELOOP;
	}
	if (unlikely(next->inode->flags & INODE_MAGIC_LINK)) {
		if (w->flags & WALK_RCU) {
			err = walk_unlazy_next(
				w, next->path.dentry, next->seq, WALK_OUT_magic_link);
			if (err)
				return err;
		}
		return follow_magic(w, next, ends_link);
	}
	err = link_body(w, next, body);
	if (err)
		return err;
	if (ends_link)
		walk_pop_link(w);
	push_link(w, next);
	if (unlikely(w->start->log))
		walk_log_event(w, UNLAZY_WALK_LINK, *body, "");
	if (!**body)
		return -ENOENT;
	return **body == '/' ? absolute_body(w, body) : 0;
}

/* ---- Entering what was found ---- */

int walk_enter(
	struct walk *w, struct walk_next *next, bool ends_link, bool follow, const char **body)
{
	u32 flags = READ_ONCE(next->path.dentry->flags);
	int err;

	*body = NULL;
	if (unlikely(!next->inode)) {
		if ((w->flags & WALK_RCU) && seqcount_retry(&next->path.dentry->seq, next->seq))
			return walk_lost(w, WALK_OUT_seq_changed);
		next_put(w, next);
		return -ENOENT;
	}
	if (unlikely(flags & DENTRY_MOUNTED)) {
		err = w->flags & WALK_RCU ? cross_mounts_rcu(w, next) : cross_mounts_ref(w, next);
		if (err)
			return err;
	} else if (unlikely((flags & DENTRY_TYPE_MASK) == DENTRY_TYPE_SYMLINK && follow)) {
		return enter_link(w, next, ends_link, body);
	}
	if (unlikely(ends_link))
		walk_pop_link(w);
	walk_move(w, next);
	return 0;
}

/* ---- Upwards ---- */

/* The parent directory as next; WALK_AGAIN after leaving RCU. *stay: we are at the top already. */
static int parent_rcu(struct walk *w, struct walk_next *next, bool *stay)
{
	struct path p = w->path;
	u32 seq = w->seq;
	int err;

	*stay = false;
	while (p.mnt != w->root.mnt || p.dentry != w->root.dentry) {
		struct mount *m = p.mnt;

		if (p.dentry != m->root) {
			next->path = (struct path){m, READ_ONCE(p.dentry->parent)};
			next->seq = seqcount_begin(&next->path.dentry->seq);
			next->inode = load_acquire(&next->path.dentry->inode);
			if (seqcount_retry(&p.dentry->seq, seq))
				return walk_lost(w, WALK_OUT_seq_changed);
			if (m->root != m->sb->root && !dentry_is_descendant(p.dentry, m->root)) {
				/* renamed out of a bind mount: judged again */
				err = walk_unlazy(w, WALK_OUT_seq_changed);
				return err ? err : WALK_AGAIN;
			}
			return 0;
		}
		p.mnt = READ_ONCE(m->parent);
		p.dentry = READ_ONCE(m->mountpoint);
		if (p.mnt == m) {
			*stay = true;
			return 0;
		}
		seq = seqcount_begin(&p.dentry->seq);
		if (read_seqretry(&mount_lock, w->mount_seq))
			return walk_lost(w, WALK_OUT_mount_changed);
		if (w->flags & WALK_NO_XDEV) {
			err = walk_unlazy(w, WALK_OUT_no_xdev);
			return err ? err : WALK_AGAIN;
		}
	}
	if (w->flags & WALK_BENEATH) {
		err = walk_unlazy(w, WALK_OUT_beneath);
		return err ? err : WALK_AGAIN;
	}
	/* At the root: stay; but what is mounted at the very place where the root is, enter. */
	*next = (struct walk_next){.path = p, .inode = load_acquire(&p.dentry->inode), .seq = seq};
	*stay = p.mnt == w->path.mnt && !(READ_ONCE(p.dentry->flags) & DENTRY_MOUNTED);
	return 0;
}

/* d's parent, referenced; d is referenced and so keeps some parent alive at any time. */
static struct dentry *dentry_get_parent(struct dentry *d)
{
	for (;;) {
		struct dentry *parent;
		bool got;

		rcu_read_lock();
		parent = READ_ONCE(d->parent);
		got = lockref_get_not_dead(&parent->ref, RANK_DENTRY);
		rcu_read_unlock();
		if (got && READ_ONCE(d->parent) == parent)
			return parent;
		if (got)
			dentry_put(parent);
	}
}

/* Replace w->path by the mount point of its mount. -EXDEV when crossing is forbidden. */
static int up_one_mount(struct walk *w, bool *top)
{
	struct path up;

	*top = !mount_get_parent(w->path.mnt, &up);
	if (*top)
		return 0;
	if (w->flags & WALK_NO_XDEV) {
		path_put(&up);
		return -EXDEV;
	}
	path_put(&w->path);
	w->path = up;
	w->inode = up.dentry->inode;
	return 0;
}

static int parent_ref(struct walk *w, struct walk_next *next, bool *stay)
{
	bool climbed = false;

	*stay = true;
	while (w->path.mnt != w->root.mnt || w->path.dentry != w->root.dentry) {
		struct mount *m = w->path.mnt;
		bool top;
		int err;

		if (w->path.dentry != m->root) {
			if (m->root != m->sb->root &&
				!dentry_is_descendant(w->path.dentry, m->root))
				return -ENOENT; /* renamed out of a bind mount */
			next->path = (struct path){m, dentry_get_parent(w->path.dentry)};
			next->inode = next->path.dentry->inode;
			*stay = false;
			return 0;
		}
		err = up_one_mount(w, &top);
		if (err || top)
			return err;
		climbed = true;
	}
	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	if (climbed || (READ_ONCE(w->path.dentry->flags) & DENTRY_MOUNTED)) {
		/* what is mounted at the very place where the root is: enter it */
		dentry_get(w->path.dentry);
		*next = (struct walk_next){.path = w->path, .inode = w->inode};
		*stay = false;
	}
	return 0;
}

static int walk_up(struct walk *w)
{
	struct walk_next next;
	const char *body;
	bool stay;
	int err;

	do {
		walk_need_root(w); /* again: an unscoped one is forgotten on the way out of RCU */
		err = w->flags & WALK_RCU ? parent_rcu(w, &next, &stay)
					  : parent_ref(w, &next, &stay);
		if (!err && !stay)
			err = walk_enter(w, &next, false, false, &body);
	} while (err == WALK_AGAIN);
	if (err)
		return err;
	/* A race with a rename or mount must not let a scoped walk out (CONTRACT 2). */
	if ((w->flags & WALK_SCOPED) && (read_seqretry(&mount_lock, w->mount_seq) ||
						read_seqretry(&rename_lock, w->rename_seq)))
		return -EAGAIN;
	return 0;
}

/* ---- A whole step ---- */

static int walk_special(struct walk *w, bool ends_link)
{
	int err = w->last_type == WALK_LAST_DOTDOT ? walk_up(w) : 0;

	if (!err && ends_link)
		walk_pop_link(w);
	if (unlikely(w->start->log)) {
		struct walk_next here = {.path = w->path, .inode = w->inode, .seq = w->seq};

		walk_log_step(w, err ? NULL : &here, err);
	}
	return err;
}

int walk_component(struct walk *w, bool ends_link, bool follow, const char **body)
{
	struct walk_next next;
	int err;

	*body = NULL;
	if (unlikely(w->last_type != WALK_LAST_NORMAL))
		return walk_special(w, ends_link);
	do {
		err = walk_lookup(w, &next);
		trace(walk_step, trace_text(w->last.name, qstr_len(&w->last)), err);
		if (unlikely(w->start->log))
			walk_log_step(w, err ? NULL : &next, err);
		if (unlikely(err))
			return err;
		err = walk_enter(w, &next, ends_link, follow, body);
	} while (unlikely(err == WALK_AGAIN));
	return err;
}
