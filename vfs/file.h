/*
 * Open files and descriptor tables.
 *
 * struct file lies in a type-stable cache: an RCU reader that finds one in a table takes a reference
 * with file_get_fd, which re-checks that the slot still holds it. close() finishes the release before
 * it returns (DESIGN 6).
 *
 * Locking: files->lock (RANK_FDTABLE) for changes of a table; readers are under RCU. file->pos_lock
 * for the position of regular files and directories.
 */
#pragma once

#include "abi/fcntl.h"
#include "kernel/mutex.h"
#include "kernel/process.h"
#include "kernel/rcu.h"
#include "vfs/mount.h"

struct file;
struct files; /* private to vfs/fdtable.c */

/* Where getdents puts entries: emit returns false when the buffer is full. */
struct dir_context {
	u64 pos; /* the file system's own cookie; stable across calls */
	/* Entries of this call so far. An error counts only when there are none: a file system that wants
	 * to go on behind a damaged place must not step over it before. */
	u32 emitted;
	bool (*emit)(struct dir_context *c, const char *name, u32 len, u64 ino, unsigned d_type);
};

struct file_ops {
	/* After the file is set up; may refuse (-ENXIO, ...). NULL: nothing to do. */
	int (*open)(struct inode *inode, struct file *f);
	void (*release)(struct file *f);
	/* Bytes or -errno; *pos is advanced. buf is program memory. With FILE_CALL_NOWAIT in call_flags:
	 * -EAGAIN instead of sleeping. */
	ssize (*read)(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags);
	ssize (*write)(
		struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags);
	/* Emit entries from c->pos on; "." and ".." are the vfs' (positions 0 and 1; the file system's
	 * begin at 2). inode rwsem held shared. May sleep. */
	int (*iterate)(struct file *f, struct dir_context *c);
	s64 (*seek)(struct file *f, s64 offset, int whence);
	long (*ioctl)(struct file *f, unsigned command, u64 argument);
	/* Memory shown to the program (rings): returns the address or -errno. */
	s64 (*mmap)(struct file *f, u64 offset, u64 length, unsigned prot);
	int (*fsync)(struct file *f, bool data_only);
	/* open() may block for an event outside (FIFO): the ring never opens it inline or bounded. */
	bool open_may_block;
	bool no_seek;
};
#define FILE_CALL_NOWAIT 1u

/* file->mode bits */
#define FILE_READ      0x01u
#define FILE_WRITE     0x02u
#define FILE_PATH_ONLY 0x04u /* O_PATH */
#define FILE_SEEKABLE  0x08u
#define FILE_OPENED    0x10u /* ->open succeeded: ->release is due at the end */

struct readahead {
	u64 next;   /* page index that continues the stream */
	u32 window; /* pages */
};

struct file {
	u32 refs;	/* atomic; 0: free (type-stable memory) */
	u32 mode;	/* FILE_* */
	u32 flags;	/* O_*; F_SETFL under pos_lock */
	u32 generation; /* counts the lives of this piece of memory; see fd_path_rcu */
	const struct file_ops *ops;
	struct inode *inode; /* path.dentry's at open time; pinned by the dentry */
	struct path path;
	union {
		u64 pos;		    /* pos_lock */
		struct file *deferred_next; /* after the last reference; file.c */
	};
	void *private_data;
	struct readahead ra;   /* hints, racy */
	struct mutex pos_lock; /* set up once by the cache's constructor */
};

/*
 * A file on path (its references pass to the file on success), refs 1, ops from the inode, not yet
 * opened. NULL: no memory. Context: sleeps only with ALLOC_WAIT.
 */
struct file *file_alloc(
	const struct path *path, struct inode *inode, u32 open_flags, enum alloc_mode mode);
/*
 * A file with no place in any tree, like a ring's: ops and private_data are the caller's, name is what
 * /proc/self/fd shows, mode (S_IFMT and permissions) what fstat says; files of one name share it. refs 1,
 * not yet behind a descriptor. NULL: no memory. May sleep.
 */
struct file *file_alloc_anon(
	const char *name, u32 mode, const struct file_ops *ops, void *private_data, u32 open_flags);
/* Run ->open (O_PATH files have none). 0 or its -errno; only after success will ->release run. */
static inline int file_open(struct file *f)
{
	int error = f->ops->open ? f->ops->open(f->inode, f) : 0;

	if (likely(!error))
		f->mode |= FILE_OPENED;
	return error;
}
/* One more reference. */
static inline void file_get(struct file *f)
{
	atomic_add(&f->refs, 1u);
}
/* Drop one; the last runs ->release and drops the path, synchronously. May sleep. */
void file_put(struct file *f);
/* The same where sleeping is not allowed: a last reference is dropped later by a kernel thread. */
void file_put_nosleep(struct file *f);
/* Files open in the whole system. */
u64 file_count(void);

/* ---- Descriptor tables ---- */

/* Take the lowest free descriptor >= min. fd, -EMFILE, -ENOMEM; with ALLOC_NOWAIT -EAGAIN when the table
 * must grow and memory for that would have to be waited for. */
int fd_reserve(struct files *files, u32 min, bool cloexec, enum alloc_mode mode);
/* Put f (reference consumed) behind a reserved descriptor; from now on others see it. */
void fd_install(struct files *files, int fd, struct file *f);
/* Give a reserved descriptor back that was not installed. */
void fd_unreserve(struct files *files, int fd);
/* The file behind fd with a reference, or NULL (-EBADF). O_PATH files too: see FILE_PATH_ONLY. */
struct file *file_get_fd(struct files *files, int fd);
/*
 * The same without a reference. Context: RCU read section, until whose end the memory stays a struct
 * file; but when others may close fd meanwhile, it may become another file. See fd_path_rcu.
 */
struct file *file_lookup_fd_rcu(struct files *files, int fd);
/*
 * The path of the file behind fd, without a reference, consistent even when fd is closed meanwhile.
 * False: -EBADF. Context: RCU read section; what *out points to is valid until it ends.
 */
bool fd_path_rcu(struct files *files, int fd, struct path *out);
/* Take f out of the table; returns it with the table's reference (the caller puts), NULL: -EBADF. */
struct file *fd_remove(struct files *files, int fd);
/* close(2) with a finished release: 0 or -EBADF. */
int fd_close(struct files *files, int fd);
/*
 * The same inside a nonblocking attempt: closes what can be closed without sleeping, which is every file
 * without a ->release of its own. -EAGAIN: that is not so; the descriptor is untouched.
 */
int fd_close_nosleep(struct files *files, int fd);
/* Put f (reference consumed on success) behind fd, closing what was there, as dup2 does: fd, -EBADF
 * (beyond the limit), -EBUSY (reserved by an open under way), -ENOMEM. May sleep. */
int fd_replace(struct files *files, u32 fd, struct file *f, bool cloexec);
/* The close-on-exec mark: 0 or 1 / 0, or -EBADF. Never sleep. */
int fd_get_cloexec(struct files *files, u32 fd);
int fd_set_cloexec(struct files *files, u32 fd, bool cloexec);
/* fn for each open descriptor; under the table's lock, may not sleep. */
void fd_for_each(struct files *files, void (*fn)(int fd, struct file *f, void *arg), void *arg);
static inline struct files *current_files(void)
{
	return current->process->files;
}

/* ---- Root and working directory, one per process ---- */

struct fs_context {
	struct spinlock lock;
	struct seqcount seq;   /* root and pwd change under it; RCU walks sample it */
	struct path root, pwd; /* guarded by lock + seq; referenced */
	u32 umask;
};

/* For threads without a process; root and pwd are the first mount's. */
extern struct fs_context kernel_fs;

static inline struct fs_context *current_fs(void)
{
	struct process *p = current->process;

	return likely(p) ? p->fs : &kernel_fs;
}
void fs_context_get_pwd(struct fs_context *fs, struct path *out);
void fs_context_get_root(struct fs_context *fs, struct path *out);

void file_init(void);
