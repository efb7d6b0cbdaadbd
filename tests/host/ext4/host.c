/* See host.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/host/ext4/host.h"

void host_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void host_die(const char *why)
{
	fflush(stdout);
	fprintf(stderr, "fatal: %s\n", why);
	abort();
}

void *host_alloc(size_t size, int fill)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		host_die("no memory");
	return memset(p, fill, size);
}

void host_free(void *p)
{
	free(p);
}

u8 *host_load(const char *path, u64 *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(2);
	}
	*size = (u64)st.st_size;
	if (*size == 0) {
		close(fd);
		return NULL;
	}
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	return p;
}

void host_unload(u8 *bytes, u64 size)
{
	if (size)
		munmap(bytes, size);
}

void *host_create(const char *folder, u64 number)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%llu", folder, (unsigned long long)number);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(2);
	}
	return f;
}

void host_write_at(void *file, u64 offset, const void *bytes, size_t len)
{
	if (pwrite(fileno(file), bytes, len, (off_t)offset) != (ssize_t)len)
		host_die("cannot write");
}

void host_close(void *file, u64 size)
{
	if (ftruncate(fileno(file), (off_t)size) < 0)
		host_die("cannot truncate");
	fclose(file);
}

void host_watchdog(unsigned seconds)
{
	alarm(seconds);
}

void host_quicksort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	qsort(base, n, size, compare);
}
