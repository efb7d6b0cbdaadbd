/* The small commands: argv[0] says which one to be. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

static const struct applet {
	const char *name, *usage, *what;
	int (*fn)(int argc, char **argv);
} applets[] = {
#define APPLET(id, usage, what) {#id, usage, what, applet_##id},
	APPLETS
#undef APPLET
};

static const struct applet *self;

int complain(const char *path)
{
	int reason = errno;

	fflush(stdout);
	fprintf(stderr, "%s: %s: %s\n", self->name, path, strerror(reason));
	return 1;
}

int usage(void)
{
	fprintf(stderr, "usage: %s %s\n", self->name, self->usage);
	return 2;
}

int options(int argc, char **argv, const char *known, unsigned char letters[128])
{
	int i;

	memset(letters, 0, 128);
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		for (const char *c = argv[i] + 1; *c; c++) {
			if (!strchr(known, *c) || (unsigned char)*c >= 128) {
				fprintf(stderr, "%s: no option -%c; ", self->name, *c);
				usage();
				return -1;
			}
			letters[(unsigned char)*c]++;
		}
	}
	return i;
}

long long number(const char *s)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(s, &end, 10);
	return *s && !*end && !errno && n >= 0 ? n : -1;
}

void mode_string(mode_t mode, char buf[11])
{
	static const char bits[] = "rwxrwxrwx";

	buf[0] = S_ISDIR(mode)	  ? 'd'
		 : S_ISLNK(mode)  ? 'l'
		 : S_ISCHR(mode)  ? 'c'
		 : S_ISBLK(mode)  ? 'b'
		 : S_ISFIFO(mode) ? 'p'
		 : S_ISSOCK(mode) ? 's'
				  : '-';
	for (int i = 0; i < 9; i++)
		buf[1 + i] = mode & (0400 >> i) ? bits[i] : '-';
	if (mode & S_ISUID)
		buf[3] = buf[3] == 'x' ? 's' : 'S';
	if (mode & S_ISGID)
		buf[6] = buf[6] == 'x' ? 's' : 'S';
	if (mode & S_ISVTX)
		buf[9] = buf[9] == 'x' ? 't' : 'T';
	buf[10] = '\0';
}

void human_size(unsigned long long bytes, char buf[16])
{
	static const char units[] = "BKMGTPE";
	unsigned unit = 0, tenths = 0;

	while (bytes >= 1024) {
		tenths = (unsigned)(bytes % 1024 * 10 / 1024);
		bytes /= 1024;
		unit++;
	}
	if (unit && bytes < 10)
		snprintf(buf, 16, "%llu.%u%c", bytes, tenths, units[unit]);
	else
		snprintf(buf, 16, "%llu%c", bytes, units[unit]);
}

char *join_path(const char *dir, const char *name)
{
	size_t len = strlen(dir), size = len + strlen(name) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s%s%s", dir, len && dir[len - 1] == '/' ? "" : "/", name);
	return path;
}

int copy_out(int fd)
{
	static char buf[65536];
	ssize_t n;

	fflush(stdout);
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (ssize_t done = 0, put; done < n; done += put) {
			put = write(1, buf + done, (size_t)(n - done));
			if (put < 0)
				return -1;
		}
	}
	return 0;
}

int show_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	int result = fd < 0 || copy_out(fd) < 0 ? complain(path) : 0;

	if (fd >= 0)
		close(fd);
	return result;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	int status;

	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++)
		if (strcmp(applets[i].name, name) == 0)
			self = &applets[i];
	if (!self) {
		fprintf(stderr, "commands: no command `%s'\n", name);
		return 127;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return printf("usage: %s %s\n  %s\n", self->name, self->usage, self->what) < 0;
	/* One that takes nothing has no reason to look. */
	if (argc > 1 && !*self->usage)
		return usage();
	status = self->fn(argc, argv);
	if (fflush(stdout) != 0 && status == 0)
		return complain("standard output");
	return status;
}
