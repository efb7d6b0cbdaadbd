/* mkdir, rmdir, unlink, link, symlink, mknod, rename, getdents64. */
#include "filetest.h"
#include <dirent.h>

static char long_name[300];

static void test_names(void)
{
	memset(long_name, 'n', sizeof(long_name) - 1);
	CHECK_EQ(CALL(mkdir, long_name, 0755), -ENAMETOOLONG);
	long_name[255] = 0;
	CHECK_EQ(CALL(mkdir, long_name, 0755), 0);
	CHECK_EQ(CALL(rmdir, long_name), 0);
	CHECK_EQ(CALL(mkdir, "", 0755), -ENOENT);
	CHECK_EQ(CALL(mkdir, (char *)1, 0755), -EFAULT);
}

static void test_mkdir(void)
{
	CHECK_EQ(CALL(mkdir, "d", 0777), 0);
	CHECK_EQ(mode_of("d"), S_IFDIR | 0755);
	CHECK_EQ(CALL(mkdir, "d", 0777), -EEXIST);
	CHECK_EQ(CALL(mkdir, "d/e/", 01777), 0);
	CHECK_EQ(mode_of("d/e"), S_IFDIR | 01755);
	CHECK_EQ(CALL(mkdir, "absent/x", 0777), -ENOENT);
	CHECK_EQ(CALL(mkdir, ".", 0777), -EEXIST);
	CHECK_EQ(CALL(mkdir, "..", 0777), -EEXIST);
	CHECK_EQ(CALL(mkdir, "/", 0777), -EEXIST);
	make_file("f", "");
	CHECK_EQ(CALL(mkdir, "f", 0777), -EEXIST);
	CHECK_EQ(CALL(mkdir, "f/x", 0777), -ENOTDIR);

	CHECK_EQ(CALL(rmdir, "d"), -ENOTEMPTY);
	CHECK_EQ(CALL(rmdir, "f"), -ENOTDIR);
	CHECK_EQ(CALL(rmdir, "absent"), -ENOENT);
	CHECK_EQ(CALL(rmdir, "d/."), -EINVAL);
	CHECK_EQ(CALL(rmdir, "d/e/.."), -ENOTEMPTY);
	CHECK_EQ(CALL(rmdir, "/"), -EBUSY);
	CHECK_EQ(CALL(unlink, "d"), -EISDIR);
	CHECK_EQ(CALL(unlink, "."), -EISDIR);
	CHECK_EQ(CALL(unlink, "f/"), -ENOTDIR);
	CHECK_EQ(CALL(unlink, "absent"), -ENOENT);
	CHECK_EQ(CALL(unlinkat, AT_FDCWD, "d/e", AT_REMOVEDIR), 0);
	CHECK_EQ(CALL(unlinkat, AT_FDCWD, "d", 0x4), -EINVAL);
	CHECK_EQ(CALL(rmdir, "d/"), 0);
	CHECK_EQ(CALL(unlink, "f"), 0);
	CHECK_EQ(CALL(unlink, "f"), -ENOENT);
}

/* Nothing can be made in a directory that is removed but still open. */
static void test_removed_directory(void)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	char buf[64];

	CHECK_EQ(rmdir("d"), 0);
	CHECK_EQ(CALL(mkdirat, fd, "x", 0755), -ENOENT);
	CHECK_EQ(CALL(openat, fd, "x", O_RDONLY | O_CREAT, 0644), -ENOENT);
	CHECK_EQ(CALL(symlinkat, "a", fd, "x"), -ENOENT);
	CHECK_EQ(CALL(getdents64, fd, buf, sizeof(buf)), -ENOENT);
	close(fd);
}

static void test_links(void)
{
	struct stat a, b;
	char buf[32];

	make_file("f", "text");
	CHECK_EQ(CALL(link, "f", "g"), 0);
	CHECK_EQ(stat("f", &a), 0);
	CHECK_EQ(stat("g", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_nlink, 2);
	CHECK_EQ(CALL(link, "f", "g"), -EEXIST);
	CHECK_EQ(CALL(link, "absent", "h"), -ENOENT);
	CHECK_EQ(CALL(link, ".", "h"), -EPERM);
	CHECK_EQ(CALL(link, "f", "h/"), -ENOENT);
	CHECK_EQ(CALL(link, "f", "/dev/x"), -EXDEV);
	CHECK_EQ(unlink("f"), 0);
	CHECK(file_is("g", "text"));

	CHECK_EQ(CALL(symlink, "g", "l"), 0);
	CHECK_EQ(mode_of("l"), S_IFLNK | 0777);
	CHECK(file_is("l", "text"));
	CHECK_EQ(CALL(symlink, "x", "l"), -EEXIST);
	CHECK_EQ(CALL(symlink, "", "m"), -ENOENT);
	CHECK_EQ(CALL(symlink, "x", "m/"), -ENOENT);
	CHECK_EQ(CALL(readlink, "l", buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0], 'g');
	CHECK_EQ(CALL(readlink, "l", buf, 0), -EINVAL);
	CHECK_EQ(CALL(readlink, "g", buf, sizeof(buf)), -EINVAL);
	CHECK_EQ(CALL(readlink, "absent", buf, sizeof(buf)), -ENOENT);
	CHECK_EQ(CALL(symlink, "a/rather/long/target", "m"), 0);
	CHECK_EQ(CALL(readlink, "m", buf, 8), 8);
	CHECK(memcmp(buf, "a/rather", 8) == 0);
	int fd = open("l", O_PATH | O_NOFOLLOW);

	CHECK_EQ(CALL(readlinkat, fd, "", buf, sizeof(buf)), 1);
	close(fd);
	/* linkat: the link itself, or what it leads to */
	CHECK_EQ(CALL(linkat, AT_FDCWD, "l", AT_FDCWD, "l2", 0), 0);
	CHECK(S_ISLNK(mode_of("l2")));
	CHECK_EQ(CALL(linkat, AT_FDCWD, "l", AT_FDCWD, "g2", AT_SYMLINK_FOLLOW), 0);
	CHECK(S_ISREG(mode_of("g2")));
	CHECK_EQ(unlink("m") | unlink("l") | unlink("l2") | unlink("g") | unlink("g2"), 0);
}

static void test_mknod(void)
{
	CHECK_EQ(CALL(mknod, "p", S_IFIFO | 0666, 0), 0);
	CHECK_EQ(mode_of("p"), S_IFIFO | 0644);
	CHECK_EQ(CALL(mknod, "p", S_IFIFO | 0666, 0), -EEXIST);
	CHECK_EQ(CALL(mknod, "r", 0600, 0), 0);
	CHECK_EQ(mode_of("r"), S_IFREG | 0600);
	CHECK_EQ(CALL(mknod, "s", S_IFDIR | 0600, 0), -EPERM);
	CHECK_EQ(CALL(mknod, "s", 0030000, 0), -EINVAL);
	CHECK_EQ(unlink("p") | unlink("r"), 0);
}

void test_create_remove(void)
{
	test_names();
	test_mkdir();
	test_removed_directory();
	test_links();
	test_mknod();
}

/* ---- rename ---- */

static long rename2(const char *from, const char *to, unsigned flags)
{
	return CALL(renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void test_rename_files(void)
{
	make_file("a", "A");
	make_file("b", "B");
	CHECK_EQ(CALL(rename, "a", "c"), 0);
	CHECK(!exists("a") && file_is("c", "A"));
	CHECK_EQ(CALL(rename, "c", "b"), 0);
	CHECK(!exists("c") && file_is("b", "A"));
	CHECK_EQ(CALL(rename, "absent", "x"), -ENOENT);
	CHECK_EQ(CALL(rename, "b", "absent/x"), -ENOENT);
	CHECK_EQ(CALL(rename, "b", "x/"), -ENOTDIR);
	CHECK_EQ(CALL(rename, "b", "b"), 0);
	CHECK_EQ(CALL(rename, "b", "."), -EBUSY);
	CHECK_EQ(CALL(rename, ".", "x"), -EBUSY);
	CHECK_EQ(link("b", "b2"), 0);
	CHECK_EQ(CALL(rename, "b", "b2"), 0); /* one file: nothing happens */
	CHECK_EQ(rename2("b", "b2", 2), 0);
	CHECK_EQ(rename2("b", "b", 2), 0);
	CHECK(exists("b") && exists("b2"));
	CHECK_EQ(unlink("b2"), 0);
	make_file("c", "C");
	CHECK_EQ(rename2("b", "c", 1), -EEXIST);
	CHECK_EQ(rename2("b", "d", 1), 0);
	CHECK_EQ(rename2("d", "c", 2), 0);
	CHECK(file_is("d", "C") && file_is("c", "A"));
	CHECK_EQ(rename2("d", "absent", 2), -ENOENT);
	CHECK_EQ(rename2("d", "c", 3), -EINVAL);
	CHECK_EQ(rename2("d", "c", 8), -EINVAL);
	CHECK_EQ(CALL(rename, "c", "/dev/x"), -EXDEV);
	CHECK_EQ(unlink("c") | unlink("d"), 0);
}

static void test_rename_directories(void)
{
	struct stat st;

	CHECK_EQ(
		mkdir("p", 0755) | mkdir("q", 0755) | mkdir("p/s", 0755) | mkdir("p/s/t", 0755), 0);
	make_file("f", "F");
	make_file("p/s/deep", "D");
	CHECK_EQ(CALL(rename, "p", "p/s/x"), -EINVAL);
	CHECK_EQ(CALL(rename, "p/s/t", "p"), -ENOTEMPTY);
	CHECK_EQ(rename2("p/s/t", "p", 2), -EINVAL);
	CHECK_EQ(rename2("p/s", "p/s/", 2), 0);
	CHECK_EQ(CALL(rename, "f", "q"), -EISDIR);
	CHECK_EQ(CALL(rename, "q", "f"), -ENOTDIR);
	CHECK_EQ(CALL(rename, "q", "p"), -ENOTEMPTY);
	CHECK_EQ(CALL(rename, "p/s/", "q/s/"), 0);
	CHECK(file_is("q/s/deep", "D"));
	CHECK(!exists("p/s"));
	CHECK_EQ(stat("p", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(stat("q/s/../..", &st), 0);
	/* a file and a directory change places */
	CHECK_EQ(rename2("f", "q/s", 2), 0);
	CHECK(S_ISDIR(mode_of("f")) && file_is("q/s", "F") && file_is("f/deep", "D"));
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	/* an empty directory is replaced */
	CHECK_EQ(CALL(rename, "f", "p"), 0);
	CHECK(file_is("p/deep", "D"));
	CHECK_EQ(unlink("p/deep") | rmdir("p/t") | rmdir("p") | unlink("q/s") | rmdir("q"), 0);
}

void test_rename(void)
{
	test_rename_files();
	test_rename_directories();
}

/* ---- Listing ---- */

static bool seen[100];

static unsigned list(DIR *d)
{
	struct dirent *e;
	unsigned n = 0;

	memset(seen, 0, sizeof(seen));
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == 'e') {
			unsigned i = (unsigned)atoi(e->d_name + 1);

			CHECK(i < 100 && !seen[i]);
			seen[i] = true;
			CHECK_EQ(e->d_type, i % 2 ? DT_DIR : DT_REG);
		} else {
			CHECK(!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."));
			CHECK_EQ(e->d_type, DT_DIR);
		}
		n++;
	}
	return n;
}

/* In small pieces, and from a position in the middle. */
static void list_in_pieces(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	char buf[64], tiny[8];
	long n, total = 0, middle = -1;
	char name[32] = "", again[32] = "";

	CHECK_EQ(CALL(getdents64, fd, tiny, sizeof(tiny)), -EINVAL);
	while ((n = CALL(getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			int64_t next;
			uint16_t length;

			memcpy(&next, buf + at + 8, 8);
			memcpy(&length, buf + at + 16, 2);
			if (total == 51)
				strcpy(name, buf + at + 19);
			if (total == 50)
				middle = next;
			at += length;
			total++;
		}
	CHECK_EQ(n, 0);
	CHECK_EQ(total, 102);
	CHECK_EQ(lseek(fd, middle, SEEK_SET), middle);
	CHECK(CALL(getdents64, fd, buf, sizeof(buf)) > 0);
	strcpy(again, buf + 19);
	CHECK(strcmp(name, again) == 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(CALL(getdents64, fd, (void *)0xdead000000000000ul, 64) == -EFAULT);
	close(fd);
	fd = open("e0", O_RDONLY);
	CHECK_EQ(CALL(getdents64, fd, buf, sizeof(buf)), -ENOTDIR);
	close(fd);
}

void test_listing(void)
{
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		if (i % 2)
			CHECK_EQ(mkdir(name, 0755), 0);
		else
			make_file(name, "");
	}
	DIR *d = opendir(".");

	CHECK(d != NULL);
	CHECK_EQ(list(d), 102);
	rewinddir(d);
	CHECK_EQ(list(d), 102);
	closedir(d);
	list_in_pieces();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		CHECK_EQ(i % 2 ? rmdir(name) : unlink(name), 0);
	}
	CHECK(opendir("absent") == NULL && errno == ENOENT);
}
