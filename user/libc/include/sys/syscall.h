/* System call numbers, as __NR_name and SYS_name. */
#ifndef _SYS_SYSCALL_H
#define _SYS_SYSCALL_H

#include <asm/unistd.h>
#include <unistd.h>

#define SYS_clone	      __NR_clone
#define SYS_close	      __NR_close
#define SYS_exit	      __NR_exit
#define SYS_exit_group	      __NR_exit_group
#define SYS_futex	      __NR_futex
#define SYS_getdents64	      __NR_getdents64
#define SYS_getpid	      __NR_getpid
#define SYS_gettid	      __NR_gettid
#define SYS_io_uring_enter    __NR_io_uring_enter
#define SYS_io_uring_register __NR_io_uring_register
#define SYS_io_uring_setup    __NR_io_uring_setup
#define SYS_openat	      __NR_openat
#define SYS_openat2	      __NR_openat2
#define SYS_statx	      __NR_statx
#define SYS_tgkill	      __NR_tgkill

#endif
