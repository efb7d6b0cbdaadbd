/*
 * System calls on names: making, linking, renaming and removing entries, opening what is to be created, and
 * reading links and attributes; what each refuses, and in which order. The answers are Linux's.
 */
#include "tests/host/world.h"

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2

syscall_fn sys_mkdir, sys_rmdir, sys_unlink, sys_unlinkat, sys_link, sys_linkat, sys_symlink,
	sys_symlinkat, sys_rename, sys_renameat, sys_renameat2, sys_readlink, sys_readlinkat,
	sys_newfstatat, sys_statx, sys_statfs, sys_fstatfs, sys_stat, sys_lstat, sys_openat2,
	sys_open, sys_creat, sys_chdir, sys_mount, sys_umount2, sys_setresuid, sys_chmod,
	sys_access, sys_fstat, sys_close_range;

static char buffer[4200];

KTEST(entries_are_made_and_linked)
{
	struct stat st;

	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/e", 0755), CALL(0, mkdir, "/e/dir/", 0755),
		CALL(-EEXIST, mkdir, "/e/dir", 0755), CALL(-EEXIST, mkdir, "/", 0755),
		CALL(-EEXIST, mkdir, "/e/.", 0755), CALL(-EEXIST, mkdir, "/e/..", 0755),
		CALL(-ENOENT, mkdir, "", 0755), CALL(-ENOTDIR, mkdir, "/file/x", 0755),
		CALL(-ENOENT, symlink, "", "/e/link"), CALL(-EFAULT, symlink, BAD, "/e/link"),
		CALL(0, symlink, "dir", "/e/link"), CALL(-EEXIST, symlink, "x", "/e/link"),
		CALL(-ENOENT, symlink, "x", "/e/none/"), CALL(0, link, "/file", "/e/hard"),
		CALL(-EEXIST, link, "/file", "/e/hard"), CALL(-EPERM, link, "/e/dir", "/e/two"),
		CALL(-ENOENT, link, "/none", "/e/two"),
		CALL(-EINVAL, linkat, AT_FDCWD, "/file", AT_FDCWD, "/e/two", 1),
		CALL(0, linkat, AT_FDCWD, "/e/link", AT_FDCWD, "/e/second-link", 0),
		CALL(-EPERM, linkat, AT_FDCWD, "/e/link", AT_FDCWD, "/e/two", AT_SYMLINK_FOLLOW));
	long fd = SYS(openat, AT_FDCWD, "/file", O_RDONLY);

	MAKE_CALLS(CALL(0, linkat, fd, "", AT_FDCWD, "/e/third", AT_EMPTY_PATH),
		CALL(-ENOENT, linkat, fd, "", AT_FDCWD, "/e/fourth", 0), CALL(0, fstat, fd, &st),
		CALL(0, close, fd));
	KT_EQ(st.st_nlink, 3);
}

KTEST(entries_are_removed)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/r", 0755), CALL(0, mkdir, "/r/dir", 0755),
		CALL(0, mkdir, "/r/dir/sub", 0755));
	make_file("/r/file");
	MAKE_CALLS(CALL(-ENOTEMPTY, rmdir, "/r/dir"), CALL(-EINVAL, rmdir, "/r/dir/."),
		CALL(-ENOTEMPTY, rmdir, "/r/dir/.."), CALL(-EBUSY, rmdir, "/"),
		CALL(-ENOTDIR, rmdir, "/r/file"), CALL(-ENOENT, rmdir, "/r/none"),
		CALL(-EISDIR, unlink, "/r/dir"), CALL(-EISDIR, unlink, "/r/dir/"),
		CALL(-ENOTDIR, unlink, "/r/file/"), CALL(-EISDIR, unlink, "/r/."),
		CALL(-EISDIR, unlink, "/"), CALL(-ENOENT, unlink, "/r/none"),
		CALL(-EINVAL, unlinkat, AT_FDCWD, "/r/file", 1), CALL(-EFAULT, unlink, BAD),
		CALL(0, unlinkat, AT_FDCWD, "/r/dir/sub", AT_REMOVEDIR), CALL(0, rmdir, "/r/dir/"),
		CALL(0, unlink, "/r/file"), CALL(0, rmdir, "/r"));
}

KTEST(entries_are_renamed)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/n", 0755), CALL(0, mkdir, "/n/a", 0755),
		CALL(0, mkdir, "/n/a/b", 0755), CALL(0, mkdir, "/n/empty", 0755),
		CALL(0, mkdir, "/n/full", 0755), CALL(0, mkdir, "/n/full/x", 0755));
	make_file("/n/f");
	make_file("/n/g");
	MAKE_CALLS(CALL(-EINVAL, rename, "/n/a", "/n/a/b/c"),
		CALL(-ENOTEMPTY, rename, "/n/a/b", "/n/a"),
		CALL(-EINVAL, renameat2, AT_FDCWD, "/n/a/b", AT_FDCWD, "/n/a", RENAME_EXCHANGE),
		CALL(-EINVAL, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/g",
			RENAME_EXCHANGE | RENAME_NOREPLACE),
		CALL(-EINVAL, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/g", 1 << 10),
		CALL(-EEXIST, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/g", RENAME_NOREPLACE),
		CALL(-EEXIST, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/..", RENAME_NOREPLACE),
		CALL(-ENOENT, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/none", RENAME_EXCHANGE),
		CALL(-ENOENT, rename, "/n/none", "/n/x"), CALL(-EBUSY, rename, "/n/.", "/n/x"),
		CALL(-EBUSY, rename, "/n/f", "/n/.."), CALL(-ENOTDIR, rename, "/n/f/", "/n/x"),
		CALL(-ENOTDIR, rename, "/n/f", "/n/x/"), CALL(-ENOTDIR, rename, "/n/a", "/n/f"),
		CALL(-EISDIR, rename, "/n/f", "/n/empty"),
		CALL(-ENOTEMPTY, rename, "/n/a", "/n/full"),
		CALL(-ENOTDIR, renameat2, AT_FDCWD, "/n/a", AT_FDCWD, "/n/f/", RENAME_EXCHANGE),
		CALL(-EFAULT, rename, BAD, "/n/x"), CALL(-EFAULT, rename, "/n/f", BAD),
		CALL(-ENOTDIR, renameat, AT_FDCWD, "/n/f", AT_FDCWD, "/n/g/x"),
		CALL(0, renameat, AT_FDCWD, "/n/a", AT_FDCWD, "/n/empty"),
		CALL(0, renameat2, AT_FDCWD, "/n/f", AT_FDCWD, "/n/empty/b", RENAME_EXCHANGE),
		CALL(0, access, "/n/f/.", 0), CALL(-ENOTDIR, access, "/n/empty/b/.", 0),
		CALL(0, renameat2, AT_FDCWD, "/n/g", AT_FDCWD, "/n/h", RENAME_NOREPLACE),
		CALL(0, rename, "/n/h", "/n/h"), CALL(0, link, "/n/h", "/n/i"),
		CALL(0, rename, "/n/h", "/n/i"), CALL(0, access, "/n/h", 0));
}

/* A directory whose name is gone takes no entries any more, whoever stands in it. */
KTEST(entries_in_a_removed_directory)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/away", 0755), CALL(0, chdir, "/away"), CALL(0, rmdir, "/away"),
		CALL(-ENOENT, openat, AT_FDCWD, "new", O_CREAT | O_RDWR, 0644),
		CALL(-ENOENT, mkdir, "new", 0755), CALL(-ENOENT, symlink, "x", "new"),
		CALL(-ENOENT, link, "/file", "new"), CALL(-ENOENT, rename, "/file", "new"),
		CALL(-ENOENT, unlink, "new"), CALL(-ENOENT, rmdir, "new"), CALL(0, chdir, "/"));
}

KTEST(entries_are_opened_or_created)
{
	struct open_how how = {.flags = O_CREAT | O_RDWR, .mode = 0644};
	long fd;

	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/o", 0755), CALL(0, symlink, "made", "/o/to-made"),
		CALL(0, symlink, "/o", "/o/to-dir"), CALL(0, symlink, "/", "/o/to-root"));
	fd = SYS(creat, "/o/to-made", 0600); /* through the link */
	KT_CHECK(fd >= 0);
	MAKE_CALLS(CALL(0, close, fd), CALL(0, access, "/o/made", 0),
		CALL(-EEXIST, open, "/o/to-made", O_CREAT | O_EXCL | O_RDWR, 0600),
		CALL(-EEXIST, open, "/o/made", O_CREAT | O_EXCL | O_RDWR, 0600),
		CALL(-ELOOP, open, "/o/to-made", O_CREAT | O_NOFOLLOW | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o/.", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o/..", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o/to-root", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o/to-dir", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o/new/", O_CREAT | O_RDWR, 0600),
		CALL(-EEXIST, open, "/", O_CREAT | O_EXCL | O_RDWR, 0600),
		CALL(-EEXIST, open, "/o/.", O_CREAT | O_EXCL | O_RDWR, 0600),
		CALL(-EINVAL, open, "/o", O_CREAT | O_DIRECTORY, 0600),
		CALL(-ENOENT, open, "/o/none/x", O_CREAT | O_RDWR, 0600),
		CALL(-ENOTDIR, open, "/o/made/x", O_CREAT | O_RDWR, 0600),
		CALL(-EISDIR, open, "/o", O_RDWR, 0),
		CALL(-ENOTDIR, open, "/o/made", O_DIRECTORY, 0),
		CALL(-ENOTDIR, open, "/o/made/", O_RDONLY, 0),
		CALL(-EFAULT, openat2, AT_FDCWD, "/o/made", BAD, sizeof(how)),
		CALL(-EINVAL, openat2, AT_FDCWD, "/o/made", &how, 8),
		CALL(-EINVAL, open, "/o", O_TMPFILE | O_RDONLY, 0600),
		CALL(-ENOTDIR, open, "/o/made", O_TMPFILE | O_RDWR, 0600),
		CALL(-EOPNOTSUPP, open, "/dev", O_TMPFILE | O_RDWR, 0600));
	fd = SYS(open, "/o", O_TMPFILE | O_RDWR, 0600);
	KT_CHECK(fd >= 0);
	MAKE_CALLS(CALL(0, close, fd), CALL(0, setresuid, 7, 7, 7),
		CALL(-EACCES, open, "/o/theirs", O_CREAT | O_RDWR, 0600),
		CALL(-EACCES, open, "/o", O_TMPFILE | O_RDWR, 0600),
		CALL(-EACCES, open, "/o/made", O_RDWR, 0), CALL(-EACCES, creat, "/o/made", 0600));
}

KTEST(entries_on_a_read_only_mount)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/read-only", 0755),
		CALL(0, mount, "t", "/read-only", "tmpfs", 1, NULL),
		CALL(-EROFS, open, "/read-only/x", O_CREAT | O_RDWR, 0600),
		CALL(-EROFS, open, "/read-only", O_TMPFILE | O_RDWR, 0600),
		CALL(-EROFS, mkdir, "/read-only/x", 0755),
		CALL(-EROFS, symlink, "x", "/read-only/x"), CALL(-EROFS, unlink, "/read-only/x"),
		CALL(-EROFS, chmod, "/read-only", 0700), CALL(-EROFS, access, "/read-only", 2),
		CALL(-EROFS, rename, "/read-only/x", "/read-only/y"),
		CALL(0, umount2, "/read-only", 0), CALL(0, rmdir, "/read-only"));
}

KTEST(entries_tell_what_they_are)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/t", 0755), CALL(0, symlink, "a-body", "/t/link"),
		CALL(6, readlink, "/t/link", buffer, 100), CALL(3, readlink, "/t/link", buffer, 3),
		CALL(-EINVAL, readlink, "/t/link", buffer, 0),
		CALL(-EINVAL, readlink, "/t/link", buffer, -1),
		CALL(-EINVAL, readlink, "/t", buffer, 9),
		CALL(-EFAULT, readlink, "/t/link", BAD, 9),
		CALL(-ENOENT, readlink, "/none", buffer, 9));
	long link = SYS(open, "/t/link", O_PATH | O_NOFOLLOW, 0),
	     file = SYS(open, "/file", O_RDONLY, 0);

	MAKE_CALLS(CALL(6, readlinkat, link, "", buffer, 9),
		CALL(-ENOENT, readlinkat, file, "", buffer, 9),
		CALL(0, newfstatat, link, "", buffer, AT_EMPTY_PATH),
		CALL(-EINVAL, newfstatat, link, "", buffer, 1),
		CALL(-EFAULT, newfstatat, AT_FDCWD, "/t", BAD, 0),
		CALL(-ENOENT, stat, "/none", buffer), CALL(-ENOENT, stat, "/t/link", buffer),
		CALL(0, lstat, "/t/link", buffer),
		CALL(0, statx, AT_FDCWD, "/t", 0, STATX_BASIC_STATS, buffer),
		CALL(-EINVAL, statx, AT_FDCWD, "/t", 1, STATX_BASIC_STATS, buffer),
		CALL(-EINVAL, statx, AT_FDCWD, "/t", AT_STATX_SYNC_TYPE, 0, buffer),
		CALL(-EINVAL, statx, AT_FDCWD, "/t", 0, 1u << 31, buffer),
		CALL(-ENOENT, statx, AT_FDCWD, "/none", 0, 0, buffer),
		CALL(-EFAULT, statx, AT_FDCWD, "/t", 0, 0, BAD), CALL(0, statfs, "/t", buffer),
		CALL(-ENOENT, statfs, "/none", buffer), CALL(-EFAULT, statfs, "/t", BAD),
		CALL(0, fstatfs, file, buffer), CALL(-EFAULT, fstatfs, file, BAD),
		CALL(0, statfs, "/dev", buffer), CALL(0, close_range, 0, ~0u, 0));
}
