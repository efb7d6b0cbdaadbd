/*
 * mount and umount as system calls and as the boot uses them, what they refuse, and what walks and getcwd make
 * of mounts; and a walk explained, record by record.
 */
#include "abi/unlazy.h"
#include "kernel/block.h"
#include "tests/host/world.h"

#define MS_RDONLY	1
#define MS_BIND		4096
#define MNT_DETACH	2
#define UMOUNT_NOFOLLOW 8

syscall_fn sys_mount, sys_umount2, sys_mkdir, sys_rmdir, sys_symlink, sys_unlink, sys_chdir,
	sys_fchdir, sys_getcwd, sys_newfstatat, sys_statfs, sys_fstatfs, sys_getdents64,
	sys_setresuid, sys_unlazy_walk, sys_rename, sys_creat, sys_access, sys_chroot, sys_openat2,
	sys_readlink, sys_renameat2;

static char text[4096];

static bool cwd_is(const char *expected)
{
	return SYS(getcwd, text, sizeof(text)) == (long)strlen(expected) + 1 &&
	       strcmp(text, expected) == 0;
}

/* ---- System calls ---- */

KTEST(mounts_refuse_what_is_none)
{
	static char long_name[300];

	world_setup();
	memset(long_name, 'x', sizeof(long_name) - 1);
	MAKE_CALLS(CALL(0, mkdir, "/m", 0755), CALL(-ENOENT, mount, "t", "/none", "tmpfs", 0, NULL),
		CALL(-ENODEV, mount, "t", "/m", "nonefs", 0, NULL),
		CALL(-EINVAL, mount, "t", "/m", NULL, 0, NULL),
		CALL(-EFAULT, mount, "t", "/m", BAD, 0, NULL),
		CALL(-EFAULT, mount, "t", BAD, "tmpfs", 0, NULL),
		CALL(-EFAULT, mount, BAD, "/m", "tmpfs", 0, NULL),
		CALL(-EFAULT, mount, "t", "/m", "tmpfs", 0, BAD),
		CALL(-EINVAL, mount, "t", "/m", "tmpfs", 1 << 20, NULL),
		CALL(-ENOTDIR, mount, "t", "/file", "tmpfs", 0, NULL),
		CALL(-EINVAL, mount, NULL, "/m", NULL, MS_BIND, NULL),
		CALL(-ENOENT, mount, "/none", "/m", NULL, MS_BIND, NULL),
		CALL(-ENOTDIR, mount, "/file", "/m", NULL, MS_BIND, NULL),
		CALL(-ENOTDIR, mount, "/m", "/file", NULL, MS_BIND, NULL),
		CALL(-EINVAL, umount2, "/m", 0), CALL(-EINVAL, umount2, "/m", 1 << 10),
		CALL(-ENOENT, umount2, "/none", 0), CALL(-EFAULT, umount2, BAD, 0),
		CALL(-EINVAL, umount2, "/", 0), CALL(0, setresuid, 7, 7, 7),
		CALL(-EPERM, mount, "t", "/m", "tmpfs", 0, NULL), CALL(-EPERM, umount2, "/m", 0));
	KT_EQ(mount_at("tmpfs", "t", long_name, "", 0), -ENAMETOOLONG);
}

/* A file system on a device, of which the block layer knows none. */
KTEST(mounts_want_a_device_that_is_one)
{
	static struct file_system on_disk = {.name = "on-disk", .needs_device = true};

	world_setup();
	file_system_register(&on_disk);
	MAKE_CALLS(CALL(0, mkdir, "/device", 0755),
		CALL(-ENOTBLK, mount, "/dev/none0", "/device", "on-disk", 0, NULL),
		CALL(-ENOTBLK, mount, "none0", "/device", "on-disk", 0, NULL));
	KT_EQ(mount_at("on-disk", "none0", "/device", "", 0), -ENOTBLK);
	MAKE_CALLS(CALL(0, rmdir, "/device"));
}

KTEST(mounts_cover_and_uncover)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/cover", 0755), CALL(0, mkdir, "/cover/below", 0755),
		CALL(0, symlink, "cover", "/to-cover"),
		CALL(0, mount, NULL, "/cover", "tmpfs", 0, NULL),
		CALL(-ENOENT, access, "/cover/below", 0),
		CALL(0, mount, "second", "/cover", "tmpfs", MS_RDONLY, ""), /* onto the first */
		CALL(-EROFS, mkdir, "/cover/new", 0755), CALL(-EBUSY, rmdir, "/cover"),
		CALL(-EINVAL, umount2, "/to-cover", UMOUNT_NOFOLLOW),
		CALL(0, umount2, "/to-cover", 0), CALL(0, mkdir, "/cover/new", 0755),
		CALL(0, chdir, "/cover/new"), CALL(-EBUSY, umount2, "/cover", 0));
	KT_CHECK(cwd_is("/cover/new"));
	MAKE_CALLS(CALL(-ERANGE, getcwd, text, 10), CALL(-EFAULT, getcwd, BAD, 100),
		CALL(0, umount2, "/cover", MNT_DETACH), CALL(0, access, "/cover/below", 0),
		CALL(0, access, ".", 0));
	/* The tree has lost it: nobody can say where it is. */
	KT_CHECK(cwd_is("(unreachable)/new"));
	MAKE_CALLS(CALL(0, chdir, ".."));
	KT_CHECK(cwd_is("(unreachable)/"));
	MAKE_CALLS(CALL(0, chdir, "/"), CALL(0, rmdir, "/cover/below"), CALL(0, rmdir, "/cover"),
		CALL(0, unlink, "/to-cover"));
}

KTEST(mounts_bind)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/from", 0755), CALL(0, mkdir, "/from/sub", 0755),
		CALL(0, mkdir, "/onto", 0755),
		CALL(0, mount, "/from/sub", "/onto", NULL, MS_BIND, NULL),
		CALL(0, mkdir, "/onto/x", 0755), CALL(0, access, "/from/sub/x", 0),
		CALL(0, chdir, "/onto/x"));
	KT_CHECK(cwd_is("/onto/x"));
	/* a file onto a file */
	make_file("/from/file");
	make_file("/onto-file");
	MAKE_CALLS(CALL(0, mount, "/from/file", "/onto-file", NULL, MS_BIND, NULL),
		CALL(-EBUSY, unlink, "/onto-file"), CALL(-EBUSY, rename, "/onto-file", "/other"),
		CALL(-EXDEV, rename, "/from/file", "/onto/file"),
		CALL(0, umount2, "/onto-file", 0));
	/* `..` leads where the bind mount hangs; RESOLVE flags see the crossing */
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_NO_XDEV};

	MAKE_CALLS(CALL(-EXDEV, openat2, AT_FDCWD, "/onto/x", &how, sizeof(how)),
		CALL(-EXDEV, openat2, AT_FDCWD, "../../from", &how, sizeof(how)),
		CALL(0, access, "../../from", 0), CALL(0, chdir, "/"),
		/* a bind mount below a mount goes with it */
		CALL(0, mount, "/from", "/onto/x", NULL, MS_BIND, NULL),
		CALL(-EBUSY, umount2, "/onto", 0), CALL(0, umount2, "/onto", MNT_DETACH),
		CALL(0, rmdir, "/from/sub/x"));
}

static bool mount_gives_reference(struct mount *m, u32 seq)
{
	rcu_read_lock();
	bool given = mount_get_rcu(m, seq);

	rcu_read_unlock();
	if (given)
		mount_put(m);
	return given;
}

/* A walk's view of the mounts is from its beginning: no mount that changed since gives it a reference. */
KTEST(mounts_give_no_reference_after_a_change)
{
	struct path root;

	world_setup();
	mount_get_root(&root);
	MAKE_CALLS(CALL(0, mkdir, "/change", 0755));
	u32 seq = read_seqbegin(&mount_lock);
	bool before = mount_gives_reference(root.mnt, seq);

	MAKE_CALLS(CALL(0, mount, "t", "/change", "tmpfs", 0, NULL));
	bool after = mount_gives_reference(root.mnt, seq);
	bool again = mount_gives_reference(root.mnt, read_seqbegin(&mount_lock));

	path_put(&root);
	MAKE_CALLS(CALL(0, umount2, "/change", 0), CALL(0, rmdir, "/change"));
	KT_CHECK(before && !after && again);
}

/* The boot's way: where there is no directory it is made, on the disk or in memory. */
KTEST(mounts_at_boot_make_their_place)
{
	struct stat st;

	world_setup();
	KT_EQ(mount_at("tmpfs", "t", "/made", "", 0), 0);
	KT_EQ(mount_at("tmpfs", "t", "/made", "", 0), 0);
	KT_EQ(mount_at("tmpfs", "t", "/none/at/all", "", 0), -ENOENT);
	KT_EQ(mount_at("tmpfs", "t", "/file/x", "", 0), -ENOTDIR);
	KT_EQ(mount_at("tmpfs", "t", "/none/..", "", 0), -ENOENT);
	KT_EQ(mount_at("ext4", "none0", "/made", "", 0), -ENODEV);
	MAKE_CALLS(CALL(0, umount2, "/made", 0), CALL(0, umount2, "/made", 0),
		CALL(0, rmdir, "/made"), CALL(0, mkdir, "/ro", 0755),
		CALL(0, mount, "ro", "/ro", "tmpfs", MS_RDONLY, NULL));
	KT_EQ(mount_at("tmpfs", "t", "/ro/in-memory", "", MOUNT_RDONLY), 0);
	MAKE_CALLS(CALL(0, newfstatat, AT_FDCWD, "/ro/in-memory", &st, 0),
		CALL(-EROFS, mkdir, "/ro/in-memory/x", 0755), CALL(0, umount2, "/ro/in-memory", 0),
		CALL(0, newfstatat, AT_FDCWD, "/ro/in-memory", &st, 0));
	KT_EQ(st.st_mode, S_IFDIR | 0555);
	int fd = (int)SYS(openat, AT_FDCWD, "/ro/in-memory", O_RDONLY);

	MAKE_CALLS(CALL(48, getdents64, fd, text, sizeof(text)), CALL(0, getdents64, fd, text, 100),
		CALL(-ENOENT, access, "/ro/in-memory/x", 0), CALL(0, close, fd),
		CALL(0, umount2, "/ro", 0), CALL(0, rmdir, "/ro"));
}

/* ---- Paths that have no end ---- */

KTEST(mounts_and_removed_directories_in_getcwd)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/gone", 0755), CALL(0, chdir, "/gone"), CALL(0, rmdir, "/gone"),
		CALL(-ENOENT, getcwd, text, sizeof(text)), CALL(-ENOENT, creat, "x", 0644),
		CALL(0, access, "..", 0));
	long fd = SYS(openat, AT_FDCWD, ".", O_RDONLY);

	KT_CHECK(fd >= 0);
	MAKE_CALLS(CALL(-ENOENT, getdents64, fd, text, 100), CALL(-ENOENT, mkdir, "x", 0755),
		CALL(-ENOENT, renameat2, AT_FDCWD, "/file", fd, "x", 0), CALL(0, chdir, "/"),
		CALL(0, fchdir, fd), CALL(0, chdir, "/"), CALL(0, close, fd));
}

/* ---- A walk explained ---- */

static struct unlazy_walk_record records[600];

static const struct unlazy_walk_record *result_of(long n)
{
	return &records[n - 1];
}

KTEST(walk_log_tells_every_step)
{
	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/log", 0755), CALL(0, mkdir, "/log/m", 0755),
		CALL(0, mount, "log", "/log/m", "tmpfs", 0, NULL),
		CALL(0, mkdir, "/log/m/dir", 0755),
		CALL(0, symlink, "m/./dir/../dir", "/log/link"));
	long n = SYS(unlazy_walk, AT_FDCWD, "/log/link", 0, records, 600);

	/* log, link, its body, m, the mount on it, ., dir, .., dir, the end */
	KT_EQ(n, 10);
	KT_EQ(records[0].kind, UNLAZY_WALK_STEP);
	KT_CHECK(strcmp(records[0].name, "log") == 0);
	KT_EQ(records[0].found_in, UNLAZY_FOUND_HASH);
	KT_EQ(records[0].inode_mode, S_IFDIR | 0755);
	KT_EQ(records[0].mode, UNLAZY_MODE_RCU);
	KT_EQ(records[2].kind, UNLAZY_WALK_LINK);
	KT_CHECK(strcmp(records[2].name, "m/./dir/../dir") == 0);
	u32 mounts = 0, dots = 0;

	for (long i = 0; i < n; i++) {
		mounts += records[i].kind == UNLAZY_WALK_MOUNT;
		dots += records[i].kind == UNLAZY_WALK_STEP &&
			records[i].found_in == UNLAZY_FOUND_DOT;
	}
	KT_EQ(mounts, 1);
	KT_EQ(dots, 2);
	KT_EQ(result_of(n)->kind, UNLAZY_WALK_RESULT);
	KT_EQ(result_of(n)->error, 0);
	KT_EQ(result_of(n)->cached_error, 0);
	/* the link itself; less room than records; a name longer than a record's */
	n = SYS(unlazy_walk, AT_FDCWD, "/log/link", UNLAZY_WALK_NOFOLLOW, records, 1);
	KT_EQ(n, 3);
	memset(text, 'n', 100);
	text[100] = 0;
	n = SYS(unlazy_walk, AT_FDCWD, text, 0, records, 600);
	KT_EQ(strlen(records[n - 2].name), sizeof(records[0].name) - 1);
	KT_EQ(result_of(n)->error, -ENOENT);
	/* the root alone has no component */
	n = SYS(unlazy_walk, AT_FDCWD, "/", 0, records, 600);
	KT_EQ(result_of(n)->error, 0);
	MAKE_CALLS(CALL(0, umount2, "/log/m", 0));
}

KTEST(walk_log_tells_where_it_left_rcu)
{
	u32 unlazied = 0, asked = 0;

	world_setup();
	MAKE_CALLS(CALL(0, mkdir, "/left", 0755));
	long n = SYS(unlazy_walk, AT_FDCWD, "/left/none", UNLAZY_WALK_CACHED, records, 600);

	/* a name nobody knows: the attempt gives up, the walk asks, and then it is known */
	KT_EQ(result_of(n)->error, -EAGAIN);
	KT_EQ(records[1].found_in, UNLAZY_FOUND_NOWHERE);
	n = SYS(unlazy_walk, AT_FDCWD, "/left/none", 0, records, 600);
	KT_EQ(result_of(n)->error, -ENOENT);
	KT_EQ(result_of(n)->cached_error, -EAGAIN);
	for (long i = 0; i < n; i++) {
		unlazied += records[i].kind == UNLAZY_WALK_UNLAZY && records[i].reason[0];
		asked += records[i].kind == UNLAZY_WALK_STEP &&
			 records[i].found_in == UNLAZY_FOUND_FS_MISSING;
	}
	KT_EQ(unlazied, 1);
	KT_EQ(asked, 1);
	n = SYS(unlazy_walk, AT_FDCWD, "/left/none", UNLAZY_WALK_CACHED, records, 600);
	KT_EQ(result_of(n)->error, -ENOENT);
	KT_EQ(records[n - 2].found_in, UNLAZY_FOUND_NEGATIVE);
}

KTEST(walk_log_has_an_end)
{
	static char path[4096];
	size_t at = 0;

	world_setup();
	/* more steps than records: the result is the last one all the same */
	while (at + 4 < sizeof(path)) {
		memcpy(path + at, "/./.", 4);
		at += 4;
	}
	path[sizeof(path) - 8] = 0;
	KT_EQ(SYS(unlazy_walk, AT_FDCWD, path, 0, records, 600), 512);
	KT_EQ(records[511].kind, UNLAZY_WALK_RESULT);
	KT_EQ(records[511].error, 0);
	MAKE_CALLS(CALL(-EINVAL, unlazy_walk, AT_FDCWD, "/", 1 << 7, records, 600),
		CALL(-EFAULT, unlazy_walk, AT_FDCWD, BAD, 0, records, 600),
		CALL(-EFAULT, unlazy_walk, AT_FDCWD, "/file", 0, BAD, 600));
	long n = SYS(unlazy_walk, AT_FDCWD, "", 0, records, 600);

	KT_EQ(result_of(n)->error, -ENOENT);
	KT_EQ(SYS(unlazy_walk, 99, "x", 0, records, 600), 1);
	KT_EQ(records[0].error, -EBADF);
}
