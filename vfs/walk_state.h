/*
 * The state of one walk, shared by walk.c, walk_step.c, unlazy.c and open.c.
 *
 * In RCU mode (WALK_RCU in flags, inside one read section from start to end) nothing is referenced:
 * path, root and links are pointers plus the sequences that confirm them. In ref mode path, every link
 * on the stack and, once it was needed, root hold references. unlazy turns the first into the second,
 * all or nothing: after a failure the state holds nothing, and only walk_end may be called.
 */
#pragma once

#include "vfs/internal.h"

#define WALK_MAX_LINKS 40

/* A symlink whose body is being walked. */
struct walk_link {
	struct path path; /* the link itself: keeps its body alive in ref mode */
	u32 seq;
	const char *rest; /* what follows the link in the string it was found in; NULL: nothing, it
			    * was the last component */
};

struct walk {
	struct path path;    /* where we are; path.mnt NULL: nowhere any more */
	struct inode *inode; /* path.dentry's, as of seq */
	u32 seq;	     /* RCU: sample of path.dentry->seq */
	u32 flags;	     /* WALK_* */
	struct qstr last;    /* the component being looked at, into the path or a link's body */
	enum walk_last last_type;
	bool trailing_slash;	   /* behind the last component */
	bool asked;		   /* the last lookup asked the file system (log) */
	bool had_run;		   /* walk_run has been here already */
	u32 depth;		   /* links on the stack */
	u32 total_links;	   /* followed so far: ELOOP above WALK_MAX_LINKS */
	u32 mount_seq, rename_seq; /* sampled before anything else */
	u32 root_seq;
	struct path root; /* root.mnt NULL: not needed so far */
	const struct walk_start *start;
	struct file *dir_file; /* keeps dirfd's file while the walk runs */
	struct walk_link links[WALK_MAX_LINKS];
};

/* A step's destination before the walk moves there. In ref mode dentry is referenced, and mnt too when
 * it is not w->path.mnt. */
struct walk_next {
	struct path path;
	struct inode *inode; /* NULL: negative */
	u32 seq;
};

/* walk_step.c */

/* "Left RCU mode without moving: do this step again as a ref walk." */
#define WALK_AGAIN 1

/*
 * Find w->last in w->path. 0 with *next; -EAGAIN/-ECHILD (left RCU), -ENOENT (dead directory) or what
 * the file system says.
 */
int walk_lookup(struct walk *w, struct walk_next *next);
/*
 * Move to next: across mounts, and into a symlink when follow is set. ends_link: the component was the
 * last of the body on top of the stack, which is popped. 0 with *body NULL, or the body to walk, whose
 * link is on top of the stack with rest unset. Consumes next in every case but WALK_AGAIN.
 */
int walk_enter(
	struct walk *w, struct walk_next *next, bool ends_link, bool follow, const char **body);
/* One whole step, lookup and enter, for any last_type. */
int walk_component(struct walk *w, bool ends_link, bool follow, const char **body);
/* Make w->root known (and referenced in ref mode). */
void walk_need_root(struct walk *w);
/* Put w->path on the root. Context: ref mode or RCU mode. */
void walk_jump_root(struct walk *w);
void walk_pop_link(struct walk *w);

/* walk.c */

/* Set w up at the start of the path and return the string to walk, or ERR_PTR. */
const char *walk_begin(struct walk *w, const struct walk_start *start, unsigned flags);
/*
 * Go on from where walk_hit stopped, in the read section it left open: w becomes that walk. Returns the
 * rest of the path.
 */
struct walk_hit;
const char *walk_continue(struct walk *w, const struct walk_start *start, unsigned flags,
	const struct walk_hit *from);
/* Walk all components but the last, which is left in w->last. */
int walk_components(struct walk *w, const char *name);
/* The last component and, when follow is set, the links it leads through. */
int walk_to_end(struct walk *w, const char *name, bool follow);
/* Take the final references. 0 or -ECHILD. */
int walk_complete(struct walk *w);
/* Give up whatever is still held. */
void walk_end(struct walk *w);
/* Up to three attempts of attempt(start, flags, arg): CONTRACT 1.2. */
int walk_attempts(const struct walk_start *start,
	int (*attempt)(const struct walk_start *start, unsigned flags, void *arg), void *arg);

/* unlazy.c */

/* Leave RCU mode, keeping the progress made. 0; -EAGAIN for a cached walk; -ECHILD: start over. */
int walk_unlazy(struct walk *w, enum walk_outcome reason);
/* The same when a child of w->path has been found already: on 0 it is referenced as well. */
int walk_unlazy_next(struct walk *w, struct dentry *child, u32 seq, enum walk_outcome reason);
/* RCU mode saw something change: count it and return -ECHILD. */
int walk_lost(struct walk *w, enum walk_outcome reason);

/* walk_log.c */
void walk_log_step(struct walk *w, const struct walk_next *next, int err);
void walk_log_restart(struct walk_log *log, const char *reason);
void walk_log_event(struct walk *w, u32 kind, const char *name, const char *reason);

/* open.c */

/* vfs_open; its first attempt goes on from where walk_hit stopped, unless that is NULL. */
struct file *open_from(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, const struct walk_hit *from);
