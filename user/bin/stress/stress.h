/*
 * stress, inside: opens by every method against everything that can change a path meanwhile.
 *
 *	main.c     options, threads, the verdict
 *	tree.c     the paths, what may be found at each, and the judgement
 *	changes.c  who changes them
 *	walker.c   the methods of opening
 *	counts.c   what the kernel holds, before and after
 *
 * A path has a set of explainable answers that does not depend on timing: `swap-1` and `swap-2` are only
 * ever exchanged, so that both always exist and hold one of two texts; `x/moving` is renamed away and
 * back, so that it holds its text or is missing. Any other answer is a bug of the kernel.
 *
 * Two kinds of walk are judged more sharply than the rest.
 *
 *	cached only   never holds anything: at each step folder and entry were both there at one moment.
 *	              What is in a folder only while that is somewhere else, it never finds. A walk that
 *	              takes references may (struct target, later): it steps into the folder, which is then
 *	              moved.
 *	scoped        must not get out of the folder it started in, whatever is moved where.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TEXT_SIZE 16

struct target {
	const char *path;     /* relative to the folder made for the run, or absolute */
	const char *by;	      /* the changer it is about, or NULL */
	const char *texts[2]; /* what it may hold; none: it never exists */
	bool may_miss;	      /* ENOENT is an answer, too */
	const char *later;    /* what only a walk that takes references may find */
	ino_t inode;	      /* not 0: a file of the disk, which is this one */
};
/* Open only what is about one of the changers wanted; NULL: all there is, files of the disk as well. */
void targets_choose(bool (*wanted)(const char *name));
/* A walk's choice, by a random number. */
const struct target *target_some(unsigned random);
/* For walks that start, and must stay, in the folder x. */
extern const struct target scoped_targets[];
extern const size_t nr_scoped_targets;

struct changer {
	const char *name;
	int (*change)(unsigned round); /* 0, or -errno */
};
extern const struct changer changers[];
extern const size_t nr_changers;
/* Mounts that came and went, and those that were in use when they should go; shared, atomic. */
extern unsigned long stress_mounts, stress_busy;
/* Before the first round and after the last one. 0 or -errno, said on stderr. */
int changes_begin(void);
void changes_end(void);

/* Make the tree in the current folder. 0 or -errno, said on stderr. */
int tree_make(void);
void tree_remove(void);

enum walk_kind { WALK_ANY, WALK_CACHED_ONLY, WALK_SCOPED };
/* Judge the answer fd (or -errno) to opening t; closes fd. False, with a message, when nothing explains
 * it. -EAGAIN is an answer to walks of the last two kinds. */
bool target_judge(const struct target *t, int fd, enum walk_kind kind, const char *method);
/* Write text to a new file. 0 or -errno. */
int make_file(const char *path, const char *text);
/* One write of text to a file that is there. 0 or -errno. */
int write_to(const char *path, const char *text);

struct method {
	const char *name;
	/* Open targets until stress_over; adds to the counts. Returns false when it could not run. */
	bool (*run)(const struct method *m, unsigned seed);
};
extern const struct method methods[];
extern const size_t nr_methods;

/* Shared by all threads; atomic. */
extern bool stress_over;
extern unsigned long stress_opens, stress_missing, stress_would_block, stress_unexplained;

/* Remember what the kernel holds. False, with a message, when that cannot be read. */
bool counts_begin(void);
/* Give it time to let go, and compare. False, with a line for each kind of object, when it holds more. */
bool counts_end(void);
