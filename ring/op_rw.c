/*
 * READ and WRITE, at an offset or (offset -1) at the file's position, on a descriptor or a registered
 * file.
 *
 * READ is served inline as far as the page cache has the bytes: the file system is asked with
 * FILE_CALL_NOWAIT. When only the beginning was there, the request remembers how much it got (rw.done) and
 * a worker reads the rest; this is the one place where -EAGAIN leaves something done, and only
 * inside the request. WRITE goes straight to a worker: it takes the inode's lock.
 *
 * A regular file is bounded work; anything else may wait for an event outside and goes to the
 * unbounded account. RWF_NOWAIT makes -EAGAIN the program's answer. Fewer bytes than asked for break a
 * LINK chain, the end of a file included.
 */
#include "ring/internal.h"
#include "vfs/generic.h"

#define RW_MAX 0x7ffff000u /* as read(2) */

/*
 * An I/O priority (ioprio_set(2): class in the upper three bits, then hints and a level, of which all values
 * have a meaning) is checked and then makes no difference: there is one queue for all. 0, -EINVAL or -EPERM.
 */
static int check_ioprio(u16 ioprio)
{
	enum { CLASS_NONE, CLASS_RT, CLASS_BE, CLASS_IDLE };

	switch (ioprio >> 13) {
	case CLASS_NONE:
		return ioprio ? -EINVAL : 0;
	case CLASS_RT:
		return current_cred()->fsuid ? -EPERM : 0;
	case CLASS_BE:
	case CLASS_IDLE:
		return 0;
	default:
		return -EINVAL;
	}
}

static int rw_prep(struct ring_request *req, const struct io_uring_sqe *sqe, bool write)
{
	struct ring_rw *r = &req->rw;
	int error = check_ioprio(sqe->ioprio);

	if (unlikely(error))
		return error;
	r->file = NULL;
	r->offset = sqe->off;
	r->addr = sqe->addr;
	r->len = MIN(sqe->len, RW_MAX);
	r->done = 0;
	r->write = write;
	if (unlikely(sqe->op_flags & ~RWF_NOWAIT))
		return -EOPNOTSUPP;
	if (sqe->op_flags & RWF_NOWAIT)
		req->flags |= REQ_EAGAIN_FINAL;
	else if (write)
		req->flags |= REQ_ASYNC;
	return 0;
}

int ring_read_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	return rw_prep(req, sqe, false);
}

int ring_write_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	return rw_prep(req, sqe, true);
}

static bool is_regular(const struct file *f)
{
	return S_ISREG(READ_ONCE(f->inode->mode));
}

/* One transfer of what is missing. NULL instead of an offset: the file's position, or none at all. */
static ssize rw_once(struct ring_request *req, bool nowait)
{
	struct ring_rw *r = &req->rw;
	u64 offset = r->offset + r->done;
	u64 *pos = r->offset == ~0ull || !(r->file->mode & FILE_SEEKABLE) ? NULL : &offset;
	void __user *buf = (void __user *)(r->addr + r->done);
	unsigned call_flags = nowait ? FILE_CALL_NOWAIT : 0;

	return r->write ? vfs_write(r->file, buf, r->len - r->done, pos, call_flags)
			: vfs_read(r->file, buf, r->len - r->done, pos, call_flags);
}

/* More could come from where the last bytes came from. */
static bool read_wants_more(const struct ring_request *req)
{
	const struct ring_rw *r = &req->rw;
	u64 pos = r->offset == ~0ull ? READ_ONCE(r->file->pos) : r->offset + r->done;

	return !r->write && r->done < r->len && is_regular(r->file) &&
	       pos < READ_ONCE(r->file->inode->size);
}

/* What the program is told once nothing more is tried. */
static int rw_result(struct ring_request *req, ssize last)
{
	struct ring_rw *r = &req->rw;

	if (r->done == 0 && last < 0)
		return (int)last;
	if (r->done < r->len)
		req->flags |= REQ_FAIL;
	return (int)r->done;
}

int ring_rw_issue(struct ring_request *req, unsigned flags)
{
	struct ring_rw *r = &req->rw;
	bool final = req->flags & REQ_EAGAIN_FINAL, inlined = flags & RING_NONBLOCK;
	ssize n;

	if (!r->file) {
		r->file = ring_request_file(req);
		if (!r->file)
			return -EBADF;
		req->flags |= REQ_CLEANUP;
	}
	if (!is_regular(r->file)) {
		req->account = RING_ACCOUNT_UNBOUNDED;
		if (!inlined && !final && !(flags & RING_UNBOUNDED))
			return -EAGAIN;
	}
	n = rw_once(req, inlined || final);
	if (n > 0)
		r->done += (u32)n;
	if (inlined && !final && (n == -EAGAIN || (n > 0 && read_wants_more(req))))
		return -EAGAIN;
	return rw_result(req, n);
}

void ring_rw_cleanup(struct ring_request *req)
{
	if (req->rw.file)
		file_put(req->rw.file);
}
