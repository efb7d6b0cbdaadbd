/* Between process.c, loader.c, user_memory.c, futex.c and the process system calls. */
#pragma once

#include "kernel/process.h"

/* ---- user_memory.c: the address slot of a process ---- */

#define PROT_READ	    1u
#define PROT_WRITE	    2u
#define PROT_EXEC	    4u
#define MAP_SHARED	    0x01u
#define MAP_PRIVATE	    0x02u
#define MAP_FIXED	    0x10u
#define MAP_ANONYMOUS	    0x20u
#define MAP_FIXED_NOREPLACE 0x100000u

/* Take a free slot and set the process's addresses up. 0 or -ENOMEM. */
int memory_init(struct process *p);
/* Give back everything mapped, the page tables and the slot. Context: may sleep. */
void memory_release(struct process *p);
/*
 * Map zeroed pages at [start, end), page-aligned and free. 0 or -ENOMEM; nothing is left behind on
 * failure. Context: memory_lock held, or the process not yet running; may sleep.
 */
int memory_map_zeroed(struct process *p, u64 start, u64 end, unsigned prot);
int memory_protect(struct process *p, u64 start, u64 end, unsigned prot);
/* Copy into mapped memory of any process, read-only pages included (through the direct map). */
void memory_write(struct process *p, u64 address, const void *src, size_t len);

/* The system calls behind their argument checks. Context: may sleep. */
s64 memory_mmap(struct process *p, u64 address, u64 length, unsigned prot, unsigned flags);
int memory_mprotect(struct process *p, u64 address, u64 length, unsigned prot);
u64 memory_brk(struct process *p, u64 end);

/* ---- loader.c ---- */

struct program_start {
	u64 pc, sp;
};
/* Find an image by name, or NULL. */
const struct program_image *program_find(const char *name);
/*
 * Make a fresh copy of the image in p's slot, with the initial stack. 0, -ENOEXEC (bad image),
 * -E2BIG (arguments), -ENOMEM. What was mapped stays p's to release. Context: may sleep.
 */
int program_load(struct process *p, const struct program_image *image, char *const argv[],
	char *const envp[], struct program_start *out);

/* ---- process.c ---- */

/* Stack of the main thread, in bytes. */
#define PROGRAM_STACK_SIZE (1024 * 1024)
/* Argument and environment strings of one program, in bytes. */
#define PROGRAM_ARGS_MAX (128 * 1024)

/* Add a new thread to p. False when p is ending. */
bool process_add_thread(struct process *p, struct thread *t);
void process_thread_begin(struct thread *t);
/* The current program thread ends; the last one takes the process with it. */
__noreturn void process_thread_exit(void);
/*
 * wait4: pid of an ended child (pid > 0: that one; -1: any) with its wait status; 0 when none has
 * ended and hang is false; -ECHILD, -EINTR. Context: may sleep.
 */
s64 process_wait_child(struct process *parent, s32 pid, bool hang, int *status);

#define SIGINT	2
#define SIGABRT 6
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15

/* RLIMIT_NOFILE, soft and hard. */
#define NOFILE_LIMIT 1048576

/* ---- futex.c ---- */

/* Wake up to n threads waiting on address; returns how many. Context: any thread. */
int futex_wake(u64 address, u32 n, u32 bitset);
void futex_init(void);
