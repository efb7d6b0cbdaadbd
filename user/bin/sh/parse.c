/*
 * The grammar:
 *
 *	script   = pipeline { (";" | newline | "&" | "&&" | "||") pipeline }
 *	pipeline = command { "|" command }
 *	command  = { word | redirect }
 *	redirect = [digit] ("<" | ">" | ">>") word  |  [digit] ">&" digit
 *
 * A word keeps its quotes; expand.c takes them off when the command runs, so that `a=1; echo $a` sees
 * the new value. `#` at the start of a word is a comment up to the end of the line.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sh.h"

static bool is_end(char c)
{
	return c == '\0' || c == ';' || c == '\n' || c == '&' || c == '|';
}

static const char *skip_blanks(const char *s)
{
	for (;;) {
		if (*s == ' ' || *s == '\t' || *s == '\r')
			s++;
		else if (s[0] == '\\' && s[1] == '\n')
			s += 2;
		else if (*s == '#')
			s += strcspn(s, "\n");
		else
			return s;
	}
}

/* The end of the word at s, or NULL when a quote is not closed. */
static const char *word_end(const char *s)
{
	while (!is_end(*s) && !strchr(" \t\r<>", *s)) {
		char quote = *s++;

		if (quote == '\\' && *s)
			s++;
		if (quote != '\'' && quote != '"')
			continue;
		while (*s && *s != quote)
			s += s[0] == '\\' && quote == '"' && s[1] ? 2 : 1;
		if (!*s++)
			return NULL;
	}
	return s;
}

/* Take the word at *s. NULL, with the reason printed, when there is none. */
static const char *take_word(struct arena *a, const char **s)
{
	const char *start = skip_blanks(*s), *end = word_end(start);

	if (!end) {
		fputs("sh: a quote is not closed\n", stderr);
		return NULL;
	}
	if (end == start) {
		fputs("sh: a file name is missing\n", stderr);
		return NULL;
	}
	*s = end;
	return arena_strndup(a, start, (size_t)(end - start));
}

/* Is there a redirection at s? Only a single digit directly before counts as descriptor. */
static bool at_redirect(const char *s)
{
	return *s == '<' || *s == '>' ||
	       (isdigit((unsigned char)*s) && (s[1] == '<' || s[1] == '>'));
}

static struct redirect *take_redirect(struct arena *a, const char **s)
{
	struct redirect *r = arena_alloc(a, sizeof(*r));
	const char *p = *s;
	int fd = isdigit((unsigned char)*p) ? *p++ - '0' : -1;

	r->kind = *p == '<' ? REDIRECT_IN : REDIRECT_OUT;
	r->fd = fd >= 0 ? fd : *p == '<' ? 0 : 1;
	if (r->fd > 2) {
		fprintf(stderr, "sh: only descriptors 0, 1 and 2 can be redirected\n");
		return NULL;
	}
	p++;
	if (*p == '>' && p[-1] == '>') {
		r->kind = REDIRECT_APPEND;
		p++;
	} else if (*p == '&' && p[1] >= '0' && p[1] <= '2') {
		r->kind = REDIRECT_DUP;
		r->word = arena_strndup(a, p + 1, 1);
		*s = p + 2;
		return r;
	}
	r->word = take_word(a, &p);
	*s = p;
	return r->word ? r : NULL;
}

/* One command up to its end. NULL after an error; a command of no words for an empty one. */
static struct command *take_command(struct arena *a, const char **s)
{
	struct command *c = arena_alloc(a, sizeof(*c));
	struct redirect **redirect = &c->redirects;
	struct word **word = &c->words;

	for (;;) {
		*s = skip_blanks(*s);
		if (is_end(**s))
			return c;
		if (at_redirect(*s)) {
			*redirect = take_redirect(a, s);
			if (!*redirect)
				return NULL;
			redirect = &(*redirect)->next;
		} else {
			*word = arena_alloc(a, sizeof(**word));
			(*word)->raw = take_word(a, s);
			if (!(*word)->raw)
				return NULL;
			word = &(*word)->next;
		}
	}
}

/* The operator at *s, behind a pipeline. */
static void take_operator(const char **s, struct command *c, enum condition *condition)
{
	*condition = RUN_ALWAYS;
	if ((*s)[0] == '&' && (*s)[1] == '&')
		*condition = RUN_IF_OK;
	else if ((*s)[0] == '|' && (*s)[1] == '|')
		*condition = RUN_IF_FAILED;
	else if (**s == '&')
		c->background = true;
	*s += *condition == RUN_ALWAYS ? 1 : 2;
}

static int missing(const char *where)
{
	if (*where)
		fprintf(stderr, "sh: a command is missing before `%.8s'\n", where);
	else
		fprintf(stderr, "sh: a command is missing at the end\n");
	return -1;
}

/* Commands up to an operator that is no single `|`. *out is NULL when there is none. 0 or -1. */
static int take_pipeline(struct arena *a, const char **s, struct command **out)
{
	struct command **end = out;

	*out = NULL;
	for (;;) {
		struct command *c = take_command(a, s);

		if (!c)
			return -1;
		if (c->words || c->redirects)
			*end = c;
		else if (end != out)
			return missing(*s);
		if (!*end || (*s)[0] != '|' || (*s)[1] == '|')
			return 0;
		end = &c->pipe_to;
		++*s;
	}
}

int parse(struct arena *a, const char *text, struct command **out)
{
	struct command **tail = out;
	enum condition condition = RUN_ALWAYS;

	*out = NULL;
	for (;;) {
		struct command *c;

		if (take_pipeline(a, &text, &c) < 0)
			return -1;
		if (c) {
			c->condition = condition;
			*tail = c;
			tail = &c->next;
		} else if (condition != RUN_ALWAYS || *text == '&' || *text == '|') {
			return missing(text);
		}
		if (*text == '\0')
			return 0;
		take_operator(&text, c, &condition);
	}
}
