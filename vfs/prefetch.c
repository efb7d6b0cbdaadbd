/*
 * Walking a group of paths at once, for their effect on the CPU's caches alone (prefetch.h).
 *
 *	hash the next name, fetch its bucket	of every path
 *	fetch the first dentry of the bucket	of every path
 *	find the dentry, fetch its inode	of every path; and again, from there
 *
 * What one pass fetches is there by the time the next one needs it. The walk that follows decides everything;
 * this one follows plain names only, checks no sequence, and may be wrong.
 *
 * Locking: one RCU read section for the group.
 */
#include "vfs/prefetch.h"
#include "vfs/dcache_hash.h"
#include "vfs/file_internal.h"
#include "vfs/internal.h"

bool prefetch_pays; /* vfs/dcache_lru.c counts */

static const struct dentry *start_of(const struct prefetch_path *p)
{
	struct path path;

	if (p->text[0] == '/')
		return READ_ONCE(current_fs()->root.dentry);
	if (p->dirfd == AT_FDCWD)
		return READ_ONCE(current_fs()->pwd.dentry);
	return fd_path_rcu(current_files(), p->dirfd, &path) ? path.dentry : NULL;
}

/* The path goes on at p->name, or has ended. */
static void hash_next(struct prefetch_path *p)
{
	while (*p->name == '/')
		p->name++;
	if (!*p->name) {
		p->parent = NULL;
		return;
	}
	p->hash_len = name_hash(p->parent, p->name);
	__builtin_prefetch(dentry_bucket_of(p->hash_len));
}

static void fetch_dentry(const struct prefetch_path *p)
{
	const struct hlist_node *n = dentry_bucket_first(dentry_bucket_of(p->hash_len));

	if (n) {
		const struct dentry *d = container_of(n, struct dentry, hash);

		__builtin_prefetch(d);
		__builtin_prefetch(d->inline_name);
	}
}

static void fetch_inode(struct prefetch_path *p)
{
	const struct qstr name = {p->name, p->hash_len};
	const struct dentry *d = NULL;
	u32 seq;

	if (qstr_len(&name) <= NAME_MAX)
		d = dcache_lookup_rcu(p->parent, &name, &seq);
	p->parent = d;
	if (d) {
		__builtin_prefetch(READ_ONCE(d->inode));
		p->name += qstr_len(&name);
	}
}

void prefetch_paths(struct prefetch_path *paths, u32 n)
{
	u32 going = n;

	rcu_read_lock();
	for (u32 i = 0; i < n; i++) {
		paths[i].parent = start_of(&paths[i]);
		paths[i].name = paths[i].text;
	}
	while (going) {
		going = 0;
		for (u32 i = 0; i < n; i++)
			if (paths[i].parent)
				hash_next(&paths[i]);
		for (u32 i = 0; i < n; i++)
			if (paths[i].parent)
				fetch_dentry(&paths[i]);
		for (u32 i = 0; i < n; i++)
			if (paths[i].parent) {
				fetch_inode(&paths[i]);
				going++;
			}
	}
	rcu_read_unlock();
}
