/*
 * Pairs of system calls that race for one name, file or descriptor. Each pair has a few outcomes that some
 * order of the two explains; any other is a lost race. (Walks that race against changes: stress.)
 *
 *	racetest [TIMES]	TIMES as many rounds as usual
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static unsigned passed, failed, rounds;

static int result_of(int r)
{
	return r < 0 ? -errno : 0;
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	return fd < 0 ? -errno : result_of(close(fd));
}

/* ---- Two calls at the same moment ---- */

/* A second thread that does one thing whenever it is told, together with the first. */
static struct {
	int (*fn)(void);
	int result;
	unsigned go, done; /* rounds begun and finished; atomic */
	unsigned delay;	   /* so that all orders come up */
} other;

static void spin(unsigned n)
{
	while (n--)
		__asm__ volatile("pause");
}

static void wait_for(const unsigned *word, unsigned value)
{
	for (unsigned i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < value; i++)
		if (i % 64 == 63)
			sched_yield();
}

static void *other_main(void *arg)
{
	(void)arg;
	for (unsigned round = 1; round <= rounds; round++) {
		wait_for(&other.go, round);
		spin(other.delay);
		other.result = other.fn();
		__atomic_store_n(&other.done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/*
 * rounds times: prepare, then one and two at the same moment, then judge(their results). The first result
 * that judge refuses is shown; returns how many it refused.
 */
static unsigned race(const char *name, int (*prepare)(void), int (*one)(void), int (*two)(void),
	bool (*judge)(int one_result, int two_result))
{
	unsigned refused = 0;
	pthread_t thread;

	other.fn = two;
	other.go = other.done = 0;
	if (pthread_create(&thread, NULL, other_main, NULL)) {
		printf("%s: no thread\n", name);
		return 1;
	}
	for (unsigned round = 1; round <= rounds; round++) {
		int error = prepare(), result;

		if (error && !refused++)
			printf("%s: round %u: prepare: %s\n", name, round, strerror(-error));
		other.delay = round % 37 * 8;
		__atomic_store_n(&other.go, round, __ATOMIC_RELEASE);
		spin(round % 41 * 8);
		result = one();
		wait_for(&other.done, round);
		if (!judge(result, other.result) && !refused++)
			printf("%s: round %u: %d and %d\n", name, round, result, other.result);
	}
	pthread_join(thread, NULL);
	return refused;
}

/* ---- A mount comes while its place goes ---- */

static int prepare_place(void)
{
	umount2("place", MNT_DETACH);
	if (mkdir("place", 0755) < 0 && errno != EEXIST)
		return -errno;
	return mkdir("spare", 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int mount_place(void)
{
	return result_of(mount("none", "place", "tmpfs", 0, NULL));
}

static int remove_place(void)
{
	return result_of(rmdir("place"));
}

static int replace_place(void)
{
	return result_of(rename("spare", "place"));
}

static int move_place(void)
{
	return result_of(rename("place", "moved"));
}

/* Either the place stays, with something on it, or it goes and nothing was mounted. */
static bool mounted_or_removed(int mounted, int removed)
{
	return (mounted == 0 && removed == -EBUSY) || (mounted == -ENOENT && removed == 0);
}

/* The same, but a new folder has the name: the mount may be on that. */
static bool mounted_or_replaced(int mounted, int replaced)
{
	struct stat s;

	if (mounted == 0 && replaced == 0) /* then it is to be seen, and can be unmounted */
		return stat("place", &s) == 0 && s.st_ino == 1 && umount2("place", 0) == 0;
	return (mounted == 0 && replaced == -EBUSY) || (mounted == -ENOENT && replaced == 0);
}

/* The mount may have found the folder before it was moved, and goes with it. */
static bool mounted_or_moved(int mounted, int moved)
{
	struct stat s;
	bool fine = mounted_or_removed(mounted, moved);

	if (mounted == 0 && moved == 0)
		fine = stat("moved", &s) == 0 && s.st_ino == 1 && umount2("moved", 0) == 0;
	rmdir("moved");
	return fine;
}

static int prepare_file_place(void)
{
	umount2("place", MNT_DETACH);
	return make_file("place");
}

static int bind_place(void)
{
	return result_of(mount("file", "place", NULL, MS_BIND, NULL));
}

static int unlink_place(void)
{
	return result_of(unlink("place"));
}

static void test_mount_points(void)
{
	CHECK_EQ(race("mount, rmdir", prepare_place, mount_place, remove_place, mounted_or_removed),
		0);
	CHECK_EQ(
		race("mount, rename", prepare_place, mount_place, move_place, mounted_or_moved), 0);
	CHECK_EQ(race("mount, replace", prepare_place, mount_place, replace_place,
			 mounted_or_replaced),
		0);
	umount2("place", MNT_DETACH);
	rmdir("place");
	rmdir("spare");
	CHECK_EQ(make_file("file"), 0);
	CHECK_EQ(race("bind, unlink", prepare_file_place, bind_place, unlink_place,
			 mounted_or_removed),
		0);
	umount2("place", MNT_DETACH);
	unlink("place");
	unlink("file");
}

/* ---- One file, two folders: the link count ---- */

static int no_preparation(void)
{
	return 0;
}

static int link_and_unlink(const char *name)
{
	for (int i = 0; i < 8; i++)
		if (link("file", name) < 0 || unlink(name) < 0)
			return -errno;
	return 0;
}

static int links_in_a(void)
{
	return link_and_unlink("a/name");
}

static int links_in_b(void)
{
	return link_and_unlink("b/name");
}

static bool one_link_left(int one, int two)
{
	struct stat s;

	return one == 0 && two == 0 && stat("file", &s) == 0 && s.st_nlink == 1;
}

static void test_links(void)
{
	CHECK_EQ(make_file("file"), 0);
	CHECK_EQ(mkdir("a", 0755), 0);
	CHECK_EQ(mkdir("b", 0755), 0);
	CHECK_EQ(race("link, link", no_preparation, links_in_a, links_in_b, one_link_left), 0);
	unlink("file");
	rmdir("a");
	rmdir("b");
}

/* ---- A descriptor closed under a cached walk that starts there ---- */

#define DIR_FD 60

static int walk_from_dir(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_CACHED};

	for (int i = 0; i < 20; i++) {
		int fd = (int)syscall(SYS_openat2, DIR_FD, "file", &how, sizeof(how));

		if (fd >= 0)
			close(fd);
		else if (errno != EBADF && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

static int close_dir(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 20; i++) {
		dup2(fd, DIR_FD);
		close(DIR_FD);
	}
	return result_of(close(fd));
}

static bool both_fine(int one, int two)
{
	return one == 0 && two == 0;
}

static void test_dirfd(void)
{
	CHECK_EQ(make_file("file"), 0);
	CHECK_EQ(race("openat2, close", no_preparation, walk_from_dir, close_dir, both_fine), 0);
	unlink("file");
}

/* ---- A FIFO's last users ---- */

static int open_and_close_fifo(void)
{
	for (int i = 0; i < 8; i++) {
		int fd = open("fifo", O_RDWR | O_NONBLOCK);

		if (fd < 0 || close(fd) < 0)
			return -errno;
	}
	return 0;
}

static void test_fifo(void)
{
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	CHECK_EQ(race("open FIFO, open FIFO", no_preparation, open_and_close_fifo,
			 open_and_close_fifo, both_fine),
		0);
	unlink("fifo");
}

/* ---- Leaving a working directory that is mounted nowhere any more ---- */

static int enter_detached(void)
{
	if (mount("none", "m", "tmpfs", 0, NULL) < 0 || chdir("m") < 0 || make_file("file") < 0)
		return -errno;
	return result_of(umount2("../m", MNT_DETACH));
}

static int home_fd;

static int leave(void)
{
	return result_of(fchdir(home_fd));
}

/* Before the other has left, or after. */
static int open_in_working_directory(void)
{
	for (int i = 0; i < 4; i++) {
		int fd = open("file", O_RDONLY);

		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT)
			return -errno;
	}
	return 0;
}

static void test_detached(void)
{
	home_fd = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(mkdir("m", 0755), 0);
	CHECK_EQ(race("leave, open", enter_detached, leave, open_in_working_directory, both_fine),
		0);

	/* Nothing can be mounted below: nobody could reach it. */
	CHECK_EQ(enter_detached(), 0);
	CHECK_EQ(mkdir("below", 0755), 0);
	CHECK_EQ(result_of(mount("none", "below", "tmpfs", 0, NULL)), -EINVAL);
	CHECK_EQ(leave(), 0);
	CHECK_EQ(rmdir("m"), 0);
	close(home_fd);
}

/* ---- A directory renamed out of the bind mount one stands in ---- */

static void test_out_of_bind(void)
{
	static const char lost[] = "(unreachable)/race/top/inner/most";
	char text[64];

	CHECK_EQ(mkdir("top", 0755), 0);
	CHECK_EQ(mkdir("top/shown", 0755), 0);
	CHECK_EQ(mkdir("top/shown/inner", 0755), 0);
	CHECK_EQ(mkdir("top/shown/inner/most", 0755), 0);
	CHECK_EQ(mkdir("view", 0755), 0);
	CHECK_EQ(mount("top/shown", "view", NULL, MS_BIND, NULL), 0);
	home_fd = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(chdir("view/inner/most"), 0);
	CHECK_EQ(result_of(renameat(home_fd, "top/shown/inner", home_fd, "top/inner")), 0);
	/* There is no way back up: `..` must not lead to what the mount does not show. */
	CHECK_EQ(result_of(chdir("..")), -ENOENT);
	CHECK_EQ(syscall(SYS_getcwd, text, sizeof(text)), strlen(lost) + 1);
	CHECK_EQ(strcmp(text, lost), 0);
	CHECK_EQ(leave(), 0);
	CHECK_EQ(umount2("view", 0), 0);
	CHECK_EQ(rmdir("top/inner/most"), 0);
	CHECK_EQ(rmdir("top/inner"), 0);
	CHECK_EQ(rmdir("top/shown"), 0);
	CHECK_EQ(rmdir("top"), 0);
	CHECK_EQ(rmdir("view"), 0);
	close(home_fd);
}

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned rounds;
} groups[] = {
	{"mount points", test_mount_points, 200},
	{"links", test_links, 1000},
	{"dirfd", test_dirfd, 1000},
	{"fifo", test_fifo, 1000},
	{"detached", test_detached, 200},
	{"out of bind", test_out_of_bind, 1},
};

int main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;

	if (mkdir("/tmp/race", 0755) < 0 || chdir("/tmp/race") < 0) {
		printf("racetest: /tmp/race: %s\n", strerror(errno));
		return 1;
	}
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		unsigned before = failed;

		rounds = times * groups[i].rounds;
		groups[i].fn();
		printf("%s %s\n", failed == before ? "ok" : "FAIL", groups[i].name);
		fflush(stdout);
	}
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(rmdir("/tmp/race"), 0);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
