/*
 * RAM disk: the second driver behind kernel/block.h. Each PVH boot module becomes "ram0", "ram1" ...;
 * host tests make one over a buffer. Requests complete before submit returns.
 *
 * Locking: none. Two requests that overlap race with each other as they would on a disk.
 *
 * Limits: contents are lost at power-off, and a flush promises nothing.
 */
#include "drivers/ramdisk.h"
#include "kernel/console.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "arch/arch.h"

struct ramdisk {
	struct block_device dev;
	char name[16];
	char *memory;
};

static void copy_segments(struct ramdisk *disk, struct block_request *rq)
{
	char *at = disk->memory + (rq->sector << BLOCK_SECTOR_SHIFT);

	for (u32 i = 0; i < rq->nr_segments; i++) {
		const struct block_segment *seg = &rq->segments[i];
		char *bytes = (char *)page_address(seg->page) + seg->offset;

		if (rq->op == BLOCK_READ)
			memcpy(bytes, at, seg->length);
		else
			memcpy(at, bytes, seg->length);
		at += seg->length;
	}
}

static void ramdisk_submit(struct block_device *dev, struct list_head *batch)
{
	struct ramdisk *disk = container_of(dev, struct ramdisk, dev);

	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);

		list_del(&rq->node);
		if (rq->op != BLOCK_FLUSH)
			copy_segments(disk, rq);
		block_complete(rq, 0);
	}
}

static const struct block_ops ramdisk_ops = {.submit = ramdisk_submit};

struct block_device *ramdisk_create(const char *name, void *memory, size_t size)
{
	struct ramdisk *disk = kzalloc(sizeof(*disk), ALLOC_WAIT);

	if (!disk)
		return NULL;
	strlcpy(disk->name, name, sizeof(disk->name));
	disk->memory = memory;
	disk->dev = (struct block_device){
		.name = disk->name,
		.sectors = size >> BLOCK_SECTOR_SHIFT,
		.logical_block = BLOCK_SECTOR_SIZE,
		.has_flush = true,
		.ops = &ramdisk_ops,
		.driver = disk,
	};
	block_register(&disk->dev);
	return &disk->dev;
}

/*
 * How much of a module is memory we can reach. QEMU places modules without knowing what the firmware
 * reserves at the top of memory, and with many disks attached the two meet.
 */
static u64 mapped_prefix(const char *memory, u64 size)
{
	u64 offset = 0;

	while (offset < size && arch_lookup_page((u64)memory + offset) != ~0ull)
		offset += PAGE_SIZE - ((u64)memory + offset) % PAGE_SIZE;
	return MIN(offset, size);
}

void ramdisk_init(void)
{
	u64 phys, size, usable;
	char name[16];

	for (unsigned i = 0; arch_boot_module(i, &phys, &size); i++) {
		char *memory = arch_phys_to_virt(phys);

		snprintf(name, sizeof(name), "ram%u", i);
		usable = mapped_prefix(memory, size);
		if (usable < size)
			printk("%s: firmware reserves all but %llu of its %llu bytes", name,
				(unsigned long long)usable, (unsigned long long)size);
		if (ramdisk_create(name, memory, usable))
			printk("%s: boot module, %llu KiB", name,
				(unsigned long long)(usable >> 10));
		else
			printk("%s: no memory for its device", name);
	}
}
