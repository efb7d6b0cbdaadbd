/*
 * Registered files, also called direct or fixed descriptors: a table of files that belongs to the ring
 * and that entries name by slot. Opening into a slot skips the process' descriptor table altogether.
 *
 * Slots hold a reference each. A ring's own file is never let in: a ring that holds itself would never
 * be closed.
 *
 *	ring->files_lock	(RANK_FDTABLE) the table pointer, its slots and the range slots are
 *				allocated from; files are put after it is dropped
 */
#include "kernel/process.h"
#include "ring/internal.h"

#define RING_MAX_FILES (1u << 20)

struct ring_files {
	u32 nr;
	u32 alloc_start, alloc_end; /* where IORING_FILE_INDEX_ALLOC looks */
	u32 hint;		    /* no free slot below it in that range */
	struct file *slots[];
};

bool ring_has_files(struct ring *ring)
{
	return READ_ONCE(ring->files) != NULL;
}

struct file *ring_fixed_file_get(struct ring *ring, u32 slot)
{
	struct file *f = NULL;

	spin_lock(&ring->files_lock);
	if (ring->files && slot < ring->files->nr && (f = ring->files->slots[slot]) != NULL)
		file_get(f);
	spin_unlock(&ring->files_lock);
	return f;
}

struct file *ring_request_file(struct ring_request *req)
{
	if (req->sqe_flags & IOSQE_FIXED_FILE)
		return ring_fixed_file_get(req->ring, (u32)req->fd);
	return file_get_fd(current_files(), req->fd);
}

/* A free slot of the allocation range or -ENFILE. Context: files_lock. */
static int find_free_slot(struct ring_files *t)
{
	for (u32 i = MAX(t->hint, t->alloc_start); i < t->alloc_end; i++)
		if (!t->slots[i]) {
			t->hint = i + 1;
			return (int)i;
		}
	t->hint = t->alloc_end;
	return -ENFILE;
}

/* Put new into slot; *old is what was there, for the caller to put. Context: files_lock. */
static void replace_slot(struct ring_files *t, u32 slot, struct file *new, struct file **old)
{
	*old = t->slots[slot];
	t->slots[slot] = new;
	if (!new)
		t->hint = MIN(t->hint, slot);
}

int ring_fixed_file_install(struct ring *ring, u32 file_index, struct file *file)
{
	bool any = file_index == IORING_FILE_INDEX_ALLOC;
	struct file *old = file;
	struct ring_files *t;
	int slot = (int)(file_index - 1), ret;

	spin_lock(&ring->files_lock);
	t = ring->files;
	if (!t) {
		ret = -ENXIO;
	} else if (any) {
		ret = slot = find_free_slot(t);
	} else {
		ret = file_index - 1 < t->nr ? 0 : -EINVAL;
	}
	if (ret >= 0)
		replace_slot(t, (u32)slot, file, &old);
	spin_unlock(&ring->files_lock);
	if (old)
		file_put(old);
	return ret;
}

int ring_fixed_file_close(struct ring *ring, u32 file_index)
{
	struct file *old = NULL;
	int ret = 0;

	spin_lock(&ring->files_lock);
	if (!ring->files)
		ret = -ENXIO;
	else if (file_index - 1 >= ring->files->nr)
		ret = -EINVAL;
	else
		replace_slot(ring->files, file_index - 1, NULL, &old);
	spin_unlock(&ring->files_lock);
	if (old)
		file_put(old);
	else if (!ret)
		ret = -EBADF;
	return ret;
}

/* ---- Registering ---- */

/* The file behind a descriptor that may be registered: NULL for -1, ERR_PTR(-EBADF). */
static struct file *file_to_register(s32 fd)
{
	struct file *f;

	if (fd == -1)
		return NULL;
	f = file_get_fd(current_files(), fd);
	if (f && ring_is_file(f)) {
		file_put(f);
		f = NULL;
	}
	return f ? f : ERR_PTR(-EBADF);
}

static void table_free(struct ring_files *t)
{
	for (u32 i = 0; i < t->nr; i++)
		if (t->slots[i])
			file_put(t->slots[i]);
	vfree(t);
}

static int table_fill(struct ring_files *t, const s32 __user *fds)
{
	for (u32 i = 0; i < t->nr; i++) {
		struct file *f;
		s32 fd;

		if (copy_from_user(&fd, &fds[i], sizeof(fd)))
			return -EFAULT;
		f = file_to_register(fd);
		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		t->slots[i] = f;
	}
	return 0;
}

int ring_files_register(struct ring *ring, const s32 __user *fds, u32 nr)
{
	struct ring_files *t;
	int error;

	if (ring->files)
		return -EBUSY;
	if (nr == 0)
		return -EINVAL;
	if (nr > RING_MAX_FILES || nr > current->process->nofile_limit)
		return -EMFILE;
	t = vzalloc(sizeof(*t) + nr * sizeof(t->slots[0]));
	if (!t)
		return -ENOMEM;
	t->nr = t->alloc_end = nr;
	error = fds ? table_fill(t, fds) : 0;
	if (error) {
		table_free(t);
		return error;
	}
	spin_lock(&ring->files_lock);
	WRITE_ONCE(ring->files, t);
	spin_unlock(&ring->files_lock);
	return 0;
}

int ring_files_unregister(struct ring *ring)
{
	struct ring_files *t;

	spin_lock(&ring->files_lock);
	t = ring->files;
	WRITE_ONCE(ring->files, NULL);
	spin_unlock(&ring->files_lock);
	if (!t)
		return -ENXIO;
	table_free(t);
	return 0;
}

/* 0 or -errno; file is consumed. */
static int update_slot(struct ring *ring, u32 slot, struct file *file)
{
	int ret;

	if (file)
		return ring_fixed_file_install(ring, slot + 1, file);
	ret = ring_fixed_file_close(ring, slot + 1);
	return ret == -EBADF ? 0 : ret; /* an empty slot stays empty */
}

static int check_range(struct ring *ring, u32 offset, u32 nr)
{
	int ret = 0;

	spin_lock(&ring->files_lock);
	if (!ring->files)
		ret = -ENXIO;
	else if (offset > ring->files->nr || nr > ring->files->nr - offset)
		ret = -EINVAL;
	spin_unlock(&ring->files_lock);
	return ret;
}

int ring_files_update(struct ring *ring, u32 offset, const s32 __user *fds, u32 nr)
{
	int error = nr ? check_range(ring, offset, nr) : -EINVAL;
	u32 done;

	for (done = 0; !error && done < nr; done++) {
		struct file *f;
		s32 fd;

		error = copy_from_user(&fd, &fds[done], sizeof(fd));
		if (error)
			break;
		if (fd == IORING_REGISTER_FILES_SKIP)
			continue;
		f = file_to_register(fd);
		error = IS_ERR(f) ? (int)PTR_ERR(f) : update_slot(ring, offset + done, f);
		if (error)
			break;
	}
	return done ? (int)done : error;
}

/* Slots for files given by descriptor, anywhere; fds receives the slots. Number installed or -errno. */
static int update_any(struct ring *ring, s32 __user *fds, u32 nr)
{
	int ret = 0;
	u32 done;

	if (!ring_has_files(ring))
		return -ENXIO;
	for (done = 0; done < nr; done++) {
		struct file *f;
		s32 fd;

		ret = copy_from_user(&fd, &fds[done], sizeof(fd));
		if (ret)
			break;
		f = file_to_register(fd);
		ret = !f	  ? -EBADF
		      : IS_ERR(f) ? (int)PTR_ERR(f)
				  : ring_fixed_file_install(ring, IORING_FILE_INDEX_ALLOC, f);
		if (ret < 0)
			break;
		fd = ret;
		if (copy_to_user(&fds[done], &fd, sizeof(fd))) {
			ring_fixed_file_close(ring, (u32)fd + 1);
			ret = -EFAULT;
			break;
		}
	}
	return done ? (int)done : ret;
}

int ring_files_alloc_range(struct ring *ring, u32 offset, u32 len)
{
	int ret = check_range(ring, offset, len);

	if (ret)
		return ret;
	spin_lock(&ring->files_lock);
	ring->files->alloc_start = ring->files->hint = offset;
	ring->files->alloc_end = offset + len;
	spin_unlock(&ring->files_lock);
	return 0;
}

/* ---- FILES_UPDATE, the operation; a worker's, because it may release files ---- */

int ring_files_update_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	if (sqe->op_flags || sqe->file_index || sqe->buf_index || !sqe->len)
		return -EINVAL;
	req->files_update.offset = (u32)sqe->off;
	req->files_update.fds = sqe->addr;
	req->files_update.nr = sqe->len;
	req->flags |= REQ_ASYNC;
	return 0;
}

int ring_files_update_issue(struct ring_request *req, unsigned flags)
{
	const struct ring_files_update *u = &req->files_update;

	(void)flags;
	if (u->offset == IORING_FILE_INDEX_ALLOC)
		return update_any(req->ring, (s32 __user *)u->fds, u->nr);
	return ring_files_update(req->ring, u->offset, (const s32 __user *)u->fds, u->nr);
}
