/*
 * openbench, inside: the mailing-list thread's experiment (CONTRACT 6, PERFORMANCE "Counting").
 *
 *	main.c      options, the order of rows
 *	list.c      the paths, all in memory before anything is timed
 *	method.c    one way of opening all of them, each
 *	row.c       drop caches, open the cached share, time the method, close everything
 *	insns.c     --insns: instructions of single operations under QEMU's -icount
 *	report.c    rows as text and as JSON
 *
 * The same file runs on Unlazy and on Linux.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CACHED  16
#define MAX_BATCH   4096
#define MAX_THREADS 64

struct paths {
	char **path;
	size_t n;
};

struct settings {
	const char *list, *folder;
	size_t limit; /* 0: all */
	const char *methods;
	int cached[MAX_CACHED], nr_cached; /* percent */
	unsigned batch, threads, repeats;
	int start; /* what drop_caches gets before each row */
	bool json, keep, insns, warm;
};
extern struct settings set;

/* ---- list.c ---- */
/* Fill p from set.list or set.folder. Ends the program with a message when there is nothing. */
void paths_load(struct paths *p);

/* ---- method.c ---- */
struct method {
	const char *name;
	const char *retry; /* the kernel's retry strategy for it; NULL: does not matter */
	bool ring;	   /* its opens are inline or queued */
	/* Open every path; fds[i] gets the descriptor or -errno. 0, or -errno when it cannot run. */
	int (*open_all)(const struct paths *p, int *fds);
};
extern const struct method methods[]; /* ends with a NULL name */

/* ---- row.c ---- */
struct row {
	const char *method;
	int cached;
	size_t files;
	uint64_t ns;
	long long inline_hits, queued; /* -1: unknown */
	size_t errors;
	int first_error; /* errno of the first path that could not be opened */
};

/* 0 with the row; -errno when the method cannot run here. */
int row_run(const struct method *m, int cached, const struct paths *p, int *fds, struct row *row);
/* Open and close everything once, so that the block cache is warm. */
void row_warm_up(const struct paths *p);
uint64_t now_ns(void);
/* Select the retry strategy; false where there is no such choice. */
bool retry_select(const char *name);

/* ---- insns.c ---- */
int insns_run(void);

/* ---- report.c ---- */
const char *system_name(void); /* "unlazy" or "linux" */
void report_heading(void);
/* The rows of one method and share: the median by time, with the fastest and slowest. */
void report_row(struct row *rows, unsigned n);
void report_insns(const char *method, const char *operation, int components, unsigned batch,
	double instructions);
