/* System call numbers, as __NR_name and SYS_name. */
#ifndef _SYS_SYSCALL_H
#define _SYS_SYSCALL_H

#include <asm/unistd.h>
#include <asm/syscall_names.h> /* SYS_name for each of them; made by user/user.mk */
#include <unistd.h>

#endif
