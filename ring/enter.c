/*
 * io_uring_enter: take submission entries, try each inline, wait for completions.
 *
 * An entry is read exactly once into a private copy; nothing the program does to it afterwards is seen
 * (prefetch.c looks at it before, and only guesses). Its request is prepared (paths and structures
 * copied), then issued with RING_NONBLOCK inside a nonblocking attempt, where a sleep is an error of
 * ours. What answers -EAGAIN, and what asked for IOSQE_ASYNC, goes to the workers. Finished and queued
 * requests are collected and handed over together:
 *
 *	entries -> prepare -> issue inline --ok--> s->done  --+--> one hold of cq_lock: post, inflight
 *	       \-> try_plain --------/  \--EAGAIN-> s->queue --+--> one hold of pool->lock: queue, wake
 *
 * A plain entry (no flags, no chain) of an operation that has a try_plain skips the request: it is tried
 * straight from the private copy, and a request only carries the result, or is filled in for the workers.
 *
 * An inline open and close thus takes no lock and no atomic of its own in this file.
 *
 * Chains are assembled from consecutive entries with LINK or HARDLINK and end with the first without,
 * or with the submission. A bad entry outside a chain gets its completion and ends the submission
 * (SUBMIT_ALL: does not); inside one, nothing of the chain is issued.
 *
 * Locking: ring->submit_lock (mutex) around a submission.
 *
 * Limits: no IOSQE_IO_DRAIN (the entry completes with -EINVAL), no signal masks (there are no signals), no
 * polling modes. Only threads of the process that made the ring may enter it: descriptors,
 * credentials and workers are that process' own.
 */
#include "kernel/clock.h"
#include "kernel/syscall.h"
#include "kernel/trace.h"
#include "ring/internal.h"
#include "vfs/prefetch.h"

struct submission {
	struct ring *ring;
	struct ring_done done;
	struct list_head queue;	   /* for the workers, through ->node */
	struct list_head inflight; /* the same requests, through ->inflight */
	unsigned queued;
	unsigned room; /* for so many more before they are handed over */
	/* No entry is plain: somebody traces, or there is a chain under construction. */
	bool none_plain;
	bool chain_bad;
	struct ring_request *chain_head, *chain_tail;
};

/* Hand over what has been collected. */
static void submission_flush(struct submission *s)
{
	s->room = RING_DONE_MAX;
	if (s->done.count || s->queued)
		ring_post(s->ring, &s->done, s->queued ? &s->inflight : NULL, true);
	if (s->queued) {
		ring_pool_queue(s->ring->pool, &s->queue);
		s->queued = 0;
	}
}

/* req, and what is chained behind it, must run with the credentials the submitter has now. */
static void keep_credentials(struct ring_request *req)
{
	if (likely(current_cred() == req->ring->cred))
		return;
	for (;; req = req->link) {
		if (!(req->flags & REQ_CRED)) {
			req->cred = cred_get(current_cred());
			req->flags |= REQ_CRED;
		}
		if (!(req->flags & REQ_LINK))
			return;
	}
}

static void queue_request(struct submission *s, struct ring_request *req)
{
	trace(ring_queue, req->opcode, req->user_data);
	keep_credentials(req);
	req->flags |= REQ_INFLIGHT;
	req->cancelled = false;
	req->finished = false;
	req->where = REQ_AT_SUBMITTER;
	list_add_tail(&req->inflight, &s->inflight);
	list_add_tail(&req->node, &s->queue);
	s->queued++;
	ring_count(queued);
}

static __noinline int issue_as_other(struct ring_request *req)
{
	struct cred *old = cred_override(req->cred);
	int result;

	nonblock_begin();
	result = req->op->issue(req, RING_NONBLOCK);
	nonblock_end();
	cred_restore(old);
	return result;
}

/* The inline try of what is not simply issued. */
static __noinline int issue_special(struct submission *s, struct ring_request *req)
{
	if (req->flags & REQ_ASYNC)
		return -EAGAIN;
	if (req->flags & REQ_FLUSH) {
		submission_flush(s);
		return req->op->issue(req, RING_NONBLOCK);
	}
	return issue_as_other(req);
}

/* The inline try. */
static __always_inline int issue_inline(struct submission *s, struct ring_request *req)
{
	int result;

	if (unlikely(req->flags & REQ_START_SLOW))
		return issue_special(s, req);
	nonblock_begin();
	result = req->op->issue(req, RING_NONBLOCK);
	nonblock_end();
	return result;
}

/* -EAGAIN from the inline try: is it the program's answer, or a matter for the workers? */
static bool must_queue(const struct ring_request *req)
{
	return !(req->flags & REQ_EAGAIN_FINAL) || (req->flags & REQ_ASYNC);
}

/* One more entry is done with, or queued. */
static __always_inline void submission_count(struct submission *s)
{
	if (unlikely(--s->room == 0))
		submission_flush(s);
}

/* Issue req and, one after the other, what is chained behind it. */
static void start_request(struct submission *s, struct ring_request *req)
{
	do {
		int result = issue_inline(s, req);

		if (result == -EAGAIN && must_queue(req)) {
			queue_request(s, req);
			req = NULL;
		} else {
			trace(ring_inline, req->opcode, result);
			req = ring_request_end(req, result, &s->done);
		}
		submission_count(s);
	} while (req);
}

static __noinline void end_chain(struct submission *s)
{
	struct ring_request *head = s->chain_head;

	s->chain_head = NULL;
	s->none_plain = READ_ONCE(trace_enabled);
	if (s->chain_bad)
		ring_request_fail_chain(head, &s->done);
	else
		start_request(s, head);
}

/* ---- From entry to request ---- */

/* The error of an entry whose flags its operation does not take. */
static int bad_sqe_flags(u8 flags, const struct ring_op *op)
{
	u8 wrong = flags & (u8)~op->sqe_flags;

	if (flags & ~IOSQE_ALL)
		return -EINVAL;
	if (wrong & IOSQE_BUFFER_SELECT)
		return -EOPNOTSUPP;
	if (wrong & IOSQE_FIXED_FILE)
		return -EBADF;
	return -EINVAL;
}

/* The rules for an entry with flags, an ioprio or a personality. 0 or -errno. */
static __noinline int prepare_special(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	const struct ring_op *op = req->op;

	req->flags = (u16)((sqe->flags & IOSQE_ASYNC ? REQ_ASYNC : 0) |
			   (sqe->flags & IOSQE_CQE_SKIP_SUCCESS ? REQ_SKIP_CQE : 0));
	if (sqe->flags & ~op->sqe_flags)
		return bad_sqe_flags(sqe->flags, op);
	if (sqe->ioprio && !op->ioprio)
		return -EINVAL;
	if (!sqe->personality)
		return 0;
	req->cred = ring_personality_get(req->ring, sqe->personality);
	if (!req->cred)
		return -EINVAL;
	req->flags |= REQ_CRED;
	return 0;
}

/* What every request has, whatever its operation. */
static void request_set_up(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	req->op = ring_op_of[sqe->opcode];
	req->first_word = sqe->words[SQE_WORD_OPCODE];
	req->user_data = sqe->user_data;
	req->account = RING_BOUNDED;
	req->flags = 0;
}

/* Fill req from the private copy. 0 or -errno: a bad entry; req can be ended either way. */
static int prepare_request(struct ring_request *req, const struct io_uring_sqe *sqe, bool special)
{
	request_set_up(req, sqe);
	if (special) {
		int error = prepare_special(req, sqe);

		if (error)
			return error;
	}
	return req->op->prep(req, sqe);
}

/* Append req to the chain under construction; it ends with the first without a link flag. */
static __noinline void add_to_chain(struct submission *s, struct ring_request *req, int error)
{
	if (error) {
		req->result = error;
		req->flags |= REQ_FAIL;
	}
	if (!s->chain_head) {
		s->chain_head = req;
		s->none_plain = true;
		s->chain_bad = false;
	} else {
		s->chain_tail->link = req;
		s->chain_tail->flags |= REQ_LINK;
	}
	s->chain_tail = req;
	s->chain_bad |= error != 0;
	if (!(req->sqe_flags & IOSQE_LINKS))
		end_chain(s);
}

/* The entry in *sqe becomes req. False: it is bad, and outside a chain. */
static __noinline bool submit_general(struct submission *s, struct ring_request *req,
	const struct io_uring_sqe *sqe, bool special)
{
	int error = prepare_request(req, sqe, special);

	if (s->chain_head || (special && (req->sqe_flags & IOSQE_LINKS))) {
		add_to_chain(s, req, error);
		return true;
	}
	if (error) {
		ring_request_end(req, error, &s->done);
		return false;
	}
	start_request(s, req);
	return true;
}

/* A plain entry was tried, and is for the workers. True. */
static __noinline bool queue_plain(
	struct submission *s, struct ring_request *req, const struct io_uring_sqe *sqe)
{
	request_set_up(req, sqe);
	queue_request(s, req);
	submission_count(s);
	return true;
}

/* As submit_general, with the short way for plain entries. */
static __always_inline bool submit_one(
	struct submission *s, struct ring_request *req, const struct io_uring_sqe *sqe)
{
	const struct ring_op *op = ring_op_of[sqe->opcode];
	/* flags and ioprio are the bits between opcode and fd */
	bool special = ((u32)sqe->words[SQE_WORD_OPCODE] >> 8) | sqe->personality;
	int result;

	if (unlikely(special || s->none_plain || !op->try_plain))
		return submit_general(s, req, sqe, special);
	result = op->try_plain(req, sqe);
	if (unlikely(result < 0)) {
		if (result == RING_NOT_PLAIN)
			return submit_general(s, req, sqe, false);
		if (result == -EAGAIN)
			return queue_plain(s, req, sqe);
	}
	req->user_data = sqe->user_data;
	req->flags = 0;
	req->result = result;
	ring_done_append(&s->done, req);
	submission_count(s);
	return true;
}

/* Read the entry once, word by word, into *copy. The last two words mean nothing to any operation. */
static __always_inline void read_sqe(struct io_uring_sqe *copy, const struct io_uring_sqe *shared)
{
	hide_value(shared);
#pragma GCC unroll 6
	for (unsigned i = 0; i <= SQE_WORD_BUF_INDEX; i++)
		copy->words[i] = READ_ONCE(shared->words[i]);
}

/*
 * Take up to to_submit entries. Returns how many were taken, a bad one included; -EAGAIN when there was
 * no memory for the first. Context: submit_lock.
 */
static __noinline int ring_submit(struct ring *ring, u32 to_submit)
{
	struct submission s;
	struct io_uring_sqe sqe;
	struct ring_request *req;
	/* Acquire: the entries were written before the program moved its tail. */
	u32 available = load_acquire(&ring->rings->sq_tail) - ring->sq_head;
	u32 head = ring->sq_head, mask = ring->sq_entries - 1, n, taken = 0;
	int error = 0;

	/* A tail further ahead than the queue is long counts for no more than that. */
	available = MIN(available, ring->sq_entries);
	n = MIN(to_submit, available);
	s.ring = ring;
	s.queued = 0;
	s.room = RING_DONE_MAX;
	s.chain_head = NULL;
	s.none_plain = READ_ONCE(trace_enabled);
	ring_done_init(&s.done);
	list_init(&s.queue);
	list_init(&s.inflight);
	while (taken < n) {
		u32 index;

		req = ring_request_alloc(ring);
		if (unlikely(!req)) {
			error = -EAGAIN;
			break;
		}
		index = READ_ONCE(ring->sq_array[head++ & mask]);
		if (unlikely(index > mask)) {
			WRITE_ONCE(ring->rings->sq_dropped, READ_ONCE(ring->rings->sq_dropped) + 1);
			ring_request_free(ring, req);
			break;
		}
		read_sqe(&sqe, &ring->sqes[index]);
		taken++;
		if (!submit_one(&s, req, &sqe) && !(ring->setup_flags & IORING_SETUP_SUBMIT_ALL))
			break;
	}
	if (s.chain_head)
		end_chain(&s);
	submission_flush(&s);
	ring->sq_head = head;
	/* Release: the entries may be overwritten once the head has passed them. */
	store_release(&ring->rings->sq_head, head);
	ring_count_n(submitted, taken);
	return taken ? (int)taken : error;
}

/* ---- Waiting ---- */

/* The deadline from an EXT_ARG structure or a plain signal mask. 0, -EINVAL or -EFAULT. */
static int wait_arguments(u32 flags, const void __user *arg, size_t size, u64 *deadline_ns)
{
	struct io_uring_getevents_arg ext;
	struct io_uring_timespec ts;

	*deadline_ns = DEADLINE_NEVER;
	if (!(flags & IORING_ENTER_EXT_ARG))
		return arg && size != sizeof(u64) ? -EINVAL : 0;
	if (size != sizeof(ext))
		return -EINVAL;
	if (copy_from_user(&ext, arg, sizeof(ext)))
		return -EFAULT;
	if (ext.min_wait_usec || (ext.sigmask && ext.sigmask_sz != sizeof(u64)))
		return -EINVAL;
	if (!ext.ts)
		return 0;
	if (copy_from_user(&ts, (const void __user *)ext.ts, sizeof(ts)))
		return -EFAULT;
	/* What is negative has passed; centuries are for ever. */
	if (ts.sec < 0 || ts.nsec < 0)
		*deadline_ns = clock_ns();
	else if (ts.sec < (1ll << 32) && ts.nsec < (1ll << 62))
		*deadline_ns = clock_ns() + (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	return 0;
}

static int wait_for_completions(
	struct ring *ring, u32 min_complete, u32 flags, const void __user *arg, size_t size)
{
	u64 deadline_ns;
	int error = wait_arguments(flags, arg, size, &deadline_ns);

	if (!error && min_complete)
		error = ring_wait_cqes(ring, min_complete, deadline_ns);
	if (unlikely(READ_ONCE(ring->overflow)))
		ring_flush_overflow(ring);
	return error;
}

/* Checks that need the ring, then submission. Number taken or -errno. */
static int locked_submit(struct ring *ring, u32 to_submit)
{
	int ret;

	mutex_lock(&ring->submit_lock);
	if (unlikely(READ_ONCE(prefetch_pays)))
		ring_prefetch(ring, to_submit);
	if (ring->issuer && ring->issuer != current)
		ret = -EEXIST;
	else
		ret = ring_submit(ring, to_submit);
	mutex_unlock(&ring->submit_lock);
	return ret;
}

static long enter(struct ring *ring, u32 to_submit, u32 min_complete, u32 flags,
	const void __user *arg, size_t size)
{
	int submitted = 0, error;

	if (unlikely(READ_ONCE(ring->pool->process) != current->process))
		return -EPERM;
	if (unlikely(!READ_ONCE(ring->enabled)))
		return -EBADFD;
	if (unlikely(READ_ONCE(ring->overflow)))
		ring_flush_overflow(ring);
	if (to_submit) {
		submitted = locked_submit(ring, to_submit);
		if (submitted < 0 || (u32)submitted != to_submit)
			return submitted;
	}
	if (!(flags & IORING_ENTER_GETEVENTS))
		return submitted;
	error = wait_for_completions(ring, min_complete, flags, arg, size);
	return submitted ? submitted : error;
}

#define ENTER_FLAGS                                                                                \
	(IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT |                  \
		IORING_ENTER_EXT_ARG)

SYSCALL6(io_uring_enter, int, fd, u32, to_submit, u32, min_complete, u32, flags,
	const void __user *, arg, size_t, size)
{
	struct file *f;
	long ret = -EOPNOTSUPP;

	if (unlikely(flags & ~ENTER_FLAGS))
		return -EINVAL;
	f = file_get_fd(current_files(), fd);
	if (unlikely(!f))
		return -EBADF;
	if (likely(ring_is_file(f)))
		ret = enter(f->private_data, to_submit, min_complete, flags, arg, size);
	file_put(f);
	return ret;
}
