/*
 * What the differential test (tests/differential) once found, one check each: mostly which of several errors
 * that are all true is told, and in a few cases more than that.
 */
#include "filetest.h"
#include <sys/mount.h>

#define LARGEFILE 0100000
#define FAR	  INT64_MAX

static void test_times_and_owner(void)
{
	struct timespec bad[2] = {{0, -1}, {0, 0}};

	CHECK_EQ(CALL(utimensat, AT_FDCWD, "absent", bad, 0), -ENOENT);
	CHECK_EQ(CALL(utimensat, AT_FDCWD, "f", bad, 0), -EINVAL);
	CHECK_EQ(CALL(utimensat, 1000, NULL, NULL, AT_SYMLINK_NOFOLLOW), -EINVAL);
	CHECK_EQ(CALL(utimensat, AT_FDCWD, NULL, NULL, 0), -EFAULT);
	CHECK_EQ(chmod("f", 06755), 0);
	CHECK_EQ(chown("f", -1, -1), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0755);
	CHECK_EQ(chmod("f", 04755) | CALL(setresuid, 1000, 1000, 0), 0);
	CHECK_EQ(CALL(chown, "f", -1, -1), -EPERM);
	CHECK_EQ(CALL(setresuid, 0, 0, 0) | chmod("f", 0755), 0);
}

/* Who is not root takes the set-id bits of what he changes. */
static void test_set_id_bits(void)
{
	CHECK_EQ(chmod("f", 06777), 0);
	int fd = open("f", O_WRONLY);

	CHECK_EQ(CALL(write, fd, "x", 1), 1);
	CHECK_EQ(mode_of("f"), S_IFREG | 06777);
	CHECK_EQ(CALL(setresuid, 1000, 1000, 0), 0);
	CHECK_EQ(CALL(ftruncate, fd, 4), 0);
	CHECK_EQ(CALL(setresuid, 0, 0, 0), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0777);
	CHECK_EQ(chmod("f", 04777), 0);
	CHECK_EQ(CALL(setresuid, 1000, 1000, 0), 0);
	CHECK_EQ(CALL(write, fd, "x", 1), 1);
	CHECK_EQ(CALL(setresuid, 0, 0, 0), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0777);
	CHECK_EQ(close(fd) | chmod("f", 0644), 0);
}

static void test_transfers(void)
{
	char byte[1];
	struct iovec none = {byte, 0}, outside[2] = {{byte, 1}, {byte, FAR}};
	int file = open("f", O_RDWR), dir = open(".", O_RDONLY), path = open("f", O_PATH), fds[2];

	CHECK_EQ(CALL(pread64, 1000, byte, 1, -1l), -EINVAL);
	CHECK_EQ(CALL(pwrite64, 1000, byte, 1, -1l), -EINVAL);
	CHECK_EQ(CALL(pread64, file, byte, 1, FAR), -EINVAL);
	CHECK_EQ(CALL(pwrite64, file, byte, 1, FAR), -EINVAL);
	CHECK_EQ(CALL(readv, 1000, &none, 2000), -EBADF);
	CHECK_EQ(CALL(readv, dir, &none, 1), 0);
	CHECK_EQ(CALL(readv, file, outside, 2), -EFAULT);
	CHECK_EQ(CALL(read, dir, (char *)-4096, 1), -EFAULT);
	CHECK_EQ(CALL(lseek, file, 1, SEEK_SET), 1);
	CHECK_EQ(CALL(lseek, file, FAR, SEEK_CUR), -EINVAL);
	CHECK_EQ(CALL(syncfs, path), -EBADF);
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(CALL(pwrite64, fds[0], byte, 1, 0), -ESPIPE);
	CHECK_EQ(CALL(lseek, fds[0], 0, 99), -EINVAL);
	CHECK_EQ(CALL(getdents64, fds[1], byte, 1), -ENOTDIR);
	CHECK_EQ(close(fds[0]) | close(fds[1]) | close(path) | close(dir) | close(file), 0);
}

static void test_open_flags(void)
{
	int file = open("f", O_RDONLY), dir = open(".", O_RDONLY);

	CHECK(CALL(fcntl, file, F_GETFL) & LARGEFILE);
	CHECK_EQ(CALL(fcntl, dir, F_SETFL, O_DIRECT), -EINVAL);
	CHECK_EQ(CALL(fcntl, file, F_SETFL, 020000), 0); /* O_ASYNC */
	CHECK_EQ(CALL(fcntl, file, F_GETFL), LARGEFILE);
	CHECK_EQ(CALL(openat, AT_FDCWD, ".", O_CREAT | O_RDWR, 0644), -EISDIR);
	CHECK_EQ(CALL(openat, AT_FDCWD, "..", O_CREAT | O_EXCL, 0644), -EEXIST);
	CHECK_EQ(CALL(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECT), -EINVAL);
	CHECK_EQ(CALL(mknod, "fifo", S_IFIFO | 0644, 0), 0);
	CHECK_EQ(CALL(openat, AT_FDCWD, "fifo", 3 | O_NONBLOCK), -EINVAL);
	CHECK_EQ(CALL(truncate, "fifo", 0), -EINVAL);
	CHECK_EQ(CALL(readlink, "", "", 1), -ENOENT);
	CHECK_EQ(unlink("fifo") | close(dir) | close(file), 0);
}

/* Rights of one who is not root, in a directory of root's with the sticky bit. */
static void test_rights(void)
{
	CHECK_EQ(mkdir("sticky", 0755) | mkdir("sticky/d", 0755) | mkdir("closed", 0755), 0);
	CHECK_EQ(chmod("sticky", 01777), 0);
	CHECK_EQ(mknod("sticky/socket", S_IFSOCK | 0600, 0), 0);
	CHECK_EQ(CALL(setresuid, 1000, 1000, 0), 0);
	CHECK_EQ(CALL(rename, "sticky/d", "closed/d"), -EPERM);
	CHECK_EQ(CALL(rename, "sticky/d", "sticky/socket"), -EPERM);
	CHECK_EQ(CALL(mknod, "sticky/d", S_IFBLK, 1), -EEXIST);
	CHECK_EQ(CALL(mknod, "sticky/b", S_IFBLK, 1), -EPERM);
	CHECK_EQ(CALL(openat, AT_FDCWD, "sticky/socket", O_RDONLY), -EACCES);
	CHECK_EQ(CALL(mount, "none", "absent", "tmpfs", 0, NULL), -ENOENT);
	CHECK_EQ(CALL(mount, "none", "sticky", "tmpfs", 0, NULL), -EPERM);
	CHECK_EQ(CALL(umount2, "absent", 0), -ENOENT);
	CHECK_EQ(CALL(setresuid, 0, 0, 0), 0);
	CHECK_EQ(CALL(openat, AT_FDCWD, "sticky/socket", O_RDONLY), -ENXIO);
	/* A new file gets the directory's group, but not its rights from one who has not got them. */
	CHECK_EQ(chmod("sticky", 02777) | CALL(setresgid, 1000, 1000, 0), 0);
	CHECK_EQ(CALL(setresuid, 1000, 1000, 0) | CALL(mknod, "sticky/f", S_IFREG | 02750, 0), 0);
	CHECK_EQ(mode_of("sticky/f"), S_IFREG | 0750);
	CHECK_EQ(CALL(setresuid, 0, 0, 0) | CALL(setresgid, 0, 0, 0) | unlink("sticky/f"), 0);
	CHECK_EQ(
		unlink("sticky/socket") | rmdir("sticky/d") | rmdir("sticky") | rmdir("closed"), 0);
}

/* A mount of nothing but this test's; on Linux where it may not be made, nothing is tested. */
static void test_mounts(void)
{
	CHECK_EQ(mkdir("ro", 0755), 0);
	CHECK_EQ(CALL(mount, (char *)-4096, "absent", NULL, MS_BIND, NULL), -EFAULT);
	if (mount("none", "ro", "tmpfs", MS_RDONLY, NULL) == 0) {
		CHECK_EQ(CALL(mount, "f", "ro", NULL, MS_BIND, NULL), -ENOTDIR);
		CHECK_EQ(CALL(unlink, "ro/absent"), -EROFS);
		CHECK_EQ(CALL(rename, "ro/absent", "ro/other"), -EROFS);
		CHECK_EQ(CALL(mkdir, "ro/.", 0755), -EEXIST);
		CHECK_EQ(umount("ro"), 0);
	}
	CHECK_EQ(rmdir("ro"), 0);
}

void test_order(void)
{
	make_file("f", "text");
	test_times_and_owner();
	test_set_id_bits();
	test_transfers();
	test_open_flags();
	test_rights();
	test_mounts();
	CHECK_EQ(unlink("f"), 0);
}
