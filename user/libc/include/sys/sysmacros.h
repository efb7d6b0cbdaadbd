/* Device numbers. */
#ifndef _SYS_SYSMACROS_H
#define _SYS_SYSMACROS_H

#include <sys/types.h>

static __inline unsigned int major(dev_t __dev)
{
	return ((__dev >> 8) & 0xfff) | ((__dev >> 32) & ~0xfffU);
}

static __inline unsigned int minor(dev_t __dev)
{
	return (__dev & 0xff) | ((__dev >> 12) & ~0xffU);
}

static __inline dev_t makedev(unsigned int __major, unsigned int __minor)
{
	return ((dev_t)(__major & 0xfffU) << 8) | ((dev_t)(__major & ~0xfffU) << 32) |
	       (__minor & 0xffU) | ((dev_t)(__minor & ~0xffU) << 12);
}

#endif
