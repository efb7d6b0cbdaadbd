/*
 * When our own invariants break. Untrusted data (disk, device, SQE, path) never reaches these:
 * it gets an errno and a console line (DESIGN 8).
 */
#pragma once

#include "kernel/compiler.h"

/* Stop all CPUs, print the message, registers where known and a symbol back-trace; exit status 101. */
__noreturn void panic(const char *fmt, ...) __printf(1, 2);

#define assert(c)                                                                                  \
	do {                                                                                       \
		if (unlikely(!(c)))                                                                \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #c);              \
	} while (0)

/* Lock, RCU and sleep context: checked in the debug build only. */
#ifdef CONFIG_DEBUG
#define debug_assert(c) assert(c)
#else
#define debug_assert(c) ((void)sizeof(!(c)))
#endif
