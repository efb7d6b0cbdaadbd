/*
 * Everything random. One generator, started anew for each operation from the seed and the operation's
 * number.
 *
 * Names are few, so that operations meet: what one makes the next removes, replaces or walks through.
 */
#include "difftest.h"

#define PATHS	  8
#define PATH_ROOM 6000

unsigned char buffer[DRAW_BUFFER];
static uint64_t state;

/* splitmix64 */
uint64_t draw_word(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void draw_begin(uint64_t seed, uint64_t number)
{
	state = seed;
	state = draw_word() + number;
	state = draw_word();
}

unsigned draw(unsigned below)
{
	return (unsigned)((draw_word() >> 32) * below >> 32);
}

bool chance(unsigned percent)
{
	return draw(100) < percent;
}

/* ---- Paths ---- */

/* Does not begin with a zero page's address, nor end in a mapped one. */
static char *const bad_pointers[] = {
	NULL, (char *)8, (char *)0xffffffff80200000u, (char *)0x8000000000000000u, (char *)-1};

static bool is_bad(const void *p)
{
	for (size_t i = 0; i < COUNT_OF(bad_pointers); i++)
		if (p == bad_pointers[i])
			return true;
	return false;
}

bool path_is_good(const char *path)
{
	return !is_bad(path);
}

void *draw_pointer(void *good)
{
	return chance(1) ? bad_pointers[draw(COUNT_OF(bad_pointers))] : good;
}

static char *next_path(void)
{
	static char paths[PATHS][PATH_ROOM];
	static unsigned used;
	char *p = paths[used++ % PATHS];

	*p = '\0';
	return p;
}

static void append(char *path, const char *text)
{
	strcat(path, text);
}

static void append_run(char *path, char c, size_t length)
{
	size_t at = strlen(path);

	memset(path + at, c, length);
	path[at + length] = '\0';
}

static void append_component(char *path)
{
	static const char *const names[] = {"a", "a", "b", "b", "c", "c", "d", "e", "f"};
	unsigned what = draw(100);

	if (what < 80)
		append(path, names[draw(COUNT_OF(names))]);
	else if (what < 87)
		append(path, "..");
	else if (what < 93)
		append(path, ".");
	else if (what < 96)
		append(path, "long name, which is not kept inside its dentry");
	else if (what < 98)
		append_run(path, 'n', 255);
	else if (what < 99)
		append_run(path, 'n', 256);
	else
		append(path, "\xff\x01 \\");
}

static void append_components(char *path, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			append(path, chance(5) ? "//" : "/");
		append_component(path);
	}
}

/* Around the limit of 4096 bytes, terminator included. */
static void make_long(char *path)
{
	size_t length = 4090 + draw(10);

	if (chance(50)) {
		append_run(path, '/', length - 1);
		append(path, "a");
		return;
	}
	while (strlen(path) + 2 < length)
		append(path, "./");
	append_run(path, 'a', length - strlen(path));
}

static void make_special(char *path)
{
	switch (draw(8)) {
	case 0:
		break; /* the empty path */
	case 1:
		append(path, "/");
		break;
	case 2:
		append(path, "///");
		break;
	case 3:
		append(path, ".");
		break;
	case 4:
		append(path, "..");
		break;
	case 5:
		append(path, "/..");
		break;
	default:
		make_long(path);
	}
}

static void make_ordinary(char *path, unsigned most)
{
	static const unsigned char lengths[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5};
	unsigned n = lengths[draw(COUNT_OF(lengths))];

	if (chance(18))
		append(path, chance(10) ? "//" : "/");
	append_components(path, n > most ? most : n);
	if (chance(10))
		append(path, "/");
	else if (chance(3))
		append(path, chance(50) ? "//" : "/.");
}

const char *draw_path(void)
{
	char *path = next_path();

	if (chance(1))
		return bad_pointers[draw(COUNT_OF(bad_pointers))];
	if (chance(4))
		make_special(path);
	else
		make_ordinary(path, 5);
	return path;
}

const char *draw_name(void)
{
	char *path;

	if (chance(25))
		return draw_path();
	path = next_path();
	make_ordinary(path, chance(70) ? 1 : 2);
	return path;
}

/* ---- Descriptors and modes ---- */

int draw_fd(void)
{
	unsigned what = draw(100);

	if (what < 75)
		return 3 + (int)draw(5);
	if (what < 96)
		return 3 + (int)draw(FD_LIMIT - 3);
	return (int)ONE_OF(-1, -100, FD_LIMIT, FD_LIMIT + 30, 5000, INT32_MAX, INT32_MIN);
}

int draw_dirfd(void)
{
	return chance(60) ? AT_FDCWD : draw_fd();
}

static unsigned draw_any_mode(void)
{
	unsigned what = draw(100);

	if (what < 60)
		return (unsigned)ONE_OF(0644, 0755, 0777, 0666);
	if (what < 90)
		return (unsigned)ONE_OF(0, 0100, 0200, 0400, 0600, 0700, 0711, 0733, 01777, 02770,
			02755, 04755, 06777);
	if (what < 96)
		return draw(010000);
	return (unsigned)ONE_OF(010000, 0100644, 0170777, 020000000, -1);
}

unsigned draw_mode(void)
{
	unsigned mode = draw_any_mode();

	return options.no_sticky ? mode & ~(unsigned)S_ISVTX : mode;
}
