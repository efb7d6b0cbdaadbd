/* Names come, go and move; what symbolic links say. */
#include "difftest.h"

static void mkdir_(void)
{
	int dirfd = draw_dirfd();
	const char *path = draw_name();
	unsigned mode = draw_mode();
	bool old = chance(10);

	say(old ? "mkdir(" : "mkdirat(");
	if (!old) {
		say_dirfd(dirfd);
		say(", ");
	}
	say_path(path);
	say(", %o)", mode);
	say_result(old ? CALL(mkdir, path, mode) : CALL(mkdirat, dirfd, path, mode));
}

/* Without FIFOs, what is made can be opened and does not make anybody wait. */
static unsigned draw_kind(void)
{
	unsigned kind = (unsigned)ONE_OF(0, S_IFREG, S_IFREG, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFDIR,
		S_IFLNK, 0170000, 0030000, S_IFIFO, S_IFIFO, S_IFIFO);

	return kind == S_IFIFO && !(flavour & WITH_FIFOS) ? S_IFREG : kind;
}

static void mknod_(void)
{
	int dirfd = draw_dirfd();
	const char *path = draw_name();
	unsigned kind = draw_kind(), mode = draw_mode() & 07777;
	unsigned dev = (unsigned)ONE_OF(0, 0, 0x12345678); /* nobody's device */
	bool old = chance(10);

	say(old ? "mknod(" : "mknodat(");
	if (!old) {
		say_dirfd(dirfd);
		say(", ");
	}
	say_path(path);
	say(", %o, %x)", kind | mode, dev);
	say_result(old ? CALL(mknod, path, kind | mode, dev)
		       : CALL(mknodat, dirfd, path, kind | mode, dev));
}

static void symlink_(void)
{
	const char *body = draw_path(), *path = draw_name();
	int dirfd = draw_dirfd();
	bool old = chance(10);

	say(old ? "symlink(" : "symlinkat(");
	say_path(body);
	say(", ");
	if (!old) {
		say_dirfd(dirfd);
		say(", ");
	}
	say_path(path);
	say(")");
	say_result(old ? CALL(symlink, body, path) : CALL(symlinkat, body, dirfd, path));
}

static void link_(void)
{
	int from = draw_dirfd(), to = draw_dirfd();
	const char *old = draw_path(), *path = draw_name();
	unsigned flags =
		(unsigned)ONE_OF(0, 0, 0, 0, 0, 0x400, 0x400, 0x1000, 0x1400, 0x100, 1, -1);
	bool plain = chance(10);

	if (!is_root() && options.no_user_links)
		flags |= 1; /* refused before anybody is asked */
	say(plain ? "link(" : "linkat(");
	if (!plain) {
		say_dirfd(from);
		say(", ");
	}
	say_path(old);
	say(", ");
	if (!plain) {
		say_dirfd(to);
		say(", ");
	}
	say_path(path);
	say(plain ? ")" : ", %#x)", flags);
	if (plain && !is_root() && options.no_user_links)
		say(" = left out");
	else
		say_result(
			plain ? CALL(link, old, path) : CALL(linkat, from, old, to, path, flags));
}

static void unlink_(void)
{
	int dirfd = draw_dirfd();
	const char *path = draw_path();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, 0, 0, 0, 0x200, 0x200, 0x200, 0x200, 1, 0x100);

	say("unlinkat(");
	say_dirfd(dirfd);
	say(", ");
	say_path(path);
	say(", %#x)", flags);
	say_result(CALL(unlinkat, dirfd, path, flags));
}

static void old_unlink(void)
{
	const char *path = draw_path();
	bool directory = chance(60);

	say(directory ? "rmdir(" : "unlink(");
	say_path(path);
	say(")");
	say_result(directory ? CALL(rmdir, path) : CALL(unlink, path));
}

static void rename_(void)
{
	int from = draw_dirfd(), to = draw_dirfd();
	const char *old = draw_path(), *path = draw_name();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 8, -1);
	bool plain = chance(10);

	say(plain ? "rename(" : "renameat2(");
	if (!plain) {
		say_dirfd(from);
		say(", ");
	}
	say_path(old);
	say(", ");
	if (!plain) {
		say_dirfd(to);
		say(", ");
	}
	say_path(path);
	say(plain ? ")" : ", %#x)", flags);
	say_result(plain ? CALL(rename, old, path) : CALL(renameat2, from, old, to, path, flags));
}

static void readlink_(void)
{
	int dirfd = draw_dirfd();
	const char *path = draw_path();
	int size = (int)ONE_OF(4096, 4096, 4096, 4096, 1, 3, 0, -1, INT32_MIN);
	char *to = draw_pointer(buffer);

	say("readlinkat(");
	say_dirfd(dirfd);
	say(", ");
	say_path(path);
	say(to == (char *)buffer ? "" : ", bad:%p", to);
	say(", %d)", size);
	long n = CALL(readlinkat, dirfd, path, to, size);

	say_result(n);
	if (n > 0) {
		buffer[n] = '\0';
		say(" text=");
		say_path((char *)buffer);
	}
}

static const struct operation operations[] = {
	{"mkdir", mkdir_, 90, 0, true},
	{"mknod", mknod_, 35, 0, true},
	{"symlink", symlink_, 80, 0, true},
	{"link", link_, 60, 0, true},
	{"unlink", unlink_, 70, 0, true},
	{"old unlink", old_unlink, 10, 0, true},
	{"rename", rename_, 100, 0, true},
	{"readlink", readlink_, 40, 0, false},
};
const struct family name_family = {operations, COUNT_OF(operations)};
