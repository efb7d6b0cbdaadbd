/* Memory system calls. malloc() is newlib's, over sbrk(); larger blocks come from there as well. */
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* The end of the heap as the kernel last told; guarded by newlib's malloc lock. */
static char *heap_end;

int brk(void *end)
{
	char *now = (char *)RAW1(__NR_brk, end);

	heap_end = now;
	if (now < (char *)end) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void *sbrk(ptrdiff_t increment)
{
	char *old;

	if (heap_end == NULL)
		heap_end = (char *)RAW1(__NR_brk, 0);
	old = heap_end;
	if (increment != 0 && brk(old + increment) < 0)
		return (void *)-1;
	return old;
}

/* newlib declares it and has memalign() only. Returns the error number. */
int posix_memalign(void **result, size_t alignment, size_t size)
{
	int saved = errno;
	void *p;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	p = memalign(alignment, size);
	errno = saved;
	if (p == NULL)
		return ENOMEM;
	*result = p;
	return 0;
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	return (void *)SYS6(__NR_mmap, addr, length, prot, flags, fd, offset);
}

int munmap(void *addr, size_t length)
{
	return (int)SYS2(__NR_munmap, addr, length);
}

int mprotect(void *addr, size_t length, int prot)
{
	return (int)SYS3(__NR_mprotect, addr, length, prot);
}

int madvise(void *addr, size_t length, int advice)
{
	return (int)SYS3(__NR_madvise, addr, length, advice);
}

int msync(void *addr, size_t length, int flags)
{
	return (int)SYS3(__NR_msync, addr, length, flags);
}

int mlock(const void *addr, size_t length)
{
	return (int)SYS2(__NR_mlock, addr, length);
}

int munlock(const void *addr, size_t length)
{
	return (int)SYS2(__NR_munlock, addr, length);
}

void *mremap(void *addr, size_t old_length, size_t new_length, int flags, ...)
{
	va_list ap;
	void *to;

	va_start(ap, flags);
	to = (flags & MREMAP_FIXED) != 0 ? va_arg(ap, void *) : NULL;
	va_end(ap);
	return (void *)SYS5(__NR_mremap, addr, old_length, new_length, flags, to);
}
