/* Variables: one list; the exported ones become a program's environment. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sh.h"

struct variable {
	struct variable *next;
	char *value;
	bool exported;
	char name[];
};

static struct variable *variables;

size_t var_name_length(const char *s)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]) || s[n] == '_' || (n && isdigit((unsigned char)s[n])))
		n++;
	return n;
}

static struct variable **find(const char *name)
{
	struct variable **v = &variables;

	while (*v && strcmp((*v)->name, name) != 0)
		v = &(*v)->next;
	return v;
}

const char *var_get(const char *name)
{
	struct variable *v = *find(name);

	return v ? v->value : NULL;
}

void var_set(const char *name, const char *value)
{
	struct variable **v = find(name);
	char *copy = strdup(value);

	if (!*v && copy) {
		*v = calloc(1, sizeof(**v) + strlen(name) + 1);
		if (*v)
			strcpy((*v)->name, name);
	}
	if (!*v || !copy) {
		free(copy);
		fputs("sh: out of memory\n", stderr);
		return;
	}
	free((*v)->value);
	(*v)->value = copy;
}

void var_unset(const char *name)
{
	struct variable **at = find(name), *v = *at;

	if (v) {
		*at = v->next;
		free(v->value);
		free(v);
	}
}

void var_export(const char *name)
{
	if (!var_get(name))
		var_set(name, "");
	if (*find(name))
		(*find(name))->exported = true;
}

void vars_init(char **envp)
{
	for (; envp && *envp; envp++) {
		size_t len = strcspn(*envp, "=");
		char name[128];

		if ((*envp)[len] != '=' || len == 0 || len >= sizeof(name))
			continue;
		memcpy(name, *envp, len);
		name[len] = '\0';
		var_set(name, *envp + len + 1);
		var_export(name);
	}
}

void vars_print(int fd)
{
	for (struct variable *v = variables; v; v = v->next)
		if (v->exported)
			say(fd, "export %s='%s'\n", v->name, v->value);
}

char **vars_environment(struct arena *a)
{
	size_t n = 0;
	char **env;

	for (struct variable *v = variables; v; v = v->next)
		n += v->exported;
	env = arena_alloc(a, (n + 1) * sizeof(*env));
	n = 0;
	for (struct variable *v = variables; v; v = v->next) {
		size_t len = strlen(v->name) + strlen(v->value) + 2;

		if (!v->exported)
			continue;
		env[n] = arena_alloc(a, len);
		snprintf(env[n++], len, "%s=%s", v->name, v->value);
	}
	return env;
}
