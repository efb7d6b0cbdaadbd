/*
 * trace: the kernel's trace points as a time line (kernel/trace.h).
 *
 *	trace start | stop | clear	switch recording, forget what was recorded
 *	trace show [--json]		print it; as JSON it is what Perfetto and chrome://tracing read
 *	trace -- COMMAND...		record while COMMAND runs, then print
 *
 * All of it is reading and writing /proc/unlazy/trace and trace.json.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unlazy.h>

#include "commands/applets.h"

#define TRACE "/proc/unlazy/trace"

extern char **environ;

static int complain(const char *what)
{
	fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
	return 1;
}

static int tell(const char *command)
{
	int fd = open(TRACE, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, command, strlen(command));

	if (fd >= 0)
		close(fd);
	return n < 0 ? complain(TRACE) : 0;
}

static int show(const char *path)
{
	char buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return complain(path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	close(fd);
	return n < 0 ? complain(path) : 0;
}

/* The exit status of the command, as a shell gives it. */
static int run(char **argv)
{
	pid_t pid = unlazy_spawn(applet_program(argv[0]), argv, environ, NULL);
	int status;

	if (pid < 0)
		return complain(argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain(argv[0]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int trace_command(char **argv)
{
	int status;

	if (tell("clear") || tell("on"))
		return 1;
	status = run(argv);
	tell("off");
	show(TRACE);
	return status;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "start") == 0)
		return tell("on");
	if (argc == 2 && strcmp(what, "stop") == 0)
		return tell("off");
	if (argc == 2 && strcmp(what, "clear") == 0)
		return tell("clear");
	if (argc == 2 && strcmp(what, "show") == 0)
		return show(TRACE);
	if (argc == 3 && strcmp(what, "show") == 0 && strcmp(argv[2], "--json") == 0)
		return show(TRACE ".json");
	if (argc > 2 && strcmp(what, "--") == 0)
		return trace_command(argv + 2);
	fputs("usage: trace start | stop | clear | show [--json] | -- COMMAND...\n", stderr);
	return 2;
}
