/* Making, removing, renaming, copying: mkdir rmdir rm mv ln touch cp chmod chown readlink. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

/* Every folder of path; one that exists is fine. */
static int mkdir_parents(char *path)
{
	for (char *slash = path + 1;; slash++) {
		char kept = *slash;

		if (kept != '/' && kept != '\0')
			continue;
		*slash = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST) {
			int status = complain(path);

			*slash = kept;
			return status;
		}
		*slash = kept;
		if (!kept)
			return 0;
	}
}

int applet_mkdir(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "p", opt), status = 0;

	if (first < 0)
		return 2;
	if (first >= argc)
		return usage();
	for (int i = first; i < argc; i++)
		if (opt['p'] && *argv[i])
			status |= mkdir_parents(argv[i]);
		else if (mkdir(argv[i], 0777) < 0)
			status = complain(argv[i]);
	return status;
}

int applet_rmdir(int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc; i++)
		if (rmdir(argv[i]) < 0)
			status = complain(argv[i]);
	return status;
}

static int remove_tree(const char *path);

static int remove_contents(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int status = 0;

	if (!dir)
		return complain(path);
	for (errno = 0; (d = readdir(dir)); errno = 0) {
		char *below;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		below = join_path(path, d->d_name);
		status |= below ? remove_tree(below) : complain(path);
		free(below);
	}
	if (errno)
		status = complain(path);
	closedir(dir);
	return status;
}

static int remove_tree(const char *path)
{
	if (unlink(path) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return complain(path);
	if (remove_contents(path) != 0)
		return 1;
	return rmdir(path) < 0 ? complain(path) : 0;
}

int applet_rm(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "rf", opt), status = 0;

	if (first < 0)
		return 2;
	if (first >= argc && !opt['f'])
		return usage();
	for (int i = first; i < argc; i++) {
		struct stat st;

		if (opt['f'] && lstat(argv[i], &st) < 0 && errno == ENOENT)
			continue;
		if (opt['r'])
			status |= remove_tree(argv[i]);
		else if (unlink(argv[i]) < 0)
			status = complain(argv[i]);
	}
	return status;
}

/* Where FROM goes when TO is a folder: TO/last part of FROM. malloc'ed. */
static char *destination(const char *from, const char *to)
{
	const char *name = strrchr(from, '/') ? strrchr(from, '/') + 1 : from;
	struct stat st;

	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode))
		return join_path(to, name);
	return strdup(to);
}

int applet_mv(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "x", opt), status = 0;

	if (first < 0)
		return 2;
	if (argc - first < 2 || (opt['x'] && argc - first != 2))
		return usage();
	if (opt['x'])
		return renameat2(AT_FDCWD, argv[first], AT_FDCWD, argv[first + 1],
			       RENAME_EXCHANGE) < 0
			       ? complain(argv[first])
			       : 0;
	for (int i = first; i < argc - 1; i++) {
		char *to = destination(argv[i], argv[argc - 1]);

		if (!to || rename(argv[i], to) < 0)
			status = complain(argv[i]);
		free(to);
	}
	return status;
}

int applet_ln(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "s", opt), result;
	char *to;

	if (first < 0)
		return 2;
	if (argc - first != 2)
		return usage();
	to = destination(argv[first], argv[first + 1]);
	if (!to)
		return complain(argv[first + 1]);
	result = opt['s'] ? symlink(argv[first], to) : link(argv[first], to);
	result = result < 0 ? complain(to) : 0;
	free(to);
	return result;
}

int applet_touch(int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc; i++) {
		int fd;

		if (utimensat(AT_FDCWD, argv[i], NULL, 0) == 0)
			continue;
		/* Not there, or a file system without times: creating decides. */
		fd = open(argv[i], O_WRONLY | O_CREAT, 0666);
		if (fd < 0)
			status = complain(argv[i]);
		else
			close(fd);
	}
	return status;
}

static int copy_file(const char *from, const char *to)
{
	static char buf[65536];
	int in = open(from, O_RDONLY), out, status = 0;
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st) < 0) {
		status = complain(from);
		if (in >= 0)
			close(in);
		return status;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, st.st_mode & 0777);
	if (out < 0)
		status = complain(to);
	while (!status && (n = read(in, buf, sizeof(buf))) != 0) {
		if (n < 0)
			status = complain(from);
		for (ssize_t done = 0, put; !status && done < n; done += put) {
			put = write(out, buf + done, (size_t)(n - done));
			if (put < 0)
				status = complain(to);
		}
	}
	close(in);
	if (out >= 0 && close(out) < 0 && !status)
		status = complain(to);
	return status;
}

int applet_cp(int argc, char **argv)
{
	int status = 0;

	if (argc < 3)
		return usage();
	for (int i = 1; i < argc - 1; i++) {
		char *to = destination(argv[i], argv[argc - 1]);

		status |= to ? copy_file(argv[i], to) : complain(argv[i]);
		free(to);
	}
	return status;
}

int applet_chmod(int argc, char **argv)
{
	char *end;
	unsigned long mode;
	int status = 0;

	if (argc < 3)
		return usage();
	mode = strtoul(argv[1], &end, 8);
	if (*end || mode > 07777)
		return usage();
	for (int i = 2; i < argc; i++)
		if (chmod(argv[i], (mode_t)mode) < 0)
			status = complain(argv[i]);
	return status;
}

int applet_chown(int argc, char **argv)
{
	unsigned uid, gid;
	int status = 0;

	if (argc < 3 || !parse_owner(argv[1], &uid, &gid))
		return usage();
	for (int i = 2; i < argc; i++)
		if (chown(argv[i], uid, gid) < 0)
			status = complain(argv[i]);
	return status;
}

int applet_readlink(int argc, char **argv)
{
	char target[4097];
	int status = 0;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc; i++) {
		ssize_t n = readlink(argv[i], target, sizeof(target));

		if (n < 0)
			status = complain(argv[i]);
		else
			printf("%.*s\n", (int)n, target);
	}
	return status;
}
