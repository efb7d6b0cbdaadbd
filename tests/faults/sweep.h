/*
 * Sweeps: an operation again and again, with the 1st, 2nd, 3rd ... allocation or block request failing, until
 * nothing fails any more. Then the same with everything from the n-th on failing. Each time it has to succeed
 * or say -ENOMEM (allocations), -EIO (block requests), or what the scenario allows besides; it has to succeed
 * when it is done again; and when it has been taken back everything is where it was (kernel/leaks.h).
 *
 * The operations are system calls, made by a kernel thread of a process without memory of its own, which only
 * the host port allows.
 */
#pragma once

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "kernel/ktest.h"
#include "kernel/syscall.h"
#include "kernel/types.h"

#define MAY_BE(error) (1ull << (error))
/* For a scenario: it did not fail, and did not do what it should. No call says this here. */
#define ANSWER_WRONG EUCLEAN

struct scenario {
	const char *name;
	void (*before)(void); /* what the operation begins with; nothing fails. May be NULL */
	long (*run)(void);    /* the operation: >= 0, or -errno */
	void (*after)(void);  /* take back what before and run have done. May be NULL */
	u64 also;	      /* MAY_BE bits of other errors */
	bool cold;	      /* begins with nothing cached; block requests fail, too */
	bool everybody;	      /* kernel threads fail, too */
};

/* Sweep all of them and fail the running test where one goes wrong. */
void sweep_all(const struct scenario *scenarios, unsigned n);

/* ---- What scenarios are made of; in the folder /tmp/f, which is there ---- */

extern struct process faults_process;

/* Nothing fails here: it must succeed. */
void must(long answer, const char *what);
/* Take away what may or may not be there. */
void may_unlink(const char *path);
void may_rmdir(const char *path);
void make_file(const char *path);
void make_directory(const char *path);
/* Open, and close again: 0, or the open's -errno. */
long open_and_close(const char *path, u32 flags, u64 resolve);
long close_fd(long fd);

syscall_fn sys_openat, sys_openat2, sys_close, sys_renameat2, sys_mkdirat, sys_unlinkat,
	sys_symlinkat, sys_linkat, sys_mknodat, sys_mount, sys_umount2, sys_getdents64, sys_chdir,
	sys_fchdir, sys_getcwd, sys_dup, sys_dup2, sys_fcntl, sys_pipe2, sys_read, sys_write,
	sys_pread64, sys_pwrite64, sys_readv, sys_writev, sys_truncate, sys_statx, sys_readlinkat,
	sys_faccessat, sys_fchmodat, sys_setgroups, sys_getgroups, sys_statfs, sys_fsync,
	sys_io_uring_setup, sys_io_uring_enter, sys_io_uring_register, sys_utimensat, sys_chroot,
	sys_setfsuid;
