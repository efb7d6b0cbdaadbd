/*
 * The common cached walk, inline: nothing but directories that anyone may search and at the end a file or
 * directory, all in the dcache, no mounts, no dots, no links. It is the loop that decides how fast the
 * system is, so everything stays in registers; the checks are those of walk_component, in the same
 * order (the chain of custody). It stops in front of the first component that needs more, without
 * having changed anything for it, and the general walk goes on from there.
 *
 *   walk_run   the loop, from any position; walk.c starts its walks with it
 *   walk_hit   a whole walk of this kind from root or working directory, without a struct walk; for
 *              open.c and whoever else would rather not set one up for the common case
 */
#pragma once

#include "vfs/dcache_hash.h"
#include "vfs/internal.h"

/* A position of an RCU walk. */
struct walk_hit {
	struct path path;
	struct inode *inode;
	u32 seq, mount_seq;
	const char *rest; /* where walk_hit stopped: the name to go on with */
};

/* Look up the component at name in parent; its hash and length go to *hash_len. NULL: not cached. */
static __always_inline struct dentry *walk_run_lookup(
	const struct dentry *parent, const char *name, u64 *hash_len, u32 *seq, u32 *flags)
{
	u64 word = name_load(name), ends = name_ends(word);

	if (likely(ends)) {
		word = name_head(word, ends);
		*hash_len = name_hash_end(name_hash_seed(parent), word, name_head_len(ends));
		return dcache_find_rcu(parent, NULL, word, true, *hash_len, seq, flags);
	}
	*hash_len = name_hash_inline(parent, name, word);
	if (unlikely((u32)*hash_len > NAME_MAX))
		return NULL;
	return dcache_find_rcu(parent, name, 0, false, *hash_len, seq, flags);
}

/* walk_run: the name at *name needs the general walk; MISSING: because it is a name that is not cached. */
#define WALK_RUN_STOPPED 1
#define WALK_RUN_MISSING 3

/* What matters of an entry's flags here, and what they are for the entries it is about. */
#define WALK_RUN_MASK                                                                              \
	(DENTRY_TYPE_MASK | DENTRY_HASHED | DENTRY_MOUNTED | DENTRY_REVALIDATE | DENTRY_SEARCH_ALL)
#define WALK_RUN_SEARCHABLE (DENTRY_TYPE_DIR | DENTRY_HASHED | DENTRY_SEARCH_ALL)
#define WALK_RUN_DIR	    (DENTRY_TYPE_DIR | DENTRY_HASHED)
#define WALK_RUN_FILE	    (DENTRY_TYPE_REG | DENTRY_HASHED)
#define WALK_RUN_NEGATIVE   (DENTRY_TYPE_NEGATIVE | DENTRY_HASHED)

/*
 * A name that was not found: is it one? 1: another slash, *name is behind it; 0: the path is at its end
 * behind a slash, so what we stand in is the result, a directory as it should be; -ENOENT: it is.
 */
static __always_inline int walk_run_slashes(const char **name)
{
	if (likely(**name && **name != '/'))
		return -ENOENT;
	while (**name == '/')
		++*name;
	return **name != 0;
}

/*
 * Walk *name from at on. 0: the last component was taken, too. -ENOENT: a cached negative entry is in the
 * way. WALK_RUN_STOPPED, _MISSING: at and *name are where the general walk has to go on (`.` and `..` are
 * never in the hash, so they stop it by themselves). -ECHILD: lost a race; at is no good.
 * Context: RCU read section. name is not empty and does not begin with '/'.
 */
static __always_inline int walk_run(struct walk_hit *at, const char **name_at)
{
	struct dentry *parent = at->path.dentry;
	const char *name = *name_at;
	u32 seq = at->seq;
	int result = WALK_RUN_STOPPED;

	/* that the others may be searched is seen when they are found */
	bool search = READ_ONCE(parent->flags) & DENTRY_SEARCH_ALL;

	while (likely(search)) {
		struct dentry *d;
		const char *rest;
		u32 child_seq, flags;
		u64 hash_len;

		d = walk_run_lookup(parent, name, &hash_len, &child_seq, &flags);
		if (unlikely(!d)) {
			int slashes = walk_run_slashes(&name);

			if (slashes > 0)
				continue;
			if (slashes == 0)
				result = 0;
			else if (*name != '.' && (u32)hash_len <= NAME_MAX)
				result = WALK_RUN_MISSING;
			break;
		}
		flags &= WALK_RUN_MASK;
		if (unlikely(seqcount_retry(&parent->seq, seq)))
			break;
		rest = name + (u32)hash_len;
		if (*rest == '/' && likely(flags == WALK_RUN_SEARCHABLE)) {
			name = rest + 1;
		} else if (likely(!*rest && (flags & ~DENTRY_SEARCH_ALL) - WALK_RUN_DIR <= 1)) {
			name = rest;
			result = 0;
		} else {
			if (flags == WALK_RUN_NEGATIVE && !seqcount_retry(&d->seq, child_seq))
				result = -ENOENT;
			break;
		}
		parent = d;
		seq = child_seq;
		if (!result)
			break;
	}
	at->path.dentry = parent;
	at->inode = load_acquire(&parent->inode);
	at->seq = seq;
	*name_at = name;
	/* inode and flags change together; a walk that sees one without the other has lost a race */
	return likely(at->inode != NULL) ? result : -ECHILD;
}
static_assert(WALK_RUN_FILE == WALK_RUN_DIR + 1, "both ends in one comparison");

/* Flags a walk may have and still be one for walk_hit: what else there is changes the rules. */
#define WALK_HIT_FLAGS                                                                             \
	(WALK_FOLLOW | WALK_CACHED | WALK_DIRECTORY | WALK_NO_SYMLINKS | WALK_NO_MAGICLINKS)

/* walk_hit: nothing has been done, start the general walk from the beginning. */
#define WALK_HIT_NOT_MINE 2

/*
 * A whole walk with WALK_HIT_FLAGS, that nobody logs or traces. Never sleeps, references nothing.
 *
 *   0                  *hit is the result
 *   WALK_RUN_STOPPED, _MISSING   *hit is where the general walk goes on (walk_continue)
 *                      in all these cases the caller is inside an RCU read section that it must end
 *   -ENOENT            final
 *   WALK_HIT_NOT_MINE, -ECHILD (lost a race): use the general walk
 */
static __always_inline int walk_hit(int dirfd, const char *name, struct walk_hit *hit)
{
	const struct fs_context *fs = current_fs();
	const struct path *from = &fs->pwd;
	u32 fs_seq;
	int result;

	if (*name == '/') {
		from = &fs->root;
		while (*++name == '/')
			;
	} else if (unlikely(dirfd != AT_FDCWD)) {
		return WALK_HIT_NOT_MINE;
	}
	if (unlikely(!*name))
		return WALK_HIT_NOT_MINE;

	rcu_read_lock();
	hit->mount_seq = read_seqbegin(&mount_lock);
	fs_seq = seqcount_begin_nowait(&fs->seq);
	hit->path.mnt = READ_ONCE(from->mnt);
	hit->path.dentry = READ_ONCE(from->dentry);
	hit->seq = seqcount_begin_nowait(&hit->path.dentry->seq);
	result = -ECHILD;
	if (likely(!seqcount_retry(&fs->seq, fs_seq)))
		result = walk_run(hit, &name);
	hit->rest = name;
	if (unlikely(result < 0))
		rcu_read_unlock();
	return result;
}
