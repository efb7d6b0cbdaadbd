/*
 * What only the libc's own sources see: the system call instruction, the thread control block, and
 * the futex helpers.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/reent.h>
#include <sys/syscall.h>
#include <time.h>

/* One system call by number; returns the kernel's word, -errno on failure. errno is not touched. */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The C library's convention: -1 and errno for the kernel's -1..-4095. */
static inline long sys_result(long ret)
{
	if (ret < 0 && ret > -4096) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

#define RAW6(nr, a, b, c, d, e, f)                                                                 \
	raw_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define RAW0(nr)		RAW6(nr, 0, 0, 0, 0, 0, 0)
#define RAW1(nr, a)		RAW6(nr, a, 0, 0, 0, 0, 0)
#define RAW2(nr, a, b)		RAW6(nr, a, b, 0, 0, 0, 0)
#define RAW3(nr, a, b, c)	RAW6(nr, a, b, c, 0, 0, 0)
#define RAW4(nr, a, b, c, d)	RAW6(nr, a, b, c, d, 0, 0)
#define RAW5(nr, a, b, c, d, e) RAW6(nr, a, b, c, d, e, 0)

#define SYS0(nr)		   sys_result(RAW0(nr))
#define SYS1(nr, a)		   sys_result(RAW1(nr, a))
#define SYS2(nr, a, b)		   sys_result(RAW2(nr, a, b))
#define SYS3(nr, a, b, c)	   sys_result(RAW3(nr, a, b, c))
#define SYS4(nr, a, b, c, d)	   sys_result(RAW4(nr, a, b, c, d))
#define SYS5(nr, a, b, c, d, e)	   sys_result(RAW5(nr, a, b, c, d, e))
#define SYS6(nr, a, b, c, d, e, f) sys_result(RAW6(nr, a, b, c, d, e, f))

/* A thread-specific value counts only while its key is the one it was set for. */
struct key_value {
	unsigned int generation;
	void *value;
};

/*
 * The thread control block, at the address in FS (x86-64 TLS variant II: the thread's TLS variables
 * end right below it). The ABI fixes the first and the canary's place; the rest is ours.
 *
 *	mapping of a created thread, low to high:
 *	[ guard | stack ... | TLS image | struct __pthread ]
 */
struct __pthread {
	struct __pthread *self;
	void *unused[4];
	uintptr_t canary;     /* %fs:0x28, read by every function with a stack protector */
	struct _reent *reent; /* the main thread's is newlib's global one */
	int tid;	      /* zeroed and futex-woken by the kernel at the thread's end */
	unsigned int state;   /* enum thread_state; atomic: exit races with detach */
	void *(*start)(void *);
	void *arg;
	void *result; /* of start or pthread_exit(); read after join */
	void *map;    /* what join or a detached exit unmaps; NULL for the main thread */
	size_t map_size;
	void *stack_top; /* where the stack begins, right below the TLS block */
	struct key_value values[PTHREAD_KEYS_MAX]; /* pthread_setspecific() */
	char name[16];
	struct _reent own_reent;
};

_Static_assert(offsetof(struct __pthread, canary) == 0x28, "x86-64 ABI");

enum thread_state {
	THREAD_JOINABLE,
	THREAD_DETACHED, /* unmaps itself when it ends */
	THREAD_EXITING,	 /* ended while joinable: whoever joins or detaches unmaps it */
};

static inline struct __pthread *thread_self(void)
{
	struct __pthread *self;

	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self;
}

/* TLS image of the program (src/tls.c). */
size_t tls_block_size(void);
struct __pthread *tls_block_init(void *block);

/* Call the destructors of the thread's specific values (src/pthread_key.c). */
void thread_run_key_destructors(struct __pthread *self);

/*
 * Set newlib's streams up for r, once. For the main thread's it also arranges that exit() writes out what
 * the streams hold (src/stdio.c).
 */
void stdio_start(struct _reent *r);

#define FUTEX_WAIT_	   0
#define FUTEX_WAKE_	   1
#define FUTEX_PRIVATE_BIT_ 128

/*
 * Sleep while *word == value, at most until the deadline on clock (NULL: for ever). Returns 0 when
 * woken, also for nothing; EAGAIN when *word was different; ETIMEDOUT; EINVAL for a bad deadline.
 */
int futex_wait(
	unsigned int *word, unsigned int value, clockid_t clock, const struct timespec *deadline);
void futex_wake(unsigned int *word, int count);

/*
 * Atomic access to words that threads share. The read-modify-writes are sequentially consistent: a
 * waiter counts itself and then looks at the word, a waker changes the word and then looks at the count.
 */
#define LOAD(p)		__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define LOAD_RELAXED(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define EXCHANGE(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define FETCH_ADD(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define FETCH_SUB(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)

static inline bool compare_exchange(unsigned int *word, unsigned int old, unsigned int new)
{
	return __atomic_compare_exchange_n(
		word, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* The three-word lock that mutexes, newlib's locks and once share: 0 free, 1 held, 2 maybe waited for. */
static inline bool word_trylock(unsigned int *word)
{
	return compare_exchange(word, 0, 1);
}
int word_lock_slow(unsigned int *word, clockid_t clock, const struct timespec *deadline);
static inline void word_lock(unsigned int *word)
{
	if (!word_trylock(word))
		word_lock_slow(word, CLOCK_REALTIME, NULL);
}
static inline void word_unlock(unsigned int *word)
{
	if (EXCHANGE(word, 0) == 2)
		futex_wake(word, 1);
}
