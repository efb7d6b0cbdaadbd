/*
 * Directory streams over getdents64(2). readdir() returns the kernel's record where it lies in the
 * stream's buffer: our struct dirent is that record's layout.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

struct __dirstream {
	pthread_mutex_t lock; /* protects everything below */
	int fd;
	size_t at, filled; /* in buffer */
	off_t position;	   /* d_off of the entry returned last: what telldir() reports */
	_Alignas(8) char buffer[8192];
};

ssize_t getdents64(int fd, void *buf, size_t size)
{
	return SYS3(__NR_getdents64, fd, buf, size);
}

/* Takes fd over when it succeeds. */
DIR *fdopendir(int fd)
{
	struct stat st;
	DIR *dir;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return NULL;
	}
	dir = malloc(sizeof(*dir));
	if (dir == NULL)
		return NULL;
	memset(dir, 0, offsetof(DIR, buffer));
	dir->fd = fd;
	return dir;
}

DIR *opendir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL)
		close(fd);
	return dir;
}

/* Hands the descriptor back to the caller. */
int fdclosedir(DIR *dir)
{
	int fd = dir->fd;

	free(dir);
	return fd;
}

int closedir(DIR *dir)
{
	return close(fdclosedir(dir));
}

int dirfd(DIR *dir)
{
	return dir->fd;
}

static struct dirent *readdir_locked(DIR *dir)
{
	struct dirent *d;
	ssize_t n;

	if (dir->at == dir->filled) {
		n = getdents64(dir->fd, dir->buffer, sizeof(dir->buffer));
		if (n <= 0)
			return NULL;
		dir->at = 0;
		dir->filled = (size_t)n;
	}
	d = (struct dirent *)(dir->buffer + dir->at);
	dir->at += d->d_reclen;
	dir->position = d->d_off;
	return d;
}

/* NULL with errno unchanged at the end. */
struct dirent *readdir(DIR *dir)
{
	struct dirent *d;

	pthread_mutex_lock(&dir->lock);
	d = readdir_locked(dir);
	pthread_mutex_unlock(&dir->lock);
	return d;
}

int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	struct dirent *d;
	int saved = errno, error = 0;

	pthread_mutex_lock(&dir->lock);
	errno = 0;
	d = readdir_locked(dir);
	if (d != NULL)
		memcpy(entry, d, d->d_reclen);
	else
		error = errno;
	pthread_mutex_unlock(&dir->lock);
	errno = saved;
	*result = d != NULL ? entry : NULL;
	return error;
}

void seekdir(DIR *dir, long position)
{
	pthread_mutex_lock(&dir->lock);
	dir->position = lseek(dir->fd, position, SEEK_SET);
	dir->at = dir->filled = 0;
	pthread_mutex_unlock(&dir->lock);
}

long telldir(DIR *dir)
{
	return dir->position;
}

void rewinddir(DIR *dir)
{
	seekdir(dir, 0);
}

int alphasort(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

typedef int select_function(const struct dirent *);
typedef int compare_function(const struct dirent **, const struct dirent **);

/* Append a copy of d. Returns 0 or -1. */
static int list_append(struct dirent ***list, size_t *count, const struct dirent *d)
{
	struct dirent *copy;

	if ((*count & (*count + 1)) == 0) { /* full at 0, 1, 3, 7, ... */
		struct dirent **bigger = realloc(*list, (*count + 1) * 2 * sizeof(**list));

		if (bigger == NULL)
			return -1;
		*list = bigger;
	}
	copy = malloc(d->d_reclen);
	if (copy == NULL)
		return -1;
	memcpy(copy, d, d->d_reclen);
	(*list)[(*count)++] = copy;
	return 0;
}

static int scan(
	DIR *dir, struct dirent ***result, select_function *select, compare_function *compare)
{
	struct dirent **list = NULL, *d;
	size_t count = 0;

	errno = 0;
	while ((d = readdir(dir)) != NULL) {
		if (select != NULL && !select(d))
			continue;
		if (list_append(&list, &count, d) < 0)
			break;
	}
	if (errno != 0) {
		while (count > 0)
			free(list[--count]);
		free(list);
		return -1;
	}
	if (compare != NULL)
		qsort(list, count, sizeof(*list), (int (*)(const void *, const void *))compare);
	*result = list;
	return (int)count;
}

int scandirat(int dirfd, const char *path, struct dirent ***result, select_function *select,
	compare_function *compare)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int n, saved;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	n = scan(dir, result, select, compare);
	saved = errno;
	closedir(dir);
	if (n < 0)
		errno = saved;
	return n;
}

int scandir(const char *path, struct dirent ***result, select_function *select,
	compare_function *compare)
{
	return scandirat(AT_FDCWD, path, result, select, compare);
}
