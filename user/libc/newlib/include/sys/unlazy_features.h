/*
 * What this system offers, for newlib's headers; included by sys/features.h (see newlib/headers.sed),
 * so it is read both when newlib is built and when a program is.
 */
#ifndef _SYS_UNLAZY_FEATURES_H
#define _SYS_UNLAZY_FEATURES_H

/* Every thread has its own struct _reent; __getreent() finds it (src/reent.c). */
#ifndef __DYNAMIC_REENT__
#define __DYNAMIC_REENT__
#endif

#define _READ_WRITE_RETURN_TYPE	 _ssize_t
#define _READ_WRITE_BUFSIZE_TYPE __SIZE_TYPE__

/* The x86-64 ABI: max_align_t is 16 bytes; newlib's own default is 8. */
#define MALLOC_ALIGNMENT 16

/* POSIX option groups; newlib declares the functions of a group only when its macro is there. */
#define _POSIX_VERSION			200809L
#define _POSIX_THREADS			200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS	200809L
#define _POSIX_THREAD_ATTR_STACKSIZE	200809L
#define _POSIX_TIMERS			200809L
#define _POSIX_TIMEOUTS			200809L
#define _POSIX_MONOTONIC_CLOCK		200809L
#define _POSIX_CLOCK_SELECTION		200809L
#define _POSIX_CPUTIME			200809L
#define _POSIX_THREAD_CPUTIME		200809L
#define _POSIX_BARRIERS			200809L
#define _POSIX_READER_WRITER_LOCKS	200809L
#define _POSIX_SPIN_LOCKS		200809L
#define _POSIX_SEMAPHORES		200809L
#define _POSIX_MAPPED_FILES		200809L
#define _POSIX_MEMORY_PROTECTION	200809L
#define _POSIX_FSYNC			200809L
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES 1

#ifndef FD_SETSIZE
#define FD_SETSIZE 1024
#endif

#endif
