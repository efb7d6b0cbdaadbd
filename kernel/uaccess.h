/*
 * Program memory. Every pointer a program hands in passes a range check (below USER_TOP) and is
 * copied with a fault-fixed copy: a bad one is -EFAULT, never a crash. Program memory is populated
 * when it is mapped, so a copy never sleeps and may be used inside a nonblocking attempt.
 */
#pragma once

#include "kernel/compiler.h"

/* Could len bytes from p on be a program's? They may be unmapped all the same. */
bool user_range_ok(const void __user *p, size_t len);
/* 0 or -EFAULT; on a fault the destination's contents are undefined. */
int copy_from_user(void *dst, const void __user *src, size_t len);
int copy_to_user(void __user *dst, const void *src, size_t len);
int clear_user(void __user *dst, size_t len);
/*
 * Copy a NUL-terminated string of at most size-1 bytes. Returns its length without the NUL,
 * -EFAULT, or -ENAMETOOLONG when no NUL was found within size bytes.
 */
ssize strncpy_from_user(char *dst, const char __user *src, size_t size);

#define get_user(x, ptr) copy_from_user(&(x), (ptr), sizeof(*(ptr)))
#define put_user(x, ptr)                                                                           \
	({                                                                                         \
		typeof(*(ptr)) v_ = (x);                                                           \
		copy_to_user((ptr), &v_, sizeof(v_));                                              \
	})
