/*
 * CLOSE (CONTRACT 4, Close), of a descriptor or of a registered file. The release is finished before
 * the completion is posted.
 *
 * Inline only when the release is certain to be short: nothing of the file's own to run, and a name
 * that stays cached. Anything else (an unlinked file whose blocks are freed, say) is a worker's. Whether a
 * name is still there can change in between; then this one close sleeps on the caller, which is
 * why the operation is not run as a nonblocking attempt.
 *
 * A ring cannot close a ring: -EBADF.
 */
#include "ring/internal.h"

int ring_close_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	if (unlikely(sqe->off || sqe->addr || sqe->len || sqe->op_flags || sqe->buf_index))
		return -EINVAL;
	req->close.slot = sqe->file_index;
	if (unlikely(req->close.slot && sqe->fd))
		return -EINVAL;
	if (unlikely(req->close.slot))
		req->flags |= REQ_ASYNC;
	return 0;
}

static bool is_ring(struct files *files, int fd)
{
	struct file *f;
	bool result;

	rcu_read_lock();
	f = file_lookup_fd_rcu(files, fd);
	result = f && ring_is_file(f);
	rcu_read_unlock();
	return result;
}

int ring_close_issue(struct ring_request *req, unsigned flags)
{
	struct files *files = current_files();

	if (unlikely(req->close.slot))
		return ring_fixed_file_close(req->ring, req->close.slot);
	/* a ring has a ->release and so never goes this way */
	if (likely(flags & RING_NONBLOCK))
		return fd_close_nosleep(files, req->fd);
	return is_ring(files, req->fd) ? -EBADF : fd_close(files, req->fd);
}
