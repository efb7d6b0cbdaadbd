/* Inside the host port: what its files share. These include libc headers, never kernel/string.h. */
#pragma once

/* libc's headers come first in these files; the kernel has its own of these. */
#include <stdint.h>
#undef __always_inline
#undef __packed
#undef __aligned
#undef __used
#undef static_assert

#include "arch/arch.h"

/* Map the arena that plays physical memory. */
void host_memory_init(void);

/*
 * Sanitizers make frames larger than the metal's: the real stack of a thread is this big, guard page
 * at its bottom included, and ends where the kernel expects.
 */
#define HOST_STACK (512 * 1024)
