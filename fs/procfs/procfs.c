/*
 * procfs: the entries of kernel/proc.h as files and directories.
 *
 * There is no tree of nodes. A directory is a prefix of entries' paths: a lookup asks which entry is
 * prefix + name (a file) or begins with prefix + name + "/" (a directory), and getdents gives each next
 * component once, at the first entry that has it. With a few dozen entries that is cheaper than
 * keeping a tree, and the dcache remembers the answers.
 *
 * Two directories are not made of entries: /proc/self (self.c) and /proc/programs (programs.c).
 *
 * A file's text is made at its first read and stays the same until the file is closed, so that a reader in
 * pieces sees one moment. A write is one command.
 *
 * Locking: none of our own. file->private_data, the text, is set once by whoever comes first.
 *
 * Limits: the text of a file is made anew only by opening it again; commands up to 4,095 bytes.
 */
#include "fs/procfs/procfs.h"
#include "abi/errno.h"
#include "fs/procfs/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"
#include "vfs/file.h"

#define PROC_MAGIC  0x9fa0
#define COMMAND_MAX 4096

/* Root directory entries that are not in the list, in order of their positions from 2 on. */
enum { POS_SELF = 2, POS_PROGRAMS, POS_ENTRIES };

static const struct inode_ops dir_ops, file_inode_ops;
static const struct file_ops dir_file_ops, file_file_ops;

/* ---- Inodes ---- */

u64 proc_ino(const char *path, size_t len)
{
	u64 hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (u8)path[i]) * 0x100000001b3ull;
	return (hash >> 32) + 2;
}

struct proc_inode *proc_inode_create(struct super_block *sb, const char *path, u32 mode,
	const struct inode_ops *ops, const struct file_ops *fops)
{
	struct inode *inode = inode_alloc(sb);

	if (!inode)
		return NULL;
	inode->ino = proc_ino(path, strlen(path));
	inode->mode = mode;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->ops = ops;
	inode->fops = fops;
	return proc_inode_of(inode);
}

int proc_add(struct dentry *d, struct proc_inode *p)
{
	if (!p)
		return -ENOMEM;
	dcache_add(d, &p->inode);
	return 0;
}

static struct inode *alloc_inode(struct super_block *sb)
{
	struct proc_inode *p = kzalloc(sizeof(*p), ALLOC_WAIT);

	(void)sb;
	return p ? &p->inode : NULL;
}

static void free_inode(struct inode *inode)
{
	kfree(proc_inode_of(inode));
}

/* ---- Directories made of entries ---- */

/* How e's path goes on in directory dir: the next component and its length; NULL: not in dir. */
static const char *component(
	const struct proc_inode *dir, const struct proc_entry *e, u32 *len, bool *is_file)
{
	const char *rest, *slash;

	if (dir->prefix && strncmp(e->path, dir->entry->path, dir->prefix) != 0)
		return NULL;
	rest = e->path + dir->prefix;
	slash = strchr(rest, '/');
	*is_file = !slash;
	*len = (u32)(slash ? (size_t)(slash - rest) : strlen(rest));
	return rest;
}

static struct proc_inode *create_node(
	struct super_block *sb, const struct proc_entry *e, const char *end, bool is_file)
{
	char path[64];
	u32 mode = S_IFDIR | 0555;
	struct proc_inode *p;

	strlcpy(path, e->path, MIN(sizeof(path), (size_t)(end - e->path) + 1));
	if (is_file)
		mode = S_IFREG | (e->show ? 0444 : 0) | (e->write ? 0200 : 0);
	p = proc_inode_create(sb, path, mode, is_file ? &file_inode_ops : &dir_ops,
		is_file ? &file_file_ops : &dir_file_ops);
	if (p) {
		p->entry = e;
		p->prefix = is_file ? 0 : (u32)(end - e->path) + 1;
	}
	return p;
}

static int dir_lookup(struct inode *inode, struct dentry *d)
{
	const struct proc_inode *dir = proc_inode_of(inode);
	bool is_root = !dir->prefix;

	if (is_root && proc_name_is(d, "self", 4))
		return proc_add(d, proc_self_create(inode->sb));
	if (is_root && proc_name_is(d, "programs", 8))
		return proc_add(d, proc_programs_create(inode->sb));
	for (const struct proc_entry *e = proc_next(NULL); e; e = proc_next(e)) {
		bool is_file;
		u32 len;
		const char *name = component(dir, e, &len, &is_file);

		if (name && proc_name_is(d, name, len))
			return proc_add(d, create_node(inode->sb, e, name + len, is_file));
	}
	dcache_add(d, NULL);
	return 0;
}

/* Is e the first entry whose next component in dir is this one? */
static bool first_of_its_name(
	const struct proc_inode *dir, const struct proc_entry *e, const char *name, u32 len)
{
	for (const struct proc_entry *before = proc_next(NULL); before != e;
		before = proc_next(before)) {
		bool is_file;
		u32 other_len;
		const char *other = component(dir, before, &other_len, &is_file);

		if (other && other_len == len && memcmp(other, name, len) == 0)
			return false;
	}
	return true;
}

static bool emit_special(struct dir_context *c)
{
	if (c->pos == POS_SELF) {
		if (!c->emit(c, "self", 4, proc_ino("self", 4), DT_DIR))
			return false;
		c->pos++;
	}
	if (c->pos == POS_PROGRAMS) {
		if (!c->emit(c, "programs", 8, proc_ino("programs", 8), DT_DIR))
			return false;
		c->pos++;
	}
	return true;
}

/* An entry's position is its place in the list, which only grows at its end. */
static int dir_iterate(struct file *f, struct dir_context *c)
{
	const struct proc_inode *dir = proc_inode_of(f->inode);
	u64 pos = POS_ENTRIES;

	if (!dir->prefix && !emit_special(c))
		return 0;
	for (const struct proc_entry *e = proc_next(NULL); e; e = proc_next(e), pos++) {
		bool is_file;
		u32 len;
		const char *name = component(dir, e, &len, &is_file);

		if (pos < c->pos || !name || !first_of_its_name(dir, e, name, len))
			continue;
		c->pos = pos;
		if (!c->emit(c, name, len, proc_ino(e->path, (size_t)(name + len - e->path)),
			    is_file ? DT_REG : DT_DIR))
			return 0;
	}
	c->pos = MAX(c->pos, pos);
	return 0;
}

/* ---- Files ---- */

struct proc_text {
	char *text; /* vfree */
	size_t len;
};

static void free_text(struct proc_text *t)
{
	if (t)
		vfree(t->text);
	kfree(t);
}

/* f's text, made now if it is not there. ERR_PTR on failure. May sleep. */
static struct proc_text *text_of(struct file *f)
{
	struct proc_text *fresh, *t = load_acquire((struct proc_text **)&f->private_data);
	void *none = NULL;
	int error;

	if (t)
		return t;
	fresh = kzalloc(sizeof(*fresh), ALLOC_WAIT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	error = proc_render(proc_inode_of(f->inode)->entry, &fresh->text, &fresh->len);
	if (error) {
		kfree(fresh);
		return ERR_PTR(error);
	}
	if (atomic_cas(&f->private_data, &none, (void *)fresh))
		return fresh;
	free_text(fresh);
	return none;
}

static ssize file_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	struct proc_text *t;

	if ((call_flags & FILE_CALL_NOWAIT) && !READ_ONCE(f->private_data))
		return -EAGAIN;
	t = text_of(f);
	if (IS_ERR(t))
		return PTR_ERR(t);
	if (*pos >= t->len)
		return 0;
	len = MIN(len, t->len - (size_t)*pos);
	if (copy_to_user(buf, t->text + *pos, len))
		return -EFAULT;
	*pos += len;
	return (ssize)len;
}

static ssize file_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	const struct proc_entry *e = proc_inode_of(f->inode)->entry;
	char *command;
	int error;

	if (!e->write || len >= COMMAND_MAX)
		return -EINVAL;
	if (call_flags & FILE_CALL_NOWAIT)
		return -EAGAIN;
	command = kzalloc(len + 1, ALLOC_WAIT);
	if (!command)
		return -ENOMEM;
	error = copy_from_user(command, buf, len);
	if (!error) {
		if (len && command[len - 1] == '\n')
			command[len - 1] = '\0';
		error = e->write(command);
	}
	kfree(command);
	if (error)
		return error;
	*pos += len;
	return (ssize)len;
}

static void file_release(struct file *f)
{
	free_text(f->private_data);
}

/* `echo 3 > file` truncates first: there is nothing to truncate. */
static int file_truncate(struct inode *inode, u64 size)
{
	(void)inode, (void)size;
	return 0;
}

static const struct inode_ops dir_ops = {.lookup = dir_lookup};
static const struct inode_ops file_inode_ops = {.truncate = file_truncate};
static const struct file_ops dir_file_ops = {.iterate = dir_iterate};
static const struct file_ops file_file_ops = {
	.read = file_read, .write = file_write, .release = file_release};

/* ---- The super block ---- */

static int proc_statfs(struct super_block *sb, struct statfs_info *out)
{
	(void)sb;
	out->type = PROC_MAGIC;
	return 0;
}

static const struct super_ops proc_super_ops = {
	.alloc_inode = alloc_inode,
	.free_inode = free_inode,
	.statfs = proc_statfs,
};

static int proc_fill_super(struct super_block *sb, const char *options)
{
	struct proc_inode *root;

	(void)options;
	sb->ops = &proc_super_ops;
	sb->dentry_ops = &proc_dentry_ops;
	root = proc_inode_create(sb, "", S_IFDIR | 0555, &dir_ops, &dir_file_ops);
	sb->root = root ? dentry_alloc_root(sb, &root->inode) : NULL;
	return sb->root ? 0 : -ENOMEM;
}

static struct file_system procfs = {.name = "proc", .fill_super = proc_fill_super};

void procfs_init(void)
{
	proc_entries_register();
	file_system_register(&procfs);
}
