/* Directories: listings, working directory, root. */
#include "difftest.h"

#define ENTRIES 512
#define ROUNDS	10000
#define O_PATH_ 010000000

struct record {
	uint64_t ino;
	int64_t next;
	unsigned short length;
	unsigned char type;
	char name[];
};

static const struct record *entries[ENTRIES];
static unsigned found;

static int by_name(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* All of fd's records, through calls with room for size bytes: 0 or -errno. They stay in buffer. */
static long collect(int fd, size_t size)
{
	size_t used = 0;

	found = 0;
	for (unsigned round = 0; round < ROUNDS && used + size <= sizeof(buffer); round++) {
		long n = CALL(getdents64, fd, buffer + used, size);

		if (n <= 0)
			return n;
		for (size_t at = used; at < used + (size_t)n && found < ENTRIES;) {
			const struct record *r = (const struct record *)(buffer + at);

			entries[found++] = r;
			at += r->length;
		}
		used += (size_t)n;
	}
	return -E2BIG; /* does not end */
}

void say_entries(int fd, size_t size)
{
	CALL(lseek, fd, 0, SEEK_SET);
	long result = collect(fd, size);

	say_result(result);
	/* Which entries came before the one that did not fit is a question of order. */
	if (result < 0)
		found = 0;
	qsort(entries, found, sizeof(entries[0]), by_name);
	for (unsigned i = 0; i < found; i++) {
		/* Entries lie on the directory's device; a mount point shows what is beneath it. */
		say(" ");
		say_path(entries[i]->name);
		say("/%u", entries[i]->type);
	}
	CALL(lseek, fd, 0, SEEK_SET);
}

static size_t draw_room(void)
{
	return (size_t)ONE_OF(32768, 32768, 32768, 1024, 320, 64, 32, 24, 0);
}

static void list_path(void)
{
	const char *path = draw_path();
	size_t size = draw_room();

	say("list(");
	say_path(path);
	say(", %zu)", size);
	long fd = CALL(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0) {
		say_result(fd);
		return;
	}
	say_entries((int)fd, size);
	close((int)fd);
}

static void list_descriptor(void)
{
	int fd = draw_fd();
	size_t size = draw_room();
	void *to = draw_pointer(buffer);

	if (to == buffer) {
		say("getdents64(%d, %zu)", fd, size);
		say_entries(fd, size);
		return;
	}
	say("getdents64(%d, bad, %zu)", fd, size);
	CALL(lseek, fd, 0, SEEK_SET);
	say_result(CALL(getdents64, fd, to, size));
	CALL(lseek, fd, 0, SEEK_SET);
}

/* ---- Where a program is ---- */

static void say_cwd(void)
{
	long n = CALL(getcwd, buffer, 4096);

	say(" cwd=");
	if (n < 0)
		say_errno(n);
	else if (buffer[0] == '(')
		say("unreachable"); /* and where from the machine's own root, if it is */
	else
		say_path((char *)buffer);
}

static void chdir_(void)
{
	const char *path = draw_path();

	say("chdir(");
	say_path(path);
	say(")");
	say_result(CALL(chdir, path));
	say_cwd();
}

static void fchdir_(void)
{
	int fd = draw_fd();

	say("fchdir(%d)", fd);
	say_result(CALL(fchdir, fd));
	say_cwd();
}

static void getcwd_(void)
{
	size_t size = (size_t)ONE_OF(4096, 4096, 10000, 0, 1, 2, 3, 8);
	char *to = draw_pointer(buffer);

	say("getcwd(%s%zu)", to == (char *)buffer ? "" : "bad, ", size);
	long n = CALL(getcwd, to, size);

	if (n > 0 && *to == '(') {
		say(" = unreachable");
		return;
	}
	say_result(n);
	if (n > 0)
		say_path(to);
}

/* Back to the top, so that a sequence does not end in a removed corner of the tree. */
static void chdir_root(void)
{
	say("chdir(\"/\")");
	say_result(CALL(chdir, "/"));
	say_cwd();
}

/* What is beyond the sequence's root is not to be compared, and with another root inside it there would be ways to
 * it: so the other root is looked at, and left again. */
static void chroot_(void)
{
	const char *path = draw_path();
	struct stat st;

	say("chroot(");
	say_path(path);
	say(")");
	long before = CALL(open, ".", O_PATH_ | O_DIRECTORY),
	     error = before < 0 ? before : CALL(chroot, path);

	say_result(error);
	if (!error) {
		say_cwd();
		if (CALL(stat, "/../..", &st) == 0)
			say_stat(&st);
		if (CALL(fchdir, sandbox_top) || CALL(chroot, ".") || CALL(fchdir, (int)before))
			give_up("the way back from chroot", -errno);
	}
	if (before >= 0)
		close((int)before);
}

static const struct operation operations[] = {
	{"list", list_path, 30, 0, false},
	{"getdents", list_descriptor, 25, 0, false},
	{"chdir", chdir_, 20, 0, false},
	{"fchdir", fchdir_, 15, 0, false},
	{"getcwd", getcwd_, 15, 0, false},
	{"chdir /", chdir_root, 12, 0, false},
	{"chroot", chroot_, 3, 0, false},
};
const struct family dir_family = {operations, COUNT_OF(operations)};
