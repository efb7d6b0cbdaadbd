/*
 * Dentry cache torture, inside. dcache_history.c: what a tree was like at every instant, and whether an
 * answer is explained by that; dcache_change.c: those who change it; dcache.c: those who walk, the test.
 *
 * A tree at its beginning; one thread, its historian, makes all the changes that matter, one at a time, and
 * writes them down:
 *
 *	a  b			directories that stay
 *	x/deep/file  y/file	directories that move between the root, a and b, and change places
 *	n, LONG			in the root, a, b and x: files and empty directories that come, go, move,
 *				are exchanged and linked
 *	l			a symlink that comes and goes
 *	m			a mount point, mounted on now and then, with a file in it
 */
#pragma once

#include "abi/errno.h"
#include "tests/torture/caller.h"
#include "tests/torture/torture.h"
#include "tests/torture/treefs.h"

#define TREES	2
#define CHANGES 1000 /* of one tree in one round */

enum dir { DIR_ROOT, DIR_A, DIR_B, DIR_X, DIR_Y, DIR_DEEP, DIR_M, DIRS, DIR_MOUNTED = DIRS };
enum name {
	NAME_A,
	NAME_B,
	NAME_X,
	NAME_Y,
	NAME_DEEP,
	NAME_FILE,
	NAME_N,
	NAME_LONG,
	NAME_L,
	NAME_M,
	NAMES
};
#define UP  NAMES /* `..` in a path */
#define END 0xff

extern const char *const tree_names[NAMES];

/* What a name stands for. */
struct entry {
	u64 ino;
	enum kind { NOTHING, FILE, EMPTY_DIR, DIRECTORY, LINK } kind;
	u32 which; /* enum dir, or of link_bodies */
};

/* A tree at an instant. */
struct state {
	struct entry entries[DIRS][NAMES];
	u64 mounted_root, mounted_file; /* inode numbers; 0: nothing is mounted on m */
};

#define LINK_BODIES 2
extern const u8 link_bodies[LINK_BODIES][4];

/*
 * states[i] is true from some instant in (began[i], ended[i]) until some instant in (began[i + 1],
 * ended[i + 1]). The numbers are torture_event's. Written by the historian, read when it has stopped.
 */
struct history {
	struct state *states; /* CHANGES + 1 */
	u64 began[CHANGES + 2], ended[CHANGES + 2];
	u32 changes;
	u64 directories[DIRS]; /* inode numbers */
};

/* How an answer was found. */
struct answer {
	u64 before, after; /* torture_event */
	s64 result;	   /* inode number or -errno */
	u8 tree, path;
	bool strict; /* by an RCU walk alone */
};

/* A number larger than all before; orders what comes before it and what comes after. */
u64 torture_event(void);

struct tree_path {
	u8 components[8]; /* enum name or UP, END behind the last */
};
extern const struct tree_path tree_paths[];
extern const unsigned nr_tree_paths;
/* The path as text. buf has 256 bytes. */
void tree_path_text(char *buf, const u8 *components);

enum verdict { EXPLAINED, UNEXPLAINED, NOT_JUDGED };
/*
 * Is there an instant, for every step of the walk, none before the one of the step before it, at which the
 * step leads where it must? For an RCU walk, which confirms where it stands after every step, each step's
 * instant must still be one of the step before. NOT_JUDGED: too much has changed meanwhile.
 */
enum verdict history_explains(const struct history *h, const struct answer *a);
/* What the tree was like meanwhile. */
void history_print(const struct history *h, const struct answer *a);

/* ---- dcache_change.c ---- */

/* What a round is about: everything at once finds what nobody thought of, a few things the rest. */
enum change { MOUNT, LINKS, DIRECTORIES, EXCURSION, MOVES, NAMES_COME_AND_GO, CHANGE_KINDS };
struct focus {
	const char *name;
	u8 weights[CHANGE_KINDS];
	bool noise; /* names that nobody asks for, evictions, both trees */
	u32 paths;  /* bits: tree_paths */
};

struct tree_torture {
	struct caller *caller;
	struct torture_group *group;
	struct history *history;
	const struct focus *focus;
	unsigned nr;
	u32 done;  /* the historian has finished */
	u64 walks; /* of all walkers; atomic */
	/* Historian and walkers wait for one another, so that both have something to see. */
	struct waitqueue pace;
};

/* Threads: arg is the tree. */
void tree_historian(struct torture_thread *t);
/* Makes, renames and removes names that nobody asks for, in the same directories. */
void tree_noise(struct torture_thread *t);
/* Takes the caches away. */
void tree_evictor(struct torture_thread *t);
/* Mount the tree and write down what it is like. */
void tree_begin(struct tree_torture *tree);
void tree_end(struct tree_torture *tree);

#define TREE_BASE "/tmp/torture0"
/* "/tmp/tortureN", a slash and the path. buf has 256 bytes. */
void tree_text(char *buf, const struct tree_torture *tree, const char *path);
/* The inode number behind a descriptor, which is closed; or the -errno that it is. */
s64 tree_close_ino(struct caller *c, long fd);
