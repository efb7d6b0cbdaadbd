/*
 * Where a sequence runs: a file system of its own, mounted on the base folder and made the root with
 * chroot, so that absolute paths mean the same on both systems and nothing outside can be reached.
 *
 * With -p, which on Linux is always given, the machine's own file systems are cut off before anything else:
 * whatever goes wrong, there is nothing to be hurt.
 *
 * Two descriptors outlive a sequence: outside, the way back; and sandbox_top, the sequence's root.
 */
#include "difftest.h"

#define READ_ONLY 1
#define DETACH	  2
#define BIND	  4096
#define DEPTH	  20
#define ROOM	  8192

static int outside;
int sandbox_top;

static int move_up(long fd, const char *what)
{
	long moved = fd < 0 ? fd : CALL(fcntl, fd, F_DUPFD_CLOEXEC, FD_OWN);

	if (moved < 0)
		give_up(what, moved);
	close((int)fd);
	return (int)moved;
}

static void must(const char *what, long error)
{
	if (error < 0)
		give_up(what, error);
}

/* The device's file in a place that stays. */
static void keep_device(void)
{
	long fd = CALL(open, "device", O_CREAT | O_RDWR, 0600);

	must("a file for the device", fd);
	close((int)fd);
	must("binding the device", CALL(mount, options.device, "device", NULL, BIND, NULL));
	options.device = "/device";
}

/* An empty tmpfs becomes the root of our mount namespace, and nothing else is in it. */
static void cut_off(void)
{
	must("a new root", CALL(mount, "difftest", options.base, "tmpfs", 0, NULL));
	must("going there", CALL(chdir, options.base));
	if (options.device)
		keep_device();
	must("a folder", CALL(mkdir, "old", 0755));
	must("pivot_root", CALL(pivot_root, ".", "old"));
	must("going to the new root", CALL(chdir, "/"));
	must("cutting the old root off", CALL(umount2, "/old", DETACH));
	options.base = "/base";
}

void sandbox_prepare(void)
{
	if (options.cut_off)
		cut_off();
	CALL(mkdir, options.base, 0755); /* may be there */
	outside = move_up(CALL(open, "/", O_RDONLY | O_DIRECTORY), "opening /");
}

void sandbox_enter(void)
{
	struct rlimit limit = {FD_LIMIT, 4096};
	long error = options.device
			     ? CALL(mount, options.device, options.base, "ext4", READ_ONLY, NULL)
			     : CALL(mount, "difftest", options.base, "tmpfs", NOATIME, NULL);

	if (error)
		give_up("mount", error);
	if ((error = CALL(chroot, options.base)) || (error = CALL(chdir, "/")))
		give_up("chroot", error);
	if (options.no_sticky)
		CALL(chmod, "/", UNSTICKY);
	sandbox_top = move_up(CALL(open, "/", O_RDONLY | O_DIRECTORY), "opening the root");
	CALL(umask, 022);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		give_up("setrlimit", -errno);
}

/* ---- What is left ---- */

static void dump_content(int fd)
{
	long n;
	long at = 0;

	while ((n = CALL(pread64, fd, buffer, sizeof(buffer), at)) > 0 && at < 16 << 20) {
		say_bytes(buffer, (size_t)n);
		at += n;
	}
	say_errno(n);
}

static void dump_entry(int dirfd, const char *name)
{
	struct stat st;
	long error = CALL(newfstatat, dirfd, name, &st, 0x100);

	say_errno(error);
	if (error)
		return;
	say_stat(&st);
	if (S_ISLNK(st.st_mode)) {
		long n = CALL(readlinkat, dirfd, name, buffer, 4096);

		buffer[n > 0 ? n : 0] = '\0';
		say(" text=");
		say_path((char *)buffer);
	} else if (S_ISREG(st.st_mode)) {
		long fd = CALL(openat, dirfd, name, O_RDONLY | O_NOFOLLOW);

		say(" content:");
		if (fd < 0)
			say_errno(fd);
		else
			dump_content((int)fd);
		close((int)fd);
	}
}

static void dump_directory(uint64_t seed, int dirfd, const char *path, unsigned depth);

/* One entry, and what is below it. */
static void dump_below(uint64_t seed, int dirfd, const char *path, const char *name, unsigned depth)
{
	char *below = malloc(ROOM);

	snprintf(below, ROOM, "%s/%s", path, name);
	line_begin(seed, 0);
	say_path(below);
	say(" : ");
	dump_entry(dirfd, name);
	line_end();
	long fd =
		depth < DEPTH ? CALL(openat, dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;

	if (fd >= 0) {
		dump_directory(seed, (int)fd, below, depth + 1);
		close((int)fd);
	}
	free(below);
}

struct names {
	struct names *next;
	char name[];
};

static struct names *insert_name(struct names *list, const char *name)
{
	struct names **at = &list, *n = malloc(sizeof(*n) + strlen(name) + 1);

	strcpy(n->name, name);
	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
	return list;
}

static struct names *names_of(int dirfd)
{
	struct names *list = NULL;
	long n;

	while ((n = CALL(getdents64, dirfd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n; at += *(unsigned short *)(buffer + at + 16)) {
			const char *name = (char *)buffer + at + 19;

			if (strcmp(name, ".") && strcmp(name, ".."))
				list = insert_name(list, name);
		}
	return list;
}

static void dump_directory(uint64_t seed, int dirfd, const char *path, unsigned depth)
{
	struct names *list = names_of(dirfd), *next;

	for (; list; list = next) {
		next = list->next;
		dump_below(seed, dirfd, path, list->name, depth);
		free(list);
	}
}

static void dump_descriptors(uint64_t seed)
{
	struct stat st;

	for (int fd = 3; fd < FD_OWN; fd++) {
		if (CALL(fstat, fd, &st) < 0)
			continue;
		line_begin(seed, 0);
		say("descriptor %d :", fd);
		say_descriptor(fd);
		if (!S_ISDIR(st.st_mode))
			say(" position=%ld", CALL(lseek, fd, 0, SEEK_CUR));
		line_end();
	}
}

void sandbox_leave(uint64_t seed)
{
	struct rlimit limit = {1024, 4096};

	become_root();
	dump_descriptors(seed);
	if (setrlimit(RLIMIT_NOFILE, &limit) || CALL(close_range, 3, FD_OWN - 1, 0))
		give_up("closing everything", -errno);
	CALL(fchdir, sandbox_top);
	CALL(chroot, ".");
	dump_below(seed, AT_FDCWD, "", ".", 0);
	close(sandbox_top);
	if (CALL(fchdir, outside) || CALL(chroot, "."))
		give_up("the way out", -errno);
	/* The sequence may have mounted something above, or have unmounted it all. */
	while (CALL(umount2, options.base, DETACH) == 0)
		;
}
