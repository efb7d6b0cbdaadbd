/*
 * OPENAT and OPENAT2 (CONTRACT 4, Open).
 *
 * prep copies the path and the open_how, once; the program may reuse the memory at once. issue is the
 * same function in both worlds:
 *
 *	inline	reserve a descriptor (EMFILE comes before any walk), walk with WALK_CACHED, give the
 *		descriptor back on failure. -EAGAIN: queue it.
 *	worker	the same without WALK_CACHED. A bounded worker refuses, with -EAGAIN, what may wait for
 *		an event outside in ->open (a FIFO); an unbounded one waits.
 *
 * O_CREAT, O_TRUNC and O_TMPFILE have no inline try. A program's own RESOLVE_CACHED is never retried:
 * -EAGAIN is its answer, on a worker, too.
 *
 * dirfd and descriptors are resolved when the request is issued, so that an entry sees what an earlier
 * one of its chain has opened. The flag rules are checked at preparation, but their error is the result
 * of the open, not a bad entry.
 *
 * Retry strategies (ring_retry): what the worker's walk starts with after an inline try. `resume` keeps the
 * last good directory, referenced, in the request; scoped walks and RESOLVE_CACHED never do.
 */
#include "ring/internal.h"

static void open_rules(const struct open_how *how, struct ring_open_rules *r)
{
	r->error = open_params_from_how(how, &r->params);
	r->cached = how->resolve & RESOLVE_CACHED;
	r->cloexec = how->flags & O_CLOEXEC;
	r->req_flags = r->cached ? REQ_EAGAIN_FINAL : 0;
	/* Creation takes the directory's lock. */
	if (!r->error && (how->flags & (O_CREAT | O_TRUNC | O_TMPFILE_BIT)))
		r->req_flags |= REQ_ASYNC;
}

/* The part that both forms share; the rules are there. */
static __always_inline int open_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct ring_open *o = &req->open;
	int error = path_name_copy(&o->path, (const char __user *)sqe->addr, false, ALLOC_WAIT);

	if (unlikely(error))
		return error;
	if (unlikely(o->path.name != o->path.small))
		req->flags |= REQ_CLEANUP;
	req->flags |= o->rules.req_flags;
	o->resume.valid = false;
	o->slot = sqe->file_index;
	if (likely(!o->slot))
		return 0;
	/* A direct descriptor may replace a file and release it: a worker's. */
	req->flags |= REQ_ASYNC;
	return o->rules.cloexec ? -EINVAL : 0;
}

static void remember_rules(struct ring *ring, const struct io_uring_sqe *sqe)
{
	struct ring_open_rules *r = &ring->last_open;
	struct open_how how;

	open_how_from_openat(sqe->op_flags, sqe->len, &how);
	open_rules(&how, r);
	ring->last_open_word = sqe->words[SQE_WORD_LEN];
	if (!r->error && !r->req_flags) {
		ring->plain_open_word = ring->last_open_word;
		ring->plain_open = *r;
	}
}

void ring_open_init(struct ring *ring)
{
	const struct io_uring_sqe plain = {.op_flags = O_RDONLY};

	remember_rules(ring, &plain);
}

/* Others than last time. */
static __noinline int prep_openat_new_rules(
	struct ring_request *req, const struct io_uring_sqe *sqe)
{
	remember_rules(req->ring, sqe);
	req->open.rules = req->ring->last_open;
	return open_prep(req, sqe);
}

/*
 * Plain is an open with the rules of the plain one before, a short path, no direct descriptor, and a retry
 * strategy that leaves nothing behind. The request is filled in when it turns out that it has to be queued.
 */
int ring_open_try_openat(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	const struct ring *ring = req->ring;
	struct ring_open *o = &req->open;
	ssize length;
	int result;

	if (unlikely(sqe->words[SQE_WORD_LEN] != ring->plain_open_word ||
		     sqe->words[SQE_WORD_BUF_INDEX] || READ_ONCE(ring_retry) == RING_RETRY_RESUME))
		return RING_NOT_PLAIN;
	length = strncpy_from_user(
		o->path.small, (const char __user *)sqe->addr, sizeof(o->path.small) - NAME_SLACK);
	if (unlikely(length <= 0))
		return RING_NOT_PLAIN;
	result = vfs_open_fd_cached(sqe->fd, o->path.small, &ring->plain_open.params);
	if (unlikely(result == -EAGAIN)) {
		o->path.name = o->path.small;
		o->path.length = (u32)length;
		o->rules = ring->plain_open;
		o->resume.valid = false;
		o->slot = 0;
	}
	return result;
}

int ring_open_prep_openat(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	const struct ring *ring = req->ring;

	if (unlikely(sqe->buf_index))
		return -EINVAL;
	/* Opens come in rows: the rules of the one before are mostly this one's. */
	if (unlikely(sqe->words[SQE_WORD_LEN] != ring->last_open_word))
		return prep_openat_new_rules(req, sqe);
	req->open.rules = ring->last_open;
	return open_prep(req, sqe);
}

int ring_open_prep_openat2(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct open_how how;
	int error;

	if (unlikely(sqe->buf_index))
		return -EINVAL;
	error = open_how_copy(&how, (const void __user *)sqe->off, sqe->len);
	if (unlikely(error))
		return error;
	open_rules(&how, &req->open.rules);
	return open_prep(req, sqe);
}

/* How this attempt walks. */
static __always_inline void open_walk_start(
	struct ring_request *req, bool nonblock, struct walk_start *start)
{
	struct ring_open *o = &req->open;
	u32 retry = READ_ONCE(ring_retry);

	start->dirfd = req->fd;
	start->flags = nonblock ? WALK_CACHED : 0;
	start->name = o->path.name;
	start->waiter = NULL;
	start->resume = NULL;
	start->log = NULL;
	if (likely(nonblock && retry != RING_RETRY_RESUME))
		return;
	if (o->rules.cached)
		return;
	if (!nonblock)
		start->waiter = &req->waiter;
	if (retry == RING_RETRY_NORCU && !nonblock)
		start->flags |= WALK_NO_RCU;
	if (retry == RING_RETRY_RESUME && !(o->rules.params.walk_flags & WALK_SCOPED))
		start->resume = &o->resume;
}

/* A direct descriptor: the file goes into the ring's own table. */
static int open_direct(struct ring_request *req, const struct walk_start *start, bool nonblock_open)
{
	struct ring_open *o = &req->open;
	struct file *f;

	if (!ring_has_files(req->ring))
		return -ENXIO;
	f = vfs_open(start, &o->rules.params, nonblock_open);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	return ring_fixed_file_install(req->ring, o->slot, f);
}

/* Context: as ring_open_issue, which says with constants which of the two worlds this is. */
static __always_inline int open_issue(struct ring_request *req, unsigned flags)
{
	struct ring_open *o = &req->open;
	bool nonblock = flags & RING_NONBLOCK;
	bool nonblock_open = o->rules.cached || !(flags & RING_UNBOUNDED);
	struct walk_start start;
	int fd;

	if (unlikely(o->rules.error))
		return o->rules.error;
	open_walk_start(req, nonblock, &start);
	if (unlikely(o->slot))
		return open_direct(req, &start, nonblock_open);
	fd = vfs_open_fd(
		&start, &o->rules.params, nonblock_open, nonblock ? ALLOC_NOWAIT : ALLOC_WAIT);
	if (unlikely(o->resume.valid))
		req->flags |= REQ_CLEANUP;
	return fd;
}

static __noinline int open_issue_worker(struct ring_request *req, unsigned flags)
{
	return open_issue(req, flags & ~RING_NONBLOCK);
}

int ring_open_issue(struct ring_request *req, unsigned flags)
{
	if (likely(flags & RING_NONBLOCK))
		return open_issue(req, RING_NONBLOCK);
	return open_issue_worker(req, flags);
}

void ring_open_cleanup(struct ring_request *req)
{
	struct ring_open *o = &req->open;

	if (o->resume.valid)
		walk_resume_release(&o->resume);
	path_name_release(&o->path);
}
