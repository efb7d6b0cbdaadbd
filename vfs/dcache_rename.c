/*
 * Names that move: rename and exchange in the dcache, and paths as text, which must not be fooled by
 * one.
 *
 * rename_lock is held for the whole change; the two dentries' sequences are odd while names, parents
 * and hash chains change, so an RCU walk standing on either fails its next check and a lookup that
 * found one of them does not believe it. The children lists follow afterwards, each under its parent's
 * lock: nobody but the end of the whole tree reads them.
 *
 * Locking: directories' inode rwsems (caller), rename_lock, the two dentries by address, buckets.
 */
#include "vfs/internal.h"

#include "kernel/string.h"

static void lock_two(struct dentry *a, struct dentry *b)
{
	struct dentry *first = MIN(a, b), *second = MAX(a, b);

	lockref_lock(&first->ref, RANK_DENTRY);
	lockref_lock(&second->ref, RANK_DENTRY + 1);
}

static void unlock_two(struct dentry *a, struct dentry *b)
{
	lockref_unlock(&MAX(a, b)->ref);
	lockref_unlock(&MIN(a, b)->ref);
}

/*
 * Names change owners. Inline names are swapped a word at a time (each last byte stays NUL), long ones
 * by pointer; their memory is freed with whoever owns it then, a grace period after its end.
 */
static void swap_names(struct dentry *a, struct dentry *b)
{
	const char *a_long = dentry_has_long_name(a) ? a->name : NULL;
	const char *b_long = dentry_has_long_name(b) ? b->name : NULL;
	u64 hash_len = a->hash_len;

	for (unsigned i = 0; i < DENTRY_INLINE_NAME; i += sizeof(u64)) {
		u64 wa, wb;

		memcpy(&wa, a->inline_name + i, sizeof(wa));
		memcpy(&wb, b->inline_name + i, sizeof(wb));
		WRITE_ONCE(*(u64 __attribute__((may_alias)) *)(a->inline_name + i), wb);
		WRITE_ONCE(*(u64 __attribute__((may_alias)) *)(b->inline_name + i), wa);
	}
	WRITE_ONCE(a->name, b_long ? b_long : a->inline_name);
	WRITE_ONCE(b->name, a_long ? a_long : b->inline_name);
	WRITE_ONCE(a->hash_len, b->hash_len);
	WRITE_ONCE(b->hash_len, hash_len);
}

/* Move d from the children of one directory to those of another. Context: rename_lock held. */
static void relink_child(struct dentry *d, struct dentry *from, struct dentry *to)
{
	lockref_lock(&from->ref, RANK_DENTRY);
	list_del(&d->sibling);
	lockref_unlock(&from->ref);
	lockref_lock(&to->ref, RANK_DENTRY);
	list_add(&d->sibling, &to->children);
	lockref_unlock(&to->ref);
}

void dcache_move(struct dentry *from, struct dentry *to)
{
	struct dentry *old_parent = from->parent, *new_parent = to->parent;

	might_sleep();
	if (old_parent != new_parent)
		dentry_get(new_parent);

	write_seqlock(&rename_lock);
	lock_two(from, to);
	seqcount_write_begin(&from->seq);
	seqcount_write_begin(&to->seq);
	if (READ_ONCE(to->flags) & DENTRY_HASHED)
		dentry_hash_remove(to);
	dentry_hash_remove(from);
	swap_names(from, to);
	WRITE_ONCE(from->parent, new_parent);
	dentry_hash_insert(from);
	atomic_fetch_and(&to->flags, ~DENTRY_PINNED);
	seqcount_write_end(&to->seq);
	seqcount_write_end(&from->seq);
	unlock_two(from, to);
	if (old_parent != new_parent)
		relink_child(from, old_parent, new_parent);
	write_sequnlock(&rename_lock);

	if (old_parent != new_parent)
		dentry_put(old_parent);
}

void dcache_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *pa = a->parent, *pb = b->parent;

	write_seqlock(&rename_lock);
	lock_two(a, b);
	seqcount_write_begin(&a->seq);
	seqcount_write_begin(&b->seq);
	dentry_hash_remove(a);
	dentry_hash_remove(b);
	swap_names(a, b);
	/* each takes over the other's reference on its parent */
	WRITE_ONCE(a->parent, pb);
	WRITE_ONCE(b->parent, pa);
	dentry_hash_insert(a);
	dentry_hash_insert(b);
	seqcount_write_end(&b->seq);
	seqcount_write_end(&a->seq);
	unlock_two(a, b);
	if (pa != pb) {
		relink_child(a, pa, pb);
		relink_child(b, pb, pa);
	}
	write_sequnlock(&rename_lock);
}

bool dentry_is_descendant(const struct dentry *d, const struct dentry *ancestor)
{
	bool found = false;

	rcu_read_lock();
	for (;;) {
		const struct dentry *parent = READ_ONCE(d->parent);

		found = d == ancestor;
		if (found || parent == d)
			break;
		d = parent;
	}
	rcu_read_unlock();
	return found;
}

/* ---- Paths as text ---- */

static bool prepend(char **p, const char *buf, const char *s, size_t len)
{
	if ((size_t)(*p - buf) < len)
		return false;
	*p -= len;
	memcpy(*p, s, len);
	return true;
}

/* A name may be changing under us: copy no further than its NUL. The caller checks rename_lock. */
static bool prepend_name(char **p, const char *buf, const struct dentry *d)
{
	const char *name = READ_ONCE(d->name);
	size_t len = strnlen(name, (u32)READ_ONCE(d->hash_len));

	return prepend(p, buf, name, len) && prepend(p, buf, "/", 1);
}

/* A path that does not lead to the root: what there is of it from p on, up to its end. */
static char *unreachable(char *p, const char *buf, const char *end)
{
	return prepend(&p, buf, "(unreachable)/", p == end ? 14 : 13) ? p : NULL;
}

/* One attempt. Context: RCU. */
static char *build_path(const struct path *path, const struct path *root, char *buf, char *end)
{
	const struct mount *m = path->mnt;
	const struct dentry *d = path->dentry;
	char *p = end;

	*--p = 0;
	if (!dentry_is_hashed(d) && !prepend(&p, buf, " (deleted)", 10))
		return NULL;
	const char *name_end = p;

	while (d != root->dentry || m != root->mnt) {
		if (d == m->root) {
			const struct mount *up = READ_ONCE(m->parent);

			if (up == m) {
				if ((READ_ONCE(m->flags) & MOUNT_DETACHED) || root->mnt)
					return unreachable(p, buf, name_end);
				break;
			}
			d = READ_ONCE(m->mountpoint);
			m = up;
			continue;
		}
		if (READ_ONCE(d->flags) & DENTRY_ROOT)
			return unreachable(p, buf, name_end); /* renamed out of a bind mount */
		if (!prepend_name(&p, buf, d))
			return NULL;
		d = READ_ONCE(d->parent);
	}
	if (p == name_end && !prepend(&p, buf, "/", 1))
		return NULL;
	return p;
}

char *path_text(const struct path *p, const struct path *root, char *buf, size_t size)
{
	for (;;) {
		u32 mount_seq = read_seqbegin(&mount_lock),
		    rename_seq = read_seqbegin(&rename_lock);
		char *text;

		rcu_read_lock();
		text = build_path(p, root, buf, buf + size);
		rcu_read_unlock();
		if (!read_seqretry(&rename_lock, rename_seq) &&
			!read_seqretry(&mount_lock, mount_seq))
			return text ? text : ERR_PTR(-ENAMETOOLONG);
	}
}
