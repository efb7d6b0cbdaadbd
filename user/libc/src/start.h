/* Between program start (start.c) and TLS (tls.c). */
#pragma once

#include <linux/elf.h>
#include <stdint.h>

/* The ELF header, at the image's lowest address; the linker defines it. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

struct auxv {
	unsigned long a_type;
	unsigned long a_val;
};

/*
 * Make the calling, only thread a thread: FS, canary, TLS variables. random points at 16 random bytes
 * or is NULL.
 */
void tls_start(const void *random);

void __start_program(uintptr_t *stack, const Elf64_Dyn *dynamic) __attribute__((noreturn));
