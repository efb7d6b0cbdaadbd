/*
 * ring/: structures and the functions its files share.
 *
 * Life of a request
 *
 *	free	  on ring->free (or ring->returned), or not allocated
 *	prepared  filled by prep from a private copy of the submission entry; in a chain under
 *		  construction, or about to be tried
 *	inline	  issue() runs on the submitter with RING_NONBLOCK
 *	handed	  on ring->inflight, about to be put on its pool's queue (where = REQ_AT_SUBMITTER)
 *	queued	  on ring->inflight, and on its pool's queue          (where = REQ_AT_QUEUE)
 *	taken	  on ring->inflight, in a worker's batch or running   (where = REQ_AT_WORKER)
 *	parked	  on ring->inflight, waits for another's lookup       (where = REQ_PARKED)
 *	taken off on ring->inflight, ended by who took it off the queue (where = REQ_ENDING)
 *	done	  has its result; on a struct ring_done until it is posted
 *	overflow  posted, but the completion queue was full: on ring->overflow, itself the record
 *
 * Locks, outermost first
 *
 *	ring->submit_lock	(mutex) one submitter at a time: SQ head, free, registration
 *	  ring->cq_lock		CQ tail, overflow, inflight, waiters, returned
 *	    pool->lock		queues, accounts, idle workers, where of requests, parking
 *	      worker->lock	the worker's batch and its current request
 *
 * A request found on ring->inflight under cq_lock stays allocated while the lock is held; with
 * pool->lock on top it does not move between queue, worker and parked; with its worker's lock on top
 * the worker neither starts nor leaves it. That is how cancel finds everything, with no window.
 */
#pragma once

#include "abi/errno.h"
#include "abi/io_uring.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/list.h"
#include "kernel/percpu.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "kernel/workqueue.h"
#include "ring/ring.h"
#include "vfs/cred.h"
#include "vfs/open.h"

struct ring;
struct ring_op;
struct ring_pool;
struct ring_worker;

/* ---- Requests ---- */

/* issue() flags */
#define RING_NONBLOCK  1u /* the inline try: nothing may sleep */
#define RING_UNBOUNDED 2u /* a worker that may wait for an event outside for ever */

/* request->flags: the submitter's until queued, then whoever runs it */
#define REQ_ASYNC	 0x01u /* no inline try */
#define REQ_FAIL	 0x02u /* breaks its chain; as a prepared one: completes with result, unissued */
#define REQ_EAGAIN_FINAL 0x04u /* -EAGAIN is the program's answer, not "queue it" */
#define REQ_CLEANUP	 0x08u /* op->cleanup has something to do */
#define REQ_SKIP_CQE	 0x10u /* no completion entry */
#define REQ_SKIP_LINKS	 0x20u /* failed with CQE_SKIP_SUCCESS: the rest of its chain posts nothing */
#define REQ_INFLIGHT	 0x40u	/* on ring->inflight */
#define REQ_CRED	 0x80u	/* ->cred is set */
#define REQ_LINK	 0x100u /* ->link is set */
/* Works on other requests (cancel): what was collected before is handed over first, and the inline try
 * is no nonblocking attempt. */
#define REQ_FLUSH 0x200u
/* With one of these there is more to starting a request than to issue it, and to ending it than to post. */
#define REQ_START_SLOW (REQ_ASYNC | REQ_CRED | REQ_FLUSH)
#define REQ_END_SLOW   (REQ_CLEANUP | REQ_SKIP_CQE | REQ_CRED | REQ_LINK)

enum ring_account_index { RING_BOUNDED, RING_ACCOUNT_UNBOUNDED, RING_ACCOUNTS };

enum ring_where { REQ_AT_SUBMITTER, REQ_AT_QUEUE, REQ_AT_WORKER, REQ_PARKED, REQ_ENDING };

/* What follows from an open's flags, mode and resolve alone. */
struct ring_open_rules {
	struct open_params params;
	s32 error;     /* of the flag rules; the open's result */
	u16 req_flags; /* REQ_ASYNC, REQ_EAGAIN_FINAL */
	bool cached;   /* the program's own RESOLVE_CACHED */
	bool cloexec;
};

struct ring_open {
	struct ring_open_rules rules;
	u32 slot; /* direct descriptor: 0 none, N+1, or IORING_FILE_INDEX_ALLOC */
	struct walk_resume resume;
	struct path_name path; /* does not move: resume points into it */
};

struct ring_close {
	u32 slot;
};

struct ring_rw {
	struct file *file; /* with a reference once looked up */
	u64 offset;	   /* ~0: the file's position */
	u64 addr;
	u32 len;
	u32 done; /* bytes got so far */
	bool write;
};

struct ring_statx {
	u64 buffer;
	u32 mask, at_flags;
	struct walk_resume resume;
	struct path_name path;
};

struct ring_sync {
	bool data_only;
};

struct ring_files_update {
	u64 fds;
	u32 offset, nr;
};

struct ring_cancel {
	u64 target;
	u32 flags;
};

struct ring_request {
	struct ring_request *next; /* free list or struct ring_done */
	union {
		/* As the first word of a submission entry, which is stored here whole. */
		struct {
			u8 opcode;
			u8 sqe_flags;
			u16 flags; /* REQ_*; in the entry: ioprio, which is 0 or ignored */
			s32 fd;
		};
		u64 first_word;
	};
	u64 user_data;
	s32 result;
	u8 account; /* enum ring_account_index; set by issue, or when queued */
	const struct ring_op *op;
	struct ring *ring;
	struct ring_request *link; /* REQ_LINK: what follows in the chain */
	/* REQ_CRED: owned, of a personality or of another thread than usual. Otherwise ring->cred is. */
	struct cred *cred;
	/* --- once queued --- */
	struct list_head inflight;  /* ring->inflight; cq_lock */
	struct list_head node;	    /* pool queue (pool->lock) or worker's batch (worker->lock) */
	struct ring_worker *worker; /* valid while where is REQ_AT_WORKER; pool->lock */
	u8 where;		    /* enum ring_where; pool->lock */
	bool cancelled;		    /* set by cancel, read by workers */
	bool finished;		    /* has its result; set by its owner, read under worker->lock */
	bool released;		    /* the lookup it chained on has ended; pool->lock */
	struct dentry_waiter waiter;
	union {
		struct ring_open open;
		struct ring_close close;
		struct ring_rw rw;
		struct ring_statx statx;
		struct ring_files_update files_update;
		struct ring_sync sync;
		struct ring_cancel cancel;
	};
};

/* Requests that have their result and are not posted yet; private to one thread, of one ring. */
struct ring_done {
	/* Linked through ->next; that of the last means nothing. */
	struct ring_request *first, **tail;
	u32 count;
	u32 flags; /* REQ_* any of them has */
};
/* Post at the latest when so many wait. */
#define RING_DONE_MAX 32

static inline void ring_done_init(struct ring_done *d)
{
	d->tail = &d->first;
	d->count = d->flags = 0;
}

/* For one without flags. */
static __always_inline void ring_done_append(struct ring_done *d, struct ring_request *req)
{
	*d->tail = req;
	d->tail = &req->next;
	d->count++;
}

static __always_inline void ring_done_add(struct ring_done *d, struct ring_request *req)
{
	ring_done_append(d, req);
	d->flags |= req->flags;
}

/* ---- Operations ---- */

struct ring_op {
	const char *name; /* NULL: no such operation */
	/*
	 * prep and the inline try in one, for an entry without flags, ioprio, personality or chain, when
	 * nobody traces: the result; -EAGAIN, with req as after prep; or RING_NOT_PLAIN, with nothing done:
	 * prep and issue it. Of req only ring is set, and what is set stays unused unless it is -EAGAIN.
	 * NULL: there is none. Context: submitter; must not sleep from the try on.
	 */
	int (*try_plain)(struct ring_request *req, const struct io_uring_sqe *sqe);
	/* Fill req from the private copy of the entry. 0, or -errno: a bad entry (CONTRACT 4, links).
	 * Context: submitter; may sleep. */
	int (*prep)(struct ring_request *req, const struct io_uring_sqe *sqe);
	/*
	 * Do it; the result. With RING_NONBLOCK never sleeps, and -EAGAIN means "would sleep; nothing
	 * changed"; the request is then queued and issued again without the flag.
	 */
	int (*issue)(struct ring_request *req, unsigned flags);
	/* Give back what prep and issue left, when REQ_CLEANUP is set. May sleep. */
	void (*cleanup)(struct ring_request *req);
	u8 sqe_flags; /* IOSQE_* it accepts */
	bool ioprio;  /* ioprio may be non-zero; prep checks it */
};

#define RING_NOT_PLAIN (-(1 << 30)) /* no descriptor, no -errno */

/* By opcode; never NULL; set up at boot. */
extern const struct ring_op *ring_op_of[256];
void ring_ops_init(void);

void ring_open_init(struct ring *ring);
int ring_open_try_openat(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_open_prep_openat(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_open_prep_openat2(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_open_issue(struct ring_request *req, unsigned flags);
void ring_open_cleanup(struct ring_request *req);
int ring_close_try(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_close_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_close_issue(struct ring_request *req, unsigned flags);
int ring_read_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_write_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_rw_issue(struct ring_request *req, unsigned flags);
void ring_rw_cleanup(struct ring_request *req);
int ring_fsync_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_fsync_issue(struct ring_request *req, unsigned flags);
int ring_statx_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_statx_issue(struct ring_request *req, unsigned flags);
void ring_statx_cleanup(struct ring_request *req);
int ring_nop_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_nop_issue(struct ring_request *req, unsigned flags);
int ring_cancel_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_cancel_issue(struct ring_request *req, unsigned flags);
int ring_files_update_prep(struct ring_request *req, const struct io_uring_sqe *sqe);
int ring_files_update_issue(struct ring_request *req, unsigned flags);

/* ---- The ring ---- */

#define RING_PERSONALITIES 64

/* A thread inside io_uring_enter that waits for completions. */
struct ring_waiter {
	struct list_head node; /* ring->waiters; cq_lock */
	struct thread *thread;
	u32 target; /* CQ tail to be reached */
};

struct ring {
	/* --- constant after setup --- */
	struct io_rings *rings;	   /* shared with the program: indices are masked, never trusted */
	struct io_uring_sqe *sqes; /* shared */
	u32 *sq_array;		   /* shared */
	u32 sq_entries, cq_entries;
	u32 setup_flags;
	struct ring_pool *pool; /* referenced */
	struct cred *cred; /* the creator's; what requests run with unless they have their own */
	size_t rings_size, sqes_size;

	/* --- submitter --- */
	struct mutex submit_lock;
	u32 sq_head;		   /* private copy; submit_lock */
	struct ring_request *free; /* submit_lock */
	struct thread *issuer;	   /* SINGLE_ISSUER: the only one; submit_lock */
	bool enabled;		   /* R_DISABLED undone; submit_lock to set */
	/* The mode and flags of the last OPENAT (SQE_WORD_LEN), and of the last without error and REQ_*,
	 * and what followed from them; submit_lock. */
	u64 last_open_word, plain_open_word;
	struct ring_open_rules last_open, plain_open;

	struct cred *personalities[RING_PERSONALITIES]; /* submit_lock */

	/* --- registered files (files.c) --- */
	struct spinlock files_lock;
	struct ring_files *files; /* files_lock */

	/* --- completions --- */
	struct spinlock cq_lock __cacheline;
	u32 cq_tail;					/* private copy; cq_lock */
	struct ring_request *overflow, **overflow_tail; /* cq_lock */
	struct ring_request *returned; /* by workers, for the submitter to reuse; cq_lock */
	struct list_head inflight;     /* cq_lock */
	struct list_head waiters;      /* cq_lock */
	struct thread *destroyer;      /* waits for inflight to run empty; cq_lock */
	bool closing;		       /* set once, under cq_lock */
	struct work destroy_work;
};

extern const struct file_ops ring_file_ops;
static inline bool ring_is_file(const struct file *f)
{
	return READ_ONCE(f->ops) == &ring_file_ops;
}

/* setup.c */
int ring_entries(u32 entries, struct io_uring_params *p);
void ring_destroy(struct ring *ring);

/* ---- request.c ---- */

void ring_request_init_cache(void);
/* Take back what workers have returned, or allocate. NULL: no memory. May sleep. */
struct ring_request *ring_request_alloc_slow(struct ring *ring);
/* Context: submit_lock; may sleep. NULL: no memory. */
static __always_inline struct ring_request *ring_request_alloc(struct ring *ring)
{
	struct ring_request *req = ring->free;

	if (unlikely(!req))
		return ring_request_alloc_slow(ring);
	ring->free = req->next;
	return req;
}
/* Give back one that was never queued nor posted. Context: submit_lock. */
void ring_request_free(struct ring *ring, struct ring_request *req);
void ring_request_destroy_list(struct ring_request *first);
struct ring_request *ring_request_end_slow(
	struct ring_request *req, int result, struct ring_done *d);
/*
 * req has its result: release what it holds, judge its chain, and put it (and what is cancelled
 * after it) on d. Returns the request that follows in the chain and must be issued now, or NULL.
 * Context: may sleep.
 */
static __always_inline struct ring_request *ring_request_end(
	struct ring_request *req, int result, struct ring_done *d)
{
	if (unlikely(req->flags & REQ_END_SLOW))
		return ring_request_end_slow(req, result, d);
	req->result = result;
	WRITE_ONCE(req->finished, true);
	ring_done_add(d, req);
	return NULL;
}
/* A request the kernel itself starts, behind one that has ended: it goes on ring->inflight. Its where is
 * set already. Context: never sleeps. */
void ring_request_enter_flight(struct ring_request *req);
/* Finish a chain whose head or some member is bad: nothing of it is issued. */
void ring_request_fail_chain(struct ring_request *head, struct ring_done *d);

/* ---- complete.c ---- */

/*
 * Post everything on d and empty it. inflight, when not NULL, is a list (through ->inflight) of
 * requests that enter ring->inflight in the same breath. submitter: the caller holds submit_lock, so that
 * posted requests go straight to the free list. Context: never sleeps.
 */
void ring_post(struct ring *ring, struct ring_done *d, struct list_head *inflight, bool submitter);
/* Move overflowed completions into the queue as far as there is room. */
void ring_flush_overflow(struct ring *ring);
/* Sleep until the CQ tail is min_complete beyond the program's head. 0, -ETIME or -EINTR (0 when
 * completions are there all the same). */
int ring_wait_cqes(struct ring *ring, u32 min_complete, u64 deadline_ns);

/* ---- workers.c: the pool ---- */

struct ring_account {
	struct list_head queue;
	u32 queued;
	u32 max_workers;
	u32 nr_workers;	       /* started, or being created */
	u32 running;	       /* not asleep: executing, woken and on the way, or being created */
	u32 to_create;	       /* counted above, thread not made yet */
	struct list_head idle; /* workers, last idle first */
	u32 nr_idle;
	u64 request_ns; /* how long a request usually keeps a worker that need not sleep */
};

struct ring_pool {
	u32 refs; /* atomic: the process, each ring, pending creation */
	u32 cpus; /* how many workers of one account should run at once */
	struct process *process;
	struct spinlock lock;
	struct ring_account accounts[RING_ACCOUNTS]; /* lock */
	u64 wake_ns; /* how long a worker sent to another CPU usually takes to start; lock */
	struct list_head workers; /* lock */
	u32 nr_threads;		  /* workers that have not left; lock */
	u32 nr_parked;		  /* lock */
	bool limits_set;	  /* by IOWQ_MAX_WORKERS; lock */
	bool exiting;		  /* lock to set */
	struct thread *drainer;	  /* process exit waits here; lock */
	struct work create_work;
	struct list_head node; /* all pools; stats.c */
};

enum ring_worker_state { WORKER_RUNNING, WORKER_WOKEN, WORKER_IDLE };

struct ring_worker {
	struct spinlock lock;
	struct list_head batch;		      /* taken, not begun; lock */
	struct ring_request *current_request; /* lock */
	bool interrupted;		      /* cancel interrupted the current request; lock */
	u8 account;
	u8 state;     /* enum ring_worker_state; pool->lock */
	bool asleep;  /* inside a request; pool->lock */
	bool slept;   /* inside the batch; pool->lock */
	u32 taken;    /* requests of the batch; owner only */
	u64 began_ns; /* the batch; owner only */
	u64 woken_ns; /* when it was sent to another CPU, or 0; pool->lock */
	struct ring_pool *pool;
	struct thread *thread;	    /* the creator's reference is ours */
	struct list_head node;	    /* pool->workers; pool->lock */
	struct list_head idle_node; /* account->idle; pool->lock */
	struct ring_done done;	    /* finished, not posted; owner only */
	struct ring *done_ring;	    /* whose; owner only */
	u64 requests;		    /* executed; owner only */
};

/* The current process' pool, made when missing, referenced; or NULL: no memory. May sleep. */
struct ring_pool *ring_pool_get(u32 sq_entries);
void ring_pool_put(struct ring_pool *pool);
/* Queue requests (through ->node), all already on their ring's inflight list. Never sleeps. */
void ring_pool_queue(struct ring_pool *pool, struct list_head *requests);
/* See whether another worker should run, and see to it. Context: pool->lock. */
void ring_pool_kick(struct ring_pool *pool, struct ring_account *a);
/* Take a new measurement into a running mean. One far off (a CPU that was taken away) counts as twice. */
static inline void ring_mean_add(u64 *mean, u64 sample)
{
	*mean = *mean - *mean / 8 + MIN(sample, 2 * *mean + NSEC_PER_USEC) / 8;
}
/* A request whose open may wait for an event outside goes over to the unbounded account. */
void ring_pool_move_unbounded(struct ring_request *req);
/* The request chained on another's lookup: park it, or queue it again when that is already over. */
void ring_pool_park(struct ring_request *req);
void ring_park_released(struct dentry_waiter *w);
void ring_pool_process_exiting(struct process *p);
void ring_pool_process_release(struct process *p);
/* New limits (0: leave), the old ones come back. */
void ring_pool_set_max(struct ring_pool *pool, u32 max[RING_ACCOUNTS]);

/* ---- worker.c: one worker ---- */

/* Make and start one for an account that has counted it. 0 or -ENOMEM. May sleep. */
int ring_worker_create(struct ring_pool *pool, unsigned account);
bool ring_on_worker(void);
/* Post what w has finished. */
void ring_worker_post(struct ring_worker *w);
/* Interrupt what w runs. Context: w->lock. */
static inline void ring_worker_interrupt(struct ring_worker *w)
{
	w->interrupted = true;
	thread_interrupt(w->thread);
}

/* ---- cancel.c ---- */

/* Stop everything of a ring; what runs is interrupted, what is queued completes with -ECANCELED. */
void ring_cancel_all(struct ring *ring);

/* ---- register.c, files.c ---- */

/* The credentials of a personality, referenced; NULL: no such. Context: submit_lock. */
struct cred *ring_personality_get(struct ring *ring, u16 id);
/* The file a request is about, by descriptor or (IOSQE_FIXED_FILE) by slot: referenced, or NULL. */
struct file *ring_request_file(struct ring_request *req);
/* The registered file in slot, referenced, or NULL. */
struct file *ring_fixed_file_get(struct ring *ring, u32 slot);
/*
 * Put file (reference consumed, also on failure) into slot N (file_index N+1) or any free one
 * (IORING_FILE_INDEX_ALLOC). 0 or the slot; -ENXIO no table, -EINVAL out of range, -ENFILE none free.
 * May sleep (the release of the file replaced).
 */
int ring_fixed_file_install(struct ring *ring, u32 file_index, struct file *file);
/* Empty slot N (file_index N+1): 0, -ENXIO, -EINVAL, -EBADF. May sleep. */
int ring_fixed_file_close(struct ring *ring, u32 file_index);
bool ring_has_files(struct ring *ring);
int ring_files_register(struct ring *ring, const s32 __user *fds, u32 nr);
int ring_files_unregister(struct ring *ring);
/* Number of slots updated, or -errno when it was none. May sleep. */
int ring_files_update(struct ring *ring, u32 offset, const s32 __user *fds, u32 nr);
int ring_files_alloc_range(struct ring *ring, u32 offset, u32 len);

/* ---- prefetch.c ---- */
/* Fetch what the paths of the entries that are about to be submitted will touch. Context: submit_lock. */
void ring_prefetch(const struct ring *ring, u32 to_submit);

/* ---- stats.c ---- */

extern u32 ring_retry; /* enum ring_retry; READ_ONCE */
void ring_stats_init(void);
void ring_pool_add(struct ring_pool *pool);
void ring_pool_del(struct ring_pool *pool);

/* Per-CPU counters; this_cpu_inc(ring_counters.name). */
struct ring_counters {
	u64 rings; /* opened minus closed */
	u64 submitted, queued, cqes, overflows, chained, unbounded, worker_batches;
	u64 workers_created, workers_exited, workers_woken, workers_slept;
};
DECLARE_PERCPU(struct ring_counters, ring_counters);
#define ring_count(name)      this_cpu_inc(ring_counters.name)
#define ring_count_n(name, n) this_cpu_add(ring_counters.name, (n))
