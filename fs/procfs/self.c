/*
 * /proc/self: the calling process.
 *
 *	fd/N	magic link to the file behind descriptor N
 *	exe	magic link to the program's image, /proc/programs/NAME
 *
 * It is a directory, not a symlink with the caller's number as on Linux: there are no /proc/NUMBER
 * directories here, and what it shows is found out at the moment of use. So one dentry serves all
 * processes: "fd/3" says "the descriptor 3 of whoever asks". Only whether there is one differs, and that
 * is what revalidation asks: in RCU mode it may answer yes, anything else is for the ref walk.
 *
 * Locking: none; the descriptor table's own.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "fs/procfs/internal.h"
#include "kernel/console.h"
#include "kernel/process.h"
#include "vfs/file.h"
#include "vfs/walk.h"

/* A dentry below fd/ whose name is a number; fs_data is 0 for all others. */
static int fd_of(const struct dentry *d)
{
	return (int)(long)d->fs_data - 1;
}

static struct files *files_of_caller(void)
{
	struct process *p = current->process;

	return p ? p->files : NULL;
}

/* ---- fd ---- */

static bool fd_is_open(int fd)
{
	struct files *files = files_of_caller();
	bool open = false;

	if (files) {
		rcu_read_lock();
		open = file_lookup_fd_rcu(files, fd) != NULL;
		rcu_read_unlock();
	}
	return open;
}

static int revalidate(struct dentry *d, bool rcu)
{
	if (!d->fs_data || fd_is_open(fd_of(d)) == !dentry_is_negative(d))
		return 1;
	return rcu ? -ECHILD : 0;
}

const struct dentry_ops proc_dentry_ops = {.revalidate = revalidate};

static int fd_magic_link(struct dentry *d, struct path *out)
{
	struct files *files = files_of_caller();
	struct file *f = files ? file_get_fd(files, fd_of(d)) : NULL;

	if (!f)
		return -ENOENT;
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

static const struct inode_ops fd_link_ops = {.magic_link = fd_magic_link};
static const struct file_ops no_file_ops;

/* The number that name is, without leading zeros; -1 for anything else. */
static int parse_fd(const char *name, u32 len)
{
	int fd = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (u32 i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		fd = fd * 10 + name[i] - '0';
	}
	return fd;
}

static int fd_lookup(struct inode *dir, struct dentry *d)
{
	int fd = parse_fd(d->name, (u32)d->hash_len);
	struct proc_inode *p;
	char path[32];

	if (fd >= 0)
		d->fs_data = (void *)(long)(fd + 1);
	if (fd < 0 || !fd_is_open(fd)) {
		dcache_add(d, NULL);
		return 0;
	}
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	p = proc_inode_create(dir->sb, path, S_IFLNK | 0777, &fd_link_ops, &no_file_ops);
	if (p)
		p->inode.flags |= INODE_MAGIC_LINK;
	return proc_add(d, p);
}

/* Some of the open descriptors from `from` on, ascending. */
struct fd_batch {
	int from;
	unsigned n;
	int fds[64];
};

static void collect_fd(int fd, struct file *f, void *arg)
{
	struct fd_batch *b = arg;

	(void)f;
	if (fd >= b->from && b->n < ARRAY_SIZE(b->fds))
		b->fds[b->n++] = fd;
}

static int fd_iterate(struct file *f, struct dir_context *c)
{
	struct files *files = files_of_caller();
	struct fd_batch batch = {.from = (int)(c->pos - 2)};
	char path[32];

	(void)f;
	do {
		batch.n = 0;
		if (files)
			fd_for_each(files, collect_fd, &batch);
		for (unsigned i = 0; i < batch.n; i++) {
			int len = snprintf(path, sizeof(path), "self/fd/%d", batch.fds[i]);

			c->pos = (u64)batch.fds[i] + 2;
			if (!c->emit(
				    c, path + 8, (u32)len - 8, proc_ino(path, (size_t)len), DT_LNK))
				return 0;
			batch.from = batch.fds[i] + 1;
			c->pos = (u64)batch.from + 2;
		}
	} while (batch.n == ARRAY_SIZE(batch.fds));
	return 0;
}

static const struct inode_ops fd_dir_ops = {.lookup = fd_lookup};
static const struct file_ops fd_dir_file_ops = {.iterate = fd_iterate};

/* ---- exe ---- */

static int exe_magic_link(struct dentry *d, struct path *out)
{
	const struct process *p = current->process;
	char name[64] = ""; /* the rest is NAME_SLACK */
	struct walk_start start = {.dirfd = AT_FDCWD, .name = name};

	(void)d;
	if (!p)
		return -ENOENT;
	snprintf(name, sizeof(name) - NAME_SLACK, "/proc/programs/%s", p->name);
	return walk_path(&start, out);
}

static const struct inode_ops exe_link_ops = {.magic_link = exe_magic_link};

/* ---- The directory ---- */

static int self_lookup(struct inode *dir, struct dentry *d)
{
	struct proc_inode *p;

	if (proc_name_is(d, "fd", 2))
		return proc_add(d, proc_inode_create(dir->sb, "self/fd", S_IFDIR | 0555,
					   &fd_dir_ops, &fd_dir_file_ops));
	if (proc_name_is(d, "exe", 3)) {
		p = proc_inode_create(
			dir->sb, "self/exe", S_IFLNK | 0777, &exe_link_ops, &no_file_ops);
		if (p)
			p->inode.flags |= INODE_MAGIC_LINK;
		return proc_add(d, p);
	}
	dcache_add(d, NULL);
	return 0;
}

static int self_iterate(struct file *f, struct dir_context *c)
{
	(void)f;
	if (c->pos == 2) {
		if (!c->emit(c, "fd", 2, proc_ino("self/fd", 7), DT_DIR))
			return 0;
		c->pos = 3;
	}
	if (c->pos == 3) {
		if (!c->emit(c, "exe", 3, proc_ino("self/exe", 8), DT_LNK))
			return 0;
		c->pos = 4;
	}
	return 0;
}

static const struct inode_ops self_ops = {.lookup = self_lookup};
static const struct file_ops self_file_ops = {.iterate = self_iterate};

struct proc_inode *proc_self_create(struct super_block *sb)
{
	return proc_inode_create(sb, "self", S_IFDIR | 0555, &self_ops, &self_file_ops);
}
