/* The paths of a run, what may be found there, and whether an answer is one of that. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

/* What /etc/hostname holds: a file that is evicted and read again. */
static char host_name[TEXT_SIZE + 1];

static const struct target targets[] = {
	/* Whoever is fooled by one of these has missed a change: taken half of the time. */
	{.path = "gate/guest/hidden", .by = "visit", .may_miss = true, .later = "hidden"},
	{.path = "./gate/./guest/hidden", .by = "visit", .may_miss = true, .later = "hidden"},
	{.path = "veil/hidden", .by = "veil", .may_miss = true, .later = "hidden"},
	{.path = "pair-1", .by = "pair", .texts = {"pair"}},
	{.path = "./pair-1", .by = "pair", .texts = {"pair"}},
	{.path = "x/wander/../mark",
		.by = "wander",
		.texts = {"in x"},
		.may_miss = true,
		.later = "in y"},
	{.path = "y/wander/../mark",
		.by = "wander",
		.texts = {"in y"},
		.may_miss = true,
		.later = "in x"},
	{.path = "veil/file", .by = "veil", .texts = {"covered", "mounted"}},
	{.path = "veil/../fixed/a/b/c/file", .by = "veil", .texts = {"fixed"}},
	{.path = "again", .by = "recreate", .texts = {"again"}, .may_miss = true},
#define NR_SHARP 10
	{.path = "fixed/a/b/c/file", .texts = {"fixed"}},
	{.path = "x/moving", .by = "move", .texts = {"moving"}, .may_miss = true},
	{.path = "y/moving", .by = "move", .texts = {"moving"}, .may_miss = true},
	{.path = "swap-1", .by = "swap", .texts = {"swap one", "swap two"}},
	{.path = "swap-2", .by = "swap", .texts = {"swap one", "swap two"}},
	{.path = "pair-2", .by = "pair", .texts = {"pair"}, .may_miss = true},
	{.path = "folder-1/inside", .by = "folders", .texts = {"in one", "in two"}},
	{.path = "folder-2/inside", .by = "folders", .texts = {"in one", "in two"}},
	{.path = "folder-1/../fixed/a/b/c/file", .by = "folders", .texts = {"fixed"}},
	{.path = "here/deep/inside", .by = "folders", .texts = {"wanderer"}, .may_miss = true},
	{.path = "there/deep/inside", .by = "folders", .texts = {"wanderer"}, .may_miss = true},
	/* no step down or up looks at two entries that are not next to each other */
	{.path = "x/wander/inner/../../mark",
		.by = "wander",
		.texts = {"in x", "in y"},
		.may_miss = true},
	{.path = "replaced", .by = "replace", .texts = {"replaced"}},
	{.path = "link", .by = "replace", .texts = {"fixed", "replaced"}},
	{.path = "link-to-moving", .by = "move", .texts = {"moving"}, .may_miss = true},
	{.path = "mnt/file", .by = "mount", .texts = {"mounted"}, .may_miss = true},
	/* from inside a mount that has been detached there is no way up */
	{.path = "mnt/../fixed/a/b/c/file", .by = "mount", .texts = {"fixed"}, .may_miss = true},
	{.path = "veil/over/../file", .by = "veil", .texts = {"mounted"}, .may_miss = true},
	{.path = "veil/over/../../swap-1",
		.by = "veil",
		.texts = {"swap one", "swap two"},
		.may_miss = true},
	/* one is in what covers, the other in what is covered */
	{.path = "veil/over/../under/file", .by = "veil", .may_miss = true},
	{.path = "fixed/a/never", .may_miss = true},
	{.path = "fixed/never/file", .may_miss = true},
	{.path = "/etc/hostname", .by = "caches", .texts = {host_name}},
	{.path = "/usr/never", .may_miss = true},
};
#define NR_TARGETS (sizeof(targets) / sizeof(targets[0]))

const struct target scoped_targets[] = {
	{.path = "mark", .texts = {"in x"}},
	{.path = "wander/../mark", .texts = {"in x"}, .may_miss = true},
	{.path = "wander/inner/../../mark", .texts = {"in x"}, .may_miss = true},
};
const size_t nr_scoped_targets = sizeof(scoped_targets) / sizeof(scoped_targets[0]);

#define MAX_DISK_FILES 64
static struct target disk_files[MAX_DISK_FILES];
static unsigned nr_disk_files;

/* ---- Files of the disk ---- */

/* Up to nr of the files in a folder and, so many levels, below. */
static void find_files(const char *folder, unsigned nr, unsigned levels)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	unsigned limit = nr_disk_files + nr;

	limit = limit < MAX_DISK_FILES ? limit : MAX_DISK_FILES;
	while (dir && nr_disk_files < limit && (e = readdir(dir)) != NULL) {
		char path[256];
		struct stat s;

		if (e->d_name[0] == '.' ||
			(size_t)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >=
				sizeof(path) ||
			lstat(path, &s) < 0)
			continue;
		if (S_ISREG(s.st_mode))
			disk_files[nr_disk_files++] =
				(struct target){.path = strdup(path), .inode = s.st_ino};
		else if (levels && S_ISDIR(s.st_mode))
			find_files(path, nr / 4, levels - 1);
	}
	if (dir)
		closedir(dir);
}

/* ---- What a walk chooses from ---- */

static const struct target *chosen[NR_TARGETS]; /* in the order of targets */
static unsigned nr_chosen, nr_sharp;

void targets_choose(bool (*wanted)(const char *name))
{
	for (unsigned i = 0; i < NR_TARGETS; i++)
		if (!wanted || (targets[i].by && wanted(targets[i].by))) {
			chosen[nr_chosen++] = &targets[i];
			nr_sharp += i < NR_SHARP;
		}
	if (!wanted || wanted("caches"))
		find_files("/usr", MAX_DISK_FILES, 3);
}

const struct target *target_some(unsigned random)
{
	unsigned which = random / 4;

	if (nr_disk_files && (random % 4 == 3 || !nr_chosen))
		return &disk_files[which % nr_disk_files];
	return chosen[which % (random % 4 < 2 && nr_sharp ? nr_sharp : nr_chosen)];
}

/* ---- The tree ---- */

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

int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = -errno;
	close(fd);
	return error;
}

static const char *const folders[] = {"fixed", "fixed/a", "fixed/a/b", "fixed/a/b/c", "x", "y",
	"x/wander", "x/wander/inner", "folder-1", "folder-2", "here", "here/deep", "gate",
	"gate/guest", "cellar", "mnt", "store", "veil", "veil/under"};
static const struct {
	const char *path, *text;
} files[] = {{"fixed/a/b/c/file", "fixed"}, {"x/moving", "moving"}, {"x/mark", "in x"},
	{"y/mark", "in y"}, {"swap-1", "swap one"}, {"swap-2", "swap two"}, {"pair-1", "pair"},
	{"pair-2", "pair"}, {"folder-1/inside", "in one"}, {"folder-2/inside", "in two"},
	{"here/deep/inside", "wanderer"}, {"again", "again"}, {"replaced", "replaced"},
	{"cellar/spare", "hidden"}, {"veiled", "hidden"}, {"veil/file", "covered"},
	{"veil/under/file", "under"}};

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

static int make_link(const char *body, const char *name)
{
	return symlink(body, name) < 0 ? -errno : 0;
}

int tree_make(void)
{
	int fd = open("/etc/hostname", O_RDONLY),
	    error = fd < 0 ? -errno : read_text(fd, host_name);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !error; i++)
		error = mkdir(folders[i], 0755) < 0 ? -errno : 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !error; i++)
		error = make_file(files[i].path, files[i].text);
	if (!error)
		error = make_link("replaced", "link");
	if (!error)
		error = make_link("x/../y/moving", "link-to-moving");
	if (error)
		fprintf(stderr, "stress: making the tree: %s\n", strerror(-error));
	return error ? error : changes_begin();
}

/* Everything goes back to its place first. */
void tree_remove(void)
{
	changes_end();
	rename("there", "here");
	rename("y/moving", "x/moving");
	rename("y/wander", "x/wander");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i].path);
	unlink("link");
	unlink("link-to-moving");
	unlink("replaced.new");
	unlink("link.new");
	unlink("own");
	for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;)
		rmdir(folders[i]);
}

/* ---- Judging ---- */

static bool unexplained(const struct target *t, const char *method, const char *answer)
{
	/* The first few tell the story. */
	if (__atomic_add_fetch(&stress_unexplained, 1, __ATOMIC_RELAXED) <= 20)
		fprintf(stderr, "stress: %s of %s: %s cannot be\n", method, t->path, answer);
	return false;
}

static bool judge_disk_file(const struct target *t, int fd, const char *method)
{
	struct stat s;
	int error = fstat(fd, &s) < 0 ? errno : 0;

	close(fd);
	if (error)
		return unexplained(t, method, strerror(error));
	return s.st_ino == t->inode ? true : unexplained(t, method, "another file");
}

static bool holds(const struct target *t, enum walk_kind kind, const char *text)
{
	for (int i = 0; i < 2; i++)
		if (t->texts[i] && strcmp(t->texts[i], text) == 0)
			return true;
	/* Made and written are two steps: in between a new file is empty. */
	if (!*text && t->may_miss && t->texts[0])
		return true;
	return kind == WALK_ANY && t->later && strcmp(t->later, text) == 0;
}

bool target_judge(const struct target *t, int fd, enum walk_kind kind, const char *method)
{
	char text[TEXT_SIZE + 1];
	int error;

	__atomic_fetch_add(&stress_opens, 1, __ATOMIC_RELAXED);
	if (fd == -ENOENT && t->may_miss) {
		__atomic_fetch_add(&stress_missing, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (fd == -EAGAIN && kind != WALK_ANY) {
		__atomic_fetch_add(&stress_would_block, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (fd < 0)
		return unexplained(t, method, strerror(-fd));
	if (t->inode)
		return judge_disk_file(t, fd, method);
	error = read_text(fd, text);
	close(fd);
	if (error)
		return unexplained(t, method, strerror(-error));
	return holds(t, kind, text) ? true : unexplained(t, method, text);
}
