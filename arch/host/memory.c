/*
 * Memory of the host port.
 *
 * "Physical memory" is a memory file, mapped once as the direct map; a physical address is an offset in
 * the file. Mapping a page elsewhere (vzalloc, a program's slot) is an mmap of the same file page, so
 * aliases behave as on the metal, and protection is Linux's. What is mapped where stands in page tables of
 * our own, four levels of 512 entries as x86 has them, because Linux cannot be asked.
 *
 *	0x0000008000000000	programs' slots, reserved at the start so that Linux puts nothing there
 *	0x0000500000000000	the kernel, libc, direct map, stacks, vzalloc ranges: wherever Linux puts them
 *
 * Locking: none. Tables are added by compare-and-swap; an entry belongs to whoever owns its address (a
 * process's memory_lock, a vzalloc range). A slot's tables are freed when nothing is mapped there.
 * Limits: Linux allows a process 65,530 mappings, so memory in scattered pages runs out at 256 MiB;
 * no device memory.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#ifdef HOST_ASAN
#include <sanitizer/asan_interface.h>
#endif
#include "kernel/process.h"
#include "kernel/sched.h"

#define TEST_ARENA (128ull << 20)

static int arena_fd = -1;
static char *arena;
static u64 arena_size, module_size;

void host_memory_init(u64 size)
{
	arena_size = size ? size : TEST_ARENA;
	arena_fd = memfd_create("unlazy-memory", 0);
	if (arena_fd < 0 || ftruncate(arena_fd, (off_t)arena_size) < 0)
		abort();
	arena = mmap(NULL, arena_size, PROT_READ | PROT_WRITE, MAP_SHARED, arena_fd, 0);
	if (arena == MAP_FAILED)
		abort();
}

bool host_programs_reserve(void)
{
	return mmap((void *)HOST_PROGRAMS_START, HOST_PROGRAMS_END - HOST_PROGRAMS_START, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		       0) != MAP_FAILED;
}

/* The arena begins with the module, which the page allocator never sees. */
void host_add_module(const void *bytes, u64 size)
{
	if (size > arena_size / 2)
		abort();
	memcpy(arena, bytes, size);
	module_size = size;
}

bool arch_boot_module(unsigned i, u64 *phys, u64 *size)
{
	*phys = 0;
	*size = module_size;
	return i == 0 && module_size > 0;
}

bool arch_memory_range(unsigned i, u64 *start, u64 *end)
{
	*start = ALIGN_UP(module_size, PAGE_SIZE);
	*end = arena_size;
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

void *arch_map_device(u64 phys, size_t size)
{
	(void)phys, (void)size;
	return NULL;
}

/* ---- Page tables ---- */

struct table {
	u64 entries[512]; /* a table's address, in the last level a physical address | PRESENT */
};
#define PRESENT 1ull
#define LEVELS	4

static struct table top_table;

static unsigned index_at(u64 virt, unsigned level)
{
	return virt >> (PAGE_SHIFT + 9 * level) & 511;
}

/* The entry of a page, or NULL: no table there (and none could be made, if make). */
static u64 *entry_of(u64 virt, bool make)
{
	struct table *t = &top_table;

	for (unsigned level = LEVELS - 1; level > 0; level--) {
		u64 *entry = &t->entries[index_at(virt, level)], next = load_acquire(entry);

		if (!next && make) {
			struct table *fresh = calloc(1, sizeof(*fresh));

			if (!fresh)
				return NULL;
			if (atomic_cas(entry, &next, (u64)fresh))
				next = (u64)fresh;
			else
				free(fresh);
		}
		if (!next)
			return NULL;
		t = (struct table *)next;
	}
	return &t->entries[index_at(virt, 0)];
}

static void table_free(struct table *t, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < ARRAY_SIZE(t->entries); i++)
		if (t->entries[i])
			table_free((struct table *)t->entries[i], level - 1);
	free(t);
}

/* A slot is an entry of the top level. */
void arch_slot_release(u32 slot)
{
	struct table *t = (struct table *)atomic_xchg(&top_table.entries[slot], 0ull);

	if (t)
		table_free(t, LEVELS - 2);
}

static int protection(unsigned flags)
{
	return PROT_READ | (flags & ARCH_MAP_WRITE ? PROT_WRITE : 0) |
	       (flags & ARCH_MAP_EXEC ? PROT_EXEC : 0);
}

static bool is_program(u64 virt)
{
	return virt >= HOST_PROGRAMS_START && virt < HOST_PROGRAMS_END;
}

int arch_map_page(u64 virt, u64 phys, unsigned flags)
{
	u64 *entry;

	/* A program's slot above the reserved range is somebody else's memory. */
	if (virt < HOST_PROGRAMS_START)
		return -ENOMEM;
	entry = entry_of(virt, true);
	if (!entry || mmap((void *)virt, PAGE_SIZE, protection(flags), MAP_SHARED | MAP_FIXED,
			      arena_fd, (off_t)phys) == MAP_FAILED)
		return -ENOMEM;
	WRITE_ONCE(*entry, phys | PRESENT);
	return 0;
}

u64 arch_unmap_page(u64 virt)
{
	u64 *entry = entry_of(virt, false), old = entry ? READ_ONCE(*entry) : 0;

	if (!(old & PRESENT))
		return ~0ull;
	/* The address stays reserved. */
	if (mmap((void *)virt, PAGE_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
	WRITE_ONCE(*entry, 0);
	return old & PAGE_MASK;
}

int arch_protect_page(u64 virt, unsigned flags)
{
	return mprotect((void *)virt, PAGE_SIZE, protection(flags)) ? -EINVAL : 0;
}

u64 arch_lookup_page(u64 virt)
{
	u64 *entry = entry_of(virt, false), value = entry ? READ_ONCE(*entry) : 0;

	if (value & PRESENT)
		return value & PAGE_MASK;
	if (virt - (u64)arena < arena_size)
		return virt - (u64)arena;
	return ~0ull;
}

/* Linux has done it. */
void arch_tlb_flush(u64 start, u64 end)
{
	(void)start, (void)end;
}

/* ---- Kernel address space ---- */

u64 arch_vmap_reserve(size_t size)
{
	/* One page more: the guard. */
	void *p = mmap(NULL, size + PAGE_SIZE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? 0 : (u64)p;
}

void arch_vmap_release(u64 virt, size_t size)
{
	munmap((void *)virt, size + PAGE_SIZE);
}

void *arch_kstack_alloc(void)
{
	char *p = mmap(NULL, HOST_STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mprotect(p, PAGE_SIZE, PROT_NONE);
	sim_weak_forget(p, HOST_STACK);
	return p + HOST_STACK - KSTACK_SIZE;
}

void arch_kstack_free(void *stack)
{
	char *bottom = (char *)stack + KSTACK_SIZE - HOST_STACK;

#ifdef HOST_ASAN
	/* Frames that were never left. */
	__asan_unpoison_memory_region(bottom, HOST_STACK);
#endif
	munmap(bottom, HOST_STACK);
}

/* Linux keeps none for us. */
u64 arch_kstack_cached(void)
{
	return 0;
}

u64 arch_kstack_shrink(u64 nr)
{
	(void)nr;
	return 0;
}

/* ---- Program memory ---- */

size_t host_copy(void *dst, const void *src, size_t len);
size_t host_clear(void *dst, size_t len);
ssize host_copy_string(char *dst, const char *src, size_t size);
u64 host_load_zeropad(const void *p);

/*
 * A loaded program's pointer must lie in the programs' part: the kernel's own memory is below USER_TOP
 * here, too, and the range check of kernel/uaccess.c lets it pass. A test's "program" (no slot) has its
 * buffers anywhere; the sanitizer looks at those.
 */
static bool may_access(const void *p, size_t len)
{
	const struct process *process = current->process;

	if (!process || !process->slot)
		return true;
	return is_program((u64)p) && len <= HOST_PROGRAMS_END - (u64)p;
}

/* The copies are assembly: show the sanitizer what they touch. */
static void sanitize(const void *p, size_t len)
{
#ifdef HOST_ASAN
	const volatile char *bad = __asan_region_is_poisoned((void *)p, len);

	if (bad)
		(void)*bad;
#else
	(void)p, (void)len;
#endif
}

size_t arch_copy_user(void *dst, const void *src, size_t len)
{
	/* One of the two is the kernel's own, and never in the programs' part. */
	if (!may_access(dst, len) && !may_access(src, len))
		return len;
	sanitize(src, len);
	sanitize(dst, len);
	return host_copy(dst, src, len);
}

size_t arch_clear_user(void *dst, size_t len)
{
	if (!may_access(dst, len))
		return len;
	sanitize(dst, len);
	return host_clear(dst, len);
}

ssize arch_strncpy_user(char *dst, const char *src, size_t size)
{
	ssize len = may_access(src, 1) ? host_copy_string(dst, src, size) : -EFAULT;

	if (len >= 0) {
		sanitize(src, (size_t)len + 1);
		sanitize(dst, (size_t)len + 1);
	}
	return len;
}

u64 arch_load_word_zeropad(const void *p)
{
	return host_load_zeropad(p);
}
