/*
 * System calls and rings for kernel threads of a test: a process without a program. Where the port wants
 * program memory behind a program's pointers it has some, and arguments are copied there; the hosted
 * kernel takes the test's own (arch/host/memory.c).
 */
#pragma once

#include "kernel/process.h"
#include "kernel/syscall.h"
#include "ring/internal.h"
#include "vfs/file_internal.h"

/* Arguments of one thread: that many texts or structures at a time, each at most so big. */
#define CALLER_AREAS	 128
#define CALLER_AREA_SIZE 1024

struct caller {
	struct process process;
	struct fs_context fs;
	u64 memory; /* CALLER_AREAS areas; 0: not needed */
};

/* Set c up, with root and working directory at the root; panics without memory. May sleep. */
void caller_init(struct caller *c, const char *name);
/* Nobody is inside any more: close what is open, let the ring's workers go. */
void caller_destroy(struct caller *c);
/* The running thread belongs to c from now on / no longer. */
void caller_enter(struct caller *c);
void caller_leave(void);

/* What a system call may be given for text, or bytes: valid until area is used again. */
long caller_text(struct caller *c, unsigned area, const char *text);
long caller_bytes(struct caller *c, unsigned area, const void *bytes, size_t size);

struct caller_ring {
	int fd;
	struct ring *ring;
};
/* A ring of entries; false when there is none to be had. */
bool caller_ring_open(struct caller *c, unsigned area, u32 entries, struct caller_ring *out);
void caller_ring_close(struct caller_ring *r);
/*
 * Submit an openat2 of path; how many entries were taken. Uses two areas: area and the next. For its
 * completion: caller_ring_wait.
 */
void caller_ring_openat2(struct caller *c, unsigned area, const struct caller_ring *r, int dirfd,
	const char *path, const struct open_how *how);
/* The next completion's result. Waits. */
s32 caller_ring_wait(const struct caller_ring *r);
