/*
 * In-kernel tests. A test registers itself; `ktest=all` or `ktest=PREFIX` on the command line runs
 * them in a kernel thread after boot, prints one line each and a total, and exits QEMU.
 *
 *	KTEST(slab_reuses_freed_objects) { ...; KT_EQ(a, b); }
 */
#pragma once

#include "kernel/compiler.h"

struct ktest {
	const char *name, *file;
	void (*fn)(void);
};

#define KTEST(id)                                                                                  \
	static void ktest_##id(void);                                                              \
	static const struct ktest ktest_entry_##id __used __section("ktests")                      \
		__aligned(8) = {#id, __FILE__, ktest_##id};                                        \
	static void ktest_##id(void)

/* Record a failure of the running test and return from it. Callable from any thread. */
void ktest_fail(const char *file, int line, const char *fmt, ...) __printf(3, 4);
void ktest_skip(const char *why);

#define KT_CHECK(c)                                                                                \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			ktest_fail(__FILE__, __LINE__, "%s", #c);                                  \
			return;                                                                    \
		}                                                                                  \
	} while (0)
#define KT_EQ(a, b)                                                                                \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_) {                                                                    \
			ktest_fail(__FILE__, __LINE__, "%s is %lld, expected %s = %lld", #a, a_,   \
				#b, b_);                                                           \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* Run all whose name begins with prefix; prints "N passed, N failed, N skipped"; returns failures. */
int ktest_run(const char *prefix);
