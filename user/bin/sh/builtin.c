/* Commands that change the shell itself (cd, export, exit), wrap another (time), or are asked for by
 * everybody (echo, help). */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../commands/applets.h"
#include "sh.h"

bool exit_wanted;

int say(int fd, const char *fmt, ...)
{
	char small[256], *text = small;
	size_t done = 0, len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	len = (size_t)n;
	if (len >= sizeof(small)) {
		text = malloc(len + 1);
		if (!text)
			return -1;
		va_start(ap, fmt);
		vsnprintf(text, len + 1, fmt, ap);
		va_end(ap);
	}
	while (done < len) {
		ssize_t written = write(fd, text + done, len - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			fprintf(stderr, "sh: write error: %s\n", strerror(errno));
			break;
		}
		done += (size_t)written;
	}
	if (text != small)
		free(text);
	return done == len ? 0 : -1;
}

static int do_cd(struct arena *a, int argc, char **argv, const int fds[3])
{
	const char *to = argc > 1 ? argv[1] : var_get("HOME");
	char cwd[4096];

	(void)a;
	if (argc > 1 && strcmp(to, "-") == 0) {
		to = var_get("OLDPWD");
		if (!to)
			return say(2, "sh: cd: there is no previous folder\n"), 1;
		say(fds[1], "%s\n", to);
	}
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	if (chdir(to ? to : "/") < 0)
		return say(fds[2], "sh: cd: %s: %s\n", to ? to : "/", strerror(errno)), 1;
	var_set("OLDPWD", cwd);
	return 0;
}

static int do_pwd(struct arena *a, int argc, char **argv, const int fds[3])
{
	char cwd[4096];

	(void)a, (void)argc, (void)argv;
	if (!getcwd(cwd, sizeof(cwd)))
		return say(fds[2], "sh: pwd: %s\n", strerror(errno)), 1;
	return say(fds[1], "%s\n", cwd) < 0;
}

static int do_exit(struct arena *a, int argc, char **argv, const int fds[3])
{
	char *end = NULL;
	long status = argc > 1 ? strtol(argv[1], &end, 10) & 255 : last_status;

	(void)a;
	if (end && (end == argv[1] || *end))
		return say(fds[2], "sh: exit: %s: not a number\n", argv[1]), 2;
	exit_wanted = true;
	return (int)status;
}

/* With -e: \n \t \\ \0NNN. Returns the length; a `\c` ends the output. */
static size_t unescape(char *s)
{
	char *out = s, *start = s;

	while (*s) {
		if (*s != '\\' || !s[1]) {
			*out++ = *s++;
			continue;
		}
		s++;
		if (*s == '0') {
			int value = 0;

			for (int i = 0; i < 4 && *s >= '0' && *s <= '7'; i++)
				value = value * 8 + *s++ - '0';
			*out++ = (char)value;
			continue;
		}
		*out++ = *s == 'n' ? '\n' : *s == 't' ? '\t' : *s == 'e' ? '\033' : *s;
		s++;
	}
	return (size_t)(out - start);
}

/* One write for the whole line: files in /proc take one command a write. */
static int do_echo(struct arena *a, int argc, char **argv, const int fds[3])
{
	bool newline = true, escapes = false;
	size_t len = 1, at = 0;
	int first = 1;
	char *line;

	for (; first < argc && (!strcmp(argv[first], "-n") || !strcmp(argv[first], "-e"));
		first++) {
		newline &= argv[first][1] != 'n';
		escapes |= argv[first][1] == 'e';
	}
	for (int i = first; i < argc; i++)
		len += strlen(argv[i]) + 1;
	line = arena_alloc(a, len);
	for (int i = first; i < argc; i++) {
		size_t n = escapes ? unescape(argv[i]) : strlen(argv[i]);

		memcpy(line + at, argv[i], n);
		at += n;
		if (i + 1 < argc)
			line[at++] = ' ';
	}
	if (newline)
		line[at++] = '\n';
	if (at && write(fds[1], line, at) != (ssize_t)at)
		return say(2, "sh: echo: write error: %s\n", strerror(errno)), 1;
	return 0;
}

static int do_export(struct arena *a, int argc, char **argv, const int fds[3])
{
	if (argc < 2)
		vars_print(fds[1]);
	for (int i = 1; i < argc; i++) {
		size_t len = var_name_length(argv[i]);
		char *name = arena_strndup(a, argv[i], len);

		if (!len || (argv[i][len] && argv[i][len] != '='))
			return say(fds[2], "sh: export: `%s' is no variable name\n", argv[i]), 1;
		if (argv[i][len] == '=')
			var_set(name, argv[i] + len + 1);
		var_export(name);
	}
	return 0;
}

static int do_unset(struct arena *a, int argc, char **argv, const int fds[3])
{
	(void)a, (void)fds;
	for (int i = 1; i < argc; i++)
		var_unset(argv[i]);
	return 0;
}

static double seconds(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) * 1e-9;
}

static int do_time(struct arena *a, int argc, char **argv, const int fds[3])
{
	struct timespec start, end;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &start);
	status = run_argv(a, argc - 1, argv + 1, fds);
	clock_gettime(CLOCK_MONOTONIC, &end);
	say(fds[2], "real %.6f s\n", seconds(&start, &end));
	return status;
}

static int do_source(struct arena *a, int argc, char **argv, const int fds[3])
{
	(void)a, (void)argc, (void)fds;
	return run_file(argv[1]);
}

static int do_wait(struct arena *a, int argc, char **argv, const int fds[3])
{
	(void)a, (void)argc, (void)argv, (void)fds;
	jobs_wait();
	return 0;
}

static int do_history(struct arena *a, int argc, char **argv, const int fds[3])
{
	unsigned n = 0;

	(void)a, (void)argc, (void)argv;
	while (history_get(n))
		n++;
	while (n-- > 0)
		say(fds[1], "%s\n", history_get(n));
	return 0;
}

struct help_line {
	const char *name, *usage, *what;
};

/* Programs of their own that come with the system; APP= adds others, found by completion. */
static const struct help_line programs[] = {
	{"walk", "[-cn] PATH...", "explain a path resolution component by component"},
	{"trace", "start|stop|clear|show [--json] | -- COMMAND",
		"the kernel's trace, as a time line"},
	{"openbench", "[OPTION...]", "open many files by every method; --help lists the options"},
	{"stress", "[OPTION...]", "opens against renames, unlinks and evictions in /tmp"},
	{"sh", "[-c COMMANDS | FILE]", "another shell"},
};

static const struct help_line applets[] = {
#define APPLET(id, usage, what) {#id, usage, what},
	APPLETS
#undef APPLET
};

static int do_help(struct arena *a, int argc, char **argv, const int fds[3]);

const struct builtin builtins[] = {
	{"cd", "[FOLDER | -]", "change the working folder", 0, 1, do_cd},
	{"pwd", "", "print the working folder", 0, 0, do_pwd},
	{"echo", "[-n] [-e] WORD...", "print the words", 0, INT_MAX, do_echo},
	{"exit", "[STATUS]", "leave the shell", 0, 1, do_exit},
	{"export", "[NAME[=VALUE]...]", "hand a variable to programs", 0, INT_MAX, do_export},
	{"unset", "NAME...", "forget a variable", 1, INT_MAX, do_unset},
	{"time", "COMMAND", "run it and say how long it took", 1, INT_MAX, do_time},
	{"source", "FILE", "run the commands in a file", 1, 1, do_source},
	{"wait", "", "wait for programs started with &", 0, 0, do_wait},
	{"history", "", "what was typed", 0, 0, do_history},
	{"help", "[COMMAND...]", "this list", 0, INT_MAX, do_help},
	{0},
};

int builtin_run(const struct builtin *b, struct arena *a, int argc, char **argv, const int fds[3])
{
	bool asked = argc == 2 && strcmp(argv[1], "--help") == 0 && b->fn != do_echo;

	if (argc - 1 >= b->least && argc - 1 <= b->most && !asked)
		return b->fn(a, argc, argv, fds);
	say(fds[asked ? 1 : 2], "usage: %s %s\n", b->name, b->usage);
	if (asked)
		say(fds[1], "  %s\n", b->what);
	return asked ? 0 : 2;
}

static bool help_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

static int help_print(int fd, const struct help_line *h, int argc, char **argv)
{
	char command[64];

	if (!help_wanted(h->name, argc, argv))
		return 0;
	snprintf(command, sizeof(command), "%s %s", h->name, h->usage);
	say(fd, "  %-48s %s\n", command, h->what);
	return 1;
}

const struct builtin *builtin_find(const char *name)
{
	for (const struct builtin *b = builtins; b->name; b++)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The kernel's list of programs adds those that only this image has (APP=). */
static size_t add_image_programs(const char **names, size_t n, size_t room)
{
	static char text[4096];
	FILE *f = fopen("/proc/unlazy/programs", "r");
	size_t len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[len] = '\0';
	for (char *s = strtok(text, " \n"); s && n < room; s = strtok(NULL, " \n"))
		if (strcmp(s, "commands") != 0)
			names[n++] = s;
	if (f)
		fclose(f);
	return n;
}

const char **command_names(void)
{
	static const char *names[256];
	const size_t room = sizeof(names) / sizeof(names[0]) - 1;
	size_t n = 0, kept = 0;

	for (const struct builtin *b = builtins; b->name; b++)
		names[n++] = b->name;
	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++)
		names[n++] = applets[i].name;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		names[n++] = programs[i].name;
	n = add_image_programs(names, n, room);
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
			names[kept++] = names[i];
	names[kept] = NULL;
	return names;
}

static bool has_help(const char *name)
{
	bool found = builtin_find(name);

	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]) && !found; i++)
		found = strcmp(applets[i].name, name) == 0;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]) && !found; i++)
		found = strcmp(programs[i].name, name) == 0;
	return found;
}

/* The programs of this kernel that nobody described: tests, and what APP= brought. */
static void help_others(int fd)
{
	const char **names = command_names();

	say(fd, "Programs besides:");
	for (; *names; names++)
		if (!has_help(*names))
			say(fd, " %s", *names);
	say(fd, "\n");
}

static int do_help(struct arena *a, int argc, char **argv, const int fds[3])
{
	int shown = 0;

	(void)a;
	for (const struct builtin *b = builtins; b->name; b++) {
		struct help_line h = {b->name, b->usage, b->what};

		shown += help_print(fds[1], &h, argc, argv);
	}
	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++)
		shown += help_print(fds[1], &applets[i], argc, argv);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		shown += help_print(fds[1], &programs[i], argc, argv);
	if (argc > 1) {
		if (!shown)
			say(fds[2], "sh: help: nothing about `%s'\n", argv[1]);
		return !shown;
	}
	help_others(fds[1]);
	say(fds[1], "Also: a; b   a && b   a || b   a | b   a &   < > >> 2> 2>&1   "
		    "'quotes' \"$VAR $?\"   "
		    "* ? [a-z]   # comment\n");
	return 0;
}
