/*
 * ftw.h: a depth-first walk of a tree.
 *
 * The path grows and shrinks in one buffer. A directory is open while its contents are visited, so a walk
 * needs a descriptor for every level; the number the caller allows is not looked at (a table has room for
 * a million). With links followed, a directory that is one of its own ancestors is not entered again.
 *
 * A file that goes while we walk is FTW_NS, as on other systems.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ancestor {
	const struct ancestor *up;
	dev_t dev;
	ino_t ino;
};

struct walk {
	__nftw_func_t fn;
	__ftw_func_t plain_fn; /* instead, for ftw() */
	int flags;
	dev_t dev; /* the first file system's */
	char path[PATH_MAX];
	size_t length;
	struct FTW at;
};

static int visit(struct walk *w, const struct ancestor *up);

static int call(struct walk *w, const struct stat *st, int what)
{
	return w->plain_fn ? w->plain_fn(w->path, st, what) : w->fn(w->path, st, what, &w->at);
}

/* FTW_D stands for any directory. */
static int look(struct walk *w, struct stat *st)
{
	/* From the directory we are in, when we follow the walk. */
	const char *name = w->flags & FTW_CHDIR && w->at.level ? w->path + w->at.base : w->path;

	memset(st, 0, sizeof(*st));
	if (!(w->flags & FTW_PHYS)) {
		if (stat(name, st) == 0)
			return S_ISDIR(st->st_mode) ? FTW_D : FTW_F;
		if (lstat(name, st) == 0 && S_ISLNK(st->st_mode))
			return w->plain_fn ? FTW_NS : FTW_SLN;
		return FTW_NS;
	}
	if (lstat(name, st) != 0)
		return FTW_NS;
	return S_ISDIR(st->st_mode) ? FTW_D : S_ISLNK(st->st_mode) ? FTW_SL : FTW_F;
}

static int is_ancestor(const struct ancestor *a, const struct stat *st)
{
	for (; a != NULL; a = a->up)
		if (a->dev == st->st_dev && a->ino == st->st_ino)
			return 1;
	return 0;
}

/* One entry of the directory in w->path. */
static int visit_entry(struct walk *w, const char *name, const struct ancestor *up)
{
	size_t length = w->length, n = strlen(name);
	struct FTW at = w->at;
	int result;

	if (length + 1 + n + 1 > sizeof(w->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (length == 0 || w->path[length - 1] != '/')
		w->path[w->length++] = '/';
	memcpy(w->path + w->length, name, n + 1);
	w->at.base = (int)w->length;
	w->at.level++;
	w->length += n;
	result = visit(w, up);
	w->length = length;
	w->path[length] = 0;
	w->at = at;
	return result;
}

static int visit_entries(struct walk *w, DIR *dir, const struct ancestor *up)
{
	for (;;) {
		struct dirent *d;
		int result;

		errno = 0;
		d = readdir(dir);
		if (d == NULL)
			return errno ? -1 : 0;
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		result = visit_entry(w, d->d_name, up);
		if (result == FTW_SKIP_SIBLINGS && (w->flags & FTW_ACTIONRETVAL))
			return 0;
		if (result != 0)
			return result;
	}
}

/* The contents of a directory. Where we were is where we are afterwards. */
static int visit_contents(struct walk *w, DIR *dir, const struct ancestor *up)
{
	int back = -1, result;

	if (w->flags & FTW_CHDIR) {
		back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (back < 0 || fchdir(dirfd(dir)) != 0) {
			if (back >= 0)
				close(back);
			return -1;
		}
	}
	result = visit_entries(w, dir, up);
	if (back >= 0) {
		if (fchdir(back) != 0 && result == 0)
			result = -1;
		close(back);
	}
	return result;
}

static int visit_directory(struct walk *w, const struct stat *st, const struct ancestor *up)
{
	const struct ancestor self = {up, st->st_dev, st->st_ino};
	const char *name = w->flags & FTW_CHDIR && w->at.level ? w->path + w->at.base : w->path;
	DIR *dir = opendir(name);
	int result = 0;

	if (dir == NULL)
		return call(w, st, FTW_DNR);
	if (!(w->flags & FTW_DEPTH))
		result = call(w, st, FTW_D);
	if (result == FTW_SKIP_SUBTREE && (w->flags & FTW_ACTIONRETVAL)) {
		closedir(dir);
		return 0;
	}
	if (result == 0)
		result = visit_contents(w, dir, &self);
	closedir(dir);
	if (result == 0 && (w->flags & FTW_DEPTH))
		result = call(w, st, FTW_DP);
	return result;
}

/* What is at w->path. */
static int visit(struct walk *w, const struct ancestor *up)
{
	struct stat st;
	int what = look(w, &st);

	if (what != FTW_NS && (w->flags & FTW_MOUNT) && st.st_dev != w->dev)
		return 0;
	if (what != FTW_D)
		return call(w, &st, what);
	return is_ancestor(up, &st) ? 0 : visit_directory(w, &st, up);
}

static int walk(const char *path, __nftw_func_t fn, __ftw_func_t plain_fn, int flags)
{
	size_t length = strlen(path);
	struct walk *w;
	struct stat st;
	int result;

	if (length == 0 || length >= sizeof(w->path)) {
		errno = length ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -1;
	memcpy(w->path, path, length);
	while (length > 1 && w->path[length - 1] == '/')
		w->path[--length] = 0;
	w->length = length;
	w->fn = fn;
	w->plain_fn = plain_fn;
	w->flags = flags;
	w->at.base = (int)(strrchr(w->path, '/') ? strrchr(w->path, '/') + 1 - w->path : 0);
	result = (flags & FTW_PHYS ? lstat : stat)(w->path, &st);
	if (result == 0) {
		w->dev = st.st_dev;
		result = visit(w, NULL);
		if (result == FTW_SKIP_SIBLINGS && (flags & FTW_ACTIONRETVAL))
			result = 0;
	}
	free(w);
	return result;
}

int nftw(const char *path, __nftw_func_t fn, int descriptors, int flags)
{
	(void)descriptors;
	return walk(path, fn, NULL, flags);
}

int ftw(const char *path, __ftw_func_t fn, int descriptors)
{
	(void)descriptors;
	return walk(path, NULL, fn, 0);
}
