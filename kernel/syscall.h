/*
 * System calls. abi/syscalls.def lists them; a handler stands beside the code it serves:
 *
 *	SYSCALL3(lseek, int, fd, s64, offset, int, whence)
 *	{
 *		...
 *	}
 *
 * A row without a handler, or two handlers, is a link error. Returns a value or -errno.
 * Context: the calling thread's kernel stack, interrupts on, may sleep.
 */
#pragma once

#include "kernel/types.h"

typedef long syscall_fn(long, long, long, long, long, long);

#define SYSCALL_HEAD_(name, ...)                                                                   \
	syscall_fn sys_##name;                                                                     \
	static inline long name##_body_(__VA_ARGS__);
#define SYSCALL0(name)                                                                             \
	SYSCALL_HEAD_(name, void)                                                                  \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;                              \
		return name##_body_();                                                             \
	}                                                                                          \
	static inline long name##_body_(void)
#define SYSCALL1(name, T0, p0)                                                                     \
	SYSCALL_HEAD_(name, T0)                                                                    \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)b, (void)c, (void)d, (void)e, (void)f;                                       \
		return name##_body_((T0)a);                                                        \
	}                                                                                          \
	static inline long name##_body_(T0 p0)
#define SYSCALL2(name, T0, p0, T1, p1)                                                             \
	SYSCALL_HEAD_(name, T0, T1)                                                                \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)c, (void)d, (void)e, (void)f;                                                \
		return name##_body_((T0)a, (T1)b);                                                 \
	}                                                                                          \
	static inline long name##_body_(T0 p0, T1 p1)
#define SYSCALL3(name, T0, p0, T1, p1, T2, p2)                                                     \
	SYSCALL_HEAD_(name, T0, T1, T2)                                                            \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)d, (void)e, (void)f;                                                         \
		return name##_body_((T0)a, (T1)b, (T2)c);                                          \
	}                                                                                          \
	static inline long name##_body_(T0 p0, T1 p1, T2 p2)
#define SYSCALL4(name, T0, p0, T1, p1, T2, p2, T3, p3)                                             \
	SYSCALL_HEAD_(name, T0, T1, T2, T3)                                                        \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)e, (void)f;                                                                  \
		return name##_body_((T0)a, (T1)b, (T2)c, (T3)d);                                   \
	}                                                                                          \
	static inline long name##_body_(T0 p0, T1 p1, T2 p2, T3 p3)
#define SYSCALL5(name, T0, p0, T1, p1, T2, p2, T3, p3, T4, p4)                                     \
	SYSCALL_HEAD_(name, T0, T1, T2, T3, T4)                                                    \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		(void)f;                                                                           \
		return name##_body_((T0)a, (T1)b, (T2)c, (T3)d, (T4)e);                            \
	}                                                                                          \
	static inline long name##_body_(T0 p0, T1 p1, T2 p2, T3 p3, T4 p4)
#define SYSCALL6(name, T0, p0, T1, p1, T2, p2, T3, p3, T4, p4, T5, p5)                             \
	SYSCALL_HEAD_(name, T0, T1, T2, T3, T4, T5)                                                \
	long sys_##name(long a, long b, long c, long d, long e, long f)                            \
	{                                                                                          \
		return name##_body_((T0)a, (T1)b, (T2)c, (T3)d, (T4)e, (T5)f);                     \
	}                                                                                          \
	static inline long name##_body_(T0 p0, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5)
