/* Memory system calls: argument rules; the work is in user_memory.c. */
#include "abi/errno.h"
#include "kernel/process_internal.h"
#include "kernel/syscall.h"

static s64 (*map_file)(int fd, u64 offset, u64 length, unsigned prot);

void process_mmap_file_register(s64 (*fn)(int fd, u64 offset, u64 length, unsigned prot))
{
	map_file = fn;
}

SYSCALL6(mmap, u64, address, u64, length, unsigned, prot, unsigned, flags, int, fd, u64, offset)
{
	if (!(flags & (MAP_SHARED | MAP_PRIVATE)) || (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
		return -EINVAL;
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return -EACCES;
	if (flags & MAP_ANONYMOUS)
		return memory_mmap(current->process, address, length, prot, flags);
	if (offset % PAGE_SIZE || length == 0)
		return -EINVAL;
	return map_file ? map_file(fd, offset, length, prot) : -ENODEV;
}

SYSCALL2(munmap, u64, address, u64, length)
{
	return process_unmap(current->process, address, length);
}

SYSCALL3(mprotect, u64, address, u64, length, unsigned, prot)
{
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
		return -EINVAL;
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return -EACCES;
	return memory_mprotect(current->process, address, length, prot);
}

SYSCALL1(brk, u64, end)
{
	return (long)memory_brk(current->process, end);
}

/* Advice changes nothing: memory is populated, and given back only by munmap. */
SYSCALL3(madvise, u64, address, u64, length, int, advice)
{
	(void)length, (void)advice;
	return address % PAGE_SIZE ? -EINVAL : 0;
}
