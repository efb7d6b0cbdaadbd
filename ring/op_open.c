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

static int open_prep(
	struct ring_request *req, const struct io_uring_sqe *sqe, const struct open_how *how)
{
	struct ring_open *o = &req->open;
	int error = path_name_copy(&o->path, (const char __user *)sqe->addr, false, ALLOC_WAIT);

	if (unlikely(error))
		return error;
	if (unlikely(o->path.name != o->path.small))
		req->flags |= REQ_CLEANUP;
	o->resume.valid = false;
	o->slot = sqe->file_index;
	o->cloexec = how->flags & O_CLOEXEC;
	o->cached = how->resolve & RESOLVE_CACHED;
	if (unlikely(o->slot && o->cloexec))
		return -EINVAL;
	o->error = open_params_from_how(how, &o->params);
	if (unlikely(o->cached))
		req->flags |= REQ_EAGAIN_FINAL;
	/* Creation takes the directory's lock; a direct descriptor may replace a file and release it. */
	if ((how->flags & (O_CREAT | O_TRUNC | O_TMPFILE_BIT) || o->slot) && !o->error)
		req->flags |= REQ_ASYNC;
	return 0;
}

int ring_open_prep_openat(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct open_how how;

	if (unlikely(sqe->buf_index))
		return -EINVAL;
	open_how_from_openat(sqe->op_flags, sqe->len, &how);
	return open_prep(req, sqe, &how);
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
	return open_prep(req, sqe, &how);
}

/* How this attempt walks. */
static void open_walk_start(struct ring_request *req, unsigned flags, struct walk_start *start)
{
	struct ring_open *o = &req->open;
	u32 retry = READ_ONCE(ring_retry);

	start->dirfd = req->fd;
	start->flags = 0;
	start->name = o->path.name;
	start->waiter = NULL;
	start->resume = NULL;
	start->log = NULL;
	if (unlikely(retry == RING_RETRY_RESUME) && !o->cached &&
		!(o->params.walk_flags & WALK_SCOPED))
		start->resume = &o->resume;
	if (flags & RING_NONBLOCK) {
		start->flags = WALK_CACHED;
		return;
	}
	if (!o->cached)
		start->waiter = &req->waiter;
	if (retry == RING_RETRY_NORCU && !o->cached)
		start->flags = WALK_NO_RCU;
}

/* A direct descriptor: the file goes into the ring's own table. */
static int open_direct(struct ring_request *req, const struct walk_start *start, bool nonblock_open)
{
	struct ring_open *o = &req->open;
	struct file *f;

	if (!ring_has_files(req->ring))
		return -ENXIO;
	f = vfs_open(start, &o->params, nonblock_open);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	return ring_fixed_file_install(req->ring, o->slot, f);
}

int ring_open_issue(struct ring_request *req, unsigned flags)
{
	struct ring_open *o = &req->open;
	bool nonblock = flags & RING_NONBLOCK;
	bool nonblock_open = o->cached || !(flags & RING_UNBOUNDED);
	struct files *files = current_files();
	struct walk_start start;
	struct file *f;
	int fd;

	if (unlikely(o->error))
		return o->error;
	open_walk_start(req, flags, &start);
	if (unlikely(o->slot))
		return open_direct(req, &start, nonblock_open);
	fd = fd_reserve(files, 0, o->cloexec, nonblock ? ALLOC_NOWAIT : ALLOC_WAIT);
	if (unlikely(fd < 0))
		return fd;
	f = vfs_open(&start, &o->params, nonblock_open);
	if (unlikely(IS_ERR(f))) {
		fd_unreserve(files, fd);
		if (o->resume.valid)
			req->flags |= REQ_CLEANUP;
		return (int)PTR_ERR(f);
	}
	fd_install(files, fd, f);
	return fd;
}

void ring_open_cleanup(struct ring_request *req)
{
	struct ring_open *o = &req->open;

	if (o->resume.valid)
		walk_resume_release(&o->resume);
	path_name_release(&o->path);
}
