/* ls and find: listing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

static unsigned char opt[128];

struct entry {
	char *name;
	struct stat st;
	bool known; /* st is filled in */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void print_target(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n >= 0)
		printf(" -> %.*s", (int)n, target);
}

static void print_size(const struct stat *st)
{
	char text[16];

	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		printf("%4u, %3u ", (unsigned)major(st->st_rdev), (unsigned)minor(st->st_rdev));
		return;
	}
	if (opt['h'])
		human_size((unsigned long long)st->st_size, text);
	else
		snprintf(text, sizeof(text), "%lld", (long long)st->st_size);
	printf("%9s ", text);
}

static void print_long(const struct entry *e, const char *path)
{
	char mode[11], when[32] = "?";
	time_t t = e->st.st_mtime;
	struct tm *tm = gmtime(&t);

	if (opt['i'])
		printf("%8llu ", (unsigned long long)e->st.st_ino);
	if (opt['l']) {
		if (tm)
			strftime(when, sizeof(when), "%Y-%m-%d %H:%M", tm);
		mode_string(e->st.st_mode, mode);
		printf("%s %3lu %5u %5u ", mode, (unsigned long)e->st.st_nlink, e->st.st_uid,
			e->st.st_gid);
		print_size(&e->st);
		printf("%s ", when);
	}
	fputs(e->name, stdout);
	if (opt['l'] && S_ISLNK(e->st.st_mode))
		print_target(path);
	putchar('\n');
}

/* Names alone, in columns of the terminal. */
static void print_columns(const struct entry *e, size_t n)
{
	struct winsize size;
	bool told = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
	size_t width = 1, rows, per_row, room = told ? size.ws_col : 80;

	for (size_t i = 0; i < n; i++)
		width = strlen(e[i].name) + 2 > width ? strlen(e[i].name) + 2 : width;
	per_row = width < room ? room / width : 1;
	rows = (n + per_row - 1) / per_row;
	for (size_t row = 0; row < rows; row++)
		for (size_t i = row; i < n; i += rows) {
			bool last = i + rows >= n;

			printf("%-*s%s", last ? 0 : (int)width, e[i].name, last ? "\n" : "");
		}
}

static int print_entries(struct entry *e, size_t n, const char *dir)
{
	int status = 0;

	if (!opt['U'])
		qsort(e, n, sizeof(*e), by_name);
	if (!opt['l'] && !opt['i'] && !opt['1'] && isatty(1)) {
		print_columns(e, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		char *path = dir ? join_path(dir, e[i].name) : strdup(e[i].name);

		if (!path || (!e[i].known && (opt['l'] || opt['i']) && lstat(path, &e[i].st) < 0))
			status = complain(path ? path : e[i].name);
		else
			print_long(&e[i], path);
		free(path);
	}
	return status;
}

static int list_folder(const char *dir, bool heading);

static int list_below(const struct entry *e, size_t n, const char *dir)
{
	struct stat st;
	int status = 0;

	for (size_t i = 0; i < n; i++) {
		char *path;

		if (!strcmp(e[i].name, ".") || !strcmp(e[i].name, ".."))
			continue;
		path = join_path(dir, e[i].name);
		if (path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			putchar('\n');
			status |= list_folder(path, true);
		}
		free(path);
	}
	return status;
}

static int list_folder(const char *dir, bool heading)
{
	struct entry *e = NULL;
	size_t n = 0, room = 0;
	struct dirent *d;
	DIR *stream = opendir(dir);
	int status = 0;

	if (!stream)
		return complain(dir);
	if (heading)
		printf("%s:\n", dir);
	for (errno = 0; (d = readdir(stream)); errno = 0) {
		if (d->d_name[0] == '.' && !opt['a'])
			continue;
		if (n == room) {
			struct entry *bigger =
				realloc(e, (room = room ? room * 2 : 64) * sizeof(*e));

			if (!bigger) {
				status = complain(dir);
				break;
			}
			e = bigger;
		}
		e[n] = (struct entry){.name = strdup(d->d_name)};
		n += e[n].name != NULL;
	}
	if (errno)
		status = complain(dir);
	status |= print_entries(e, n, dir);
	closedir(stream); /* only now: /proc/self/fd lists it, too */
	if (opt['R'])
		status |= list_below(e, n, dir);
	while (n)
		free(e[--n].name);
	free(e);
	return status;
}

int applet_ls(int argc, char **argv)
{
	static char here[] = ".", *only_here[] = {here};
	int first = options(argc, argv, "laRdih1U", opt), status = 0;
	struct entry *e;
	size_t n = 0;

	if (first < 0)
		return 2;
	argc -= first;
	argv += first;
	if (argc == 0) {
		argc = 1;
		argv = only_here;
	}
	e = calloc((size_t)argc, sizeof(*e));
	if (!e)
		return complain("ls");
	for (int i = 0; i < argc; i++) {
		struct stat st;

		/* A link to a folder given as argument means the folder, unless details are wanted. */
		if ((opt['l'] || stat(argv[i], &st) < 0) && lstat(argv[i], &st) < 0) {
			status = complain(argv[i]);
			argv[i] = NULL;
		} else if (!S_ISDIR(st.st_mode) || opt['d']) {
			e[n++] = (struct entry){.name = argv[i], .st = st, .known = true};
			argv[i] = NULL;
		}
	}
	if (n)
		status |= print_entries(e, n, NULL);
	for (int i = 0, shown = n != 0; i < argc; i++) {
		if (!argv[i])
			continue;
		if (shown++)
			putchar('\n');
		status |= list_folder(argv[i], argc > 1 || opt['R']);
	}
	free(e);
	return status;
}

/* ---- find ---- */

struct find {
	const char *name;
	char type;
	int max_depth;
};

/* `*`, `?` and plain bytes. */
static bool matches(const char *p, const char *s)
{
	for (; *p; p++, s++) {
		if (*p == '*') {
			do
				if (matches(p + 1, s))
					return true;
			while (*s++);
			return false;
		}
		if (!*s || (*p != '?' && *p != *s))
			return false;
	}
	return !*s;
}

static char type_letter(mode_t mode)
{
	char text[11];

	mode_string(mode, text);
	return text[0] == '-' ? 'f' : text[0];
}

static char entry_letter(unsigned char type)
{
	switch (type) {
	case DT_REG:
		return 'f';
	case DT_DIR:
		return 'd';
	case DT_LNK:
		return 'l';
	case DT_FIFO:
		return 'p';
	case DT_CHR:
		return 'c';
	default:
		return 0;
	}
}

static int find_below(const struct find *f, char *path, size_t len, int depth);

/* path[0..len) of the given type: print it if it fits, go on below. */
static int find_at(const struct find *f, char *path, size_t len, char type, int depth)
{
	const char *name = strrchr(path, '/');
	int status = 0;

	name = name && name[1] ? name + 1 : path;
	if ((!f->name || matches(f->name, name)) && (!f->type || f->type == type))
		puts(path);
	if (type == 'd' && (f->max_depth < 0 || depth < f->max_depth))
		status = find_below(f, path, len, depth + 1);
	path[len] = '\0';
	return status;
}

static int find_below(const struct find *f, char *path, size_t len, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int status = 0;

	if (!dir)
		return complain(path);
	for (errno = 0; (d = readdir(dir)); errno = 0) {
		char type = entry_letter(d->d_type);
		size_t name = strlen(d->d_name), slash = len && path[len - 1] != '/';
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
			len + slash + name >= PATH_MAX)
			continue;
		path[len] = '/';
		memcpy(path + len + slash, d->d_name, name + 1);
		if (!type && lstat(path, &st) == 0)
			type = type_letter(st.st_mode);
		status |= find_at(f, path, len + slash + name, type, depth);
		path[len] = '\0';
	}
	if (errno)
		status = complain(path);
	closedir(dir);
	return status;
}

int applet_find(int argc, char **argv)
{
	static char path[PATH_MAX + 1];
	struct find f = {.max_depth = -1};
	int paths = 1, status = 0;

	while (paths < argc && argv[paths][0] != '-')
		paths++;
	for (int i = paths; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "-name") && *value)
			f.name = value;
		else if (!strcmp(argv[i], "-type") && *value)
			f.type = *value;
		else if (!strcmp(argv[i], "-maxdepth") && number(value) >= 0)
			f.max_depth = (int)number(value);
		else
			return usage();
	}
	for (int i = 1; i < paths || i == 1; i++) {
		const char *start = paths > 1 ? argv[i] : ".";
		struct stat st;

		if (strlen(start) >= sizeof(path)) {
			errno = ENAMETOOLONG;
			status = complain("path");
			continue;
		}
		strcpy(path, start);
		if (lstat(path, &st) < 0)
			status = complain(path);
		else
			status |= find_at(&f, path, strlen(path), type_letter(st.st_mode), 0);
	}
	return status;
}
