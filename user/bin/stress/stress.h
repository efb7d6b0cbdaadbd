/*
 * stress, inside: opens by every method against everything that can change a path meanwhile.
 *
 *	main.c     options, threads, the verdict
 *	tree.c     the paths, what may be found at each, and who changes them
 *	walker.c   the methods of opening
 *
 * A path has a set of explainable answers that does not depend on timing: `swap-1` and `swap-2` are only
 * ever exchanged, so that both always exist and hold one of two texts; `x/moving` is renamed away and
 * back, so that it holds its text or is missing. Any other answer is a bug of the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TEXT_SIZE 16

struct target {
	const char *path;     /* relative to the folder made for the run, or absolute */
	const char *texts[2]; /* what it may hold; none: it never exists */
	bool may_miss;	      /* ENOENT is an answer, too */
};
extern const struct target targets[];
extern const size_t nr_targets;

struct changer {
	const char *name;
	int (*change)(unsigned round); /* 0, or -errno */
};
extern const struct changer changers[];
extern const size_t nr_changers;

/* Make the tree in the current folder. 0 or -errno, said on stderr. */
int tree_make(void);
void tree_remove(void);
/* Judge the answer fd (or -errno) to opening t; closes fd. False, with a message, when nothing explains
 * it. cached_only: -EAGAIN is an answer. */
bool target_judge(const struct target *t, int fd, bool cached_only, const char *method);
/* Write text to a new file. 0 or -errno. */
int make_file(const char *path, const char *text);

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
