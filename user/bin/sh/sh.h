/*
 * The shell, inside: what its files share.
 *
 *	main.c      start-up, prompt, the loop
 *	line.c      the line editor; history.c its memory; complete.c the tab key; screen.c what it draws
 *	parse.c     text -> struct script, words still quoted
 *	expand.c    a raw word -> arguments: quotes, variables, patterns
 *	run.c       a script -> exit status: redirections, programs, waiting
 *	pipeline.c  several programs at once: `|` and `&`
 *	builtin.c   commands that must change the shell itself, and echo
 *	vars.c      variables and the environment
 *
 * Everything made for one line lives in an arena that is emptied before the next.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_LINE 8192 /* bytes of one interactive line */

/* ---- arena ---- */
struct arena;
struct arena *arena_new(void);
/* Ends the shell when memory is out: nothing sensible can follow. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
void arena_free(struct arena *a);

/* ---- parse.c ---- */
enum condition { RUN_ALWAYS, RUN_IF_OK, RUN_IF_FAILED };
enum redirect_kind { REDIRECT_IN, REDIRECT_OUT, REDIRECT_APPEND, REDIRECT_DUP };

struct redirect {
	struct redirect *next;
	enum redirect_kind kind;
	int fd;
	const char *word; /* raw; for DUP the number of the other descriptor */
};

struct word {
	struct word *next;
	const char *raw; /* quotes and `$` still in it */
};

struct command {
	struct command *next;
	struct command
		*pipe_to; /* what reads its output, NULL mostly; of that one next is not used */
	enum condition condition; /* on the status of what ran before */
	bool background;	  /* with all it is piped to */
	struct word *words;
	struct redirect *redirects; /* in the order written */
};

/* 0 and the commands (NULL for none), or -1 with the reason printed. text stays in use. */
int parse(struct arena *a, const char *text, struct command **out);

/* ---- expand.c ---- */
/* The arguments the words stand for, NULL-terminated. */
char **expand_words(struct arena *a, const struct word *words, int *argc);
/* One word, no patterns. */
char *expand_word(struct arena *a, const char *raw);
/* Does name match pattern (`*`, `?`, `[...]`; a backslash takes the next byte as it is)? */
bool pattern_match(const char *pattern, const char *name);

/* ---- run.c ---- */
/* Run text; returns and remembers the exit status. A syntax error is status 2. */
int run_text(const char *text);
/* The same for every line of a file; a quote has to be closed on its line. 127 when unreadable. */
int run_file(const char *path);
/* Run one expanded command with the shell's descriptors fds as its 0, 1, 2. */
int run_argv(struct arena *a, int argc, char **argv, const int fds[3]);
extern int last_status;

struct descriptors {
	int fds[3];    /* what becomes 0, 1, 2 */
	int opened[3]; /* to close afterwards, -1 for none */
};
/* Carry out redirections on top of fds. 0, or -1 with the reason printed and everything closed again. */
int open_redirects(
	struct arena *a, const struct redirect *r, const int fds[3], struct descriptors *d);
void close_redirects(const struct descriptors *d);
/* Start a program: its process id; or -1 with the reason printed, and the exit status in *status. */
pid_t start_program(struct arena *a, char **argv, const int fds[3], int *status);
/* The exit status of a program started as name, once it has ended; says so if a signal did it. */
int wait_for(pid_t pid, const char *name);

/* ---- pipeline.c ---- */
/* Run a command that is piped to others or in the background; the exit status of the last one. */
int run_pipeline(struct arena *a, struct command *first);
/* Tell which programs in the background have ended meanwhile. */
void jobs_report(void);
/* Wait for all of them. */
void jobs_wait(void);

/* ---- builtin.c ---- */
struct builtin {
	const char *name, *usage, *what;
	int least, most; /* arguments */
	int (*fn)(struct arena *a, int argc, char **argv, const int fds[3]);
};
/* Run it, or say how it is used. */
int builtin_run(const struct builtin *b, struct arena *a, int argc, char **argv, const int fds[3]);
extern const struct builtin builtins[]; /* ends with a NULL name */
const struct builtin *builtin_find(const char *name);
/* printf to a descriptor; complains once when the write fails. 0 or -1. */
int say(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
extern bool exit_wanted;

/* ---- vars.c ---- */
void vars_init(char **envp);
const char *var_get(const char *name); /* NULL when unset */
void var_set(const char *name, const char *value);
void var_unset(const char *name);
void var_export(const char *name);
/* Print the exported ones to fd. */
void vars_print(int fd);
char **vars_environment(struct arena *a);
/* Length of the variable name at s, 0 when there is none. */
size_t var_name_length(const char *s);

/* ---- screen.c ---- */
/* How wide the terminal is; 80 when it does not tell. */
unsigned terminal_columns(void);
/* Begin with the terminal's cursor at the start of an empty row. prompt stays in use. */
void screen_begin(const char *prompt, unsigned columns);
/* Another prompt before the line. */
void screen_prompt(const char *prompt);
/* From this byte on the line is not what it was. Cheap: nothing is drawn before screen_show. */
void screen_changed(size_t from);
/* Bring the terminal up to date, its cursor before buf[pos]. */
void screen_show(const char *buf, size_t len, size_t pos);
/* The same, and then the cursor at the start of the row below. */
void screen_leave(const char *buf, size_t len);
/* Text that is not part of the line. */
void screen_control(const char *s);

/* ---- line.c, history.c, complete.c ---- */
/* Read a line with editing: buf without newline. False at end of input. */
bool line_read(const char *prompt, char *buf, size_t size);
void history_add(const char *line);
/* The i-th youngest, 0 the last one; NULL beyond the oldest. */
const char *history_get(unsigned i);
/*
 * Complete the word before buf[pos]. Returns what to insert (malloc'ed, may be ""), or NULL when
 * nothing matches; with *list set (malloc'ed) when there are several candidates to show.
 */
char *complete(const char *buf, size_t pos, char **list);
/* Names of all commands, sorted, NULL-terminated; valid until the next call. */
const char **command_names(void);
