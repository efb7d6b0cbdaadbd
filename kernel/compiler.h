/*
 * What we ask of the compiler, by name. The ordering helpers for shared memory are in
 * kernel/atomic.h; nothing above arch/ uses an __atomic builtin or volatile directly.
 */
#pragma once

#include "kernel/types.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* The compiler forgets where x comes from: an address stays in its register. */
#define hide_value(x)	  __asm__("" : "+r"(x))
#define __noreturn	  __attribute__((noreturn))
#define __noinline	  __attribute__((noinline))
#define __always_inline	  inline __attribute__((always_inline))
#define __packed	  __attribute__((packed))
#define __aligned(n)	  __attribute__((aligned(n)))
#define __cacheline	  __attribute__((aligned(CACHE_LINE)))
#define __section(s)	  __attribute__((section(s)))
#define __used		  __attribute__((used))
#define __unused	  __attribute__((unused))
#define __weak		  __attribute__((weak))
#define __must_check	  __attribute__((warn_unused_result))
#define __printf(fmt, va) __attribute__((format(printf, fmt, va)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* clang-format takes these minus signs for a cast's. */
/* clang-format off */
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define ALIGN_UP(x, a)	      (((x) + (typeof(x))(a) - 1) & ~((typeof(x))(a) - 1))
#define ALIGN_DOWN(x, a)      ((x) & ~((typeof(x))(a) - 1))
#define DIV_ROUND_UP(n, d)    (((n) + (d) - 1) / (d))
/* clang-format on */
#define MIN(a, b)                                                                                  \
	({                                                                                         \
		typeof(a) min_a_ = (a);                                                            \
		typeof(b) min_b_ = (b);                                                            \
		min_a_ < min_b_ ? min_a_ : min_b_;                                                 \
	})
#define MAX(a, b)                                                                                  \
	({                                                                                         \
		typeof(a) max_a_ = (a);                                                            \
		typeof(b) max_b_ = (b);                                                            \
		max_a_ > max_b_ ? max_a_ : max_b_;                                                 \
	})

/* A pointer that carries a negative errno instead of an address (only from lookups). */
#define MAX_ERRNO 4095
static inline void *ERR_PTR(long err)
{
	return (void *)err;
}
static inline long PTR_ERR(const void *p)
{
	return (long)p;
}
static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-MAX_ERRNO;
}

#define static_assert _Static_assert
