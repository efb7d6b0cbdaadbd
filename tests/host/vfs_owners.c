/*
 * Who may do what: credentials and how they change, and changes of a file's mode, owner, times and size by
 * root, its owner and others. The answers are Linux's.
 */
#include "tests/host/world.h"

#define KEEP	   (-1)
#define UTIME_NOW  ((1ll << 30) - 1)
#define UTIME_OMIT ((1ll << 30) - 2)

syscall_fn sys_getuid, sys_geteuid, sys_getgid, sys_getegid, sys_getresuid, sys_getresgid,
	sys_setresuid, sys_setresgid, sys_setreuid, sys_setregid, sys_setuid, sys_setgid,
	sys_setfsuid, sys_setfsgid, sys_getgroups, sys_setgroups, sys_chmod, sys_fchmod,
	sys_fchmodat, sys_fchmodat2, sys_chown, sys_lchown, sys_fchown, sys_fchownat, sys_utimensat,
	sys_truncate, sys_ftruncate, sys_access, sys_faccessat2, sys_newfstatat, sys_mkdir,
	sys_symlink, sys_mknod, sys_unlink, sys_rmdir, sys_chdir, sys_chroot, sys_fcntl,
	sys_mknodat;

/* Three ids are as they should be. */
static bool ids_are(syscall_fn *get, u32 real, u32 effective, u32 saved)
{
	u32 r, e, s;

	return get((long)&r, (long)&e, (long)&s, 0, 0, 0) == 0 && r == real && e == effective &&
	       s == saved;
}

#define UIDS(r, e, s) KT_CHECK(ids_are(sys_getresuid, r, e, s))
#define GIDS(r, e, s) KT_CHECK(ids_are(sys_getresgid, r, e, s))

KTEST(owners_ids_of_root)
{
	u32 id;

	world_setup();
	UIDS(0, 0, 0);
	MAKE_CALLS(CALL(0, setresgid, 10, 11, 12), CALL(10, getgid), CALL(11, getegid),
		CALL(-EFAULT, getresuid, BAD, &id, &id), CALL(-EFAULT, getresuid, &id, BAD, &id),
		CALL(-EFAULT, getresuid, &id, &id, BAD), CALL(0, setregid, KEEP, KEEP));
	GIDS(10, 11, 12);
	MAKE_CALLS(CALL(0, setregid, 20, KEEP)); /* the saved one follows when the real one moves */
	GIDS(20, 11, 11);
	MAKE_CALLS(CALL(0, setregid, KEEP, 20));
	GIDS(20, 20, 11);
	MAKE_CALLS(CALL(0, setregid, KEEP, 30));
	GIDS(20, 30, 30);
	MAKE_CALLS(CALL(0, setgid, 40), CALL(-EINVAL, setgid, KEEP));
	GIDS(40, 40, 40);
	MAKE_CALLS(CALL(40, setfsgid, 41), CALL(41, setfsgid, KEEP), CALL(41, setfsgid, 41),
		CALL(41, setfsgid, 40), CALL(0, setuid, 50), CALL(50, getuid), CALL(50, geteuid));
	UIDS(50, 50, 50);
}

KTEST(owners_ids_of_somebody)
{
	world_setup();
	MAKE_CALLS(CALL(0, setresgid, 1, 2, 3), CALL(0, setresuid, 1, 2, 3),
		CALL(-EPERM, setresuid, 4, KEEP, KEEP), CALL(-EPERM, setresuid, KEEP, 4, KEEP),
		CALL(-EPERM, setresuid, KEEP, KEEP, 4), CALL(0, setresuid, KEEP, KEEP, KEEP));
	UIDS(1, 2, 3);
	MAKE_CALLS(CALL(-EPERM, setreuid, 3, KEEP), CALL(-EPERM, setreuid, KEEP, 4),
		CALL(0, setreuid, 1, 3)); /* the real one was given: the saved one follows */
	UIDS(1, 3, 3);
	MAKE_CALLS(CALL(0, setreuid, KEEP, 1)); /* the effective one is the real one: it does not */
	UIDS(1, 1, 3);
	MAKE_CALLS(CALL(0, setreuid, KEEP, 3));
	UIDS(1, 3, 3);
	MAKE_CALLS(CALL(0, setreuid, 3, KEEP));
	UIDS(3, 3, 3);
	MAKE_CALLS(CALL(-EPERM, setgid, 4), CALL(0, setgid, 1));
	GIDS(1, 1, 3);
	MAKE_CALLS(CALL(0, setgid, 3), CALL(3, setfsgid, 4), CALL(3, setfsgid, 1),
		CALL(1, setfsgid, 3), CALL(3, setfsuid, 0), CALL(3, setfsuid, KEEP));
	GIDS(1, 3, 3);
}

KTEST(owners_groups)
{
	u32 some[3] = {5, 6, 7}, got[4];

	world_setup();
	MAKE_CALLS(CALL(0, setgroups, 3, some), CALL(3, getgroups, 0, NULL),
		CALL(-EINVAL, getgroups, 2, got), CALL(-EINVAL, getgroups, -1, got),
		CALL(-EFAULT, getgroups, 3, BAD), CALL(3, getgroups, 4, got),
		CALL(-EINVAL, setgroups, 65537, some), CALL(-EFAULT, setgroups, 3, BAD),
		CALL(3, getgroups, 3, got));
	KT_CHECK(memcmp(some, got, sizeof(some)) == 0);
	MAKE_CALLS(CALL(0, setuid, 1), CALL(-EPERM, setgroups, 0, NULL));
}

static u32 mode_of(const char *path)
{
	struct stat st;

	return SYS(newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode : 0;
}

KTEST(owners_change_modes)
{
	u32 groups[] = {8, 9};

	world_setup();
	make_file("/mode");
	int fd = (int)SYS(openat, AT_FDCWD, "/mode", O_RDWR);

	MAKE_CALLS(CALL(0, chown, "/mode", 7, 9), CALL(0, setgroups, 2, groups),
		CALL(0, chmod, "/mode", 06755), CALL(0, setresgid, 8, 8, 8),
		CALL(0, setresuid, 7, 7, 7), CALL(0, fchmod, fd, 02755));
	KT_EQ(mode_of("/mode"), S_IFREG | 02755); /* in the file's group: set-group-id stays */
	MAKE_CALLS(CALL(0, chown, "/mode", 7, 8), CALL(0, fchmodat, AT_FDCWD, "/mode", 06755),
		CALL(0, chown, "/mode", KEEP, KEEP));
	KT_EQ(mode_of("/mode"), S_IFREG | 0755); /* chown drops both */
	MAKE_CALLS(CALL(0, chmod, "/mode", 02644), CALL(0, lchown, "/mode", 7, KEEP));
	KT_EQ(mode_of("/mode"),
		S_IFREG | 02644); /* without execution by the group it is no right */
	MAKE_CALLS(CALL(-EPERM, chown, "/mode", 6, KEEP), CALL(-EPERM, chown, "/mode", KEEP, 10),
		CALL(0, fchown, fd, 7, 9), CALL(-EPERM, chmod, "/file", 0600),
		CALL(-EPERM, chown, "/file", KEEP, 8), CALL(-EPERM, chown, "/file", 7, KEEP),
		CALL(-EPERM, fchownat, AT_FDCWD, "/file", KEEP, 0, 0),
		CALL(-EINVAL, fchownat, AT_FDCWD, "/mode", KEEP, KEEP, 1),
		CALL(-EINVAL, fchmodat2, AT_FDCWD, "/mode", 0600, 1),
		CALL(0, fchmodat2, AT_FDCWD, "/mode", 0640, 0),
		CALL(0, fchmodat2, fd, "", 0600, AT_EMPTY_PATH),
		CALL(-ENOENT, chmod, "/none", 0600), CALL(-EFAULT, chmod, BAD, 0600));
	KT_EQ(mode_of("/mode"), S_IFREG | 0600);
	KT_EQ(SYS(close, fd), 0);
}

KTEST(owners_group_bit_outside_the_group)
{
	world_setup();
	make_file("/outside");
	MAKE_CALLS(CALL(0, chown, "/outside", 7, 99), CALL(0, setresgid, 8, 8, 8),
		CALL(0, setgroups, 0, NULL), CALL(0, setresuid, 7, 7, 7),
		CALL(0, chmod, "/outside", 02755));
	KT_EQ(mode_of("/outside"), S_IFREG | 0755);
}

KTEST(owners_change_times)
{
	struct timespec64 both[] = {{1, 2}, {3, 4}}, bad[] = {{1, -1}, {1, 0}}, none[2], atime[2];
	struct timespec64 large[] = {{1, 0}, {1, 1000000000}}, now[2];
	struct stat st;

	none[0] = none[1] = (struct timespec64){0, UTIME_OMIT};
	now[0] = now[1] = (struct timespec64){0, UTIME_NOW};
	atime[0] = (struct timespec64){9, 9};
	atime[1] = none[0];
	world_setup();
	make_file("/times");
	MAKE_CALLS(CALL(0, symlink, "times", "/times-link"));
	int fd = (int)SYS(openat, AT_FDCWD, "/times", O_RDWR);

	MAKE_CALLS(CALL(0, utimensat, AT_FDCWD, "/times", both, 0),
		CALL(-EFAULT, utimensat, AT_FDCWD, "/times", BAD, 0),
		CALL(-EINVAL, utimensat, AT_FDCWD, "/times", bad, 0),
		CALL(-EINVAL, utimensat, AT_FDCWD, "/times", large, 0),
		CALL(-EINVAL, utimensat, AT_FDCWD, "/times", both, 1),
		CALL(0, utimensat, AT_FDCWD, "/none", none, 0),
		CALL(-ENOENT, utimensat, AT_FDCWD, "/none", both, 0),
		CALL(-EINVAL, utimensat, fd, NULL, both, AT_SYMLINK_NOFOLLOW),
		CALL(-EFAULT, utimensat, AT_FDCWD, NULL, both, 0),
		CALL(0, utimensat, AT_FDCWD, "/times-link", now, AT_SYMLINK_NOFOLLOW),
		CALL(0, newfstatat, AT_FDCWD, "/times", &st, 0));
	KT_EQ(st.st_atim.sec, 1);
	KT_EQ(st.st_atim.nsec, 2);
	KT_EQ(st.st_mtim.sec, 3);
	MAKE_CALLS(CALL(0, utimensat, fd, NULL, atime, 0),
		CALL(0, newfstatat, fd, "", &st, AT_EMPTY_PATH));
	KT_EQ(st.st_atim.sec, 9);
	KT_EQ(st.st_mtim.sec, 3);
	/* "now" is for whoever may write, a time for the owner */
	MAKE_CALLS(CALL(0, chmod, "/times", 0646), CALL(0, setresgid, 7, 7, 7),
		CALL(0, setresuid, 7, 7, 7), CALL(0, utimensat, AT_FDCWD, "/times", now, 0),
		CALL(0, utimensat, AT_FDCWD, "/times", NULL, 0),
		CALL(-EPERM, utimensat, AT_FDCWD, "/times", both, 0),
		CALL(-EACCES, utimensat, AT_FDCWD, "/file", NULL, 0), CALL(0, close, fd));
}

KTEST(owners_change_sizes)
{
	struct stat st;

	world_setup();
	make_file("/size");
	MAKE_CALLS(CALL(0, mkdir, "/size-dir", 0755),
		CALL(0, mknod, "/size-fifo", S_IFIFO | 0666, 0), CALL(0, truncate, "/size", 5000),
		CALL(0, newfstatat, AT_FDCWD, "/size", &st, 0));
	KT_EQ(st.st_size, 5000);
	int fd = (int)SYS(openat, AT_FDCWD, "/size", O_RDWR);
	int ro = (int)SYS(openat, AT_FDCWD, "/size", O_RDONLY);
	int dir = (int)SYS(openat, AT_FDCWD, "/size-dir", O_RDONLY);

	MAKE_CALLS(CALL(-EINVAL, truncate, "/size", -1), CALL(-EISDIR, truncate, "/size-dir", 0),
		CALL(-EINVAL, truncate, "/size-fifo", 0), CALL(-ENOENT, truncate, "/none", 0),
		CALL(-EFBIG, truncate, "/size", (1ull << 63) - 1), CALL(0, ftruncate, fd, 10),
		CALL(-EINVAL, ftruncate, ro, 0), CALL(-EINVAL, ftruncate, dir, 0),
		CALL(0, newfstatat, AT_FDCWD, "/size", &st, 0), CALL(0, setresuid, 7, 7, 7),
		CALL(-EACCES, truncate, "/size", 0), CALL(0, close, fd), CALL(0, close, ro),
		CALL(0, close, dir));
	KT_EQ(st.st_size, 10);
}

/* Whoever is not root takes the set-id rights away with the contents. */
KTEST(owners_lose_setid_with_the_contents)
{
	world_setup();
	make_file("/setid");
	MAKE_CALLS(CALL(0, chown, "/setid", 5, 6), CALL(0, chmod, "/setid", 06777),
		CALL(0, truncate, "/setid", 10));
	KT_EQ(mode_of("/setid"), S_IFREG | 06777); /* root does not */
	MAKE_CALLS(CALL(0, chmod, "/setid", 06767), CALL(0, setresgid, 6, 6, 6),
		CALL(0, setresuid, 7, 7, 7), CALL(0, truncate, "/setid", 9));
	/* in the group, which may not execute it: its bit is no right, and stays */
	KT_EQ(mode_of("/setid"), S_IFREG | 02767);
}

KTEST(owners_lose_setid_to_others)
{
	world_setup();
	make_file("/setid2");
	MAKE_CALLS(CALL(0, chown, "/setid2", 5, 6), CALL(0, chmod, "/setid2", 06766),
		CALL(0, setgroups, 0, NULL), CALL(0, setresgid, 9, 9, 9),
		CALL(0, setresuid, 7, 7, 7), CALL(0, truncate, "/setid2", 10));
	KT_EQ(mode_of("/setid2"), S_IFREG | 0766);
}

KTEST(owners_may_access)
{
	world_setup();
	make_file("/access");
	MAKE_CALLS(CALL(0, chown, "/access", 7, 8), CALL(0, chmod, "/access", 0641),
		CALL(0, access, "/access", 6), CALL(0, access, "/access", 1),
		CALL(-EINVAL, access, "/access", 8),
		CALL(-EINVAL, faccessat2, AT_FDCWD, "/access", 0, 1),
		CALL(-ENOENT, access, "/none", 0), CALL(0, setresgid, 8, 0, 0),
		CALL(0, setresuid, 9, 0, 0),
		/* real ids unless told: 9 in group 8 */
		CALL(0, access, "/access", 4), CALL(-EACCES, access, "/access", 2),
		CALL(-EACCES, access, "/access", 1),
		CALL(0, faccessat2, AT_FDCWD, "/access", 6, AT_EACCESS),
		CALL(0, setresuid, 7, 9, 9), CALL(0, access, "/access", 6),
		CALL(-EACCES, faccessat2, AT_FDCWD, "/access", 4, AT_EACCESS));
}

/* What only root may, or only the owner. */
KTEST(owners_have_privileges)
{
	world_setup();
	make_file("/noatime");
	int fd = (int)SYS(openat, AT_FDCWD, "/noatime", O_RDONLY);

	MAKE_CALLS(CALL(0, chmod, "/", 0777), CALL(0, mkdir, "/closed", 0700),
		CALL(0, mknod, "/null", S_IFCHR | 0666, 0x103), CALL(0, unlink, "/null"),
		CALL(0, setresuid, 7, 7, 7), CALL(-EPERM, mknod, "/null", S_IFCHR | 0666, 0x103),
		CALL(-EPERM, mknod, "/block", S_IFBLK | 0666, 0),
		CALL(0, mknod, "/zero", S_IFCHR, 0), CALL(0, unlink, "/zero"),
		CALL(0, mknod, "/socket", S_IFSOCK | 0600, 5), CALL(0, unlink, "/socket"),
		CALL(-EPERM, mknod, "/dir", S_IFDIR, 0), CALL(-EINVAL, mknod, "/link", S_IFLNK, 0),
		CALL(0, mknod, "/plain", 0600, 0), CALL(0, unlink, "/plain"),
		CALL(-EACCES, chdir, "/closed"), CALL(-EACCES, chroot, "/closed"),
		CALL(-EPERM, chroot, "/"), CALL(-ENOENT, chroot, "/none"),
		CALL(-ENOTDIR, chroot, "/file"), CALL(-EPERM, fcntl, fd, F_SETFL, O_NOATIME),
		CALL(0, fcntl, fd, F_SETFL, O_APPEND),
		CALL(-EPERM, openat, AT_FDCWD, "/noatime", O_RDONLY | O_NOATIME),
		CALL(0, close, fd));
}

KTEST(owners_root_can_move)
{
	static struct fs_context elsewhere;

	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/jail", 0755), CALL(0, mkdir, "/jail/inner", 0755));
	spin_lock_init(&elsewhere.lock, RANK_FS_CONTEXT);
	mount_get_root(&elsewhere.root);
	mount_get_root(&elsewhere.pwd);
	process.fs = &elsewhere;
	long chrooted = SYS(chroot, "/jail"), inside = SYS(chdir, "/inner");
	long outside = SYS(chdir, "/../../jail"), up = SYS(chdir, "/../inner");

	path_put(&elsewhere.root);
	path_put(&elsewhere.pwd);
	process.fs = &fs;
	KT_EQ(chrooted, 0);
	KT_EQ(inside, 0);
	KT_EQ(outside, -ENOENT);
	KT_EQ(up, 0);
}
