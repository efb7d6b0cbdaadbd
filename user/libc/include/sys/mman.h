/* Memory mappings. */
#ifndef _SYS_MMAN_H
#define _SYS_MMAN_H

#include <_ansi.h>
#include <sys/types.h>
#include <asm/mman.h>

#define MAP_FAILED ((void *)-1)
#ifndef MAP_SHARED
#define MAP_SHARED 0x01
#endif
#ifndef MAP_PRIVATE
#define MAP_PRIVATE 0x02
#endif
#define MAP_ANON MAP_ANONYMOUS

#define POSIX_MADV_NORMAL     MADV_NORMAL
#define POSIX_MADV_RANDOM     MADV_RANDOM
#define POSIX_MADV_SEQUENTIAL MADV_SEQUENTIAL
#define POSIX_MADV_WILLNEED   MADV_WILLNEED

#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED   2

_BEGIN_STD_C

void *mmap(void *, size_t, int, int, int, off_t);
int munmap(void *, size_t);
int mprotect(void *, size_t, int);
int madvise(void *, size_t, int);
int msync(void *, size_t, int);
int mlock(const void *, size_t);
int munlock(const void *, size_t);
void *mremap(void *, size_t, size_t, int, ...);

_END_STD_C

#endif
