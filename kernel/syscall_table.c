/* The table of system calls, from abi/syscalls.def. A row without a handler is a link error. */
#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/entry.h"

#define SYSCALL(number, name, text) extern syscall_fn sys_##name;
#include "abi/syscalls.def"
#undef SYSCALL

/* The port's way into clone: it keeps all of the program's registers for arch_clone_program. */
extern syscall_fn arch_syscall_clone;
#define sys_clone arch_syscall_clone

syscall_fn *const syscall_table[SYSCALL_TABLE_SIZE] = {
#define SYSCALL(number, name, text) [number] = sys_##name,
#include "abi/syscalls.def"
#undef SYSCALL
};

long syscall_unknown(u64 number)
{
	printk_ratelimited("%s[%u]: unknown system call %llu", current->name, current->tid,
		(unsigned long long)number);
	return -ENOSYS;
}
