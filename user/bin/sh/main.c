/*
 * sh: the shell on the serial console.
 *
 *	sh             interactive; plain lines when standard input is not a terminal
 *	sh -c TEXT     run TEXT
 *	sh FILE        run the commands in FILE
 *	sh --run WORD...   run one command whose words are expanded already (pipeline.c)
 *
 * The exit status is that of the last command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"

extern char **environ;

static void make_prompt(char *buf, size_t size)
{
	char cwd[512];

	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "?");
	snprintf(buf, size, "unlazy:%s%s ", cwd, geteuid() == 0 ? "#" : "$");
}

static void interact(void)
{
	static char line[MAX_LINE];
	char prompt[600];

	if (isatty(0))
		puts("`help' lists the commands, `poweroff' ends the machine.");
	fflush(stdout);
	while (!exit_wanted) {
		jobs_report();
		make_prompt(prompt, sizeof(prompt));
		if (!line_read(prompt, line, sizeof(line)))
			break;
		history_add(line);
		run_text(line);
	}
}

int main(int argc, char **argv)
{
	vars_init(environ);
	if (argc > 1 && strcmp(argv[1], "-c") == 0) {
		if (argc != 3) {
			fputs("usage: sh -c COMMANDS\n", stderr);
			return 2;
		}
		return run_text(argv[2]);
	}
	if (argc > 2 && strcmp(argv[1], "--run") == 0) {
		static const int own[3] = {0, 1, 2};

		return run_argv(arena_new(), argc - 2, argv + 2, own);
	}
	if (argc > 1)
		return run_file(argv[1]);
	interact();
	return last_status;
}
