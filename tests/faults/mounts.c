/* Mounting and unmounting, with memory or the disk failing: sweep.h. */
#include "tests/faults/sweep.h"

#define MS_RDONLY  1
#define MS_BIND	   4096
#define MNT_DETACH 2

static long mount_here(const char *source, const char *type, u64 flags)
{
	return sys_mount((long)source, (long)"/tmp/f/m", (long)type, (long)flags, (long)"", 0);
}

static void with_folder(void)
{
	make_directory("/tmp/f/m");
}

static void without_mount(void)
{
	while (sys_umount2((long)"/tmp/f/m", 0, 0, 0, 0, 0) == 0)
		;
	may_rmdir("/tmp/f/m");
}

static long mount_memory(void)
{
	return mount_here("x", "tmpfs", 0);
}

static long mount_proc(void)
{
	return mount_here("proc", "proc", 0);
}

static long mount_disk(void)
{
	return mount_here("vda", "ext4", MS_RDONLY);
}

static long mount_bind(void)
{
	return mount_here("/cases", NULL, MS_BIND);
}

static void with_mount(void)
{
	with_folder();
	must(mount_memory(), "mount");
	make_directory("/tmp/f/m/deeper");
	must(sys_mount((long)"/cases", (long)"/tmp/f/m/deeper", 0, MS_BIND, 0, 0), "bind");
	make_file("/tmp/f/m/file");
}

static void with_single_mount(void)
{
	with_folder();
	must(mount_memory(), "mount");
	make_file("/tmp/f/m/file");
}

static long do_umount(void)
{
	return sys_umount2((long)"/tmp/f/m", 0, 0, 0, 0, 0);
}

static long do_umount_lazily(void)
{
	return sys_umount2((long)"/tmp/f/m", MNT_DETACH, 0, 0, 0, 0);
}

static long open_across(void)
{
	return open_and_close("/tmp/f/m/deeper/../../m/deeper/sparse", O_RDONLY, 0);
}

static void without_mounts(void)
{
	must(do_umount_lazily(), "umount");
	may_rmdir("/tmp/f/m");
}

static const struct scenario scenarios[] = {
	{"mount tmpfs", .before = with_folder, .run = mount_memory, .after = without_mount},
	{"mount proc", .before = with_folder, .run = mount_proc, .after = without_mount},
	{"mount the disk once more", .before = with_folder, .run = mount_disk,
		.after = without_mount, .cold = true},
	{"bind", .before = with_folder, .run = mount_bind, .after = without_mount, .cold = true},
	{"umount", .before = with_single_mount, .run = do_umount, .after = without_mount},
	{"umount lazily", .before = with_mount, .run = do_umount_lazily, .after = without_mount},
	{"open across mounts", .before = with_mount, .run = open_across, .after = without_mounts,
		.cold = true},
};

KTEST(faults_mounts)
{
	sweep_all(scenarios, ARRAY_SIZE(scenarios));
}
