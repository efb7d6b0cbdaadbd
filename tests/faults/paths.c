/* Everything that resolves a path or changes a directory, with memory or the disk failing: sweep.h. */
#include "tests/faults/sweep.h"

#include "kernel/compiler.h"
#include "kernel/console.h"
#include "kernel/string.h"

#define LONG_NAME                                                                                  \
	"/tmp/f/a-name-that-is-too-long-for-the-room-that-a-dentry-has-for-names-in-itself"

/* ---- Opening ---- */

static void warm(void)
{
	must(open_and_close("/etc/motd", O_RDONLY, 0), "/etc/motd");
}

static long open_file(void)
{
	return open_and_close("/etc/motd", O_RDONLY, 0);
}

static long open_cached(void)
{
	return open_and_close("/etc/motd", O_RDONLY, RESOLVE_CACHED);
}

static long open_path(void)
{
	return open_and_close("/cases/sparse", O_PATH, 0);
}

static long open_beneath(void)
{
	return open_and_close("cases/../links/relative", O_RDONLY, RESOLVE_BENEATH);
}

static long open_in_root(void)
{
	return open_and_close("/links/../links/up-and-down", O_RDONLY, RESOLVE_IN_ROOT);
}

static long open_chain(void)
{
	return open_and_close("/links/chain40-40", O_RDONLY, 0);
}

static long open_very_long(void)
{
	return open_and_close("/links/very-long", O_RDONLY, 0);
}

static long open_in_large_folder(void)
{
	return open_and_close("/many/entry-2047", O_RDONLY, 0);
}

static long open_missing(void)
{
	long error = open_and_close("/many/entry-4711/x", O_RDONLY, 0);

	return error == -ENOENT ? 0 : error;
}

static long open_create(void)
{
	return open_and_close("/tmp/f/new", O_CREAT | O_RDWR, 0);
}

static long open_create_long(void)
{
	return open_and_close(LONG_NAME, O_CREAT | O_WRONLY, 0);
}

static long open_truncate(void)
{
	return open_and_close("/tmp/f/file", O_TRUNC | O_WRONLY, 0);
}

static long open_tmpfile(void)
{
	return open_and_close("/tmp/f", O_TMPFILE | O_RDWR, 0);
}

static long open_magic_link(void)
{
	long fd = sys_openat(AT_FDCWD, (long)"/etc/motd", O_RDONLY, 0, 0, 0), error;
	char path[32];

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%ld", fd);
	error = open_and_close(path, O_RDONLY, 0);
	close_fd(fd);
	return error;
}

/* ---- Making and removing names ---- */

static void with_file(void)
{
	make_file("/tmp/f/file");
}

static void without_files(void)
{
	may_unlink("/tmp/f/file");
	may_unlink("/tmp/f/new");
	may_unlink(LONG_NAME);
}

static void without_folder(void)
{
	may_rmdir("/tmp/f/folder");
}

static void with_folder(void)
{
	make_directory("/tmp/f/folder");
}

static long do_mkdir(void)
{
	return sys_mkdirat(AT_FDCWD, (long)"/tmp/f/folder", 0755, 0, 0, 0);
}

static long do_mknod(void)
{
	return sys_mknodat(AT_FDCWD, (long)"/tmp/f/new", S_IFIFO | 0644, 0, 0, 0);
}

static long do_symlink(void)
{
	return sys_symlinkat((long)"/etc/motd", AT_FDCWD, (long)LONG_NAME, 0, 0, 0);
}

static long do_link(void)
{
	return sys_linkat(AT_FDCWD, (long)"/tmp/f/file", AT_FDCWD, (long)LONG_NAME, 0, 0);
}

static long do_unlink(void)
{
	return sys_unlinkat(AT_FDCWD, (long)"/tmp/f/file", 0, 0, 0, 0);
}

static long do_rmdir(void)
{
	return sys_unlinkat(AT_FDCWD, (long)"/tmp/f/folder", AT_REMOVEDIR, 0, 0, 0);
}

static long rename_to(const char *from, const char *to, u32 flags)
{
	return sys_renameat2(AT_FDCWD, (long)from, AT_FDCWD, (long)to, flags, 0);
}

static long rename_longer(void)
{
	return rename_to("/tmp/f/file", LONG_NAME, 0);
}

static void with_two_files(void)
{
	make_file("/tmp/f/file");
	make_file(LONG_NAME);
}

static void with_two_folders(void)
{
	make_directory("/tmp/f/folder");
	make_directory("/tmp/f/folder/other");
	make_file("/tmp/f/file");
}

static void without_two_folders(void)
{
	may_unlink("/tmp/f/folder/file");
	may_unlink("/tmp/f/file");
	may_rmdir("/tmp/f/folder/other");
	may_rmdir("/tmp/f/folder");
}

static long rename_across(void)
{
	return rename_to("/tmp/f/file", "/tmp/f/folder/file", 0);
}

static long rename_exchange(void)
{
	return rename_to("/tmp/f/file", LONG_NAME, RENAME_EXCHANGE);
}

/* ---- Looking ---- */

static long list(const char *path)
{
	static char buf[4096] __aligned(8);
	long fd = sys_openat(AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY, 0, 0, 0), n;

	if (fd < 0)
		return fd;
	do
		n = sys_getdents64(fd, (long)buf, sizeof(buf), 0, 0, 0);
	while (n > 0);
	close_fd(fd);
	return n;
}

static long list_memory(void)
{
	return list("/tmp/f");
}

static long list_disk(void)
{
	return list("/cases");
}

static long list_proc(void)
{
	return list("/proc/self/fd");
}

static long stat_it(const char *path)
{
	static struct statx st;

	return sys_statx(AT_FDCWD, (long)path, 0, 0xfff, (long)&st, 0);
}

static long do_statx(void)
{
	return stat_it("/links/private");
}

static long do_access(void)
{
	return sys_faccessat(AT_FDCWD, (long)"/cases/big", 4, 0, 0, 0);
}

static long do_readlink(void)
{
	static char buf[4096];

	return sys_readlinkat(AT_FDCWD, (long)"/links/very-long", (long)buf, sizeof(buf), 0, 0);
}

static long do_statfs(void)
{
	static char buf[256];

	return sys_statfs((long)"/cases", (long)buf, 0, 0, 0, 0);
}

static long do_chmod(void)
{
	return sys_fchmodat(AT_FDCWD, (long)"/tmp/f/file", 0600, 0, 0, 0);
}

static long do_utimes(void)
{
	return sys_utimensat(AT_FDCWD, (long)"/tmp/f/file", 0, 0, 0, 0);
}

/* ---- Where one is ---- */

static long do_chdir(void)
{
	return sys_chdir((long)"/cases/empty-folder", 0, 0, 0, 0, 0);
}

static void go_home(void)
{
	must(sys_chdir((long)"/", 0, 0, 0, 0, 0), "chdir");
}

static long do_getcwd(void)
{
	static char buf[4096];

	return sys_getcwd((long)buf, sizeof(buf), 0, 0, 0, 0);
}

static const struct scenario scenarios[] = {
	{"open", .before = warm, .run = open_file},
	{"open, nothing cached", .run = open_file, .cold = true},
	{"open, cached only", .before = warm, .run = open_cached, .also = MAY_BE(EAGAIN)},
	{"open with O_PATH", .run = open_path, .cold = true},
	{"open beneath", .run = open_beneath, .cold = true, .also = MAY_BE(EAGAIN)},
	{"open in a root", .run = open_in_root, .cold = true, .also = MAY_BE(EAGAIN)},
	{"open by forty links", .run = open_chain, .cold = true},
	{"open by a link of two blocks", .run = open_very_long, .cold = true},
	{"open in a large folder", .run = open_in_large_folder, .cold = true},
	{"open what is not there", .run = open_missing, .cold = true},
	{"open by a magic link", .run = open_magic_link},
	{"create", .run = open_create, .after = without_files},
	{"create, a long name", .run = open_create_long, .after = without_files},
	{"open and truncate", .before = with_file, .run = open_truncate, .after = without_files},
	{"open without a name", .run = open_tmpfile},
	{"mkdir", .run = do_mkdir, .after = without_folder},
	{"mknod", .run = do_mknod, .after = without_files},
	{"symlink", .run = do_symlink, .after = without_files},
	{"link", .before = with_file, .run = do_link, .after = without_files},
	{"unlink", .before = with_file, .run = do_unlink, .after = without_files},
	{"rmdir", .before = with_folder, .run = do_rmdir, .after = without_folder},
	{"rename, longer", .before = with_file, .run = rename_longer, .after = without_files},
	{"rename over another", .before = with_two_files, .run = rename_longer,
		.after = without_files},
	{"rename to another folder", .before = with_two_folders, .run = rename_across,
		.after = without_two_folders},
	{"exchange", .before = with_two_files, .run = rename_exchange, .after = without_files},
	{"list a folder in memory", .run = list_memory},
	{"list a folder on the disk", .run = list_disk, .cold = true},
	{"list descriptors", .run = list_proc},
	{"statx", .run = do_statx, .cold = true},
	{"access", .run = do_access, .cold = true},
	{"readlink", .run = do_readlink, .cold = true},
	{"statfs", .run = do_statfs, .cold = true},
	{"chmod", .before = with_file, .run = do_chmod, .after = without_files},
	{"utimensat", .before = with_file, .run = do_utimes, .after = without_files},
	{"chdir", .run = do_chdir, .after = go_home, .cold = true},
	{"getcwd", .run = do_getcwd},
};

KTEST(faults_paths)
{
	sweep_all(scenarios, ARRAY_SIZE(scenarios));
}
