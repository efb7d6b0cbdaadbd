/*
 * What targets of the hosted kernel share: a process without a program whose root is a file system made
 * for one input, memory for its buffers, and the question afterwards whether anything is left.
 */
#pragma once

#include "kernel/syscall.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/file_internal.h"

syscall_fn sys_openat, sys_openat2, sys_close, sys_mkdirat, sys_mknodat, sys_symlinkat, sys_linkat,
	sys_unlinkat, sys_renameat2, sys_statx, sys_readlinkat, sys_getdents64, sys_read,
	sys_pread64, sys_write, sys_mount, sys_umount2, sys_chdir, sys_fchdir, sys_io_uring_setup,
	sys_io_uring_enter, sys_io_uring_register, sys_lseek, sys_statfs, sys_faccessat2;

extern struct process world_process;

/* The program's memory: so many bytes, and nothing behind them. */
#define WORLD_MEMORY (64u * 1024)
extern u8 *world_memory;
/* Any number as an address: in that memory, or in the unmapped page behind it. */
static inline u64 world_address(u32 n)
{
	return (u64)world_memory + n % (WORLD_MEMORY + (u32)PAGE_SIZE);
}

/* Bring up everything above the block layer; the root is a tmpfs. Once. */
void world_init(void);
/* Run an input after which more may be left than before: threads and tables that are made once. */
void world_warm_up(const u8 *data, size_t size);
/*
 * Mount type from source and make it root and working directory of a new process, which is current's from
 * here on and has no descriptor. 0, or what mount(2) answers: then there is nothing to end.
 */
long world_begin(const char *type, const char *source);
/* End the process, unmount; then fuzz_fail when something is left that was not there before. */
void world_end(void);
/* A tree of every kind of file below the root: see the table in world.c. */
void world_plant(void);
