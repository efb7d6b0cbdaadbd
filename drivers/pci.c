/*
 * PCI enumeration, BARs, capabilities and MSI-X, over the port's configuration space access.
 *
 * Every one of the 256 buses is looked at: buses behind bridges as the firmware numbered them, and
 * root buses that no bridge leads to (QEMU's pxb). Following bridges instead would save some
 * 10,000 configuration reads at boot, and would trust bus numbers that may loop.
 *
 * The firmware assigns BARs and programs bridge windows; a device whose BAR it left empty cannot be
 * used. BARs are sized with decoding off, and only for a device that a driver wants.
 *
 * Locking: none. The device list is written at boot before anybody else reads it.
 *
 * Limits: segment 0 only; no hot plug; no legacy interrupts (INTx).
 */
#include "drivers/pci.h"
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/mmio.h"
#include "kernel/console.h"
#include "kernel/slab.h"

#define CFG_VENDOR	 0x00
#define CFG_DEVICE	 0x02
#define CFG_COMMAND	 0x04
#define CFG_STATUS	 0x06
#define CFG_CLASS	 0x08 /* revision, interface, subclass, class */
#define CFG_HEADER_TYPE	 0x0e
#define CFG_BAR0	 0x10
#define CFG_CAPABILITIES 0x34

#define COMMAND_IO	    0x0001
#define COMMAND_MEMORY	    0x0002
#define COMMAND_MASTER	    0x0004
#define COMMAND_NO_INTX	    0x0400
#define STATUS_CAPABILITIES 0x0010

#define HEADER_MULTIFUNCTION 0x80
#define HEADER_TYPE_MASK     0x7f

#define BAR_IO	    0x1
#define BAR_TYPE    0x6
#define BAR_TYPE_64 0x4

/* Capabilities are at least 4 bytes long and lie in 0x40..0xff. */
#define CAPABILITY_FIRST 0x40
#define CAPABILITY_MAX	 48

#define CAP_ID_MSIX	   0x11
#define MSIX_CONTROL	   2
#define MSIX_TABLE	   4
#define MSIX_SIZE_MASK	   0x07ff
#define MSIX_FUNCTION_MASK 0x4000
#define MSIX_ENABLE	   0x8000
#define MSIX_ENTRY_SIZE	   16u
#define MSIX_ENTRY_MASKED  0x1u

static struct list_head devices = LIST_HEAD_INIT(devices);

static u16 config_read16(struct pci_device *dev, u16 offset)
{
	return (u16)arch_pci_read(dev->bdf, offset, 2);
}

static void config_write16(struct pci_device *dev, u16 offset, u16 value)
{
	arch_pci_write(dev->bdf, offset, 2, value);
}

/* Read one function. Returns false when nothing answers. */
static bool scan_function(u16 bdf, u8 *header_type)
{
	struct pci_device *dev;
	u32 ids = arch_pci_read(bdf, CFG_VENDOR, 4);
	u32 class;

	if ((u16)ids == 0xffff || (u16)ids == 0)
		return false;
	*header_type = (u8)arch_pci_read(bdf, CFG_HEADER_TYPE, 1);
	dev = kzalloc(sizeof(*dev), ALLOC_WAIT);
	if (!dev) {
		printk("pci: no memory for device %04x", bdf);
		return true;
	}
	class = arch_pci_read(bdf, CFG_CLASS, 4);
	dev->bdf = bdf;
	dev->vendor = (u16)ids;
	dev->device = (u16)(ids >> 16);
	dev->class_code = (u8)(class >> 24);
	dev->subclass = (u8)(class >> 16);
	dev->interface = (u8)(class >> 8);
	dev->header_type = *header_type & HEADER_TYPE_MASK;
	snprintf(dev->name, sizeof(dev->name), "%02x:%02x.%u", bdf >> 8, (bdf >> 3) & 31, bdf & 7);
	list_add_tail(&dev->node, &devices);
	return true;
}

void pci_init(void)
{
	unsigned slot, function;
	u8 header_type;

	for (slot = 0; slot < 256 * 32; slot++) {
		if (!scan_function((u16)(slot << 3), &header_type))
			continue;
		if (!(header_type & HEADER_MULTIFUNCTION))
			continue;
		for (function = 1; function < 8; function++)
			scan_function((u16)(slot << 3 | function), &header_type);
	}
}

struct pci_device *pci_nth(unsigned i)
{
	struct pci_device *dev;

	list_for_each_entry (dev, &devices, node)
		if (i-- == 0)
			return dev;
	return NULL;
}

static bool matches(const struct pci_driver *drv, const struct pci_device *dev)
{
	for (unsigned i = 0; i < drv->nr_ids; i++)
		if (drv->ids[i].vendor == dev->vendor && drv->ids[i].device == dev->device)
			return true;
	return false;
}

unsigned pci_bind(const struct pci_driver *drv)
{
	struct pci_device *dev;
	unsigned bound = 0;

	list_for_each_entry (dev, &devices, node) {
		if (dev->bound || dev->header_type != 0 || !matches(drv, dev))
			continue;
		dev->bound = drv->probe(dev) == 0;
		bound += dev->bound;
	}
	return bound;
}

/*
 * Learn one BAR: write all ones, see which bits stick, put it back. Decoding is off meanwhile.
 * Returns how many BAR slots it took (2 for a 64-bit one).
 */
static unsigned size_bar(struct pci_device *dev, unsigned index)
{
	u16 offset = (u16)(CFG_BAR0 + 4 * index);
	u32 low = arch_pci_read(dev->bdf, offset, 4);
	bool wide = !(low & BAR_IO) && (low & BAR_TYPE) == BAR_TYPE_64;
	u64 base, mask, size;
	u32 high = 0;

	if (low & BAR_IO)
		return 1;
	if (wide && index == PCI_BARS - 1) {
		printk("pci %s: BAR %u has no room for its upper half", dev->name, index);
		return 1;
	}
	arch_pci_write(dev->bdf, offset, 4, ~0u);
	mask = arch_pci_read(dev->bdf, offset, 4) & ~0xfu;
	arch_pci_write(dev->bdf, offset, 4, low);
	if (wide) {
		high = arch_pci_read(dev->bdf, offset + 4, 4);
		arch_pci_write(dev->bdf, offset + 4, 4, ~0u);
		mask |= (u64)arch_pci_read(dev->bdf, offset + 4, 4) << 32;
		arch_pci_write(dev->bdf, offset + 4, 4, high);
	} else if (mask) {
		mask |= ~0ull << 32;
	}
	base = (u64)high << 32 | (low & ~0xfu);
	size = ~mask + 1;
	if (mask && base && !(size & (size - 1)) && !(base & (size - 1)))
		dev->bars[index] = (struct pci_bar){base, size};
	return wide ? 2 : 1;
}

void pci_enable(struct pci_device *dev)
{
	u16 command = config_read16(dev, CFG_COMMAND);

	config_write16(dev, CFG_COMMAND, command & (u16) ~(COMMAND_IO | COMMAND_MEMORY));
	for (unsigned i = 0; i < PCI_BARS;)
		i += size_bar(dev, i);
	command |= COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX;
	config_write16(dev, CFG_COMMAND, command);
}

void pci_stop_dma(struct pci_device *dev)
{
	u16 command = config_read16(dev, CFG_COMMAND);

	config_write16(dev, CFG_COMMAND, command & (u16)~COMMAND_MASTER);
}

/* Counted from the list's head each time: going on from a given place would never leave a loop. */
u16 pci_find_capability(struct pci_device *dev, u8 id, unsigned nth)
{
	u16 offset;

	if (!(config_read16(dev, CFG_STATUS) & STATUS_CAPABILITIES))
		return 0;
	offset = (u16)arch_pci_read(dev->bdf, CFG_CAPABILITIES, 1);
	for (unsigned step = 0; step < CAPABILITY_MAX; step++) {
		u16 header;

		offset &= 0xfc;
		if (offset < CAPABILITY_FIRST)
			return 0;
		header = config_read16(dev, offset);
		if ((u8)header == id && nth-- == 0)
			return offset;
		offset = header >> 8;
	}
	printk("pci %s: capability list does not end", dev->name);
	return 0;
}

void *pci_map(struct pci_device *dev, unsigned bar, u64 offset, u64 length)
{
	u64 phys, start;
	char *mapped;

	if (bar >= PCI_BARS || length == 0)
		return NULL;
	if (length > dev->bars[bar].size || offset > dev->bars[bar].size - length)
		return NULL;
	phys = dev->bars[bar].phys + offset;
	start = ALIGN_DOWN(phys, PAGE_SIZE);
	mapped = arch_map_device(start, ALIGN_UP(phys + length, PAGE_SIZE) - start);
	return mapped ? mapped + (phys - start) : NULL;
}

static char *msix_entry(struct pci_device *dev, unsigned vector)
{
	return (char *)dev->msix_table + vector * MSIX_ENTRY_SIZE;
}

unsigned pci_msix_init(struct pci_device *dev)
{
	u16 capability = pci_find_capability(dev, CAP_ID_MSIX, 0);
	unsigned vectors;
	u32 table;

	if (!capability)
		return 0;
	vectors = (config_read16(dev, capability + MSIX_CONTROL) & MSIX_SIZE_MASK) + 1u;
	table = arch_pci_read(dev->bdf, capability + MSIX_TABLE, 4);
	dev->msix_table = pci_map(dev, table & 7, table & ~7u, vectors * MSIX_ENTRY_SIZE);
	if (!dev->msix_table) {
		printk("pci %s: MSI-X table of %u entries at %#x is outside BAR %u", dev->name,
			vectors, table & ~7u, table & 7);
		return 0;
	}
	dev->msix_capability = capability;
	dev->msix_vectors = (u16)vectors;
	config_write16(dev, capability + MSIX_CONTROL, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	for (unsigned i = 0; i < vectors; i++)
		mmio_write32(msix_entry(dev, i) + 12, MSIX_ENTRY_MASKED);
	return vectors;
}

int pci_msix_route(
	struct pci_device *dev, unsigned vector, unsigned cpu, void (*fn)(void *arg), void *arg)
{
	char *entry;
	u64 address;
	u32 data;
	int err;

	if (vector >= dev->msix_vectors)
		return -EINVAL;
	err = arch_msi_alloc(cpu, fn, arg, &address, &data);
	if (err)
		return err;
	entry = msix_entry(dev, vector);
	mmio_write32(entry, (u32)address);
	mmio_write32(entry + 4, (u32)(address >> 32));
	mmio_write32(entry + 8, data);
	mmio_write32(entry + 12, 0);
	return 0;
}

void pci_msix_enable(struct pci_device *dev)
{
	config_write16(dev, dev->msix_capability + MSIX_CONTROL, MSIX_ENABLE);
}
