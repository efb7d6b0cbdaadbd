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
	long error = CALL(mount, "none", path, type, flags | NOATIME, NULL);

	say_result(error);
	numbers_forget();
	if (!error && options.no_sticky)
		CALL(chmod, path, UNSTICKY);
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
	numbers_forget();
}

/* Linux makes a process's root read-only instead of unmounting it, and lazily cuts it off: not our way. */
static bool is_root_mount(const char *path)
{
	struct statx root, st;

	return CALL(statx, AT_FDCWD, path, 0, STATX_MNT_ID, &st) == 0 &&
	       CALL(statx, AT_FDCWD, "/", 0, STATX_MNT_ID, &root) == 0 &&
	       st.stx_mnt_id == root.stx_mnt_id && (st.stx_attributes & 0x2000);
}

static void umount_(void)
{
	const char *path = draw_path();
	unsigned flags = (unsigned)ONE_OF(0, 0, 0, 0, DETACH, DETACH, 8, 8 | DETACH, 16);

	say("umount2(");
	say_path(path);
	say(", %#x)", flags);
	if (is_root_mount(path))
		say(" = left out");
	else
		say_result(CALL(umount2, path, flags));
	numbers_forget();
}

static const struct operation operations[] = {
	{"mount", mount_, 20, WITH_MOUNTS, false},
	{"bind", bind_, 20, WITH_MOUNTS, false},
	{"umount", umount_, 30, WITH_MOUNTS, false},
};
const struct family mount_family = {operations, COUNT_OF(operations)};
