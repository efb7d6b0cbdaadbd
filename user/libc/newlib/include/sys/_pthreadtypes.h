/*
 * Thread types. A zeroed mutex, condition variable, rwlock, once or semaphore is a valid unlocked
 * one, so the static initialisers are all zeroes. src/pthread_*.c explain the words.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <stddef.h>
#include <sys/sched.h>

typedef struct __pthread *pthread_t;
typedef unsigned int pthread_key_t;
typedef unsigned int pthread_once_t;
typedef unsigned int pthread_spinlock_t;

typedef struct {
	size_t __stack_size;
	size_t __guard_size;
	void *__stack_addr;
	int __detached;
} pthread_attr_t;

typedef struct {
	unsigned int __word; /* 0 free, 1 held, 2 held and somebody may wait */
	int __type;
	int __owner;	      /* thread id of the holder; not for PTHREAD_MUTEX_NORMAL */
	unsigned int __depth; /* PTHREAD_MUTEX_RECURSIVE: times taken beyond the first */
} pthread_mutex_t;

typedef struct {
	int __type;
} pthread_mutexattr_t;

typedef struct {
	unsigned int __sequence; /* changed by every signal and broadcast */
	unsigned int __waiters;
	int __clock_plus_one; /* 0: CLOCK_REALTIME, the default */
} pthread_cond_t;

typedef struct {
	int __clock_plus_one;
} pthread_condattr_t;

typedef struct {
	unsigned int __state; /* 0 free, N readers, ~0 a writer */
	unsigned int __waiters;
} pthread_rwlock_t;

typedef struct {
	int __reserved;
} pthread_rwlockattr_t;

typedef struct {
	unsigned int __needed;
	unsigned int __arrived;
	unsigned int __round;
} pthread_barrier_t;

typedef struct {
	int __reserved;
} pthread_barrierattr_t;

#endif
