/*
 * READ, from a descriptor or a registered file, at an offset or (offset -1) at the file's position.
 *
 * Inline as far as the page cache has the bytes: the file system is asked with FILE_CALL_NOWAIT. When only
 * the beginning was there, the request remembers how much it got (rw.done) and a worker reads the
 * rest; this is the one place where -EAGAIN leaves something done, and only inside the request.
 *
 * A regular file is bounded work; anything else may wait for an event outside and goes to the
 * unbounded account. RWF_NOWAIT makes -EAGAIN the program's answer. Fewer bytes than asked for break a LINK
 * chain, the end of a file included.
 */
#include "ring/internal.h"

#define READ_MAX 0x7ffff000u /* as read(2) */

int ring_read_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	struct ring_rw *r = &req->rw;

	r->file = NULL;
	r->offset = sqe->off;
	r->addr = sqe->addr;
	r->len = MIN(sqe->len, READ_MAX);
	r->done = 0;
	r->rw_flags = sqe->op_flags;
	if (unlikely(r->rw_flags & ~RWF_NOWAIT))
		return -EOPNOTSUPP;
	if (r->rw_flags & RWF_NOWAIT)
		req->flags |= REQ_EAGAIN_FINAL;
	return 0;
}

static struct file *read_get_file(struct ring_request *req)
{
	if (req->sqe_flags & IOSQE_FIXED_FILE)
		return ring_fixed_file_get(req->ring, (u32)req->fd);
	return file_get_fd(current_files(), req->fd);
}

/* The file may be read at all. */
static int read_check(struct ring_request *req)
{
	struct file *f = req->rw.file;

	if (!(READ_ONCE(f->mode) & FILE_READ) || (f->mode & FILE_PATH_ONLY))
		return -EBADF;
	if (f->inode && S_ISDIR(READ_ONCE(f->inode->mode)))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	if (!(f->mode & FILE_SEEKABLE) && req->rw.offset != ~0ull && req->rw.offset != 0)
		return -ESPIPE;
	if ((s64)req->rw.offset < 0 && req->rw.offset != ~0ull)
		return -EINVAL;
	return 0;
}

static bool is_regular(const struct file *f)
{
	return f->inode && S_ISREG(READ_ONCE(f->inode->mode));
}

static ssize read_at(struct ring_request *req, u64 *pos, bool nowait)
{
	struct ring_rw *r = &req->rw;

	return r->file->ops->read(r->file, (void __user *)(r->addr + r->done), r->len - r->done,
		pos, nowait ? FILE_CALL_NOWAIT : 0);
}

/* At the file's position, which is the whole file's: under pos_lock. */
static ssize read_at_position(struct ring_request *req, bool nowait)
{
	struct file *f = req->rw.file;
	ssize n;

	if (!(f->mode & FILE_SEEKABLE)) {
		u64 unused = 0;

		return read_at(req, &unused, nowait);
	}
	if (!nowait)
		mutex_lock(&f->pos_lock);
	else if (!mutex_trylock(&f->pos_lock))
		return -EAGAIN;
	n = read_at(req, &f->pos, nowait);
	mutex_unlock(&f->pos_lock);
	return n;
}

static ssize read_once(struct ring_request *req, bool nowait)
{
	u64 pos = req->rw.offset + req->rw.done;

	if (req->rw.offset == ~0ull)
		return read_at_position(req, nowait);
	return read_at(req, &pos, nowait);
}

/* More could come from where the last bytes came from. */
static bool read_wants_more(const struct ring_request *req)
{
	const struct ring_rw *r = &req->rw;
	u64 pos = r->offset == ~0ull ? READ_ONCE(r->file->pos) : r->offset + r->done;

	return r->done < r->len && is_regular(r->file) && pos < READ_ONCE(r->file->inode->size);
}

/* What the program is told once nothing more is tried. */
static int read_result(struct ring_request *req, ssize last)
{
	struct ring_rw *r = &req->rw;

	if (r->done == 0 && last < 0)
		return (int)last;
	if (r->done < r->len)
		req->flags |= REQ_FAIL;
	return (int)r->done;
}

int ring_read_issue(struct ring_request *req, unsigned flags)
{
	struct ring_rw *r = &req->rw;
	bool final = req->flags & REQ_EAGAIN_FINAL;
	bool nowait = (flags & RING_NONBLOCK) || final;
	ssize n;
	int error;

	if (!r->file) {
		r->file = read_get_file(req);
		if (!r->file)
			return -EBADF;
		req->flags |= REQ_CLEANUP;
		error = read_check(req);
		if (error)
			return error;
	}
	if (!is_regular(r->file)) {
		req->account = RING_ACCOUNT_UNBOUNDED;
		if (!nowait && !(flags & RING_UNBOUNDED))
			return -EAGAIN;
	}
	n = read_once(req, nowait);
	if (n > 0)
		r->done += (u32)n;
	if (n == -EAGAIN && !final && (flags & RING_NONBLOCK))
		return -EAGAIN;
	if (n > 0 && !final && (flags & RING_NONBLOCK) && read_wants_more(req))
		return -EAGAIN;
	return read_result(req, n);
}

void ring_read_cleanup(struct ring_request *req)
{
	if (req->rw.file)
		file_put(req->rw.file);
}
