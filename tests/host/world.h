/*
 * A process over a tmpfs, which the tests of system calls and rings share, and system calls as they read.
 */
#pragma once

#include "fs/tmpfs/tmpfs.h"
#include "kernel/ktest.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"
#include "vfs/pagecache.h"

syscall_fn sys_openat, sys_close;

static struct process process = {.pid = 1, .name = "test", .nofile_limit = 128};
static struct fs_context fs;

/* SYS(openat, AT_FDCWD, "/file", O_RDONLY) */
#define SYS(name, ...) SYS_(name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_(name, a, b, c, d, e, f, ...)                                                          \
	sys_##name((long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* An address no program may give. */
#define BAD ((void *)(1ull << 63))

static inline void make_file(const char *path)
{
	long fd = SYS(openat, AT_FDCWD, path, O_CREAT | O_RDWR, 0644);

	assert(fd >= 0);
	assert(SYS(close, fd) == 0);
}

/* The caches, the file systems and a root; the calling thread is one of the process. Every test calls it. */
static inline bool world_setup(void)
{
	static bool done;

	if (done) {
		current->process = &process;
		return false;
	}
	done = true;
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	devfs_init();
	tmpfs_init();
	assert(mount_root(super_mount(file_system_find("tmpfs"), NULL, "", 0), "t", 0) == 0);
	assert(devfs_start() == 0);
	list_init(&process.threads);
	spin_lock_init(&process.lock, RANK_PROCESS_THREADS);
	process.files = files_create(&process, 0);
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	process.fs = &fs;
	current->process = &process;
	make_file("/file");
	return true;
}

/* ---- Calls as a table ---- */

struct call {
	const char *text;
	syscall_fn *fn;
	long arguments[6], expected;
};

/* CALL(-EBADF, read, 99, buffer, 1): a row. */
#define CALL(answer, name, ...) CALL_(answer, name, #__VA_ARGS__, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(answer, name, text, a, b, c, d, e, f, ...)                                           \
	{                                                                                          \
#name "(" text ")", sys_##name,                                                    \
			{(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f) },       \
				(answer)                                                           \
	}

/* Make the calls in turn; each that answers otherwise than its row says is a failure. */
static inline void make_calls(const struct call *calls, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const long *a = calls[i].arguments;
		long got = calls[i].fn(a[0], a[1], a[2], a[3], a[4], a[5]);

		if (got != calls[i].expected)
			ktest_fail(__FILE__, __LINE__, "%s is %ld, expected %ld", calls[i].text,
				got, calls[i].expected);
	}
}
#define MAKE_CALLS(...)                                                                            \
	do {                                                                                       \
		const struct call calls_[] = {__VA_ARGS__};                                        \
		make_calls(calls_, ARRAY_SIZE(calls_));                                            \
	} while (0)
