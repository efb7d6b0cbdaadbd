/*
 * Given to every file of the ThreadSanitizer build by -include: to it a volatile access is an ordinary one,
 * but it knows atomic ones (kernel/atomic.h).
 */
#pragma once

/* By way of an integer: that a word lies in a packed structure does not make it misaligned. */
#define READ_ONCE(x) __atomic_load_n((typeof(&(x)))(__UINTPTR_TYPE__) & (x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)                                                                           \
	__atomic_store_n((typeof(&(x)))(__UINTPTR_TYPE__) & (x), (v), __ATOMIC_RELAXED)
