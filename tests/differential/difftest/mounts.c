/* Mounts come and go below the sequence's root. */
#include "difftest.h"

#define READ_ONLY 1
#define BIND	  4096
#define DETACH	  2

static void mount_(void)
{
	const char *path = draw_path();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, READ_ONLY);
	const char *type = chance(95) ? "tmpfs" : "no such file system";

	say("mount(\"none\", ");
	say_path(path);
	say(", \"%s\", %#x)", type, flags);
	say_result(CALL(mount, "none", path, type, flags, NULL));
}

static void bind_(void)
{
	const char *from = draw_path(), *path = draw_path();

	say("bind(");
	say_path(from);
	say(", ");
	say_path(path);
	say(")");
	say_result(CALL(mount, from, path, NULL, BIND, NULL));
}

static void umount_(void)
{
	const char *path = draw_path();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, 0, DETACH, DETACH, 8, 8 | DETACH, 16);

	say("umount2(");
	say_path(path);
	say(", %#x)", flags);
	say_result(CALL(umount2, path, flags));
}

static const struct operation operations[] = {
	{"mount", mount_, 20, WITH_MOUNTS, false},
	{"bind", bind_, 20, WITH_MOUNTS, false},
	{"umount", umount_, 30, WITH_MOUNTS, false},
};
const struct family mount_family = {operations, COUNT_OF(operations)};
