/* errno, one per thread; the numbers are those of the kernel's own header. */
#ifndef _SYS_ERRNO_H_
#define _SYS_ERRNO_H_

#include <asm/errno.h>
#include <sys/reent.h>

#define ENOTSUP EOPNOTSUPP
#ifdef _COMPILING_NEWLIB
#define EFTYPE EINVAL /* newlib's hash files; Linux has no such number */
#endif

#ifndef _REENT_ONLY
#define errno (*__errno())
extern int *__errno(void);
#endif
#define __errno_r(ptr) ((ptr)->_errno)

extern char *program_invocation_name;
extern char *program_invocation_short_name;

#endif
