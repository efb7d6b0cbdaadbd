/*
 * Who changes the tree. Each changer is a thread of its own with names of its own, and every round leaves
 * them in a state in which the next one can begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

unsigned long stress_mounts, stress_busy;

/* The folder that `veil` is when nothing is mounted there. */
static int under_veil = -1;

static int result_of(int r)
{
	return r < 0 ? -errno : 0;
}

static int move(const char *from, const char *to)
{
	return result_of(rename(from, to));
}

static int exchange(const char *a, const char *b)
{
	return result_of(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
}

/* Leave it as it is for a moment. */
static void dwell(unsigned n)
{
	for (volatile unsigned i = 0; i < n * 1000; i++)
		;
}

/* ---- Names ---- */

static int change_move(unsigned round)
{
	return round % 2 ? move("y/moving", "x/moving") : move("x/moving", "y/moving");
}

static int change_swap(unsigned round)
{
	(void)round;
	return exchange("swap-1", "swap-2");
}

static int change_folders(unsigned round)
{
	if (round % 2)
		return exchange("folder-1", "folder-2");
	return round % 4 ? move("there", "here") : move("here", "there");
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

	if (!error)
		error = move("replaced.new", "replaced");
	if (!error)
		error = result_of(symlink(round % 2 ? "fixed/a/b/c/file" : "replaced", "link.new"));
	return error ? error : move("link.new", "link");
}

/* `pair-1` is always there; what was it a moment ago may be gone as `pair-2`. */
static int change_pair(unsigned round)
{
	int error = exchange("pair-1", "pair-2");

	if (error)
		return error;
	if (unlink("pair-2") < 0)
		return -errno;
	dwell(round % 16 * 4);
	return make_file("pair-2", "pair");
}

/* A folder that changes its parent, whose `..` leads to one `mark` or the other. */
static int change_wander(unsigned round)
{
	return round % 2 ? move("y/wander", "x/wander") : move("x/wander", "y/wander");
}

/* There is never a gate/guest/hidden: it is hidden only while the guest is in the cellar. */
static int change_visit(unsigned round)
{
	int error = move("gate/guest", "cellar/guest");

	if (!error)
		error = move("cellar/spare", "cellar/guest/hidden");
	dwell(round % 16);
	if (!error)
		error = move("cellar/guest/hidden", "cellar/spare");
	if (!error)
		error = move("cellar/guest", "gate/guest");
	dwell(round / 16 % 16);
	return error;
}

/* ---- Mounts ---- */

/* Take the mount at path away, sometimes after waiting for those inside it. */
static int unmount(const char *path, int flags)
{
	while (umount2(path, flags) < 0) {
		if (errno != EBUSY)
			return -errno;
		__atomic_fetch_add(&stress_busy, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
	__atomic_fetch_add(&stress_mounts, 1, __ATOMIC_RELAXED);
	return 0;
}

/* A file system that is new each time; walkers inside keep it until they leave. */
static int change_mount(unsigned round)
{
	if (round % 4)
		return 0;
	if (mount("none", "mnt", "tmpfs", 0, NULL) < 0)
		return -errno;
	make_file("mnt/file", "mounted");
	return unmount("mnt", round % 8 ? MNT_DETACH : 0);
}

/* There is never a veil/hidden: it is hidden only while something else is shown there. */
static int change_veil(unsigned round)
{
	int error;

	dwell(round / 2 % 16);
	if (round % 2)
		return 0;
	if (mount("store", "veil", NULL, MS_BIND, NULL) < 0)
		return -errno;
	error = result_of(renameat(AT_FDCWD, "veiled", under_veil, "hidden"));
	dwell(round / 2 % 16);
	if (!error)
		error = result_of(renameat(under_veil, "hidden", AT_FDCWD, "veiled"));
	return error ? error : unmount("veil", 0);
}

/* ---- The machine ---- */

static int change_caches(unsigned round)
{
	static const char *const what[] = {"2", "1", "2", "3"};

	return round % 4 ? 0 : write_to("/proc/sys/vm/drop_caches", what[round / 4 % 4]);
}

/* How a ring's worker takes up a request that could not be answered inline. */
static int change_retry(unsigned round)
{
	static const char *const how[] = {"retry=rcu", "retry=norcu", "retry=resume"};

	return round % 16 ? 0 : write_to("/proc/unlazy/ring", how[round / 16 % 3]);
}

const struct changer changers[] = {
	{"move", change_move},
	{"swap", change_swap},
	{"folders", change_folders},
	{"recreate", change_recreate},
	{"replace", change_replace},
	{"pair", change_pair},
	{"wander", change_wander},
	{"visit", change_visit},
	{"mount", change_mount},
	{"veil", change_veil},
	{"caches", change_caches},
	{"retry", change_retry},
};
const size_t nr_changers = sizeof(changers) / sizeof(changers[0]);

/* What `veil` shows while it is covered is a file system of its own. */
int changes_begin(void)
{
	int error;

	under_veil = open("veil", O_RDONLY | O_DIRECTORY);
	error = result_of(mount("none", "store", "tmpfs", 0, NULL));
	if (!error)
		error = make_file("store/file", "mounted");
	if (!error)
		error = result_of(mkdir("store/over", 0755));
	if (error)
		fprintf(stderr, "stress: preparing mounts: %s\n", strerror(-error));
	return error;
}

void changes_end(void)
{
	write_to("/proc/unlazy/ring", "retry=rcu");
	close(under_veil);
	umount2("mnt", MNT_DETACH);
	umount2("veil", MNT_DETACH);
	umount2("store", MNT_DETACH);
}
