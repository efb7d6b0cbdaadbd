/*
 * STATX. Unlike Linux, which hands every STATX to a worker, a path that is cached is answered inline: the
 * walk is the open's, and an inode in memory has everything statx tells.
 */
#include "ring/internal.h"
#include "vfs/stat.h"

#define STATX_AT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)

int ring_statx_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct ring_statx *s = &req->statx;
	int error;

	if (unlikely(sqe->buf_index || sqe->file_index))
		return -EINVAL;
	s->mask = sqe->len;
	s->at_flags = sqe->op_flags;
	s->buffer = sqe->off;
	error = path_name_copy(
		&s->path, (const char __user *)sqe->addr, s->at_flags & AT_EMPTY_PATH, ALLOC_WAIT);
	if (unlikely(error))
		return error;
	if (unlikely(s->path.name != s->path.small))
		req->flags |= REQ_CLEANUP;
	s->resume.valid = false;
	return 0;
}

static void statx_walk_start(struct ring_request *req, unsigned flags, struct walk_start *start)
{
	struct ring_statx *s = &req->statx;
	u32 retry = READ_ONCE(ring_retry);

	*start = (struct walk_start){.dirfd = req->fd, .name = s->path.name};
	if (!(s->at_flags & AT_SYMLINK_NOFOLLOW))
		start->flags |= WALK_FOLLOW;
	if (s->at_flags & AT_EMPTY_PATH)
		start->flags |= WALK_EMPTY;
	if (retry == RING_RETRY_RESUME)
		start->resume = &s->resume;
	if (flags & RING_NONBLOCK) {
		start->flags |= WALK_CACHED;
		return;
	}
	start->waiter = &req->waiter;
	if (retry == RING_RETRY_NORCU)
		start->flags |= WALK_NO_RCU;
}

int ring_statx_issue(struct ring_request *req, unsigned flags)
{
	struct ring_statx *s = &req->statx;
	struct walk_start start;
	struct statx out;
	struct path path;
	int error;

	if (unlikely((s->at_flags & ~STATX_AT_FLAGS) || (s->mask & STATX_RESERVED) ||
		     (s->at_flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE))
		return -EINVAL;
	statx_walk_start(req, flags, &start);
	error = walk_path(&start, &path);
	if (unlikely(error)) {
		if (s->resume.valid)
			req->flags |= REQ_CLEANUP;
		return error;
	}
	error = vfs_statx(&path, s->mask, &out);
	if (flags & RING_NONBLOCK)
		path_put_nosleep(&path);
	else
		path_put(&path);
	if (!error && copy_to_user((void __user *)s->buffer, &out, sizeof(out)))
		error = -EFAULT;
	return error;
}

void ring_statx_cleanup(struct ring_request *req)
{
	struct ring_statx *s = &req->statx;

	if (s->resume.valid)
		walk_resume_release(&s->resume);
	path_name_release(&s->path);
}
