/*
 * Running commands. A built-in runs in the shell, writing to the descriptors it is given; everything
 * else is a program started by unlazy_spawn() with its own 0, 1 and 2, and waited for. The small
 * commands (ls, cat, ...) are one program, `commands`, told by argv[0] which of them to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unlazy.h>

#include "../commands/applets.h"
#include "sh.h"

int last_status;

/* ---- programs ---- */

static const char *signal_name(int signal)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{1, "SIGHUP"}, {2, "SIGINT"}, {4, "SIGILL"}, {5, "SIGTRAP"}, {6, "SIGABRT"},
		{7, "SIGBUS"}, {8, "SIGFPE"}, {9, "SIGKILL"}, {11, "SIGSEGV"}, {13, "SIGPIPE"},
		{15, "SIGTERM"}};
	static char other[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == signal)
			return names[i].name;
	snprintf(other, sizeof(other), "signal %d", signal);
	return other;
}

int wait_for(pid_t pid, const char *name)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			fprintf(stderr, "sh: waiting for %s: %s\n", name, strerror(errno));
			return 125;
		}
	}
	if (WIFSIGNALED(status)) {
		/* of a broken pipe, `program | head` dies in good order */
		if (WTERMSIG(status) != SIGPIPE)
			fprintf(stderr, "%s: killed by %s\n", name, signal_name(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

pid_t start_program(struct arena *a, char **argv, const int fds[3], int *status)
{
	pid_t pid = unlazy_spawn(applet_program(argv[0]), argv, vars_environment(a), fds);

	if (pid >= 0)
		return pid;
	*status = errno == ENOENT ? 127 : 126;
	if (errno == ENOENT)
		fprintf(stderr, "sh: %s: not found\n", argv[0]);
	else
		fprintf(stderr, "sh: %s: cannot be started: %s\n", argv[0], strerror(errno));
	return -1;
}

static int run_program(struct arena *a, char **argv, const int fds[3])
{
	int status;
	pid_t pid = start_program(a, argv, fds, &status);

	return pid < 0 ? status : wait_for(pid, argv[0]);
}

int run_argv(struct arena *a, int argc, char **argv, const int fds[3])
{
	const struct builtin *b = builtin_find(argv[0]);

	return b ? builtin_run(b, a, argc, argv, fds) : run_program(a, argv, fds);
}

/* ---- redirections ---- */

static int open_redirect(struct arena *a, const struct redirect *r)
{
	static const int flags[] = {[REDIRECT_IN] = O_RDONLY,
		[REDIRECT_OUT] = O_WRONLY | O_CREAT | O_TRUNC,
		[REDIRECT_APPEND] = O_WRONLY | O_CREAT | O_APPEND};
	const char *path = expand_word(a, r->word);
	int fd = open(path, flags[r->kind] | O_CLOEXEC, 0666);

	/* A file that exists on a read-only file system, or in /proc, needs no creating. */
	if (fd < 0 && r->kind != REDIRECT_IN &&
		(errno == EROFS || errno == EACCES || errno == EPERM))
		fd = open(path, O_WRONLY | O_CLOEXEC | (r->kind == REDIRECT_APPEND ? O_APPEND : 0));
	if (fd < 0)
		fprintf(stderr, "sh: %s: %s\n", path, strerror(errno));
	return fd;
}

void close_redirects(const struct descriptors *d)
{
	for (int i = 0; i < 3; i++)
		if (d->opened[i] >= 0)
			close(d->opened[i]);
}

int open_redirects(
	struct arena *a, const struct redirect *r, const int fds[3], struct descriptors *d)
{
	*d = (struct descriptors){{fds[0], fds[1], fds[2]}, {-1, -1, -1}};
	for (; r; r = r->next) {
		int fd;

		if (r->kind == REDIRECT_DUP) {
			d->fds[r->fd] = d->fds[r->word[0] - '0'];
			continue;
		}
		fd = open_redirect(a, r);
		if (fd < 0) {
			close_redirects(d);
			return -1;
		}
		/* `> a > b`: the first one is only created; nobody may still use it. */
		if (d->opened[r->fd] >= 0)
			close(d->opened[r->fd]);
		d->opened[r->fd] = d->fds[r->fd] = fd;
	}
	return 0;
}

/* ---- scripts ---- */

/* NAME=value as the whole command. */
static bool run_assignment(struct arena *a, const struct command *c)
{
	const char *raw = c->words ? c->words->raw : "";
	size_t len = var_name_length(raw);

	if (!len || raw[len] != '=' || c->words->next)
		return false;
	var_set(arena_strndup(a, raw, len), expand_word(a, raw + len + 1));
	return true;
}

static int run_command(struct arena *a, const struct command *c)
{
	static const int own[3] = {0, 1, 2};
	struct descriptors d;
	int argc, status;
	char **argv;

	if (run_assignment(a, c))
		return 0;
	argv = expand_words(a, c->words, &argc);
	if (open_redirects(a, c->redirects, own, &d) < 0)
		return 1;
	status = argc && *argv[0] ? run_argv(a, argc, argv, d.fds) : 0;
	close_redirects(&d);
	return status;
}

int run_text(const char *text)
{
	struct arena *a = arena_new();
	struct command *c;

	if (parse(a, text, &c) < 0)
		last_status = 2;
	else
		for (; c && !exit_wanted; c = c->next)
			if (c->condition == RUN_ALWAYS ||
				(c->condition == RUN_IF_OK) == (last_status == 0))
				last_status = c->pipe_to || c->background ? run_pipeline(a, c)
									  : run_command(a, c);
	arena_free(a);
	return last_status;
}

/* The whole file, terminated; NULL and errno. */
static char *read_all(const char *path)
{
	size_t len = 0, room = 4096;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 1;

	while (text && n > 0) {
		n = read(fd, text + len, room - len - 1);
		len += n > 0 ? (size_t)n : 0;
		if (room - len < 2) {
			char *bigger = realloc(text, room *= 2);

			if (!bigger)
				n = -1;
			text = bigger ? bigger : text;
		}
	}
	if (fd >= 0)
		close(fd);
	if (text && n == 0) {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

int run_file(const char *path)
{
	char *text = read_all(path);

	if (!text) {
		fprintf(stderr, "sh: %s: %s\n", path, strerror(errno));
		return last_status = 127;
	}
	for (char *line = text, *end; *line && !exit_wanted; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		run_text(line);
	}
	free(text);
	return last_status;
}
