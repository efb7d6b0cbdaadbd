/*
 * Page tables: four levels, one set for the kernel and all programs.
 *
 * Locking: none for mapping. A table once linked is never unlinked, except by arch_slot_release, whose
 * caller owns the slot and has unmapped everything; a missing table is linked by compare-and-swap, and
 * the loser frees his. Entries are written as single words; who may write a given entry is decided by
 * who owns the address range (memory_lock of a process, the vmap and stack allocators here).
 *
 * Limits: memory up to 64 TiB (the direct map's half of the space before VMAP_BASE).
 */
#include "arch/x86_64/internal.h"
#include "abi/errno.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/process.h"

#define PTE_PRESENT 0x001ull
#define PTE_WRITE   0x002ull
#define PTE_NOCACHE                                                                                \
	0x018ull /* write-through and cache disable: uncached by the reset value of PAT */
#define PTE_LARGE    0x080ull
#define PTE_NX	     0x8000000000000000ull
#define PTE_ADDRESS  0x000ffffffffff000ull
#define ENTRIES	     512
#define LARGE_SIZE   0x200000ull
#define HUGE_SIZE    0x40000000ull
#define DIRECT_LIMIT (VMAP_BASE - DIRECT_MAP_BASE)
/* Beyond this many pages a flush of everything is cheaper than one by one. */
#define FLUSH_SINGLE_MAX 32

u64 kernel_cr3;
static u64 *top_table;

void *arch_phys_to_virt(u64 phys)
{
	return (void *)(phys + DIRECT_MAP_BASE);
}

u64 arch_virt_to_phys(const void *direct_map_address)
{
	return (u64)direct_map_address - DIRECT_MAP_BASE;
}

static unsigned index_of(u64 virt, unsigned level)
{
	return (virt >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static u64 *table_of(u64 entry)
{
	return arch_phys_to_virt(entry & PTE_ADDRESS);
}

static u64 *table_alloc(void)
{
	struct page *p;

	if (!boot_alloc_closed())
		return boot_alloc(PAGE_SIZE);
	p = page_alloc_zeroed(0, ALLOC_NOWAIT);
	if (!p)
		return NULL;
	page_account(PAGE_ACCOUNT_TABLES, 1);
	return page_address(p);
}

static void table_free(u64 *table)
{
	if (!boot_alloc_closed())
		return;
	page_account(PAGE_ACCOUNT_TABLES, -1);
	page_put(page_of_address(table));
}

/*
 * The entry for virt at a level (0: 4 KiB pages, 1: 2 MiB, 2: 1 GiB), making tables on the way when
 * create is set. NULL: not there (or no memory). *found is the level reached: higher than asked when a
 * large page is in the way.
 */
static u64 *walk(u64 virt, unsigned level, bool create, unsigned *found)
{
	u64 *table = top_table;

	for (unsigned l = 3;; l--) {
		u64 *entry = &table[index_of(virt, l)], value = READ_ONCE(*entry);

		*found = l;
		if (l == level || (value & PTE_LARGE && value & PTE_PRESENT))
			return entry;
		if (!(value & PTE_PRESENT)) {
			u64 *fresh = create ? table_alloc() : NULL, fresh_entry;

			if (!fresh)
				return NULL;
			fresh_entry = arch_virt_to_phys(fresh) | PTE_PRESENT | PTE_WRITE;
			value = 0;
			if (atomic_cas(entry, &value, fresh_entry))
				value = fresh_entry;
			else
				table_free(fresh);
		}
		table = table_of(value);
	}
}

static u64 protection(unsigned flags)
{
	return PTE_PRESENT | (flags & ARCH_MAP_WRITE ? PTE_WRITE : 0) |
	       (flags & ARCH_MAP_EXEC ? 0 : PTE_NX) | (flags & ARCH_MAP_UNCACHED ? PTE_NOCACHE : 0);
}

int arch_map_page(u64 virt, u64 phys, unsigned flags)
{
	unsigned found;
	u64 *entry = walk(virt, 0, true, &found);

	if (!entry)
		return -ENOMEM;
	assert(found == 0 && !(READ_ONCE(*entry) & PTE_PRESENT));
	store_release(entry, (phys & PTE_ADDRESS) | protection(flags));
	return 0;
}

u64 arch_unmap_page(u64 virt)
{
	unsigned found;
	u64 *entry = walk(virt, 0, false, &found), old;

	if (!entry || found != 0)
		return ~0ull;
	old = atomic_xchg(entry, 0ull);
	return old & PTE_PRESENT ? old & PTE_ADDRESS : ~0ull;
}

int arch_protect_page(u64 virt, unsigned flags)
{
	unsigned found;
	u64 *entry = walk(virt, 0, false, &found), old;

	if (!entry || found != 0 || !((old = READ_ONCE(*entry)) & PTE_PRESENT))
		return -EFAULT;
	store_release(entry, (old & PTE_ADDRESS) | protection(flags));
	return 0;
}

u64 arch_lookup_page(u64 virt)
{
	unsigned found;
	u64 *entry = walk(virt, 0, false, &found), value, size;

	if (!entry || !((value = READ_ONCE(*entry)) & PTE_PRESENT))
		return ~0ull;
	size = PAGE_SIZE << 9 * found;
	return ((value & PTE_ADDRESS) & ~(size - 1)) | (virt & (size - 1));
}

unsigned paging_flags(u64 virt)
{
	unsigned found;
	u64 *entry = walk(virt, 0, false, &found), value;

	if (!entry || !((value = READ_ONCE(*entry)) & PTE_PRESENT))
		return PAGING_NOT_MAPPED;
	return (value & PTE_WRITE ? ARCH_MAP_WRITE : 0) | (value & PTE_NX ? 0 : ARCH_MAP_EXEC) |
	       (value & PTE_NOCACHE ? ARCH_MAP_UNCACHED : 0);
}

int paging_map_range(u64 virt, u64 phys, u64 size, unsigned flags, bool large)
{
	u64 end = virt + size;

	while (virt < end) {
		u64 both = virt | phys, step = PAGE_SIZE;
		unsigned level = 0, found;
		u64 *entry;

		if (large && !(both & (LARGE_SIZE - 1)) && end - virt >= LARGE_SIZE) {
			level = 1;
			step = LARGE_SIZE;
		}
		if (large && cpu_features.gigabyte_pages && !(both & (HUGE_SIZE - 1)) &&
			end - virt >= HUGE_SIZE) {
			level = 2;
			step = HUGE_SIZE;
		}
		entry = walk(virt, level, true, &found);
		if (!entry)
			return -ENOMEM;
		assert(found == level && !(READ_ONCE(*entry) & PTE_PRESENT));
		store_release(entry, phys | protection(flags) | (level ? PTE_LARGE : 0));
		virt += step;
		phys += step;
	}
	return 0;
}

/* One protection of the kernel image; the addresses are the linker's. */
static void map_image(const char *start, const char *end, unsigned flags)
{
	paging_map_range((u64)start, (u64)start - KERNEL_VMA, (u64)(end - start), flags, true);
}

/* RAM [start, end) except what is read-only in the kernel image: that must have no writable alias. */
static void map_direct(u64 start, u64 end)
{
	u64 hole_start = (u64)__text_start - KERNEL_VMA, hole_end = (u64)__rodata_end - KERNEL_VMA;

	end = MIN(end, (u64)DIRECT_LIMIT);
	if (start < hole_start && end > hole_start) {
		map_direct(start, hole_start);
		start = hole_start;
	}
	if (start >= hole_start && start < hole_end)
		start = MIN(hole_end, end);
	if (start < end)
		paging_map_range(DIRECT_MAP_BASE + start, start, end - start, ARCH_MAP_WRITE, true);
}

void paging_init(void)
{
	u64 start, end;

	top_table = boot_alloc(PAGE_SIZE);
	for (unsigned i = 0; bootinfo_ram(i, &start, &end); i++)
		map_direct(start, end);
	map_image(__text_start, __text_end, ARCH_MAP_EXEC);
	map_image(__text_end, __rodata_end, 0);
	map_image(__rodata_end, boot_stack_guard, ARCH_MAP_WRITE);
	map_image(boot_stack_guard + PAGE_SIZE, __kernel_end, ARCH_MAP_WRITE);
	kernel_cr3 = arch_virt_to_phys(top_table);
	write_cr3(kernel_cr3);
}

void tlb_flush_local(u64 start, u64 end)
{
	if (end - start > FLUSH_SINGLE_MAX * PAGE_SIZE) {
		write_cr3(kernel_cr3);
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		__asm__ volatile("invlpg (%0)" ::"r"(start) : "memory");
}

static void free_tables(u64 *table, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < ENTRIES; i++)
		if (table[i] & PTE_PRESENT)
			free_tables(table_of(table[i]), level - 1);
	table_free(table);
}

/* Context: interrupts on; may not sleep. The caller owns the slot, all its pages are unmapped. */
void arch_slot_release(u32 slot)
{
	u64 entry;

	assert(slot < USER_TOP / USER_SLOT_SIZE);
	entry = atomic_xchg(&top_table[slot], 0ull);
	if (!(entry & PTE_PRESENT))
		return;
	/* No CPU may walk the tables any more, not even speculatively, when they are given back. */
	tlb_flush_everywhere(slot * USER_SLOT_SIZE, (slot + 1ull) * USER_SLOT_SIZE);
	free_tables(table_of(entry), 2);
}
