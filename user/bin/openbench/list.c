/* The paths to open: a file of one path a line, or the regular files below a folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "openbench.h"

static void die(const char *what)
{
	fprintf(stderr, "openbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool full(const struct paths *p)
{
	return set.limit && p->n >= set.limit;
}

static void add(struct paths *p, char *path)
{
	if ((p->n & (p->n - 1)) == 0) {
		p->path = realloc(p->path, (p->n ? 2 * p->n : 1) * sizeof(*p->path));
		if (!p->path)
			die("path table");
	}
	p->path[p->n++] = path;
}

static void load_file(struct paths *p, const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	size_t len = 0;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(name);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		die(name);
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + len, (size_t)st.st_size - len);

		if (n < 0)
			die(name);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	text[len] = '\0';
	for (char *line = text, *end; *line && !full(p); line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (*line)
			add(p, line);
	}
}

static void load_folder(struct paths *p, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	if (!dir)
		die(folder);
	while (!full(p) && (d = readdir(dir))) {
		size_t size = strlen(folder) + strlen(d->d_name) + 2;
		char *path = malloc(size);

		if (!path)
			die(folder);
		snprintf(path, size, "%s/%s", strcmp(folder, "/") ? folder : "", d->d_name);
		if (d->d_type == DT_REG)
			add(p, path);
		else if (d->d_type == DT_DIR && strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			load_folder(p, path);
		if (d->d_type != DT_REG)
			free(path);
	}
	closedir(dir);
}

void paths_load(struct paths *p)
{
	*p = (struct paths){0};
	if (set.folder)
		load_folder(p, set.folder);
	else
		load_file(p, set.list);
	if (p->n == 0) {
		fprintf(stderr, "openbench: no paths in %s\n", set.folder ? set.folder : set.list);
		exit(1);
	}
}
