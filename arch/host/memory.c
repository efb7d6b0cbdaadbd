/*
 * Memory of the host port.
 *
 * "Physical memory" is a memory file of ARENA_SIZE bytes, mapped once as the direct map; a physical
 * address is an offset in the file. Mapping a page elsewhere (vzalloc) is an mmap of the same file
 * page, so aliases behave as on the metal. A table of what is mapped answers lookups.
 *
 * Limits: one CPU, so a TLB flush is nothing; device memory and program slots do not exist.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#include "kernel/sched.h"

#define ARENA_SIZE (128ull << 20)
#define NR_ALIASES 65536

static int arena_fd = -1;
static char *arena;

struct alias {
	u64 virt, phys; /* virt 0: free */
};
static struct alias aliases[NR_ALIASES]; /* open addressing, never shrinks a chain */

#define DELETED 1ull

void host_memory_init(void)
{
	arena_fd = memfd_create("unlazy-memory", 0);
	if (arena_fd < 0 || ftruncate(arena_fd, ARENA_SIZE) < 0)
		__builtin_trap();
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, arena_fd, 0);
	if (arena == MAP_FAILED)
		__builtin_trap();
}

bool arch_memory_range(unsigned i, u64 *start, u64 *end)
{
	*start = 0;
	*end = ARENA_SIZE;
	return i == 0;
}

void *arch_phys_to_virt(u64 phys)
{
	return arena + phys;
}

u64 arch_virt_to_phys(const void *address)
{
	return (u64)((const char *)address - arena);
}

/* The entry of virt, or the one to use for it; NULL when the table is full. */
static struct alias *find_alias(u64 virt, bool insert)
{
	u64 i = (virt >> PAGE_SHIFT) * 0x9e3779b97f4a7c15ull >> 48;
	struct alias *deleted = NULL;

	for (unsigned n = 0; n < NR_ALIASES; n++, i = (i + 1) % NR_ALIASES) {
		struct alias *a = &aliases[i];

		if (a->virt == virt)
			return a;
		if (a->virt == DELETED && !deleted)
			deleted = a;
		if (a->virt == 0)
			return insert ? (deleted ? deleted : a) : NULL;
	}
	return insert ? deleted : NULL;
}

static int protection(unsigned flags)
{
	return PROT_READ | (flags & ARCH_MAP_WRITE ? PROT_WRITE : 0);
}

int arch_map_page(u64 virt, u64 phys, unsigned flags)
{
	struct alias *a = find_alias(virt, true);

	if (!a || mmap((void *)virt, PAGE_SIZE, protection(flags), MAP_SHARED | MAP_FIXED, arena_fd,
			  (off_t)phys) == MAP_FAILED)
		return -ENOMEM;
	*a = (struct alias){virt, phys};
	return 0;
}

u64 arch_unmap_page(u64 virt)
{
	struct alias *a = find_alias(virt, false);

	if (!a)
		return ~0ull;
	mmap((void *)virt, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	a->virt = DELETED;
	return a->phys;
}

int arch_protect_page(u64 virt, unsigned flags)
{
	return mprotect((void *)virt, PAGE_SIZE, protection(flags)) ? -EINVAL : 0;
}

u64 arch_lookup_page(u64 virt)
{
	struct alias *a = find_alias(virt, false);

	return a ? a->phys : ~0ull;
}

void arch_tlb_flush(u64 start, u64 end)
{
	(void)start, (void)end;
}

void arch_slot_release(u32 slot)
{
	(void)slot;
}

void *arch_map_device(u64 phys, size_t size)
{
	(void)phys, (void)size;
	return NULL;
}

u64 arch_vmap_reserve(size_t size)
{
	/* One page more: the guard. */
	void *p = mmap(NULL, size + PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : (u64)p;
}

void arch_vmap_release(u64 virt, size_t size)
{
	munmap((void *)virt, size + PAGE_SIZE);
}

void *arch_kstack_alloc(void)
{
	char *p =
		mmap(NULL, HOST_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mprotect(p, PAGE_SIZE, PROT_NONE);
	return p + HOST_STACK - KSTACK_SIZE;
}

void arch_kstack_free(void *stack)
{
	munmap((char *)stack + KSTACK_SIZE - HOST_STACK, HOST_STACK);
}

/* ---- "Program" memory: a test's own buffers, which never fault ---- */

size_t arch_copy_user(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return 0;
}

size_t arch_clear_user(void *dst, size_t len)
{
	memset(dst, 0, len);
	return 0;
}

ssize arch_strncpy_user(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(src, size);

	if (len == size)
		return -ENAMETOOLONG;
	memcpy(dst, src, len + 1);
	return (ssize)len;
}

/* Unmapped memory behind p is not read; bytes that a sanitizer would complain about are. */
__attribute__((no_sanitize_address)) u64 arch_load_word_zeropad(const void *p)
{
	u64 word = 0;

	if (((u64)p & ~PAGE_MASK) <= PAGE_SIZE - sizeof(word)) {
		__builtin_memcpy(&word, p, sizeof(word));
		return word;
	}
	for (unsigned i = 0; i < PAGE_SIZE - ((u64)p & ~PAGE_MASK); i++)
		word |= (u64)((const u8 *)p)[i] << (8 * i);
	return word;
}
