/* What files are: stat and its relatives, access, modes, owners, times. */
#include "difftest.h"
#include <liburing.h>
#include <sys/statfs.h>

#define NOFOLLOW 0x100
#define EMPTY	 0x1000

static unsigned draw_at_flags(void)
{
	return (unsigned)ONE_OF(
		0, 0, 0, NOFOLLOW, NOFOLLOW, NOFOLLOW, EMPTY, EMPTY | NOFOLLOW, 0x800, 1, 0x400);
}

/* An empty path asks for the descriptor itself, as does, for Linux 6.11 and later, none at all. */
static const char *draw_path_for(unsigned flags)
{
	const char *path = draw_path();

	return (flags & EMPTY) && (chance(60) || !path) ? "" : path;
}

/* Unlazy's pipes share one inode. */
static bool asks_for_pipe(int dirfd, const char *path)
{
	return path_is_good(path) && !*path && is_pipe_descriptor(dirfd);
}

static void say_at(const char *call, int dirfd, const char *path)
{
	say("%s(", call);
	say_dirfd(dirfd);
	say(", ");
	say_path(path);
}

static void statx_(void)
{
	struct statx st;
	int dirfd = draw_dirfd();
	unsigned flags = draw_at_flags() | (chance(5) ? 0x2000u : 0) | (chance(5) ? 0x4000u : 0);
	const char *path = draw_path_for(flags);
	unsigned mask = (unsigned)ONE_OF(0x7ff, 0x7ff, 0xfff, 0x1fff, 0, 1, 0x800, -1);
	struct statx *to = draw_pointer(&st);
	bool by_ring = draw_ring();
	long result;

	say_at(by_ring ? "ring-statx" : "statx", dirfd, path);
	say(to == &st ? ", %#x, %#x)" : ", %#x, %#x, bad)", flags, mask);
	memset(&st, 0xaa, sizeof(st));
	if (by_ring) {
		io_uring_prep_statx(ring_entry(), dirfd, path, (int)flags, mask, to);
		result = ring_run();
	} else {
		result = CALL(statx, dirfd, path, flags, mask, to);
	}
	say_result(result);
	if (result == 0)
		say_statx(&st, mask);
}

static void fstatat_(void)
{
	struct stat st;
	int dirfd = draw_dirfd();
	unsigned flags = draw_at_flags();
	const char *path = draw_path_for(flags);

	say_at("newfstatat", dirfd, path);
	say(", %#x)", flags);
	long result = CALL(newfstatat, dirfd, path, &st, flags);

	say_result(result);
	if (result == 0)
		say_stat(&st);
}

static void old_stat(void)
{
	struct stat st;
	const char *path = draw_path();
	int fd = draw_fd();
	unsigned which = draw(3);
	long result;

	if (which == 2)
		say("fstat(%d)", fd);
	else {
		say(which ? "lstat(" : "stat(");
		say_path(path);
		say(")");
	}
	result = which == 2   ? CALL(fstat, fd, &st)
		 : which == 1 ? CALL(lstat, path, &st)
			      : CALL(stat, path, &st);
	say_result(result);
	if (result == 0)
		say_stat(&st);
}

static void access_(void)
{
	int dirfd = draw_dirfd();
	unsigned flags =
		(unsigned)ONE_OF(0, 0, 0, 0x200, 0x200, NOFOLLOW, EMPTY, EMPTY | 0x200, 1, 0x800);
	const char *path = draw_path_for(flags);
	unsigned may = chance(95) ? draw(8) : (unsigned)ONE_OF(8, 15, -1);
	bool old = chance(20);

	if (old) {
		say("access(");
		say_path(path);
		say(", %o)", may);
		say_result(CALL(access, path, may));
		return;
	}
	say_at("faccessat2", dirfd, path);
	say(", %o, %#x)", may, flags);
	if (asks_for_pipe(dirfd, path))
		say(" = left out");
	else
		say_result(CALL(faccessat2, dirfd, path, may, flags));
}

static void chmod_(void)
{
	int dirfd = draw_dirfd(), fd = draw_fd();
	unsigned flags =
		(unsigned)ONE_OF(0, 0, 0, 0, NOFOLLOW, NOFOLLOW, EMPTY, EMPTY | NOFOLLOW, 1);
	const char *path = draw_path_for(flags);
	unsigned mode = draw_mode(), which = draw(10);

	if (which == 0) {
		say("fchmod(%d, %o)", fd, mode);
		if (is_pipe_descriptor(fd))
			say(" = left out");
		else
			say_result(CALL(fchmod, fd, mode));
	} else if (which < 3) {
		say_at("fchmodat", dirfd, path);
		say(", %o)", mode);
		say_result(CALL(fchmodat, dirfd, path, mode));
	} else {
		say_at("fchmodat2", dirfd, path);
		say(", %o, %#x)", mode, flags);
		if (asks_for_pipe(dirfd, path))
			say(" = left out");
		else
			say_result(CALL(fchmodat2, dirfd, path, mode, flags));
	}
}

static int draw_id(void)
{
	return (int)ONE_OF(0, 1000, 1000, 1001, 1001, -1, -1);
}

static void chown_(void)
{
	int dirfd = draw_dirfd(), fd = draw_fd(), uid = draw_id(), gid = draw_id();
	unsigned flags =
		(unsigned)ONE_OF(0, 0, 0, 0, NOFOLLOW, NOFOLLOW, EMPTY, EMPTY | NOFOLLOW, 1);
	const char *path = draw_path_for(flags);

	if (chance(15)) {
		say("fchown(%d, %d, %d)", fd, uid, gid);
		if (is_pipe_descriptor(fd))
			say(" = left out");
		else
			say_result(CALL(fchown, fd, uid, gid));
		return;
	}
	say_at("fchownat", dirfd, path);
	say(", %d, %d, %#x)", uid, gid, flags);
	if (asks_for_pipe(dirfd, path))
		say(" = left out");
	else
		say_result(CALL(fchownat, dirfd, path, uid, gid, flags));
}

/* Times that are nobody's now; nanoseconds that are special or wrong. */
static void draw_time(struct timespec *t)
{
	t->tv_sec = (time_t)ONE_OF(1000, 0, -1, 86400, 1ll << 33);
	t->tv_nsec = (long)ONE_OF(5, 0, 999999999, 1, 77, 0x3fffffff, 0x3ffffffe, 0x3fffffff,
		0x3ffffffe, 1000000000, -1);
}

static void utimes_(void)
{
	struct timespec times[2];
	int dirfd = draw_dirfd();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, 0, NOFOLLOW, NOFOLLOW, EMPTY, 1);
	const char *path = draw_path_for(flags);
	bool now = chance(15), by_descriptor = chance(10);

	draw_time(&times[0]);
	draw_time(&times[1]);
	if (by_descriptor)
		path = NULL;
	say_at("utimensat", dirfd, path);
	if (now)
		say(", NULL, %#x)", flags);
	else
		say(", {%lld.%ld, %lld.%ld}, %#x)", (long long)times[0].tv_sec, times[0].tv_nsec,
			(long long)times[1].tv_sec, times[1].tv_nsec, flags);
	if (asks_for_pipe(dirfd, path ? path : ""))
		say(" = left out");
	else
		say_result(CALL(utimensat, dirfd, path, now ? NULL : times, flags));
}

static void statfs_(void)
{
	struct statfs st;
	const char *path = draw_path();
	int fd = draw_fd();
	bool by_descriptor = chance(50);

	if (by_descriptor) {
		say("fstatfs(%d)", fd);
	} else {
		say("statfs(");
		say_path(path);
		say(")");
	}
	long result = by_descriptor ? CALL(fstatfs, fd, &st) : CALL(statfs, path, &st);

	say_result(result);
	if (result == 0)
		say(" type=%lx bsize=%ld frsize=%ld namelen=%ld readonly=%ld", (long)st.f_type,
			(long)st.f_bsize, (long)st.f_frsize, (long)st.f_namelen,
			(long)st.f_flags & 1);
}

static const struct operation operations[] = {
	{"statx", statx_, 60, 0, false},
	{"fstatat", fstatat_, 40, 0, false},
	{"old stat", old_stat, 15, 0, false},
	{"access", access_, 30, 0, false},
	{"chmod", chmod_, 40, 0, true},
	{"chown", chown_, 25, 0, true},
	{"utimes", utimes_, 25, 0, true},
	{"statfs", statfs_, 8, 0, false},
};
const struct family attr_family = {operations, COUNT_OF(operations)};
