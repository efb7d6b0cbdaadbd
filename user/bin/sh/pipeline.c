/*
 * Several programs at once: `a | b | c`, and `a &`.
 *
 * All of a pipeline are started before any is waited for, the last one first, so that whoever writes
 * finds its reader there. A built-in that is the first of a pipeline runs in the shell (its readers
 * exist by then); anywhere else, and in the background, it runs in a shell of its own (`sh --run`).
 *
 * The shell keeps neither end of a pipe: each is closed as soon as the program that uses it has been
 * started, and close-on-exec, so that a reader sees the end when its writer has ended.
 *
 * Limits: a program in the background is not stopped when it reads the console; it reads /dev/null.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sh.h"

struct stage {
	const struct command *command;
	const char *name;
	pid_t pid; /* -1: ended already, with status */
	int status;
};

/* ---- one program of a pipeline ---- */

/* argv behind `sh --run`. */
static char **in_own_shell(struct arena *a, int argc, char **argv)
{
	char **own = arena_alloc(a, (size_t)(argc + 3) * sizeof(*own));

	own[0] = "sh";
	own[1] = "--run";
	memcpy(own + 2, argv, (size_t)(argc + 1) * sizeof(*own));
	return own;
}

static void start_stage(struct arena *a, struct stage *s, const int fds[3], bool in_shell)
{
	struct descriptors d;
	int argc;
	char **argv = expand_words(a, s->command->words, &argc);

	s->pid = -1;
	s->status = 1;
	if (open_redirects(a, s->command->redirects, fds, &d) < 0)
		return;
	s->name = argc ? argv[0] : "";
	if (!*s->name)
		s->status = 0;
	else if (!builtin_find(s->name))
		s->pid = start_program(a, argv, d.fds, &s->status);
	else if (in_shell)
		s->status = run_argv(a, argc, argv, d.fds);
	else
		s->pid = start_program(a, in_own_shell(a, argc, argv), d.fds, &s->status);
	close_redirects(&d);
}

/* ---- a pipeline ---- */

static struct stage *list_stages(struct arena *a, const struct command *first, int *count)
{
	struct stage *stages;
	int n = 0;

	for (const struct command *c = first; c; c = c->pipe_to)
		n++;
	stages = arena_alloc(a, (size_t)n * sizeof(*stages));
	for (const struct command *c = first; c; c = c->pipe_to)
		*stages++ = (struct stage){.command = c, .name = "", .pid = -1, .status = 1};
	*count = n;
	return stages - n;
}

static void close_but(int fd, int keep)
{
	if (fd >= 0 && fd != keep)
		close(fd);
}

/* Start all, the last one first. input: what the first one reads. */
static void start_stages(struct arena *a, struct stage *stages, int n, int input, bool background)
{
	int fds[3] = {input, 1, 2};

	for (int i = n - 1; i >= 0; i--) {
		int ends[2] = {input, -1};

		if (i > 0 && pipe2(ends, O_CLOEXEC) < 0) {
			fprintf(stderr, "sh: no pipe: %s\n", strerror(errno));
			close_but(fds[1], 1);
			return;
		}
		fds[0] = ends[0];
		start_stage(a, &stages[i], fds, i == 0 && !background);
		close_but(ends[0], input);
		close_but(fds[1], 1);
		fds[1] = ends[1];
	}
}

int run_pipeline(struct arena *a, struct command *first)
{
	int n, input = first->background ? open("/dev/null", O_RDONLY | O_CLOEXEC) : 0;
	struct stage *stages = list_stages(a, first, &n);

	fflush(stdout);
	start_stages(a, stages, n, input, first->background);
	if (first->background) {
		close_but(input, -1);
		if (stages[n - 1].pid >= 0)
			fprintf(stderr, "[%d] %s\n", (int)stages[n - 1].pid, stages[n - 1].name);
		return 0;
	}
	for (int i = 0; i < n; i++)
		if (stages[i].pid >= 0)
			stages[i].status = wait_for(stages[i].pid, stages[i].name);
	return stages[n - 1].status;
}

/* ---- the background ---- */

static bool job_ended(int options)
{
	int status;
	pid_t pid = waitpid(-1, &status, options);

	if (pid <= 0)
		return pid < 0 && errno == EINTR && !(options & WNOHANG);
	if (WIFSIGNALED(status))
		fprintf(stderr, "[%d] killed by signal %d\n", (int)pid, WTERMSIG(status));
	else
		fprintf(stderr, "[%d] exit status %d\n", (int)pid, WEXITSTATUS(status));
	return true;
}

void jobs_report(void)
{
	while (job_ended(WNOHANG))
		;
}

void jobs_wait(void)
{
	while (job_ended(0))
		;
}
