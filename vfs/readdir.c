/*
 * getdents64: the entries of a directory, as the program's buffer has room.
 *
 * Positions: 0 is ".", 1 is "..", the file system's begin at 2. While emit runs, dir_context.pos is the
 * cookie of the entry it gets; the file system moves on after emit returned true. A record's d_off is
 * the position of the entry after it, which is known one entry later.
 *
 * Locking: file->pos_lock, then the directory's rwsem shared.
 */
#include "abi/errno.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"

struct getdents {
	struct dir_context context;
	char __user *buf;
	size_t size, used;
	char __user *last; /* the record whose d_off is still open; NULL: none */
	int error;
};

/* Close the last record: the next entry lies at pos. */
static int set_last_offset(struct getdents *g, u64 pos)
{
	s64 offset = (s64)pos;

	if (!g->last)
		return 0;
	return copy_to_user(g->last + offsetof(struct dirent64, d_off), &offset, sizeof(offset));
}

static bool getdents_emit(
	struct dir_context *c, const char *name, u32 len, u64 ino, unsigned d_type)
{
	struct getdents *g = container_of(c, struct getdents, context);
	size_t length = ALIGN_UP(DIRENT64_HEADER + len + 1ul, 8ul);
	union {
		struct dirent64 entry;
		char bytes[DIRENT64_HEADER + NAME_MAX + 8 + 1];
	} record;

	if (len == 0 || len > NAME_MAX)
		return true; /* nothing a program could use; a damaged disk may say so */
	if (length > g->size - g->used) {
		if (!g->last)
			g->error = -EINVAL;
		return false;
	}
	memset(record.bytes + length - 8, 0, 8);
	record.entry.d_ino = ino;
	record.entry.d_off = (s64)c->pos;
	record.entry.d_reclen = (u16)length;
	record.entry.d_type = (u8)d_type;
	memcpy(record.bytes + DIRENT64_HEADER, name, len);
	if (set_last_offset(g, c->pos) || copy_to_user(g->buf + g->used, &record, length)) {
		g->error = -EFAULT;
		return false;
	}
	g->last = g->buf + g->used;
	g->used += length;
	c->emitted++;
	return true;
}

static bool emit_dots(struct file *f, struct dir_context *c)
{
	struct dentry *d = f->path.dentry;

	if (c->pos == 0) {
		if (!c->emit(c, ".", 1, d->inode->ino, DT_DIR))
			return false;
		c->pos = 1;
	}
	if (c->pos == 1) {
		rcu_read_lock();
		struct dentry *parent = READ_ONCE(d->parent);
		struct inode *inode = parent ? READ_ONCE(parent->inode) : NULL;
		u64 ino = inode ? inode->ino : d->inode->ino;

		rcu_read_unlock();
		if (!c->emit(c, "..", 2, ino, DT_DIR))
			return false;
		c->pos = 2;
	}
	return true;
}

/* Context: pos_lock held. */
static long read_entries(struct file *f, char __user *buf, size_t size)
{
	struct getdents g = {
		.context = {.pos = f->pos, .emit = getdents_emit}, .buf = buf, .size = size};
	struct rwsem *rwsem = &f->inode->rwsem;
	int error = 0;

	rwsem_down_read(rwsem);
	if (READ_ONCE(f->inode->nlink) == 0)
		error = -ENOENT; /* removed */
	else if (emit_dots(f, &g.context))
		error = f->ops->iterate(f, &g.context);
	rwsem_up_read(rwsem);
	f->pos = g.context.pos;
	if (set_last_offset(&g, f->pos))
		return -EFAULT;
	if (g.used)
		return (long)g.used;
	return error ? error : g.error;
}

SYSCALL3(getdents64, int, fd, char __user *, buf, u32, size)
{
	struct file *f = file_get_fd(current_files(), fd);
	long result;

	if (!f)
		return -EBADF;
	if (f->mode & FILE_PATH_ONLY) {
		result = -EBADF;
	} else if (!f->ops->iterate) {
		result = -ENOTDIR;
	} else {
		mutex_lock(&f->pos_lock);
		result = read_entries(f, buf, size);
		mutex_unlock(&f->pos_lock);
	}
	file_put(f);
	return result;
}
