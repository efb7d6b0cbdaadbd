/*
 * Opening into a descriptor: what openat(2), openat2(2) and the ring's OPENAT all come to.
 *
 *   vfs_open_fd -> walk_hit, open_hit    everything cached and nothing special: one read section from the
 *                                        first component to the descriptor, no calls, no struct walk
 *               -> open_fd_general       anything else: reserve a descriptor, open_from, install it; the
 *                                        walk goes on where walk_hit stopped
 *
 * The order of errors is that of a reservation before the walk: EMFILE hides what the walk would say.
 * The common case gets the same by looking whether there is room before it answers ENOENT.
 */
#include "vfs/fdtable.h"
#include "vfs/file_internal.h"
#include "vfs/walk_hit.h"
#include "vfs/walk_state.h"

#include "kernel/syscall.h"
#include "kernel/uaccess.h"

/* Flags with which open_hit may be tried: reading, nothing created, cut or looked at sideways. */
#define OPEN_HIT_FLAGS (O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW | O_NOCTTY)

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

/* open_hit: nothing has been done, go the general way from the start. */
#define OPEN_HIT_LOST (-ECHILD)

/*
 * The same steps as open_attempt, at the end of the common walk: fd, -errno of the descriptor table, or
 * OPEN_HIT_LOST. Context: walk_hit's read section, which is ended here.
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
		return OPEN_HIT_LOST;
	}
	f = slab_take_local(file_cache);
	if (unlikely(!f)) {
		path_put_nosleep(&hit->path);
		rcu_read_unlock();
		return OPEN_HIT_LOST;
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
 * walk_hit has stopped at from (err says why). A cached walk that met a name that is not cached gives up at
 * once, without the walk that would find the same, unless something has to be kept for the next
 * attempt, or there is no descriptor.
 */
static __noinline int open_fd_stopped(const struct walk_start *start,
	const struct open_params *params, bool nonblock_open, enum alloc_mode mode,
	const struct walk_hit *from, int err)
{
	bool cached = (start->flags | params->walk_flags) & WALK_CACHED;

	if (err == WALK_RUN_MISSING && cached && !start->resume && fd_has_room(current_files())) {
		walk_count(WALK_OUT_not_cached);
		rcu_read_unlock();
		return -EAGAIN;
	}
	return open_fd_general(start, params, nonblock_open, mode, from);
}

int vfs_open_fd(const struct walk_start *start, const struct open_params *params,
	bool nonblock_open, enum alloc_mode mode)
{
	struct files *files = current_files();
	struct walk_hit hit;
	int err = WALK_HIT_NOT_MINE, fd;

	if (likely(!(params->flags & ~OPEN_HIT_FLAGS)))
		err = walk_hit(start, start->flags | params->walk_flags, &hit);
	if (likely(!err)) {
		fd = open_hit(files, &hit, params, mode);
		if (likely(fd != OPEN_HIT_LOST))
			return fd;
	} else if (err == -ENOENT) {
		if (likely(fd_has_room(files)))
			return -ENOENT;
	} else if (err == WALK_RUN_STOPPED || err == WALK_RUN_MISSING) {
		struct walk_hit from =
			hit; /* its address leaves here: hit itself stays in registers */

		return open_fd_stopped(start, params, nonblock_open, mode, &from, err);
	}
	return open_fd_general(start, params, nonblock_open, mode, NULL);
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
