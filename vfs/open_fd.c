/*
 * Opening into a descriptor: what openat(2), openat2(2) and the ring's OPENAT all come to.
 *
 *   vfs_open_fd -> open_fd_hit: walk_hit, open_hit    everything cached and nothing special: one read
 *                                                     section from the first component to the
 *                                                     descriptor, no calls, no struct walk
 *               -> open_fd_rest, open_fd_general      anything else: reserve a descriptor, open_from,
 *                                                     install it; the walk goes on where walk_hit stopped
 *                  open_fd_hit_at                     before that, a hit from a descriptor
 *
 * vfs_open_fd_cached is the same for the ring's inline try, with what that knows left out.
 *
 * The order of errors is that of a reservation before the walk: EMFILE hides what the walk would say.
 * The common case gets the same by looking whether there is room before it answers ENOENT.
 */
#include "vfs/fdtable.h"
#include "vfs/file_internal.h"
#include "vfs/walk_hit.h"
#include "vfs/walk_state.h"

#include "kernel/faults.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* May an open for reading of a regular file or directory go ahead without a closer look? */
static __always_inline bool opens_plainly(const struct inode *inode, const struct open_params *p)
{
	u32 mode = READ_ONCE(inode->mode);
	const struct file_ops *ops = inode->fops;

	if (unlikely(((p->flags & O_DIRECTORY) && !S_ISDIR(mode)) || !ops || ops->open))
		return false;
	return likely((mode & 0444) == 0444) || inode_permission(inode, MAY_READ) == 0;
}

/* f did not find room at the hint: the general way. fd or -errno; f is consumed. */
static __noinline int install_elsewhere(
	struct files *files, struct file *f, bool cloexec, enum alloc_mode mode)
{
	int fd = fd_reserve(files, 0, cloexec, mode);

	if (fd < 0)
		file_put_nosleep(f);
	else
		fd_install(files, fd, f);
	return fd;
}

/* The short way: nothing has been done, or undone; go the general way. No descriptor, no -errno. */
#define OPEN_NOT_HIT (-(1 << 30))

/*
 * The same steps as open_attempt, at the end of the common walk: fd, -errno of the descriptor table, or
 * OPEN_NOT_HIT. Context: walk_hit's read section, which is ended here.
 */
static __always_inline int open_hit(struct files *files, const struct walk_hit *hit,
	const struct open_params *p, enum alloc_mode mode)
{
	struct inode *inode = hit->inode;
	struct file *f;
	bool installed;
	u32 fd;

	if (unlikely(!opens_plainly(inode, p) ||
		     !walk_legitimize(&hit->path, hit->seq, hit->mount_seq))) {
		rcu_read_unlock();
		return OPEN_NOT_HIT;
	}
	f = fault_hits(FAULT_ALLOC) ? NULL : slab_take_local(file_cache);
	if (unlikely(!f)) {
		path_put_nosleep(&hit->path);
		rcu_read_unlock();
		return OPEN_NOT_HIT;
	}
	walk_count(WALK_OUT_done_rcu);
	file_set_up(f, &hit->path, inode, inode->fops,
		FILE_READ | FILE_OPENED | (inode->fops->no_seek ? 0 : FILE_SEEKABLE), p->flags);
	installed = fd_install_hinted(files, f, p->flags & O_CLOEXEC, &fd);
	rcu_read_unlock();
	if (unlikely(!installed))
		return install_elsewhere(files, f, p->flags & O_CLOEXEC, mode);
	return (int)fd;
}

/*
 * from: where walk_hit has stopped, inside its read section, which is ended here; or NULL.
 * Context: may sleep with ALLOC_WAIT, unless it is a cached walk.
 */
static __noinline int open_fd_general(const struct walk_start *start,
	const struct open_params *params, bool nonblock_open, enum alloc_mode mode,
	const struct walk_hit *from)
{
	struct files *files = current_files();
	bool cloexec = params->flags & O_CLOEXEC;
	bool cached = (start->flags | params->walk_flags) & WALK_CACHED;
	struct file *f;
	int fd = fd_reserve(files, 0, cloexec, ALLOC_NOWAIT);

	if (unlikely(fd < 0)) {
		if (from)
			rcu_read_unlock();
		from = NULL;
		if (fd == -EAGAIN && mode == ALLOC_WAIT)
			fd = fd_reserve(files, 0, cloexec, ALLOC_WAIT);
		if (fd < 0)
			return fd;
	}
	if (cached)
		nonblock_begin();
	f = open_from(start, params, nonblock_open, from);
	if (cached)
		nonblock_end();
	if (IS_ERR(f)) {
		fd_unreserve(files, fd);
		return (int)PTR_ERR(f);
	}
	fd_install(files, fd, f);
	return fd;
}

/*
 * The whole common case: fd or -errno, or OPEN_NOT_HIT, with what walk_hit has answered in *stopped.
 * Context: nobody logs or traces the walk.
 */
static __always_inline int open_fd_hit(int dirfd, const char *name,
	const struct open_params *params, enum alloc_mode mode, struct walk_hit *hit, int *stopped)
{
	struct files *files = current_files();

	*stopped = WALK_HIT_NOT_MINE;
	if (unlikely(!params->plain))
		return OPEN_NOT_HIT;
	*stopped = walk_hit(dirfd, name, hit);
	if (likely(!*stopped))
		return open_hit(files, hit, params, mode);
	return *stopped == -ENOENT && likely(fd_has_room(files)) ? -ENOENT : OPEN_NOT_HIT;
}

/*
 * open_fd_hit for paths that begin at a descriptor, which is read without a reference: out of the way of
 * those that do not.
 */
static __noinline int open_fd_hit_at(const struct walk_start *start,
	const struct open_params *params, enum alloc_mode mode, struct walk_hit *hit, int *stopped)
{
	struct files *files = current_files();
	const char *name = start->name;

	if (!params->plain || *name == '/' || !*name)
		return OPEN_NOT_HIT;
	rcu_read_lock();
	hit->mount_seq = read_seqbegin(&mount_lock);
	*stopped = -ECHILD;
	if (likely(fd_path_rcu(files, start->dirfd, &hit->path))) {
		hit->seq = seqcount_begin_nowait(&hit->path.dentry->seq);
		/* What is no directory is the general walk's to refuse. */
		if (likely(READ_ONCE(hit->path.dentry->flags) & DENTRY_SEARCH_ALL))
			*stopped = walk_run(hit, &name);
	}
	hit->rest = name;
	if (likely(!*stopped))
		return open_hit(files, hit, params, mode);
	if (*stopped < 0)
		rcu_read_unlock();
	return *stopped == -ENOENT && likely(fd_has_room(files)) ? -ENOENT : OPEN_NOT_HIT;
}

/*
 * From where walk_hit has stopped. A cached walk that met a name that is not cached gives up at once,
 * without the walk that would find the same, unless something has to be kept for the next attempt, or
 * there is no descriptor.
 */
static __noinline int open_fd_rest(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, enum alloc_mode mode, struct walk_hit hit, int stopped)
{
	bool cached = (start->flags | params->walk_flags) & WALK_CACHED;

	if (stopped == WALK_HIT_NOT_MINE && start->dirfd != AT_FDCWD) {
		int fd = open_fd_hit_at(start, params, mode, &hit, &stopped);

		if (likely(fd != OPEN_NOT_HIT))
			return fd;
	}
	if (stopped != WALK_RUN_STOPPED && stopped != WALK_RUN_MISSING)
		return open_fd_general(start, params, nonblock_open, mode, NULL);
	if (stopped == WALK_RUN_MISSING && cached && !start->resume &&
		fd_has_room(current_files())) {
		walk_count(WALK_OUT_not_cached);
		rcu_read_unlock();
		return -EAGAIN;
	}
	return open_fd_general(start, params, nonblock_open, mode, &hit);
}

int vfs_open_fd(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, enum alloc_mode mode)
{
	struct walk_hit hit;
	int stopped, fd;

	if (unlikely((start->flags & ~WALK_HIT_FLAGS) || start->log || READ_ONCE(trace_enabled) ||
		     (start->resume && start->resume->valid)))
		return open_fd_general(start, params, nonblock_open, mode, NULL);
	fd = open_fd_hit(start->dirfd, start->name, params, mode, &hit, &stopped);
	if (likely(fd != OPEN_NOT_HIT))
		return fd;
	return open_fd_rest(start, params, nonblock_open, mode, hit, stopped);
}

int vfs_open_fd_cached(int dirfd, const char *name, const struct open_params *params)
{
	struct walk_hit hit;
	int stopped, fd;

	fd = open_fd_hit(dirfd, name, params, ALLOC_NOWAIT, &hit, &stopped);
	if (unlikely(fd == OPEN_NOT_HIT)) {
		const struct walk_start start = {
			.dirfd = dirfd, .flags = WALK_CACHED, .name = name};

		return open_fd_rest(&start, params, true, ALLOC_NOWAIT, hit, stopped);
	}
	return fd;
}

/* ---- System calls ---- */

static long open_user(int dirfd, const char __user *path, const struct open_how *how)
{
	struct walk_start start = {.dirfd = dirfd};
	struct open_params params;
	struct path_name name;
	int err = open_params_from_how(how, &params);

	if (err)
		return err;
	err = path_name_copy(&name, path, false, ALLOC_WAIT);
	if (err)
		return err;
	start.name = name.name;
	err = vfs_open_fd(&start, &params, params.walk_flags & WALK_CACHED, ALLOC_WAIT);
	path_name_release(&name);
	return err;
}

SYSCALL4(openat, int, dirfd, const char __user *, path, u32, flags, u32, mode)
{
	struct open_how how;

	open_how_from_openat(flags, mode, &how);
	return open_user(dirfd, path, &how);
}

SYSCALL3(open, const char __user *, path, u32, flags, u32, mode)
{
	struct open_how how;

	open_how_from_openat(flags, mode, &how);
	return open_user(AT_FDCWD, path, &how);
}

SYSCALL2(creat, const char __user *, path, u32, mode)
{
	struct open_how how;

	open_how_from_openat(O_CREAT | O_WRONLY | O_TRUNC, mode, &how);
	return open_user(AT_FDCWD, path, &how);
}

SYSCALL4(openat2, int, dirfd, const char __user *, path, const void __user *, how, size_t, size)
{
	struct open_how copy;
	int err = open_how_copy(&copy, how, size);

	return err ? err : open_user(dirfd, path, &copy);
}

SYSCALL1(close, int, fd)
{
	return fd_close(current_files(), fd);
}
