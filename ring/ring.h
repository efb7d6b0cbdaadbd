/*
 * Submission rings with io_uring's ABI (CONTRACT 4 and 5), as the rest of the kernel sees them.
 *
 * A program fills submission entries in memory it shares with the kernel and calls io_uring_enter.
 * Each entry is first tried inline, on the caller's CPU, where nothing may sleep; what would have to
 * sleep goes to the worker threads of the program's pool. Results appear in the completion queue, in
 * the same shared memory.
 *
 *	ops.c		one table: an operation is prep, issue and cleanup
 *	op_*.c		the operations, one file a family
 *	enter.c		io_uring_enter: the submission loop, chains, waiting
 *	prefetch.c	looking ahead in a submission
 *	complete.c	the completion queue, overflow, waking who waits
 *	request.c	life of a request, chains after a completion
 *	workers.c	the pool: queues, who runs, parking, exit
 *	worker.c	one worker thread
 *	cancel.c	finding and stopping requests
 *	setup.c		io_uring_setup, the ring's memory, file and end
 *	register.c	io_uring_register
 *	files.c		registered files (direct descriptors)
 *	stats.c		counters, /proc/unlazy/ring and workers, retry strategies
 */
#pragma once

#include "kernel/compiler.h"

/* Context: boot, before the first process; before vfs' process hooks are registered, so that a
 * process' workers are gone when its descriptor table goes. */
void ring_init(void);

/* How a worker repeats an open that the inline try gave up. */
enum ring_retry {
	RING_RETRY_RCU,	   /* from the start, RCU walk first */
	RING_RETRY_NORCU,  /* from the start, as a ref walk */
	RING_RETRY_RESUME, /* from the last good directory of the inline try */
};

struct ring_stats {
	u64 rings;	    /* open now */
	u64 submitted;	    /* submission entries taken */
	u64 inline_done;    /* finished by the inline try */
	u64 queued;	    /* handed to workers */
	u64 cqes;	    /* completions posted */
	u64 overflows;	    /* of them, found the completion queue full */
	u64 chained;	    /* parked behind another thread's lookup */
	u64 unbounded;	    /* moved to the unbounded account */
	u64 worker_batches; /* times a worker took work */
	u64 workers_created, workers_exited;
	u64 workers_woken; /* idle ones */
	u64 workers_slept; /* times a worker slept inside a request */
};
void ring_get_stats(struct ring_stats *out);

/* Text for /proc/unlazy/ring and /proc/unlazy/workers, "name value" lines; like snprintf. */
int ring_stats_text(char *buf, size_t size);
int ring_workers_text(char *buf, size_t size);
/* What is written to /proc/unlazy/ring: "retry=rcu", "retry=norcu" or "retry=resume". 0 or -EINVAL. */
int ring_control(const char *command);
