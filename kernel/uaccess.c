/*
 * Program memory: range check, then the port's fault-fixed copy.
 *
 * The check is against USER_TOP only. Within the program half a wrong address is unmapped, or
 * belongs to another program of the same trust domain; the copy survives either.
 */
#include "kernel/uaccess.h"
#include "abi/errno.h"
#include "kernel/process.h"
#include "arch/arch.h"

static inline bool in_user_half(const void *p, size_t len)
{
	u64 start = (u64)p;

	return likely(start < USER_TOP && len <= USER_TOP - start);
}

bool user_range_ok(const void __user *p, size_t len)
{
	return in_user_half(p, len);
}

int copy_from_user(void *dst, const void __user *src, size_t len)
{
	if (!in_user_half(src, len) || arch_copy_user(dst, src, len))
		return -EFAULT;
	return 0;
}

int copy_to_user(void __user *dst, const void *src, size_t len)
{
	if (!in_user_half(dst, len) || arch_copy_user(dst, src, len))
		return -EFAULT;
	return 0;
}

int clear_user(void __user *dst, size_t len)
{
	if (!in_user_half(dst, len) || arch_clear_user(dst, len))
		return -EFAULT;
	return 0;
}

ssize strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	if (!in_user_half(src, 1))
		return -EFAULT;
	/* A string that runs up to USER_TOP ends in the hole above it, which faults. */
	return arch_strncpy_user(dst, src, size);
}
