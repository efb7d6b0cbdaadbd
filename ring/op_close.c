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

int ring_close_issue(struct ring_request *req, unsigned flags)
{
	struct files *files = current_files();
	bool is_ring, may_sleep;
	struct file *f;

	if (unlikely(req->close.slot))
		return ring_fixed_file_close(req->ring, req->close.slot);
	rcu_read_lock();
	f = file_lookup_fd_rcu(files, req->fd);
	if (unlikely(!f)) {
		rcu_read_unlock();
		return -EBADF;
	}
	is_ring = ring_is_file(f);
	may_sleep = f->ops->release || !f->path.dentry || !dentry_is_hashed(f->path.dentry);
	rcu_read_unlock();
	if (unlikely(is_ring))
		return -EBADF;
	if (unlikely(may_sleep && (flags & RING_NONBLOCK)))
		return -EAGAIN;
	return fd_close(files, req->fd);
}
