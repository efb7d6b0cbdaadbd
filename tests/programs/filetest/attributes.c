/* chmod, chown, times, access, stat and statx, working directory, umask, credentials. */
#include "filetest.h"
#include <grp.h>

static void as_user(uid_t uid, gid_t gid)
{
	CHECK_EQ(CALL(setresgid, gid, gid, 0), 0);
	CHECK_EQ(CALL(setresuid, uid, uid, 0), 0);
}

static void as_root(void)
{
	CHECK_EQ(CALL(setresuid, 0, 0, 0), 0);
	CHECK_EQ(CALL(setresgid, 0, 0, 0), 0);
}

static void test_mode(void)
{
	int fd = open("f", O_RDWR);

	CHECK_EQ(CALL(chmod, "f", 0640), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0640);
	CHECK_EQ(CALL(fchmod, fd, 04711), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 04711);
	CHECK_EQ(CALL(fchmodat, AT_FDCWD, "l", 0600), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0600);
	CHECK_EQ(CALL(chmod, "absent", 0600), -ENOENT);
	as_user(1000, 1000);
	CHECK_EQ(CALL(chmod, "f", 0666), -EPERM);
	as_root();
	close(fd);
}

static void test_owner(void)
{
	struct stat st;

	CHECK_EQ(CALL(chmod, "f", 06755), 0);
	CHECK_EQ(CALL(chown, "l", 1000, 1001), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 1001);
	CHECK_EQ(st.st_mode, S_IFREG | 0755); /* set-id bits are gone */
	CHECK_EQ(CALL(lchown, "l", 7, -1), 0);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK_EQ(st.st_uid, 7);
	CHECK_EQ(st.st_gid, 0);
	as_user(1000, 1000);
	CHECK_EQ(CALL(chown, "f", 1001, -1), -EPERM);
	CHECK_EQ(CALL(chown, "f", -1, 1002), -EPERM);
	CHECK_EQ(CALL(chown, "f", 1000, 1000), 0);
	CHECK_EQ(CALL(chmod, "f", 0400), 0);
	as_root();
	CHECK_EQ(CALL(fchownat, AT_FDCWD, "f", 0, 0, 0), 0);
	CHECK_EQ(CALL(fchownat, AT_FDCWD, "f", 0, 0, 0x4000), -EINVAL);
}

static void test_times(void)
{
	struct timespec t[2] = {{100, 5}, {200, 6}};
	struct stat st;

	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", t, 0), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK(st.st_atim.tv_sec == 100 && st.st_atim.tv_nsec == 5);
	CHECK(st.st_mtim.tv_sec == 200 && st.st_mtim.tv_nsec == 6);
	CHECK(st.st_ctim.tv_sec > 1000000);
	t[0].tv_nsec = (1l << 30) - 2;
	t[1].tv_nsec = (1l << 30) - 1;
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", t, 0), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_atim.tv_sec, 100);
	CHECK(st.st_mtim.tv_sec > 1000000);
	t[0].tv_nsec = 1000000000;
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", t, 0), -EINVAL);
	int fd = open("f", O_RDONLY);

	CHECK_EQ(CALL(utimensat, fd, NULL, NULL, 0), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(st.st_atim.tv_sec > 1000000);
	close(fd);
	CHECK_EQ(chmod("f", 0666), 0);
	t[0] = (struct timespec){1, 1};
	t[1] = (struct timespec){1, 1};
	as_user(1000, 1000);
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", t, 0), -EPERM);
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", NULL, 0), 0);
	as_root();
	CHECK_EQ(chmod("f", 0644), 0);
	as_user(1000, 1000);
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", NULL, 0), -EACCES);
	as_root();
}

/* Times move with what changes. */
static void test_touching(void)
{
	struct timespec old[2] = {{100, 0}, {100, 0}};
	struct stat st;

	CHECK_EQ(utimensat(AT_FDCWD, "f", old, 0), 0);
	int fd = open("f", O_WRONLY);

	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(st.st_mtim.tv_sec > 100);
	close(fd);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(utimensat(AT_FDCWD, "d", old, 0), 0);
	make_file("d/x", "");
	CHECK_EQ(stat("d", &st), 0);
	CHECK(st.st_mtim.tv_sec > 100);
	CHECK_EQ(utimensat(AT_FDCWD, "d", old, 0), 0);
	CHECK_EQ(unlink("d/x"), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK(st.st_mtim.tv_sec > 100);
	CHECK_EQ(rmdir("d"), 0);
}

static void test_access(void)
{
	CHECK_EQ(chmod("f", 0640), 0);
	CHECK_EQ(CALL(access, "f", R_OK | W_OK), 0);
	CHECK_EQ(CALL(access, "f", X_OK), -EACCES);
	CHECK_EQ(CALL(access, "absent", F_OK), -ENOENT);
	CHECK_EQ(CALL(access, "f", 8), -EINVAL);
	/* real and effective user differ */
	CHECK_EQ(CALL(setresuid, 1000, 0, 0), 0);
	CHECK_EQ(CALL(setresgid, 1000, 0, 0), 0);
	CHECK_EQ(CALL(access, "f", R_OK), -EACCES);
	CHECK_EQ(CALL(access, "f", F_OK), 0);
	CHECK_EQ(CALL(faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	CHECK_EQ(CALL(faccessat2, AT_FDCWD, "f", R_OK, 0x4000), -EINVAL);
	as_root();
}

void test_attributes(void)
{
	make_file("f", "text");
	CHECK_EQ(symlink("f", "l"), 0);
	test_mode();
	test_owner();
	test_times();
	test_touching();
	test_access();
	CHECK_EQ(unlink("f") | unlink("l"), 0);
}

/* ---- stat ---- */

void test_stat(void)
{
	struct stat st, other;
	struct statx sx;

	make_file("f", "12345");
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(CALL(stat, "l", &st), 0);
	CHECK(S_ISREG(st.st_mode) && st.st_size == 5 && st.st_nlink == 1 && st.st_blksize == 4096);
	CHECK_EQ(CALL(lstat, "l", &other), 0);
	CHECK(S_ISLNK(other.st_mode) && other.st_size == 1 && other.st_dev == st.st_dev);
	CHECK_EQ(CALL(newfstatat, AT_FDCWD, "l", &other, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISLNK(other.st_mode));
	CHECK_EQ(CALL(newfstatat, AT_FDCWD, "f/", &other, 0), -ENOTDIR);
	CHECK_EQ(CALL(newfstatat, AT_FDCWD, "", &other, 0), -ENOENT);
	CHECK_EQ(CALL(newfstatat, AT_FDCWD, "f", &other, 0x4000000), -EINVAL);
	CHECK_EQ(CALL(newfstatat, 1000, "f", &other, 0), -EBADF);
	CHECK_EQ(CALL(stat, "f", (void *)1), -EFAULT);
	int fd = open("f", O_RDONLY), dir = open(".", O_RDONLY);

	CHECK_EQ(CALL(newfstatat, fd, "", &other, AT_EMPTY_PATH), 0);
	CHECK_EQ(other.st_ino, st.st_ino);
	CHECK_EQ(CALL(newfstatat, AT_FDCWD, "", &other, AT_EMPTY_PATH), 0);
	CHECK(S_ISDIR(other.st_mode));
	CHECK_EQ(CALL(newfstatat, dir, "f", &other, 0), 0);
	CHECK_EQ(CALL(newfstatat, fd, "x", &other, 0), -ENOTDIR);

	CHECK_EQ(CALL(statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx), 0);
	CHECK_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(sx.stx_ino, st.st_ino);
	CHECK_EQ(sx.stx_size, 5);
	CHECK_EQ(sx.stx_mode, st.st_mode);
	CHECK_EQ(st.st_dev, (sx.stx_dev_major << 8 | (sx.stx_dev_minor & 0xff)));
	CHECK_EQ(CALL(statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx), 0);
	CHECK_EQ(CALL(statx, AT_FDCWD, "f", 0x6000, STATX_SIZE, &sx), -EINVAL);
	CHECK_EQ(CALL(statx, AT_FDCWD, "f", 0, 0x80000000u, &sx), -EINVAL);
	CHECK_EQ(CALL(statx, AT_FDCWD, "/dev/null", 0, STATX_BASIC_STATS, &sx), 0);
	CHECK(S_ISCHR(sx.stx_mode) && sx.stx_rdev_major == 1 && sx.stx_rdev_minor == 3);
	close(fd);
	close(dir);
	CHECK_EQ(unlink("f") | unlink("l"), 0);
}

/* ---- Working directory, umask ---- */

void test_working_directory(void)
{
	char buf[512], expected[512];
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	CHECK_EQ(CALL(getcwd, buf, sizeof(buf)), (long)strlen(folder) + 1);
	CHECK(strcmp(buf, folder) == 0);
	CHECK_EQ(CALL(getcwd, buf, 3), -ERANGE);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(CALL(chdir, "d"), 0);
	snprintf(expected, sizeof(expected), "%s/d", folder);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf, expected) == 0);
	CHECK_EQ(CALL(chdir, ".."), 0);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf, folder) == 0);
	CHECK_EQ(CALL(chdir, "absent"), -ENOENT);
	make_file("f", "");
	CHECK_EQ(CALL(chdir, "f"), -ENOTDIR);
	CHECK_EQ(chmod("d", 0700), 0);
	as_user(1000, 1000);
	CHECK_EQ(CALL(chdir, "d"), -EACCES);
	as_root();
	CHECK_EQ(chdir("d"), 0);
	CHECK_EQ(CALL(fchdir, fd), 0);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf, folder) == 0);
	CHECK_EQ(CALL(fchdir, 1000), -EBADF);
	/* in a removed directory */
	CHECK_EQ(chdir("d"), 0);
	CHECK_EQ(rmdir("../d"), 0);
	CHECK_EQ(CALL(getcwd, buf, sizeof(buf)), -ENOENT);
	CHECK_EQ(fchdir(fd), 0);
	close(fd);
	fd = open("f", O_RDONLY);
	CHECK_EQ(CALL(fchdir, fd), -ENOTDIR);
	close(fd);

	CHECK_EQ(CALL(umask, 077), 022);
	CHECK_EQ(CALL(mkdir, "d", 0777), 0);
	CHECK_EQ(mode_of("d"), S_IFDIR | 0700);
	CHECK_EQ(CALL(umask, 022), 077);
	CHECK_EQ(rmdir("d") | unlink("f"), 0);
}

/* ---- Credentials ---- */

/* The ids of this process do not come back: main calls this one last. */
void test_ids(void)
{
	uid_t r, e, s;
	gid_t groups[4] = {5, 6, 7, 8};

	CHECK_EQ(CALL(setgroups, 3, groups), 0);
	CHECK_EQ(CALL(getgroups, 0, NULL), 3);
	CHECK_EQ(CALL(getgroups, 2, groups), -EINVAL);
	CHECK_EQ(CALL(setregid, 10, 20), 0);
	CHECK_EQ(CALL(getresgid, &r, &e, &s), 0);
	CHECK(r == 10 && e == 20 && s == 20);
	CHECK(CALL(setfsgid, 30) == 20 && CALL(setfsgid, -1) == 30);
	CHECK_EQ(CALL(setresuid, 1, 2, 3), 0);
	CHECK_EQ(CALL(getresuid, &r, &e, &s), 0);
	CHECK(r == 1 && e == 2 && s == 3);
	CHECK(CALL(getuid) == 1 && CALL(geteuid) == 2);
	CHECK_EQ(CALL(setresuid, 4, -1, -1), -EPERM);
	CHECK_EQ(CALL(setresuid, 3, 1, 2), 0);
	CHECK_EQ(CALL(setgroups, 0, NULL), -EPERM);
	CHECK_EQ(CALL(setuid, 2), 0);
	CHECK(CALL(getuid) == 3 && CALL(geteuid) == 2);
	CHECK_EQ(CALL(setuid, 9), -EPERM);
	CHECK_EQ(CALL(setreuid, 2, 3), 0);
	CHECK_EQ(CALL(getresuid, &r, &e, &s), 0);
	CHECK(r == 2 && e == 3 && s == 3);
	CHECK_EQ(CALL(setreuid, 9, -1), -EPERM);
	CHECK(CALL(setfsuid, 9) == 3 && CALL(setfsuid, 2) == 3 && CALL(setfsuid, -1) == 2);
	CHECK_EQ(CALL(setgid, 30), -EPERM);
	CHECK_EQ(CALL(setgid, 10), 0);
	CHECK(CALL(getegid) == 10);
}

static void test_permission_checks(void)
{
	as_user(1000, 1000);
	CHECK_EQ(CALL(open, "secret", O_RDONLY), -EACCES);
	CHECK_EQ(CALL(open, "shared", O_RDONLY), -EACCES);
	CHECK_EQ(CALL(open, "closed/f", O_RDONLY), -EACCES);
	CHECK_EQ(CALL(mkdir, "d", 0755), -EACCES);
	CHECK_EQ(CALL(unlink, "secret"), -EACCES);
	CHECK_EQ(CALL(rename, "secret", "x"), -EACCES);
	CHECK_EQ(CALL(unlink, "sticky/f"), -EPERM);
	CHECK_EQ(CALL(rename, "sticky/f", "sticky/g"), -EPERM);
	CHECK_EQ(CALL(mkdir, "sticky/mine", 0755), 0);
	CHECK_EQ(CALL(rmdir, "sticky/mine"), 0);
	as_root();
	as_user(1000, 50);
	int fd = open("shared", O_RDONLY);

	CHECK(fd >= 0);
	close(fd);
	as_root();
}

/* What a user other than root may not do. */
void test_credentials(void)
{
	gid_t none = 0;

	CHECK_EQ(setgroups(0, &none), 0);
	make_file("secret", "");
	CHECK_EQ(chmod("secret", 0600), 0);
	make_file("shared", "");
	CHECK_EQ(chmod("shared", 0640) | chown("shared", 0, 50), 0);
	CHECK_EQ(mkdir("closed", 0700) | mkdir("sticky", 0755) | chmod("sticky", 01777), 0);
	make_file("closed/f", "");
	make_file("sticky/f", "");
	test_permission_checks();
	CHECK_EQ(unlink("sticky/f") | unlink("closed/f") | rmdir("sticky") | rmdir("closed"), 0);
	CHECK_EQ(unlink("secret") | unlink("shared"), 0);
}
