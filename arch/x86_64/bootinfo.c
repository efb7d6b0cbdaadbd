/*
 * What the loader hands over: hvm_start_info of the PVH boot protocol (memory map, command line,
 * modules, the ACPI root pointer), copied out of low memory at once, and the first memory allocator.
 *
 * Memory map: `ram` is what the loader calls RAM; `usable` is that without the first MiB, the kernel
 * image, the modules and every range the firmware claims. boot_alloc takes zeroed pages from the start
 * of a usable range until arch_memory_range() gives the ranges to the page allocator.
 *
 * Locking: none; one CPU, before kernel_main and page_init.
 * Limits: 64 ranges, 16 modules, a command line of 4095 bytes; memory given by the loader and
 * everything boot_alloc returns lies below 4 GiB, where the temporary tables map it.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/string.h"

#define START_MAGIC   0x336ec578
#define MEMORY_RAM    1
#define MAX_RANGES    64
#define MAX_MODULES   16
#define LOW_MEMORY    0x100000ull
#define BOOT_MAP_END  0x100000000ull
#define MIN_BOOT_POOL 0x200000ull

struct hvm_start_info {
	u32 magic, version, flags, nr_modules;
	u64 modules, cmdline, rsdp;
	u64 memory_map; /* from version 1 on */
	u32 memory_map_entries, reserved;
};
static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info");

struct hvm_module {
	u64 start, size, cmdline, reserved;
};
struct hvm_memory {
	u64 start, size;
	u32 type, reserved;
};

struct range {
	u64 start, end;
};
struct range_list {
	struct range r[MAX_RANGES];
	unsigned n;
};

static struct range_list ram, usable;
static struct range modules[MAX_MODULES];
static unsigned nr_modules;
static char command_line[4096];
static u64 rsdp_phys;
static struct range *pool; /* the usable range boot_alloc eats from its start */
static bool closed;

static void range_add(struct range_list *l, u64 start, u64 end)
{
	unsigned i;

	if (start >= end || l->n == MAX_RANGES)
		return;
	for (i = l->n++; i > 0 && l->r[i - 1].start > start; i--)
		l->r[i] = l->r[i - 1];
	l->r[i] = (struct range){start, end};
}

static void range_remove(struct range_list *l, u64 start, u64 end)
{
	struct range_list old = *l;

	if (start >= end)
		return;
	l->n = 0;
	for (unsigned i = 0; i < old.n; i++) {
		struct range r = old.r[i];

		range_add(l, r.start, MIN(r.end, start));
		range_add(l, MAX(r.start, end), r.end);
	}
}

/* Readable through the temporary tables, or NULL: the loader's words are not ours to trust. */
static const void *loader_data(u64 phys, u64 size)
{
	if (phys == 0 || phys >= BOOT_MAP_END || size > BOOT_MAP_END - phys)
		return NULL;
	return arch_phys_to_virt(phys);
}

static void read_memory_map(const struct hvm_start_info *info)
{
	const struct hvm_memory *map =
		loader_data(info->memory_map, info->memory_map_entries * sizeof(*map));

	if (info->version < 1 || !map)
		panic("boot: the loader gave no memory map");
	for (unsigned i = 0; i < info->memory_map_entries; i++)
		if (map[i].type == MEMORY_RAM && map[i].start + map[i].size > map[i].start)
			range_add(&ram, ALIGN_UP(map[i].start, PAGE_SIZE),
				ALIGN_DOWN(map[i].start + map[i].size, PAGE_SIZE));
	/* What overlaps with anything else is not RAM. */
	for (unsigned i = 0; i < info->memory_map_entries; i++)
		if (map[i].type != MEMORY_RAM)
			range_remove(&ram, ALIGN_DOWN(map[i].start, PAGE_SIZE),
				ALIGN_UP(map[i].start + map[i].size, PAGE_SIZE));
	usable = ram;
	range_remove(&usable, 0, LOW_MEMORY);
	range_remove(&usable, (u64)__text_start - KERNEL_VMA, (u64)__kernel_end - KERNEL_VMA);
}

static void read_modules(const struct hvm_start_info *info)
{
	unsigned n = MIN(info->nr_modules, (u32)MAX_MODULES);
	const struct hvm_module *list = loader_data(info->modules, n * sizeof(*list));

	for (unsigned i = 0; list && i < n; i++) {
		u64 start = list[i].start, end = start + list[i].size;

		if (end <= start)
			continue;
		modules[nr_modules++] = (struct range){start, end};
		range_remove(&usable, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
	}
}

static void choose_pool(void)
{
	for (unsigned i = 0; i < usable.n; i++) {
		struct range *r = &usable.r[i];

		if (r->end - r->start >= MIN_BOOT_POOL &&
			r->start + MIN_BOOT_POOL <= BOOT_MAP_END) {
			pool = r;
			return;
		}
	}
	panic("boot: no memory range of 2 MiB below 4 GiB");
}

void bootinfo_init(u64 start_info_phys)
{
	const struct hvm_start_info *info = loader_data(start_info_phys, sizeof(*info));
	const char *line;

	if (!info || info->magic != START_MAGIC)
		panic("boot: no hvm_start_info at %#llx", (unsigned long long)start_info_phys);
	rsdp_phys = info->rsdp;
	line = loader_data(info->cmdline, sizeof(command_line));
	if (line)
		strlcpy(command_line, line, sizeof(command_line));
	read_memory_map(info);
	read_modules(info);
	choose_pool();
}

u64 bootinfo_rsdp(void)
{
	return rsdp_phys;
}

bool bootinfo_ram(unsigned i, u64 *start, u64 *end)
{
	if (i >= ram.n)
		return false;
	*start = ram.r[i].start;
	*end = ram.r[i].end;
	return true;
}

void *boot_alloc(size_t size)
{
	void *p;

	assert(!closed);
	size = ALIGN_UP(size, PAGE_SIZE);
	if (pool->end - pool->start < size || pool->start + size > BOOT_MAP_END)
		panic("boot: out of memory");
	p = arch_phys_to_virt(pool->start);
	pool->start += size;
	return memset(p, 0, size);
}

bool boot_alloc_closed(void)
{
	return closed;
}

bool arch_memory_range(unsigned i, u64 *start, u64 *end)
{
	closed = true;
	if (i >= usable.n)
		return false;
	*start = usable.r[i].start;
	*end = usable.r[i].end;
	return true;
}

bool arch_boot_module(unsigned i, u64 *phys, u64 *size)
{
	if (i >= nr_modules)
		return false;
	*phys = modules[i].start;
	*size = modules[i].end - modules[i].start;
	return true;
}

const char *arch_cmdline(void)
{
	return command_line;
}
