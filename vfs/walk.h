/*
 * Path resolution. One walker for both worlds: it starts as an RCU walk (no references, no locks, no
 * sleeping) and, where something needs more, unlazies into a ref walk that keeps the progress made.
 * With WALK_CACHED it fails with -EAGAIN instead.
 */
#pragma once

#include "kernel/uaccess.h"
#include "vfs/file.h"
#include "vfs/mount.h"

/* Lookup flags */
#define WALK_FOLLOW    0x0001u /* follow a final symlink */
#define WALK_DIRECTORY 0x0002u /* the result must be a directory */
#define WALK_RCU       0x0004u /* in RCU mode now; never set by callers */
#define WALK_CACHED    0x0008u /* no blocking: -EAGAIN on the first thing that would */
#define WALK_REVAL     0x0010u /* third attempt: ask the file system again for everything */
#define WALK_EMPTY     0x0020u /* an empty path means dirfd itself */
#define WALK_NO_RCU    0x0040u /* start as a ref walk (retry strategy norcu) */
/* Scoped: the RESOLVE_* flags */
#define WALK_NO_XDEV	   0x01000u
#define WALK_NO_MAGICLINKS 0x02000u
#define WALK_NO_SYMLINKS   0x04000u
#define WALK_BENEATH	   0x08000u
#define WALK_IN_ROOT	   0x10000u
#define WALK_SCOPED	   (WALK_BENEATH | WALK_IN_ROOT)

/* Why a walk left RCU, ended, or failed: one counter each in /proc/unlazy/walk. */
#define WALK_OUTCOMES(X)                                                                           \
	X(done_rcu, "finished without leaving RCU")                                                \
	X(done_ref, "finished as a ref walk")                                                      \
	X(not_cached, "component not in the dcache")                                               \
	X(seq_changed, "a dentry changed under the walk")                                          \
	X(mount_changed, "the mount tree changed under the walk")                                  \
	X(revalidate, "the file system must be asked")                                             \
	X(link_not_cached, "symlink body not cached")                                              \
	X(magic_link, "magic link")                                                                \
	X(permission, "search permission denied, judged again")                                    \
	X(not_directory, "not a directory, judged again")                                          \
	X(no_xdev, "mount crossing refused, judged again")                                         \
	X(beneath, "`..` above the start, judged again")                                           \
	X(no_reference, "a reference could not be taken")                                          \
	X(no_memory, "no memory without sleeping")                                                 \
	X(create, "creation needs the directory's lock")                                           \
	X(would_block, "the open itself may block")                                                \
	X(in_lookup, "chained on another lookup of the same name")                                 \
	X(restart_ref, "second attempt as a ref walk")                                             \
	X(restart_reval, "third attempt with revalidation")

enum walk_outcome {
#define X(name, text) WALK_OUT_##name,
	WALK_OUTCOMES(X)
#undef X
		WALK_OUTCOMES_MAX
};
extern const char *const walk_outcome_names[], *const walk_outcome_texts[];
u64 walk_outcome_count(enum walk_outcome o);

/* Where an inline attempt got to, for retry strategy `resume`. */
struct walk_resume {
	struct path at;	  /* referenced when valid */
	const char *rest; /* into walk_start.name: the component to go on with */
	bool valid;	  /* a walk may go on from there; all else means nothing when not */
};

struct walk_log; /* vfs/walk_log.h: a record of every step, for the walk command */

/* Where a path starts, and what goes with it; lives on the caller's stack. */
struct walk_start {
	int dirfd;	  /* AT_FDCWD or a descriptor of current's */
	unsigned flags;	  /* WALK_* */
	const char *name; /* kernel copy, terminated, at most PATH_MAX with the NUL, and NAME_SLACK
			      * readable bytes after it */
	/* Ring: chain on another thread's lookup instead of sleeping (see dcache_lookup_begin); the walk
	 * then fails with -EAGAIN without WALK_CACHED, and waiter->fn will run. */
	struct dentry_waiter *waiter;
	/* NULL; or: a cached attempt leaves its last good parent here, any other starts from there. */
	struct walk_resume *resume;
	struct walk_log *log;
};
/* Drop what a resume still holds. May sleep. */
void walk_resume_release(struct walk_resume *r);

/*
 * Resolve to a referenced path. 0 or -errno (-EAGAIN only with WALK_CACHED, a moved scoped walk, or
 * chained on start->waiter). Up to three attempts (CONTRACT 1.2). May sleep unless WALK_CACHED.
 */
int walk_path(const struct walk_start *start, struct path *out);

/*
 * Resolve to the referenced parent directory and the last component, which points into start->name (links
 * on the way are followed, a last one is not). last_type tells the special ones.
 */
enum walk_last { WALK_LAST_NORMAL, WALK_LAST_DOT, WALK_LAST_DOTDOT, WALK_LAST_ROOT };
struct walk_parent {
	struct path path;
	struct qstr last;
	enum walk_last last_type;
	bool trailing_slash;
};
int walk_parent(const struct walk_start *start, struct walk_parent *out);

/*
 * Look last up in parent, with the directory's rwsem held by the caller (exclusively if it is going to
 * change it): a referenced dentry, positive or negative, or ERR_PTR. May sleep.
 */
struct dentry *walk_lookup_one(struct dentry *parent, const struct qstr *last);

/* A user's path, copied once: small ones inline. */
struct path_name {
	char *name; /* small or allocated */
	u32 length;
	char small[200];
};
/* 0, -EFAULT, -ENAMETOOLONG, -ENOENT (empty, unless allow_empty), -ENOMEM (-EAGAIN under NOWAIT). */
int path_name_copy(
	struct path_name *p, const char __user *path, bool allow_empty, enum alloc_mode mode);
void path_name_release(struct path_name *p);
