/*
 * Our side of tools/bench-host: opens.c in a kernel thread of the hosted kernel, which calls the functions
 * behind the system calls. The commands come in at the console.
 *
 * There is no program: as in tests/hosted the thread has a process without memory of its own, so that
 * pointers are the kernel's. A program's own system call would cost two trips through Linux's signals
 * (docs/hosted.md), and the metal's a `syscall` without change of privilege; neither is in the numbers.
 */
#include "abi/errno.h"
#include "kernel/ktest.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "ring/internal.h"
#include "tools/hostbench/opens.h"
#include "vfs/file_internal.h"

syscall_fn sys_openat, sys_close, sys_mkdirat, sys_chdir, sys_io_uring_setup, sys_io_uring_enter;

char bench_root[128] = "/tmp";

static struct process process = {.pid = 1000, .name = "bench", .nofile_limit = 1024};
static struct fs_context fs;

int bench_openat(int dirfd, const char *path, u32 flags, u32 mode)
{
	return (int)sys_openat(dirfd, (long)path, flags, mode, 0, 0);
}

int bench_close(int fd)
{
	return (int)sys_close(fd, 0, 0, 0, 0, 0);
}

int bench_mkdir(const char *path)
{
	return (int)sys_mkdirat(AT_FDCWD, (long)path, 0755, 0, 0, 0);
}

int bench_chdir(const char *path)
{
	return (int)sys_chdir((long)path, 0, 0, 0, 0, 0);
}

int bench_ring_setup(struct bench_ring *r, u32 entries)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN};
	int fd = (int)sys_io_uring_setup(entries, (long)&params, 0, 0, 0, 0);
	struct ring *ring;

	if (fd < 0)
		return fd;
	ring = file_lookup_fd_rcu(process.files, fd)->private_data;
	r->sq_mask = ring->sq_entries - 1;
	r->cq_mask = ring->cq_entries - 1;
	r->sq_tail = &ring->rings->sq_tail;
	r->sq_array = ring->sq_array;
	r->cq_head = &ring->rings->cq_head;
	r->cq_tail = &ring->rings->cq_tail;
	r->sqes = ring->sqes;
	r->cqes = ring->rings->cqes;
	return fd;
}

int bench_ring_enter(int fd, u32 submit, u32 wait_for)
{
	return (int)sys_io_uring_enter(fd, submit, wait_for, IORING_ENTER_GETEVENTS, 0, 0);
}

int bench_cheapest_call(void)
{
	return -ENOSYS;
}

s64 bench_queued(void)
{
	struct ring_stats stats;

	ring_get_stats(&stats);
	return (s64)stats.queued;
}

bool bench_read_line(char *buf, size_t size)
{
	ssize n = console_read(buf, size - 1);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
		buf[--n] = '\0';
	return true;
}

void bench_say(const char *fmt, ...)
{
	char text[256];
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	__builtin_va_end(ap);
	text[n] = '\n';
	console_write(text, (size_t)n + 1);
}

int bench_format(char *buf, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	__builtin_va_end(ap);
	return n;
}

KTEST(bench_opens)
{
	process.files = files_create(&process, 0);
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	process.fs = &fs;
	current->process = &process;
	bench_serve();
	ring_pool_process_exiting(&process);
	ring_pool_process_release(&process);
	current->process = NULL;
	files_destroy(process.files);
	path_put(&fs.root);
	path_put(&fs.pwd);
}
