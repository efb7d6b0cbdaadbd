/* The paths of a run, what may be found there, and the changes that go on meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static char host_name[TEXT_SIZE +
		      1]; /* what /etc/hostname holds: a file that is evicted and read again */

const struct target targets[] = {
	{"fixed/a/b/c/file", {"fixed"}, false},
	{"x/moving", {"moving"}, true},
	{"y/moving", {"moving"}, true},
	{"swap-1", {"swap one", "swap two"}, false},
	{"swap-2", {"swap one", "swap two"}, false},
	{"folder-1/inside", {"in one", "in two"}, false},
	{"folder-2/inside", {"in one", "in two"}, false},
	{"folder-1/../fixed/a/b/c/file", {"fixed"}, false},
	{"here/deep/inside", {"wanderer"}, true},
	{"there/deep/inside", {"wanderer"}, true},
	{"again", {"again"}, true},
	{"replaced", {"replaced"}, false},
	{"link", {"fixed", "replaced"}, false},
	{"link-to-moving", {"moving"}, true},
	{"mnt/file", {"mounted"}, true},
	{"mnt/../fixed/a/b/c/file", {"fixed"}, false},
	{"fixed/a/never", {NULL}, true},
	{"fixed/never/file", {NULL}, true},
	{"/etc/hostname", {host_name}, false},
	{"/usr/never", {NULL}, true},
};
const size_t nr_targets = sizeof(targets) / sizeof(targets[0]);

static int result_of(int r)
{
	return r < 0 ? -errno : 0;
}

/* ---- changes ---- */

static int change_move(unsigned round)
{
	return result_of(
		round % 2 ? rename("y/moving", "x/moving") : rename("x/moving", "y/moving"));
}

static int change_swap(unsigned round)
{
	(void)round;
	return result_of(renameat2(AT_FDCWD, "swap-1", AT_FDCWD, "swap-2", RENAME_EXCHANGE));
}

static int change_folders(unsigned round)
{
	if (round % 2)
		return result_of(
			renameat2(AT_FDCWD, "folder-1", AT_FDCWD, "folder-2", RENAME_EXCHANGE));
	return result_of(round % 4 ? rename("there", "here") : rename("here", "there"));
}

static int change_recreate(unsigned round)
{
	(void)round;
	if (unlink("again") < 0)
		return -errno;
	return make_file("again", "again");
}

static int change_replace(unsigned round)
{
	int error = make_file("replaced.new", "replaced");

	if (error)
		return error;
	if (rename("replaced.new", "replaced") < 0)
		return -errno;
	if (symlink(round % 2 ? "fixed/a/b/c/file" : "replaced", "link.new") < 0)
		return -errno;
	return result_of(rename("link.new", "link"));
}

static int change_caches(unsigned round)
{
	int fd, error = 0;

	if (round % 16)
		return 0;
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, round % 32 ? "2" : "3", 1) != 1)
		error = -errno;
	close(fd);
	return error;
}

/* A walker inside keeps it busy: then it stays for this round. */
static int change_mount(unsigned round)
{
	if (round % 4)
		return 0;
	if (mount("none", "mnt", "tmpfs", 0, NULL) < 0)
		return -errno;
	make_file("mnt/file", "mounted");
	while (umount2("mnt", round % 8 ? MNT_DETACH : 0) < 0)
		if (errno != EBUSY)
			return -errno;
	return 0;
}

const struct changer changers[] = {
	{"move", change_move},
	{"swap", change_swap},
	{"folders", change_folders},
	{"recreate", change_recreate},
	{"replace", change_replace},
	{"drop caches", change_caches},
	{"mount", change_mount},
};
const size_t nr_changers = sizeof(changers) / sizeof(changers[0]);

/* ---- the tree ---- */

int make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = -errno;
	close(fd);
	return error;
}

static const char *const folders[] = {"fixed", "fixed/a", "fixed/a/b", "fixed/a/b/c", "x", "y",
	"folder-1", "folder-2", "here", "here/deep", "mnt"};
static const struct {
	const char *path, *text;
} files[] = {{"fixed/a/b/c/file", "fixed"}, {"x/moving", "moving"}, {"swap-1", "swap one"},
	{"swap-2", "swap two"}, {"folder-1/inside", "in one"}, {"folder-2/inside", "in two"},
	{"here/deep/inside", "wanderer"}, {"again", "again"}, {"replaced", "replaced"}};

/* The first line of an open file. 0 or -errno. */
static int read_text(int fd, char text[TEXT_SIZE + 1])
{
	ssize_t n = pread(fd, text, TEXT_SIZE, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int tree_make(void)
{
	int fd = open("/etc/hostname", O_RDONLY),
	    error = fd < 0 ? -errno : read_text(fd, host_name);

	if (fd >= 0)
		close(fd);

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !error; i++)
		error = result_of(mkdir(folders[i], 0755));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !error; i++)
		error = make_file(files[i].path, files[i].text);
	if (!error)
		error = result_of(symlink("replaced", "link"));
	if (!error)
		error = result_of(symlink("x/../y/moving", "link-to-moving"));
	if (error)
		fprintf(stderr, "stress: making the tree: %s\n", strerror(-error));
	return error;
}

void tree_remove(void)
{
	rename("there", "here");
	rename("y/moving", "x/moving");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i].path);
	unlink("link");
	unlink("link-to-moving");
	unlink("replaced.new");
	unlink("link.new");
	for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;)
		rmdir(folders[i]);
}

/* ---- judging ---- */

static bool holds(const struct target *t, const char *text)
{
	for (int i = 0; i < 2; i++)
		if (t->texts[i] && strcmp(t->texts[i], text) == 0)
			return true;
	return false;
}

static bool unexplained(const struct target *t, const char *method, const char *answer)
{
	/* The first few tell the story. */
	if (__atomic_add_fetch(&stress_unexplained, 1, __ATOMIC_RELAXED) <= 20)
		fprintf(stderr, "stress: %s of %s: %s cannot be\n", method, t->path, answer);
	return false;
}

bool target_judge(const struct target *t, int fd, bool cached_only, const char *method)
{
	char text[TEXT_SIZE + 1];
	int error;

	__atomic_fetch_add(&stress_opens, 1, __ATOMIC_RELAXED);
	if (fd == -ENOENT && t->may_miss) {
		__atomic_fetch_add(&stress_missing, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (fd == -EAGAIN && cached_only) {
		__atomic_fetch_add(&stress_would_block, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (fd < 0)
		return unexplained(t, method, strerror(-fd));
	error = read_text(fd, text);
	close(fd);
	if (error)
		return unexplained(t, method, strerror(-error));
	/* Made and written are two steps: in between a new file is empty. */
	if (!*text && t->may_miss && t->texts[0])
		return true;
	return holds(t, text) ? true : unexplained(t, method, text);
}
