/* System calls on names: status, links, directories, ownership, mounts. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "internal.h"

int stat(const char *path, struct stat *st)
{
	return fstatat(AT_FDCWD, path, st, 0);
}

int lstat(const char *path, struct stat *st)
{
	return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *st)
{
	return (int)SYS2(__NR_fstat, fd, st);
}

int fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return (int)SYS4(__NR_newfstatat, dirfd, path, st, flags);
}

int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *stx)
{
	return (int)SYS5(__NR_statx, dirfd, path, flags, mask, stx);
}

int statfs(const char *path, struct statfs *st)
{
	return (int)SYS2(__NR_statfs, path, st);
}

int fstatfs(int fd, struct statfs *st)
{
	return (int)SYS2(__NR_fstatfs, fd, st);
}

static int statvfs_from(int result, const struct statfs *from, struct statvfs *to)
{
	if (result != 0)
		return result;
	*to = (struct statvfs){
		.f_bsize = (unsigned long)from->f_bsize,
		.f_frsize = (unsigned long)(from->f_frsize ? from->f_frsize : from->f_bsize),
		.f_blocks = from->f_blocks,
		.f_bfree = from->f_bfree,
		.f_bavail = from->f_bavail,
		.f_files = from->f_files,
		.f_ffree = from->f_ffree,
		.f_favail = from->f_ffree,
		.f_fsid = (unsigned int)from->f_fsid.__val[0],
		.f_flag = (unsigned long)from->f_flags,
		.f_namemax = (unsigned long)from->f_namelen,
	};
	return 0;
}

int statvfs(const char *path, struct statvfs *st)
{
	struct statfs fs;

	return statvfs_from(statfs(path, &fs), &fs, st);
}

int fstatvfs(int fd, struct statvfs *st)
{
	struct statfs fs;

	return statvfs_from(fstatfs(fd, &fs), &fs, st);
}

int access(const char *path, int mode)
{
	return (int)SYS3(__NR_faccessat, AT_FDCWD, path, mode);
}

/* faccessat(2) knows no flags; faccessat2(2) does. */
int faccessat(int dirfd, const char *path, int mode, int flags)
{
	if (flags == 0)
		return (int)SYS3(__NR_faccessat, dirfd, path, mode);
	return (int)SYS4(__NR_faccessat2, dirfd, path, mode, flags);
}

int eaccess(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

int euidaccess(const char *path, int mode)
{
	return eaccess(path, mode);
}

ssize_t readlink(const char *path, char *buf, size_t size)
{
	return readlinkat(AT_FDCWD, path, buf, size);
}

ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t size)
{
	return SYS4(__NR_readlinkat, dirfd, path, buf, size);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
	return (int)SYS3(__NR_mkdirat, dirfd, path, mode);
}

int mknod(const char *path, mode_t mode, dev_t dev)
{
	return mknodat(AT_FDCWD, path, mode, dev);
}

int mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
	return (int)SYS4(__NR_mknodat, dirfd, path, mode, dev);
}

int mkfifo(const char *path, mode_t mode)
{
	return mkfifoat(AT_FDCWD, path, mode);
}

int mkfifoat(int dirfd, const char *path, mode_t mode)
{
	return mknodat(dirfd, path, S_IFIFO | (mode & ~S_IFMT), 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int unlinkat(int dirfd, const char *path, int flags)
{
	return (int)SYS3(__NR_unlinkat, dirfd, path, flags);
}

int renameat(int olddir, const char *old, int newdir, const char *new)
{
	return renameat2(olddir, old, newdir, new, 0);
}

int renameat2(int olddir, const char *old, int newdir, const char *new, unsigned int flags)
{
	return (int)SYS5(__NR_renameat2, olddir, old, newdir, new, flags);
}

int link(const char *old, const char *new)
{
	return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int linkat(int olddir, const char *old, int newdir, const char *new, int flags)
{
	return (int)SYS5(__NR_linkat, olddir, old, newdir, new, flags);
}

int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

int symlinkat(const char *target, int dirfd, const char *path)
{
	return (int)SYS3(__NR_symlinkat, target, dirfd, path);
}

int truncate(const char *path, off_t length)
{
	return (int)SYS2(__NR_truncate, path, length);
}

int chdir(const char *path)
{
	return (int)SYS1(__NR_chdir, path);
}

int fchdir(int fd)
{
	return (int)SYS1(__NR_fchdir, fd);
}

int chroot(const char *path)
{
	return (int)SYS1(__NR_chroot, path);
}

/* With buf NULL the result is allocated: size bytes, or as many as it needs when size is 0. */
char *getcwd(char *buf, size_t size)
{
	char path[PATH_MAX];
	char *to = buf != NULL ? buf : path;
	size_t room = buf != NULL ? size : sizeof(path);
	long len = SYS2(__NR_getcwd, to, room);

	if (len < 0)
		return NULL;
	if (to[0] != '/') { /* the directory is outside the root */
		errno = ENOENT;
		return NULL;
	}
	if (buf != NULL)
		return buf;
	if (size != 0 && (size_t)len > size) {
		errno = ERANGE;
		return NULL;
	}
	buf = malloc(size != 0 ? size : (size_t)len);
	return buf != NULL ? strcpy(buf, path) : NULL;
}

char *get_current_dir_name(void)
{
	return getcwd(NULL, 0);
}

/* The absolute name without links: opened, and read back from the kernel. */
char *realpath(const char *path, char *resolved)
{
	char link[32], name[PATH_MAX];
	ssize_t len;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof(name) - 1);
	close(fd);
	if (len < 0)
		return NULL;
	name[len] = '\0';
	return resolved != NULL ? strcpy(resolved, name) : strdup(name);
}

int chmod(const char *path, mode_t mode)
{
	return (int)SYS3(__NR_fchmodat, AT_FDCWD, path, mode);
}

int fchmod(int fd, mode_t mode)
{
	return (int)SYS2(__NR_fchmod, fd, mode);
}

int fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
	if (flags != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)SYS3(__NR_fchmodat, dirfd, path, mode);
}

mode_t umask(mode_t mask)
{
	return (mode_t)RAW1(__NR_umask, mask);
}

int chown(const char *path, uid_t uid, gid_t gid)
{
	return fchownat(AT_FDCWD, path, uid, gid, 0);
}

int lchown(const char *path, uid_t uid, gid_t gid)
{
	return fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	return (int)SYS3(__NR_fchown, fd, uid, gid);
}

int fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags)
{
	return (int)SYS5(__NR_fchownat, dirfd, path, uid, gid, flags);
}

int utimensat(int dirfd, const char *path, const struct timespec times[2], int flags)
{
	return (int)SYS4(__NR_utimensat, dirfd, path, times, flags);
}

int futimens(int fd, const struct timespec times[2])
{
	return utimensat(fd, NULL, times, 0);
}

int utimes(const char *path, const struct timeval *tv)
{
	struct timespec ts[2];

	if (tv == NULL)
		return utimensat(AT_FDCWD, path, NULL, 0);
	for (int i = 0; i < 2; i++) {
		ts[i].tv_sec = tv[i].tv_sec;
		ts[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return utimensat(AT_FDCWD, path, ts, 0);
}

int utime(const char *path, const struct utimbuf *t)
{
	struct timespec ts[2] = {{t != NULL ? t->actime : 0, 0}, {t != NULL ? t->modtime : 0, 0}};

	return utimensat(AT_FDCWD, path, t != NULL ? ts : NULL, 0);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	return (int)SYS5(__NR_mount, source, target, type, flags, data);
}

int umount(const char *target)
{
	return umount2(target, 0);
}

int umount2(const char *target, int flags)
{
	return (int)SYS2(__NR_umount2, target, flags);
}
