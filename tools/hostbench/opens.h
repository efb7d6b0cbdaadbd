/*
 * Nanoseconds of a cached open and close on the real CPU, for tools/bench-host.
 *
 *	opens.c		what is measured and how: the trees, the order, the loops. Compiled twice,
 *			with the same flags
 *	linux.c		the system below it is Linux, by its system calls
 *	unlazy.c	it is the hosted kernel of build/host/unlazy-bench, whose system calls are called
 *			as functions by a kernel thread
 *	cpu_time.c	the clock both read
 *
 * Commands come in on standard input, one a line, and answers begin with '@', so that tools/bench-host can
 * let the two take turns:
 *
 *	tree FILES		-> @tree {...}: the trees that rows are about from now on
 *	row openat COMPONENTS	-> @row {...}
 *	row ring COMPONENTS BATCH
 *	entry			-> @entry {...}: the cheapest system call, Linux only
 *	end
 *
 * What does not work is answered with `@error TEXT`.
 */
#pragma once

#include "abi/io_uring.h"

/* A ring as a program sees it. */
struct bench_ring {
	int fd;
	u32 sq_mask, cq_mask;
	u32 *sq_tail, *sq_array;
	u32 *cq_head, *cq_tail;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

/* ---- What a system gives; results are >= 0 or -errno ---- */

/* Where the trees are made: a directory that is there and empty. */
extern char bench_root[128];

int bench_openat(int dirfd, const char *path, u32 flags, u32 mode);
int bench_close(int fd);
int bench_mkdir(const char *path);
int bench_chdir(const char *path);
int bench_ring_setup(struct bench_ring *r, u32 entries);
int bench_ring_enter(int fd, u32 submit, u32 wait_for);
/* A system call that does next to nothing; -ENOSYS where there is none to enter. */
int bench_cheapest_call(void);
/* Requests that the system handed to workers since the start, or -1: it does not say. */
s64 bench_queued(void);
/* A line without its end; false when there is none any more. */
bool bench_read_line(char *buf, size_t size);
void bench_say(const char *fmt, ...) __printf(1, 2);
int bench_format(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* CPU time of this process, all its threads, in nanoseconds. */
u64 bench_cpu_ns(void);

/* ---- opens.c ---- */

/* Serve commands until `end` or the end of input. */
void bench_serve(void);
