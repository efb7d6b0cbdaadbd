/*
 * Where the compiler's instrumentation lands. Kernel code is compiled with -fsanitize=thread, and instead of
 * ThreadSanitizer's run-time these functions are linked: the compiler calls them by name, before each plain
 * access and in place of each atomic one. The interface is LLVM's
 * (compiler-rt/include/sanitizer/tsan_interface_atomic.h and the pass ThreadSanitizer.cpp).
 *
 * An atomic access is a point (schedule.c) unless it is to the CPU's own per-CPU area; what it returns and
 * leaves behind is weak.c's business in weak mode, the memory's otherwise.
 *
 * This file, and all of arch/host, is not instrumented.
 */
#include "arch/host/sim/sim.h"
#include "kernel/percpu.h"

extern char __start_percpu[], __stop_percpu[];

/* What the instrumentation says of an access is known from its name; these are the compiler's to declare. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define PC ((u64)__builtin_return_address(0))
/* Nearer than this to the stack pointer is the frame of a caller: nobody else's. */
#define NEAR_STACK 4096

static inline void atomic_point(const void *p, u64 pc)
{
	u64 mine = (u64)__start_percpu + host_cpu()->percpu_offset;

	if ((u64)p - mine >= (u64)(__stop_percpu - __start_percpu))
		sim_point(pc);
}

static inline bool is_watched(const void *p)
{
	return unlikely(sim_weak) && (u64)p - (u64)__builtin_frame_address(0) >= NEAR_STACK;
}

/* ---- Plain accesses ---- */

#define PLAIN(size)                                                                                \
	void __tsan_read##size(const void *p)                                                      \
	{                                                                                          \
		if (is_watched(p))                                                                 \
			sim_weak_plain_read(p, size, PC);                                          \
	}                                                                                          \
	void __tsan_write##size(const void *p)                                                     \
	{                                                                                          \
		if (is_watched(p))                                                                 \
			sim_weak_plain_write(p, size, PC);                                         \
	}                                                                                          \
	void __tsan_unaligned_read##size(const void *p)                                            \
	{                                                                                          \
		if (is_watched(p))                                                                 \
			sim_weak_plain_read(p, size, PC);                                          \
	}                                                                                          \
	void __tsan_unaligned_write##size(const void *p)                                           \
	{                                                                                          \
		if (is_watched(p))                                                                 \
			sim_weak_plain_write(p, size, PC);                                         \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

/* What the compiler, and kernel code through it, copies and fills with. */

#define RANGE_WATCHED 512

static void range_written(const void *p, size_t n, u64 pc)
{
	if (!is_watched(p))
		return;
	if (n > RANGE_WATCHED)
		sim_weak_forget(p, n);
	else
		sim_weak_plain_write(p, (unsigned)n, pc);
}

static void range_read(const void *p, size_t n, u64 pc)
{
	if (is_watched(p) && n <= RANGE_WATCHED)
		sim_weak_plain_read(p, (unsigned)n, pc);
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;

	range_written(dst, n, PC);
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

void *sim_copy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	if ((u64)dst - (u64)src >= n) {
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n)::"memory");
	} else if (n) { /* from the end */
		d = (char *)dst + n - 1;
		src = (const char *)src + n - 1;
		__asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(src), "+c"(n)::"memory");
	}
	return dst;
}

void *memcpy(void *dst, const void *src, size_t n)
{
	range_read(src, n, PC);
	range_written(dst, n, PC);
	return sim_copy(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n)
{
	range_read(src, n, PC);
	range_written(dst, n, PC);
	return sim_copy(dst, src, n);
}

/* ---- Atomic accesses ---- */

#define RMW(bits, name, builtin)                                                                   \
	u##bits __tsan_atomic##bits##_##name(volatile u##bits *p, u##bits v, int order)            \
	{                                                                                          \
		u##bits old;                                                                       \
                                                                                                   \
		atomic_point((const void *)p, PC);                                                 \
		if (unlikely(sim_weak))                                                            \
			sim_weak_rmw((const void *)p, bits / 8, order, PC);                        \
		old = builtin(p, v, __ATOMIC_RELAXED);                                             \
		return old;                                                                        \
	}

/* A comparison that fails is a relaxed load of what is there. */
#define COMPARE_EXCHANGE(bits)                                                                     \
	u##bits __tsan_atomic##bits##_compare_exchange_val(                                        \
		volatile u##bits *p, u##bits expected, u##bits v, int order, int fail_order)       \
	{                                                                                          \
		u##bits old;                                                                       \
                                                                                                   \
		(void)fail_order;                                                                  \
		atomic_point((const void *)p, PC);                                                 \
		old = *p;                                                                          \
		if (old != expected)                                                               \
			return old;                                                                \
		if (unlikely(sim_weak))                                                            \
			sim_weak_rmw((const void *)p, bits / 8, order, PC);                        \
		*p = v;                                                                            \
		return old;                                                                        \
	}                                                                                          \
	int __tsan_atomic##bits##_compare_exchange_strong(                                         \
		volatile u##bits *p, u##bits *expected, u##bits v, int order, int fail_order)      \
	{                                                                                          \
		u##bits old = __tsan_atomic##bits##_compare_exchange_val(                          \
			p, *expected, v, order, fail_order);                                       \
		bool same = old == *expected;                                                      \
                                                                                                   \
		*expected = old;                                                                   \
		return same;                                                                       \
	}

#define ATOMIC(bits)                                                                               \
	u##bits __tsan_atomic##bits##_load(const volatile u##bits *p, int order)                   \
	{                                                                                          \
		atomic_point((const void *)p, PC);                                                 \
		return unlikely(sim_weak)                                                          \
			       ? (u##bits)sim_weak_load((const void *)p, bits / 8, order, *p, PC)  \
			       : *p;                                                               \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile u##bits *p, u##bits v, int order)                \
	{                                                                                          \
		atomic_point((const void *)p, PC);                                                 \
		if (unlikely(sim_weak))                                                            \
			sim_weak_store((const void *)p, bits / 8, order, PC);                      \
		*p = v;                                                                            \
	}                                                                                          \
	RMW(bits, exchange, __atomic_exchange_n)                                                   \
	RMW(bits, fetch_add, __atomic_fetch_add)                                                   \
	RMW(bits, fetch_sub, __atomic_fetch_sub)                                                   \
	RMW(bits, fetch_and, __atomic_fetch_and)                                                   \
	RMW(bits, fetch_or, __atomic_fetch_or)                                                     \
	RMW(bits, fetch_xor, __atomic_fetch_xor)                                                   \
	COMPARE_EXCHANGE(bits)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order)
{
	sim_point(PC);
	if (unlikely(sim_weak))
		sim_weak_fence(order);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

void __tsan_init(void)
{
}
