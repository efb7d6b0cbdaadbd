/*
 * CLOSE (CONTRACT 4, Close), of a descriptor or of a registered file. The release is finished before
 * the completion is posted.
 *
 * Inline when the file has no ->release of its own; what remains of an unlinked one is then freed by a
 * kernel thread. Anything else is a worker's.
 *
 * A ring cannot close a ring: -EBADF.
 */
#include "ring/internal.h"

int ring_close_try(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	int result;

	(void)req;
	if (unlikely(sqe->words[SQE_WORD_OFF] | sqe->words[SQE_WORD_ADDR] |
		     sqe->words[SQE_WORD_LEN] | sqe->words[SQE_WORD_BUF_INDEX]))
		return RING_NOT_PLAIN;
	result = fd_close_nosleep(current_files(), sqe->fd);
	if (unlikely(result == -EAGAIN))
		return RING_NOT_PLAIN;
	return result;
}

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
