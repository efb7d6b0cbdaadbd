/*
 * Ready-made operations for file systems, and the reading and writing of open files for those who are
 * not system calls (the ring).
 */
#pragma once

#include "vfs/file.h"
#include "vfs/inode.h"

/*
 * Read or write f as read(2), write(2), pread64 and pwrite64 do. pos NULL: the file's own position (under
 * pos_lock). Bytes, or -EBADF, -EISDIR, -EINVAL, -ESPIPE and what the file says. With FILE_CALL_NOWAIT:
 * -EAGAIN instead of sleeping.
 */
ssize vfs_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags);
ssize vfs_write(struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags);

/* As fsync(2), or fdatasync(2): 0, -EBADF for a path only, -EINVAL where nothing is stored. May sleep. */
int vfs_fsync(struct file *f, bool data_only);

/* file_ops->read for regular files with pages in inode->mapping, with readahead. A mapping without ops
 * (memory only) has holes where no page is. */
ssize generic_file_read(
	struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags);
/* file_ops->write for memory-only mappings. Takes inode->rwsem. */
ssize memory_file_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags);
/* inode_ops->truncate for memory-only mappings. Context: inode->rwsem held for writing. */
int memory_truncate(struct inode *inode, u64 size);
/* Largest file a memory-only mapping may have. */
#define MEMORY_FILE_MAX (1ull << 43)

/* ---- Start-up ---- */

/* Mount devfs at /dev; after the root. 0 or -errno. */
int devfs_start(void);
/* Let go of it. Context: no process, no file; may sleep. */
void devfs_stop(void);
void devfs_init(void);
/* Process hooks of vfs. */
void fs_context_init(void);
