/* What the tests want from the host's libc, whose headers do not go together with the kernel's. */
#pragma once

#include "kernel/types.h"

void host_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void host_die(const char *why) __attribute__((noreturn));
void *host_alloc(size_t size, int fill);
void host_free(void *p);
/* A whole file, writable and private; exits when it cannot be read. */
u8 *host_load(const char *path, u64 *size);
void host_unload(u8 *bytes, u64 size);
/* Create folder/number. */
void *host_create(const char *folder, u64 number);
void host_write_at(void *file, u64 offset, const void *bytes, size_t len);
void host_close(void *file, u64 size);
/* Die when nobody calls again within so many seconds. */
void host_watchdog(unsigned seconds);
void host_quicksort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
