/* FSYNC of a descriptor or a registered file; always a worker's, because it waits for the device. */
#include "ring/internal.h"
#include "vfs/generic.h"

int ring_fsync_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	if (sqe->addr || sqe->buf_index || sqe->file_index ||
		(sqe->op_flags & ~IORING_FSYNC_DATASYNC))
		return -EINVAL;
	req->sync.data_only = sqe->op_flags & IORING_FSYNC_DATASYNC;
	req->flags |= REQ_ASYNC;
	return 0;
}

int ring_fsync_issue(struct ring_request *req, unsigned flags)
{
	struct file *f = ring_request_file(req);
	int error;

	(void)flags;
	if (!f)
		return -EBADF;
	error = vfs_fsync(f, req->sync.data_only);
	file_put(f);
	return error;
}
