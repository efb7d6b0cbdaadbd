/*
 * From a raw word to arguments: quotes come off, $NAME ${NAME} $? $$ are replaced, and a word with an
 * unquoted `*`, `?` or `[` becomes the names that match it (or stays as it is when none does).
 * A variable's value is never split at blanks and never a pattern: what you put in is one argument.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"

struct text {
	struct arena *arena;
	char *s;
	size_t len, room;
};

static void add(struct text *t, const char *s, size_t len)
{
	if (t->len + len + 1 > t->room) {
		size_t room = (t->len + len + 1) * 2;
		char *bigger = arena_alloc(t->arena, room);

		if (t->len)
			memcpy(bigger, t->s, t->len);
		t->s = bigger;
		t->room = room;
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

/* Add bytes that mean themselves: in a pattern, special ones get a backslash. */
static void add_literal(struct text *t, const char *s, size_t len, bool pattern)
{
	for (size_t i = 0; i < len; i++) {
		if (pattern && strchr("*?[\\", s[i]))
			add(t, "\\", 1);
		add(t, s + i, 1);
	}
}

/* The `$` at s: adds its value and returns what follows. */
static const char *add_variable(struct text *t, const char *s, bool pattern)
{
	bool brace = s[1] == '{';
	const char *name = s + 1 + brace;
	size_t len = var_name_length(name);
	char number[16], *copy;
	const char *value = "";

	if (*name == '?' || *name == '$') {
		snprintf(number, sizeof(number), "%d", *name == '?' ? last_status : (int)getpid());
		value = number;
		len = 1;
	} else if (len) {
		copy = arena_strndup(t->arena, name, len);
		value = var_get(copy) ? var_get(copy) : "";
	} else {
		add_literal(t, "$", 1, pattern);
		return s + 1;
	}
	add_literal(t, value, strlen(value), pattern);
	name += len;
	return brace && *name == '}' ? name + 1 : name;
}

static const char *add_quoted(struct text *t, const char *s, char quote, bool pattern)
{
	while (*s && *s != quote) {
		if (quote == '"' && *s == '$') {
			s = add_variable(t, s, pattern);
			continue;
		}
		if (quote == '"' && *s == '\\' && s[1] && strchr("\\\"$`", s[1]))
			s++;
		add_literal(t, s++, 1, pattern);
	}
	return *s ? s + 1 : s;
}

/* With pattern: quoted special bytes are escaped and *is_pattern tells whether others are left. */
static char *unquote(struct arena *a, const char *s, bool pattern, bool *is_pattern)
{
	struct text t = {.arena = a};

	add(&t, "", 0);
	while (*s) {
		if (*s == '\'' || *s == '"') {
			s = add_quoted(&t, s + 1, *s, pattern);
		} else if (*s == '$') {
			s = add_variable(&t, s, pattern);
		} else if (*s == '\\' && s[1]) {
			add_literal(&t, s + 1, s[1] != '\n', pattern);
			s += 2;
		} else {
			if (strchr("*?[", *s))
				*is_pattern = true;
			add(&t, s++, 1);
		}
	}
	return t.s;
}

char *expand_word(struct arena *a, const char *raw)
{
	bool ignored;

	return unquote(a, raw, false, &ignored);
}

/* The set after `[`; returns what follows it, or NULL when it is not closed. */
static const char *match_set(const char *p, char c, bool *matches)
{
	bool negate = *p == '!' || *p == '^', in = false;
	const char *start = p += negate;

	while (*p && (*p != ']' || p == start)) {
		if (p[1] == '-' && p[2] && p[2] != ']') {
			in |= p[0] <= c && c <= p[2];
			p += 3;
		} else {
			in |= *p++ == c;
		}
	}
	*matches = in != negate;
	return *p ? p + 1 : NULL;
}

bool pattern_match(const char *p, const char *name)
{
	while (*p) {
		const char *after;
		bool matches;

		if (*p == '*') {
			for (; *name; name++)
				if (pattern_match(p + 1, name))
					return true;
			p++;
			continue;
		}
		if (!*name)
			return false;
		if (*p == '[' && (after = match_set(p + 1, *name, &matches))) {
			if (!matches)
				return false;
			p = after;
			name++;
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '?') {
			p++, name++;
			continue;
		}
		if (*p++ != *name++)
			return false;
	}
	return !*name;
}

struct matches {
	struct arena *arena;
	char **names;
	size_t n, room;
};

static void matches_add(struct matches *m, const char *name)
{
	if (m->n == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		char **bigger = arena_alloc(m->arena, room * sizeof(*bigger));

		if (m->n)
			memcpy(bigger, m->names, m->n * sizeof(*bigger));
		m->names = bigger;
		m->room = room;
	}
	m->names[m->n++] = arena_strndup(m->arena, name, strlen(name));
}

/* All paths that begin with prefix (nothing, or ending in `/`) and go on as pattern says. */
static void match_paths(struct matches *m, const char *prefix, const char *pattern)
{
	size_t len = strcspn(pattern, "/"), slashes = strspn(pattern + len, "/");
	char *part = arena_strndup(m->arena, pattern, len);
	const char *rest = pattern + len + slashes;
	struct dirent *entry;
	DIR *dir;

	dir = opendir(*prefix ? prefix : ".");
	while (dir && (entry = readdir(dir))) {
		size_t size = strlen(prefix) + strlen(entry->d_name) + slashes + 1;
		char *path;

		if ((entry->d_name[0] == '.') != (part[0] == '.') ||
			!pattern_match(part, entry->d_name))
			continue;
		path = arena_alloc(m->arena, size);
		snprintf(
			path, size, "%s%s%.*s", prefix, entry->d_name, (int)slashes, pattern + len);
		if (*rest)
			match_paths(m, path, rest);
		else
			matches_add(m, path);
	}
	if (dir)
		closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **expand_words(struct arena *a, const struct word *words, int *argc)
{
	struct matches m = {.arena = a};

	for (; words; words = words->next) {
		bool is_pattern = false;
		char *pattern = unquote(a, words->raw, true, &is_pattern);
		size_t before = m.n, root = strspn(pattern, "/");

		if (is_pattern)
			match_paths(&m, arena_strndup(a, pattern, root), pattern + root);
		if (m.n > before)
			qsort(m.names + before, m.n - before, sizeof(*m.names), by_name);
		else
			matches_add(&m, expand_word(a, words->raw));
	}
	*argc = (int)m.n;
	matches_add(&m, "");
	m.names[m.n - 1] = NULL;
	return m.names;
}
