/*
 * The Linux side of tools/bench-host: opens.c on Linux's system calls, io_uring set up by hand.
 *
 *	opens-linux DIRECTORY		an empty one; what is made there the caller removes
 *
 * The ring asks for what a program with one thread would; no other flag (none, DEFER_TASKRUN) was faster.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
/* The kernel's headers have their own of these. */
#undef __always_inline
#undef __packed
#undef __aligned
#undef __used
#undef static_assert

#include "tools/hostbench/opens.h"

int openat(int dirfd, const char *path, int flags, ...);
int mkdir(const char *path, unsigned mode);

char bench_root[128];

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int bench_openat(int dirfd, const char *path, u32 flags, u32 mode)
{
	return result(openat(dirfd, path, (int)flags, mode));
}

int bench_close(int fd)
{
	return result(close(fd));
}

int bench_mkdir(const char *path)
{
	return result(mkdir(path, 0755));
}

int bench_chdir(const char *path)
{
	return result(chdir(path));
}

int bench_ring_setup(struct bench_ring *r, u32 entries)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN};
	int fd = result(syscall(SYS_io_uring_setup, entries, &p));
	char *rings;

	if (fd < 0)
		return fd;
	rings = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(u32), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (rings == MAP_FAILED || r->sqes == MAP_FAILED)
		return -errno;
	r->sq_mask = p.sq_entries - 1;
	r->cq_mask = p.cq_entries - 1;
	r->sq_tail = (u32 *)(rings + p.sq_off.tail);
	r->sq_array = (u32 *)(rings + p.sq_off.array);
	r->cq_head = (u32 *)(rings + p.cq_off.head);
	r->cq_tail = (u32 *)(rings + p.cq_off.tail);
	r->cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
	return fd;
}

int bench_ring_enter(int fd, u32 submit, u32 wait_for)
{
	return result(
		syscall(SYS_io_uring_enter, fd, submit, wait_for, IORING_ENTER_GETEVENTS, NULL, 0));
}

int bench_cheapest_call(void)
{
	return result(syscall(SYS_getppid));
}

/* Linux does not count them; a worker would be a thread of this process (tools/bench-host looks). */
s64 bench_queued(void)
{
	return -1;
}

bool bench_read_line(char *buf, size_t size)
{
	if (!fgets(buf, (int)size, stdin))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

void bench_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int bench_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int main(int argc, char **argv)
{
	if (argc != 2 || strlen(argv[1]) >= sizeof(bench_root)) {
		fprintf(stderr, "usage: opens-linux DIRECTORY\n");
		return 2;
	}
	strcpy(bench_root, argv[1]);
	bench_serve();
	return 0;
}
