/* The line of an operation. What may differ from machine to machine is replaced by what may not. */
#include "difftest.h"
#include <stdarg.h>

#define LINE	 (64 * 1024)
#define NUMBERED 4096

static char line[LINE];
static size_t used;

void say(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
	if (options.live && n > 0) {
		fputs(line + used, stdout);
		fflush(stdout);
	}
	if (n > 0)
		used += (size_t)n < sizeof(line) - used ? (size_t)n : sizeof(line) - used - 1;
}

void line_begin(uint64_t seed, uint64_t number)
{
	used = 0;
	say("%llu.%llu ", (unsigned long long)seed, (unsigned long long)number);
}

void line_end(void)
{
	puts(options.live ? "" : line);
}

/* ---- Arguments ---- */

/* Long runs of one byte as {byte*count}; what is not printable as \x. */
void say_path(const char *path)
{
	if (!path_is_good(path)) {
		say("bad:%lx", (unsigned long)path);
		return;
	}
	size_t length = strlen(path);

	say("\"");
	if (length > 600) {
		say("%.20s{%zu bytes}%.20s\"", path, length, path + length - 20);
		return;
	}
	while (*path) {
		size_t run = strspn(path, (char[]){*path, '\0'});

		if (run > 20) {
			say("{%c*%zu}", *path, run);
			path += run;
			continue;
		}
		say(*path < ' ' || *path > '~' ? "\\x%02x" : "%c", (unsigned char)*path);
		path++;
	}
	say("\"");
}

void say_dirfd(int fd)
{
	if (fd == AT_FDCWD)
		say("CWD");
	else
		say("%d", fd);
}

static const struct {
	uint64_t bits;
	const char *name;
} open_names[] = {
	{O_CREAT, "CREAT"},
	{O_EXCL, "EXCL"},
	{O_NOCTTY, "NOCTTY"},
	{O_TRUNC, "TRUNC"},
	{O_APPEND, "APPEND"},
	{O_NONBLOCK, "NONBLOCK"},
	{04000000 | 010000, "SYNC"},
	{010000, "DSYNC"},
	{020000, "ASYNC"},
	{O_DIRECT, "DIRECT"},
	{0100000, "LARGEFILE"},
	{020000000 | O_DIRECTORY, "TMPFILE"},
	{020000000, "__TMPFILE"},
	{O_DIRECTORY, "DIRECTORY"},
	{O_NOFOLLOW, "NOFOLLOW"},
	{O_NOATIME, "NOATIME"},
	{O_CLOEXEC, "CLOEXEC"},
	{010000000, "PATH"},
};

void say_open_flags(uint64_t flags)
{
	static const char *const access[] = {"RDONLY", "WRONLY", "RDWR", "3"};

	say("%s", access[flags & 3]);
	flags &= ~3ull;
	for (size_t i = 0; i < COUNT_OF(open_names); i++) {
		if ((flags & open_names[i].bits) != open_names[i].bits)
			continue;
		say("|%s", open_names[i].name);
		flags &= ~open_names[i].bits;
	}
	if (flags)
		say("|%#llx", (unsigned long long)flags);
}

/* ---- Results ---- */

#define ERRNO(e) [e] = #e
static const char *const errno_names[] = {
	ERRNO(EPERM),
	ERRNO(ENOENT),
	ERRNO(EINTR),
	ERRNO(EIO),
	ERRNO(ENXIO),
	ERRNO(E2BIG),
	ERRNO(EBADF),
	ERRNO(EAGAIN),
	ERRNO(ENOMEM),
	ERRNO(EACCES),
	ERRNO(EFAULT),
	ERRNO(ENOTBLK),
	ERRNO(EBUSY),
	ERRNO(EEXIST),
	ERRNO(EXDEV),
	ERRNO(ENODEV),
	ERRNO(ENOTDIR),
	ERRNO(EISDIR),
	ERRNO(EINVAL),
	ERRNO(ENFILE),
	ERRNO(EMFILE),
	ERRNO(ENOTTY),
	ERRNO(EFBIG),
	ERRNO(ENOSPC),
	ERRNO(ESPIPE),
	ERRNO(EROFS),
	ERRNO(EMLINK),
	ERRNO(EPIPE),
	ERRNO(ERANGE),
	ERRNO(EDEADLK),
	ERRNO(ENAMETOOLONG),
	ERRNO(ENOSYS),
	ERRNO(ENOTEMPTY),
	ERRNO(ELOOP),
	ERRNO(EOVERFLOW),
	ERRNO(EOPNOTSUPP),
	ERRNO(ESTALE),
	ERRNO(ECANCELED),
};

void say_errno(long result)
{
	unsigned long e = -(unsigned long)result;

	if (result >= 0 || e > 4095)
		say("%ld", result);
	else if (e < COUNT_OF(errno_names) && errno_names[e])
		say("%s", errno_names[e]);
	else
		say("errno-%lu", e);
}

void say_result(long result)
{
	say(" = ");
	say_errno(result);
}

void say_bytes(const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	say(" bytes=%08x", (unsigned)(hash ^ hash >> 32));
}

void say_time(const char *name, int64_t sec, uint32_t nsec)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (sec <= now.tv_sec + 5 && sec >= now.tv_sec - 600)
		say(" %s=now", name);
	else
		say(" %s=%lld.%09u", name, (long long)sec, nsec);
}

/* ---- Numbers ---- */

static struct {
	uint64_t a, b;
} numbers[KINDS][NUMBERED];
static unsigned numbers_used[KINDS];

unsigned number_of(enum kind kind, uint64_t a, uint64_t b)
{
	unsigned n = numbers_used[kind];

	for (unsigned i = 0; i < n; i++)
		if (numbers[kind][i].a == a && numbers[kind][i].b == b)
			return i;
	if (n < NUMBERED) {
		numbers[kind][n].a = a;
		numbers[kind][n].b = b;
		numbers_used[kind]++;
	}
	return n;
}

void numbers_forget(void)
{
	memset(numbers_used, 0, sizeof(numbers_used));
}
