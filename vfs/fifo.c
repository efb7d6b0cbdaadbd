/*
 * FIFOs and pipes. Opening a FIFO waits for the other side, which is why the ring never opens one inline
 * unless the program asked for O_NONBLOCK, and never on a bounded worker. A pipe is born open: two
 * anonymous files, one for each end.
 *
 *   FIFO   inode->private_data -> struct fifo    made by the first open, gone with the last close
 *   pipe   file->private_data -> struct fifo     gone with the second end; pipes share an inode, whose
 *                                                private_data stays NULL
 *
 * One page of data, as a ring: read_at and write_at only grow. A reader that opens waits until a writer
 * has opened since (nr_writer_opens moves), and the other way round, so that a peer which opens and
 * closes at once is not missed.
 *
 * Locking: inode->lock for private_data and the counters; data_lock (mutex) for the bytes. The wait
 * queue is woken after every change of either.
 */
#include "vfs/fifo.h"

#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "vfs/inode.h"

struct fifo {
	u32 files;	      /* open files on it; inode->lock */
	u32 readers, writers; /* inode->lock; read with READ_ONCE */
	u32 nr_reader_opens, nr_writer_opens;
	u32 read_at, write_at; /* data_lock; read with READ_ONCE */
	struct mutex data_lock;
	struct waitqueue changed;
	u8 data[PAGE_SIZE];
};

static struct fifo *fifo_new(void)
{
	struct fifo *p = kmalloc(sizeof(*p), current->nonblock_depth ? ALLOC_NOWAIT : ALLOC_WAIT);

	if (!p)
		return NULL;
	p->files = p->readers = p->writers = 0;
	p->nr_reader_opens = p->nr_writer_opens = 0;
	p->read_at = p->write_at = 0;
	mutex_init(&p->data_lock, RANK_FS_MUTEX);
	waitqueue_init(&p->changed);
	return p;
}

/* The inode's fifo with one more file on it. NULL: no memory. Never sleeps inside an attempt. */
static struct fifo *fifo_attach(struct inode *inode)
{
	struct fifo *fresh = fifo_new(), *p;

	spin_lock(&inode->lock);
	p = inode->private_data;
	if (!p)
		p = inode->private_data = fresh;
	if (p)
		p->files++;
	spin_unlock(&inode->lock);
	if (p != fresh)
		kfree(fresh);
	return p;
}

static void fifo_detach(struct inode *inode, struct fifo *p, bool reads, bool writes)
{
	bool last;

	spin_lock(&inode->lock);
	WRITE_ONCE(p->readers, p->readers - reads);
	WRITE_ONCE(p->writers, p->writers - writes);
	last = --p->files == 0;
	if (last)
		inode->private_data = NULL;
	else
		wake_up_all(
			&p->changed); /* under the lock: after it the others may go, and p with them */
	spin_unlock(&inode->lock);
	if (last)
		kfree(p);
}

static int fifo_open(struct inode *inode, struct file *f)
{
	bool reads = f->mode & FILE_READ, writes = f->mode & FILE_WRITE,
	     wait = !(f->flags & O_NONBLOCK);
	u32 reader_opens, writer_opens, readers, writers;
	int err = 0;

	if (!reads && !writes)
		return -EINVAL; /* the access mode that is neither */
	struct fifo *p = fifo_attach(inode);

	if (!p)
		return current->nonblock_depth ? -EAGAIN : -ENOMEM;
	spin_lock(&inode->lock);
	WRITE_ONCE(p->readers, p->readers + reads);
	WRITE_ONCE(p->writers, p->writers + writes);
	WRITE_ONCE(p->nr_reader_opens, p->nr_reader_opens + reads);
	WRITE_ONCE(p->nr_writer_opens, p->nr_writer_opens + writes);
	reader_opens = p->nr_reader_opens;
	writer_opens = p->nr_writer_opens;
	readers = p->readers;
	writers = p->writers;
	spin_unlock(&inode->lock);

	if (writes && !readers && !wait)
		err = -ENXIO;
	else
		wake_up_all(&p->changed);
	if (!err && reads && !writers && wait)
		err = wait_event_interruptible(
			&p->changed, READ_ONCE(p->nr_writer_opens) != writer_opens);
	else if (!err && writes && !readers && wait)
		err = wait_event_interruptible(
			&p->changed, READ_ONCE(p->nr_reader_opens) != reader_opens);
	if (err) {
		fifo_detach(inode, p, reads, writes);
		return err;
	}
	f->private_data = p;
	return 0;
}

static void fifo_release(struct file *f)
{
	fifo_detach(f->inode, f->private_data, f->mode & FILE_READ, f->mode & FILE_WRITE);
}

static bool must_not_wait(const struct file *f, unsigned call_flags)
{
	return (call_flags & FILE_CALL_NOWAIT) || (READ_ONCE(f->flags) & O_NONBLOCK);
}

/* Copy up to len bytes out of or into the ring; data_lock held. Bytes moved or -EFAULT. */
static ssize move_out(struct fifo *p, u8 __user *buf, size_t len)
{
	size_t n = MIN(len, (size_t)(p->write_at - p->read_at)), done = 0;

	while (done < n) {
		u32 at = (p->read_at + (u32)done) % PAGE_SIZE;
		size_t piece = MIN(n - done, PAGE_SIZE - at);

		if (copy_to_user(buf + done, p->data + at, piece))
			return -EFAULT;
		done += piece;
	}
	WRITE_ONCE(p->read_at, p->read_at + (u32)n);
	return (ssize)n;
}

static ssize move_in(struct fifo *p, const u8 __user *buf, size_t len)
{
	size_t n = MIN(len, PAGE_SIZE - (p->write_at - p->read_at)), done = 0;

	while (done < n) {
		u32 at = (p->write_at + (u32)done) % PAGE_SIZE;
		size_t piece = MIN(n - done, PAGE_SIZE - at);

		if (copy_from_user(p->data + at, buf + done, piece))
			return -EFAULT;
		done += piece;
	}
	WRITE_ONCE(p->write_at, p->write_at + (u32)n);
	return (ssize)n;
}

static bool fifo_has_data(const struct fifo *p)
{
	return READ_ONCE(p->write_at) != READ_ONCE(p->read_at);
}

static bool fifo_has_room(const struct fifo *p, size_t bytes)
{
	return PAGE_SIZE - (READ_ONCE(p->write_at) - READ_ONCE(p->read_at)) >= bytes;
}

static ssize fifo_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	struct fifo *p = f->private_data;
	ssize n;

	(void)pos;
	if (!len)
		return 0;
	for (;;) {
		if (call_flags & FILE_CALL_NOWAIT) {
			if (!mutex_trylock(&p->data_lock))
				return -EAGAIN;
		} else {
			mutex_lock(&p->data_lock);
		}
		n = move_out(p, buf, len);
		mutex_unlock(&p->data_lock);
		if (n != 0)
			break;
		if (!READ_ONCE(p->writers))
			return 0;
		if (must_not_wait(f, call_flags))
			return -EAGAIN;
		n = wait_event_interruptible(
			&p->changed, fifo_has_data(p) || !READ_ONCE(p->writers));
		if (n)
			return n;
	}
	wake_up_all(&p->changed);
	return n;
}

static ssize fifo_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	struct fifo *p = f->private_data;
	/* writes of up to a page go in as a whole (PIPE_BUF); longer ones as there is room */
	size_t room = len <= PAGE_SIZE ? len : 1;
	ssize done = 0, n = 0;

	(void)pos;
	if (call_flags & FILE_CALL_NOWAIT)
		return -EAGAIN;
	while ((size_t)done < len) {
		if (!READ_ONCE(p->readers)) {
			n = -EPIPE;
			break;
		}
		mutex_lock(&p->data_lock);
		n = fifo_has_room(p, room)
			    ? move_in(p, (const u8 __user *)buf + done, len - (size_t)done)
			    : 0;
		mutex_unlock(&p->data_lock);
		if (n < 0)
			break;
		done += n;
		wake_up_all(&p->changed);
		if (n > 0)
			continue;
		n = must_not_wait(f, call_flags)
			    ? -EAGAIN
			    : wait_event_interruptible(&p->changed,
				      fifo_has_room(p, room) || !READ_ONCE(p->readers));
		if (n)
			break;
	}
	return done ? done : n;
}

const struct file_ops fifo_file_ops = {
	.open = fifo_open,
	.release = fifo_release,
	.read = fifo_read,
	.write = fifo_write,
	.open_may_block = true,
	.no_seek = true,
};

/* ---- Pipes ---- */

/* The end of p that flags say, or NULL: no memory. Context: nobody else knows p. */
static struct file *pipe_end(struct fifo *p, u32 flags)
{
	struct file *f = file_alloc_anon("pipe", S_IFIFO | 0600, &fifo_file_ops, p, flags);

	if (!f)
		return NULL;
	p->files++;
	p->readers += !!(f->mode & FILE_READ);
	p->writers += !!(f->mode & FILE_WRITE);
	return f;
}

/* Both ends of a new pipe. 0 or -ENOMEM. */
static int pipe_open(struct file *ends[2], u32 flags)
{
	struct fifo *p = fifo_new();

	if (!p)
		return -ENOMEM;
	ends[0] = pipe_end(p, O_RDONLY | flags);
	if (!ends[0]) {
		kfree(p);
		return -ENOMEM;
	}
	ends[1] = pipe_end(p, O_WRONLY | flags);
	if (ends[1])
		return 0;
	file_put(ends[0]); /* and the pipe with it */
	return -ENOMEM;
}

/* Two reserved descriptors, told to the program. 0 or -errno, then neither is reserved. */
static int pipe_reserve(struct files *files, int fds[2], int __user *user_fds, bool cloexec)
{
	int err = 0;

	fds[0] = fd_reserve(files, 0, cloexec, ALLOC_WAIT);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = fd_reserve(files, 0, cloexec, ALLOC_WAIT);
	if (fds[1] < 0) {
		err = fds[1];
	} else if (copy_to_user(user_fds, fds, 2 * sizeof(*fds))) {
		fd_unreserve(files, fds[1]);
		err = -EFAULT;
	}
	if (err)
		fd_unreserve(files, fds[0]);
	return err;
}

static long pipe_user(int __user *user_fds, u32 flags)
{
	struct files *files = current_files();
	struct file *ends[2];
	int fds[2], err;

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	err = pipe_open(ends, flags);
	if (err)
		return err;
	err = pipe_reserve(files, fds, user_fds, flags & O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		if (err)
			file_put(ends[i]);
		else
			fd_install(files, fds[i], ends[i]);
	}
	return err;
}

SYSCALL1(pipe, int __user *, fds)
{
	return pipe_user(fds, 0);
}

SYSCALL2(pipe2, int __user *, fds, u32, flags)
{
	return pipe_user(fds, flags);
}
