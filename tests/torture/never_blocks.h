/*
 * The never-blocks matrix, inside: what never_blocks_table.c says and never_blocks.c does. A cell is a kind
 * of obstacle at component k of a path of n components.
 */
#pragma once

#include "abi/errno.h"
#include "tests/torture/caller.h"
#include "tests/torture/treefs.h"

#define NB_DEPTH 13 /* components at most */
#define NB_BASE	 "/tmp/never-blocks"
#define NB_NAME	 "never-blocks"

/* What stands at component k. */
enum nb_what {
	NB_PLAIN,    /* a directory, or the file that ends the path */
	NB_LINK,     /* a symlink to the directory beside it */
	NB_ABSOLUTE, /* the same from the root */
	NB_ASKED,    /* the same, and its file system must be asked about the entry */
	NB_MOUNT,    /* a mount point */
	NB_UP,	     /* `..` */
	NB_ABOVE,    /* the last of so many `..` that it leaves where the walk started */
	NB_MISSING,  /* a name that does not exist */
	NB_SECRET, /* a directory that we may not search; at the end a file that we may not read */
	NB_FILE,   /* a file */
};

/* What is cached before the attempt. */
enum nb_warm {
	NB_ALL,
	NB_BEFORE,     /* the components in front of k */
	NB_THROUGH,    /* those, and k */
	NB_ENTRY,      /* those, and k's entry, but not the body of a link */
	NB_NOT_TARGET, /* everything but the directory that the link at k leads to */
};

/* What somebody else is doing meanwhile. */
enum nb_meanwhile {
	NB_NOTHING,
	NB_RENAMES_ENTRY, /* renames component k: its sequence is odd */
	NB_RENAMES_ASKED, /* renames component k: the file system is at it, the dcache not yet */
	NB_RENAMES_OTHER, /* renames another entry of the directory: its rwsem is held */
	NB_LOOKS_UP,	  /* asks the file system for component k */
};

/* Where a kind makes sense. */
#define NB_NOT_LAST  1u /* k < n */
#define NB_ONLY_LAST 2u /* k = n */
#define NB_NOT_FIRST 4u /* k > 1 */
#define NB_ODD	     8u /* k odd */

struct nb_kind {
	const char *name;
	enum nb_what what;
	enum nb_warm warm;
	enum nb_meanwhile meanwhile;
	unsigned where;
	u64 resolve; /* RESOLVE_* beside CACHED */
	/* errno of: the attempt; the end of it; an attempt afterwards */
	int cached, plain, then;
	/* What the attempt counts when it gives up; last_reason when k = n, if that is another. */
	enum walk_outcome reason, last_reason;
};

extern const struct nb_kind nb_kinds[];
extern const unsigned nr_nb_kinds;

/* ---- never_blocks_tree.c: the tree, and the paths through it ---- */

/*
 * Mount it at NB_BASE, and an instance at every mount point of it; *base is its root, referenced. Panics when
 * that fails. Unmount: nobody is inside.
 */
void nb_tree_mount(struct path *base);
void nb_tree_unmount(void);
/* The name of the directory one level down from level. */
const char *nb_directory(unsigned level);
/* The first `components` of the cell's path. buf has CALLER_AREA_SIZE bytes. */
void nb_path(char *buf, const struct nb_kind *kind, unsigned n, unsigned k, unsigned components);
/* The inode number that the whole path leads to; 0: one that is not known. */
u64 nb_answer(const struct nb_kind *kind, unsigned n, unsigned k);
/* Nothing that can be evicted stays cached of the tree and of what is mounted with k components. */
void nb_tree_evict(unsigned k);

/* Hold up the next one who looks something up, or renames. */
struct nb_hold {
	bool in_rename;
	struct completion held, let_go;
};
void nb_hold(struct nb_hold *h, bool in_rename);

/*
 * Everything an attempt might have changed of dentries, inodes and mounts, as a number. Context: nobody
 * changes anything.
 */
u64 nb_tree_fingerprint(void);
