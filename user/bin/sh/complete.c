/*
 * The tab key. The first word of a command completes to command names, everything else (and a first
 * word with a slash) to paths. What is common to all candidates is inserted; a lone one gets a blank
 * behind it, or a slash when it is a folder.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sh.h"

struct candidates {
	char **names;
	size_t n, room;
};

static void add(struct candidates *c, const char *name)
{
	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 32;
		char **bigger = realloc(c->names, room * sizeof(*bigger));

		if (!bigger)
			return;
		c->names = bigger;
		c->room = room;
	}
	c->names[c->n] = strdup(name);
	if (c->names[c->n])
		c->n++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_commands(struct candidates *c, const char *prefix)
{
	for (const char **name = command_names(); *name; name++)
		if (strncmp(*name, prefix, strlen(prefix)) == 0)
			add(c, *name);
}

static bool is_folder(const char *folder, const char *name)
{
	char path[8192];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Names in folder ("" for the current one, else ending in a slash) that begin with prefix. */
static void add_paths(struct candidates *c, const char *folder, const char *prefix)
{
	DIR *dir = opendir(*folder ? folder : ".");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		char with_slash[264];

		if (strncmp(name, prefix, strlen(prefix)) != 0 || (name[0] == '.' && !*prefix))
			continue;
		snprintf(with_slash, sizeof(with_slash), "%s%s", name,
			is_folder(folder, name) ? "/" : "");
		add(c, with_slash);
	}
	if (dir)
		closedir(dir);
	if (c->n)
		qsort(c->names, c->n, sizeof(c->names[0]), by_name);
}

static size_t common_prefix(const struct candidates *c)
{
	size_t len = strlen(c->names[0]);

	for (size_t i = 1; i < c->n; i++) {
		size_t same = 0;

		while (same < len && c->names[i][same] == c->names[0][same])
			same++;
		len = same;
	}
	return len;
}

/* The candidates in columns of the terminal. */
static char *columns(const struct candidates *c)
{
	size_t width = 0, per_line, size = 1, at = 0, room = terminal_columns();
	char *text;

	for (size_t i = 0; i < c->n; i++)
		width = strlen(c->names[i]) > width ? strlen(c->names[i]) : width;
	width += 2;
	per_line = width < room ? room / width : 1;
	size += c->n * (width + 1);
	text = malloc(size);
	for (size_t i = 0; text && i < c->n; i++) {
		bool last = (i + 1) % per_line == 0 || i + 1 == c->n;

		at += (size_t)snprintf(text + at, size - at, "%-*s%s", last ? 0 : (int)width,
			c->names[i], last ? "\n" : "");
	}
	return text;
}

/* Is the word that starts at buf[start] the first of its command? */
static bool is_first_word(const char *buf, size_t start)
{
	while (start > 0 && buf[start - 1] == ' ')
		start--;
	return start == 0 || strchr(";&|", buf[start - 1]);
}

char *complete(const char *buf, size_t pos, char **list)
{
	struct candidates c = {0};
	size_t start = pos;
	char word[4096], *slash, *answer = NULL;
	const char *prefix;

	*list = NULL;
	while (start > 0 && !strchr(" ;&|<>=", buf[start - 1]))
		start--;
	if (pos - start >= sizeof(word))
		return NULL;
	memcpy(word, buf + start, pos - start);
	word[pos - start] = '\0';
	slash = strrchr(word, '/');
	prefix = slash ? slash + 1 : word;
	if (!slash && is_first_word(buf, start)) {
		add_commands(&c, word);
	} else {
		char folder[4096] = "";

		if (slash)
			snprintf(folder, sizeof(folder), "%.*s", (int)(slash + 1 - word), word);
		add_paths(&c, folder, prefix);
	}
	if (c.n) {
		size_t same = common_prefix(&c), typed = strlen(prefix);
		bool whole = c.n == 1 && (same == 0 || c.names[0][same - 1] != '/');

		answer = calloc(1, same - typed + 2);
		if (answer) {
			memcpy(answer, c.names[0] + typed, same - typed);
			if (whole)
				answer[same - typed] = ' ';
		}
		if (c.n > 1)
			*list = columns(&c);
	}
	while (c.n)
		free(c.names[--c.n]);
	free(c.names);
	return answer;
}
