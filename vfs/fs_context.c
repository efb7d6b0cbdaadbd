/*
 * What a process has of vfs: descriptors, root and working directory, umask, and each thread's
 * credentials; how they begin, are inherited and end (struct process_hooks).
 *
 * Locking: fs->lock (RANK_FS_CONTEXT) with fs->seq inside it for root and pwd. RCU walks sample seq;
 * others copy under the lock.
 */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"

void fs_context_get_pwd(struct fs_context *fs, struct path *out)
{
	spin_lock(&fs->lock);
	*out = fs->pwd;
	path_get(out);
	spin_unlock(&fs->lock);
}

void fs_context_get_root(struct fs_context *fs, struct path *out)
{
	spin_lock(&fs->lock);
	*out = fs->root;
	path_get(out);
	spin_unlock(&fs->lock);
}

/* Replace *which (fs->root or fs->pwd); the reference on to is consumed. Context: may sleep. */
static void fs_context_set(struct fs_context *fs, struct path *which, const struct path *to)
{
	spin_lock(&fs->lock);
	struct path old = *which;

	seqcount_write_begin(&fs->seq);
	*which = *to;
	seqcount_write_end(&fs->seq);
	spin_unlock(&fs->lock);
	path_put(&old);
}

/* A context on root, whose two references (root, pwd) are consumed on success. */
static struct fs_context *fs_context_create(
	const struct path *root, const struct path *pwd, u32 umask)
{
	struct fs_context *fs = kzalloc(sizeof(*fs), ALLOC_WAIT);

	if (!fs)
		return NULL;
	spin_lock_init(&fs->lock, RANK_FS_CONTEXT);
	fs->root = *root;
	fs->pwd = *pwd;
	fs->umask = umask;
	return fs;
}

static void fs_context_destroy(struct fs_context *fs)
{
	path_put(&fs->pwd);
	path_put(&fs->root);
	kfree(fs);
}

static struct fs_context *fs_context_inherit(struct fs_context *parent)
{
	struct path root, pwd;

	if (parent) {
		fs_context_get_root(parent, &root);
		fs_context_get_pwd(parent, &pwd);
	} else {
		mount_get_root(&root);
		pwd = root;
		path_get(&pwd);
	}
	struct fs_context *fs =
		fs_context_create(&root, &pwd, parent ? READ_ONCE(parent->umask) : 022);

	if (!fs) {
		path_put(&root);
		path_put(&pwd);
	}
	return fs;
}

/* ---- Process hooks ---- */

/* The console as 0, 1 and 2 of a process without a parent. */
static int install_console(struct files *files)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = console_file_open();

		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		int error = fd_replace(files, (u32)fd, f, false);

		if (error < 0) {
			file_put(f);
			return error;
		}
	}
	return 0;
}

/* parent's descriptors fds become 0, 1, 2 of files. A negative one: closed. */
static int install_given(struct files *files, struct files *parent, const int *fds)
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] < 0) {
			(void)fd_close(files, i);
			continue;
		}
		struct file *f = file_get_fd(parent, fds[i]);

		if (!f)
			return -EBADF;
		int error = fd_replace(files, (u32)i, f, false);

		if (error < 0) {
			file_put(f);
			return error;
		}
	}
	return 0;
}

static int inherit(struct process *child, struct process *parent, const int *fds)
{
	struct files *from = parent ? parent->files : NULL;
	struct files *files = from ? files_inherit(child, from) : files_create(child, 0);

	if (!files)
		return -ENOMEM;
	int error = 0;

	if (!from)
		error = install_console(files);
	else if (fds)
		error = install_given(files, from, fds);
	struct fs_context *fs = error ? NULL : fs_context_inherit(parent ? parent->fs : NULL);

	if (!fs) {
		files_destroy(files);
		return error ? error : -ENOMEM;
	}
	child->files = files;
	child->fs = fs;
	return 0;
}

static void release(struct process *p)
{
	files_destroy(p->files);
	p->files = NULL;
	fs_context_destroy(p->fs);
	p->fs = NULL;
}

static void thread_begin(struct thread *t)
{
	t->cred = cred_get(current->cred);
}

static void thread_end(void)
{
	struct cred *c = current->cred;

	current->cred = NULL;
	cred_put(c);
}

static struct process_hooks vfs_process_hooks = {
	.inherit = inherit,
	.thread_begin = thread_begin,
	.thread_end = thread_end,
	.release = release,
};

/* mmap of a descriptor: rings. */
static s64 mmap_fd(int fd, u64 offset, u64 length, unsigned prot)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	s64 result = f->ops->mmap ? f->ops->mmap(f, offset, length, prot) : -ENODEV;

	file_put(f);
	return result;
}

void fs_context_init(void)
{
	process_hooks_register(&vfs_process_hooks);
	process_mmap_file_register(mmap_fd);
}

/* ---- Paths from programs ---- */

int user_path(int dirfd, const char __user *name, unsigned walk_flags, struct path *out)
{
	struct path_name copy;
	int error = path_name_copy(&copy, name, walk_flags & WALK_EMPTY, ALLOC_WAIT);

	if (error)
		return error;
	struct walk_start start = {.dirfd = dirfd, .flags = walk_flags, .name = copy.name};

	error = walk_path(&start, out);
	path_name_release(&copy);
	return error;
}

int path_may_change(const struct path *p)
{
	if ((READ_ONCE(p->mnt->flags) & MOUNT_RDONLY) ||
		(READ_ONCE(p->dentry->sb->flags) & SB_RDONLY))
		return -EROFS;
	return 0;
}

/* ---- System calls ---- */

/* Make the directory p (reference consumed) current's pwd. */
static long change_directory(const struct path *p)
{
	struct fs_context *fs = current->process->fs;
	int error = inode_permission(p->dentry->inode, MAY_EXEC);

	if (error) {
		path_put(p);
		return error;
	}
	fs_context_set(fs, &fs->pwd, p);
	return 0;
}

SYSCALL1(chdir, const char __user *, name)
{
	struct path p;
	int error = user_path(AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);

	return error ? error : change_directory(&p);
}

SYSCALL1(fchdir, int, fd)
{
	struct file *f = file_get_fd(current_files(), fd);

	if (!f)
		return -EBADF;
	struct path p = f->path;
	bool directory = S_ISDIR(f->inode->mode);

	if (directory)
		path_get(&p);
	file_put(f);
	return directory ? change_directory(&p) : -ENOTDIR;
}

SYSCALL1(chroot, const char __user *, name)
{
	struct fs_context *fs = current->process->fs;
	struct path p;
	int error = user_path(AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (error)
		return error;
	error = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!error && current_cred()->euid != 0)
		error = -EPERM;
	if (error) {
		path_put(&p);
		return error;
	}
	fs_context_set(fs, &fs->root, &p);
	return 0;
}

static long getcwd_text(
	const struct path *pwd, const struct path *root, char *text, char __user *buf, size_t size)
{
	char *start = path_text(pwd, root, text, PATH_MAX);

	if (IS_ERR(start))
		return PTR_ERR(start);
	if (!dentry_is_hashed(pwd->dentry))
		return -ENOENT;
	size_t length = strlen(start) + 1;

	if (length > size)
		return -ERANGE;
	return copy_to_user(buf, start, length) ? -EFAULT : (long)length;
}

SYSCALL2(getcwd, char __user *, buf, size_t, size)
{
	struct fs_context *fs = current->process->fs;
	char *text = kmalloc(PATH_MAX, ALLOC_WAIT);
	struct path pwd, root;

	if (!text)
		return -ENOMEM;
	fs_context_get_pwd(fs, &pwd);
	fs_context_get_root(fs, &root);
	long result = getcwd_text(&pwd, &root, text, buf, size);

	path_put(&pwd);
	path_put(&root);
	kfree(text);
	return result;
}

SYSCALL1(umask, u32, mask)
{
	return atomic_xchg(&current->process->fs->umask, mask & 0777);
}
