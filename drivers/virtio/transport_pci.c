/*
 * Virtio's modern PCI transport (virtio 1.2, 4.1). Vendor capabilities in configuration space say
 * where four groups of registers lie:
 *
 *	common	  status, features, queue selection and queue addresses
 *	notify	  one 16-bit doorbell per queue, offset x multiplier
 *	ISR	  for legacy interrupts: not used
 *	device	  what the device type defines (optional)
 *
 * Each capability is read once; a region that leaves its BAR is refused, and so is a doorbell that
 * leaves the notify region. Of several capabilities of a kind the first usable one counts (4.1.4).
 *
 * Locking: none. After probe only notify and stop_dma are called, and they write single registers.
 *
 * Limits: legacy-only devices and configuration through the PCI window (4.1.4.9) are not supported.
 */
#include "drivers/virtio/transport_pci.h"
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/mmio.h"
#include "kernel/console.h"
#include "kernel/slab.h"

#define CAP_ID_VENDOR  0x09
#define CAP_TYPE       3 /* offsets in a virtio capability */
#define CAP_BAR	       4
#define CAP_OFFSET     8
#define CAP_REGION     12
#define CAP_MULTIPLIER 16

#define TYPE_COMMON 1
#define TYPE_NOTIFY 2
#define TYPE_DEVICE 4

/* Common configuration (4.1.4.3). */
#define COMMON_DEVICE_FEATURE_SELECT 0
#define COMMON_DEVICE_FEATURE	     4
#define COMMON_DRIVER_FEATURE_SELECT 8
#define COMMON_DRIVER_FEATURE	     12
#define COMMON_NR_QUEUES	     18
#define COMMON_STATUS		     20
#define COMMON_GENERATION	     21
#define COMMON_QUEUE_SELECT	     22
#define COMMON_QUEUE_SIZE	     24
#define COMMON_QUEUE_VECTOR	     26
#define COMMON_QUEUE_ENABLE	     28
#define COMMON_QUEUE_NOTIFY	     30
#define COMMON_QUEUE_DESCRIPTORS     32
#define COMMON_QUEUE_DRIVER	     40
#define COMMON_QUEUE_DEVICE	     48
#define COMMON_LENGTH		     56

/* Doorbells we remember; a driver asks for at most one queue a CPU. */
#define MAX_QUEUES MAX_CPUS

struct virtio_pci {
	struct virtio_transport transport;
	struct pci_device *pci;
	char name[24];
	char *common, *notify, *device;
	u32 notify_length, notify_multiplier, device_length;
	void *doorbell[MAX_QUEUES]; /* set by queue_enable */
};

static struct virtio_pci *virtio_pci_of(struct virtio_transport *t)
{
	return container_of(t, struct virtio_pci, transport);
}

static u8 get_status(struct virtio_transport *t)
{
	return mmio_read8(virtio_pci_of(t)->common + COMMON_STATUS);
}

static void set_status(struct virtio_transport *t, u8 status)
{
	mmio_write8(virtio_pci_of(t)->common + COMMON_STATUS, status);
}

static u64 get_features(struct virtio_transport *t)
{
	char *common = virtio_pci_of(t)->common;
	u64 low, high;

	mmio_write32(common + COMMON_DEVICE_FEATURE_SELECT, 0);
	low = mmio_read32(common + COMMON_DEVICE_FEATURE);
	mmio_write32(common + COMMON_DEVICE_FEATURE_SELECT, 1);
	high = mmio_read32(common + COMMON_DEVICE_FEATURE);
	return high << 32 | low;
}

static void set_features(struct virtio_transport *t, u64 features)
{
	char *common = virtio_pci_of(t)->common;

	mmio_write32(common + COMMON_DRIVER_FEATURE_SELECT, 0);
	mmio_write32(common + COMMON_DRIVER_FEATURE, (u32)features);
	mmio_write32(common + COMMON_DRIVER_FEATURE_SELECT, 1);
	mmio_write32(common + COMMON_DRIVER_FEATURE, (u32)(features >> 32));
}

static u16 nr_queues(struct virtio_transport *t)
{
	return mmio_read16(virtio_pci_of(t)->common + COMMON_NR_QUEUES);
}

static u16 queue_size(struct virtio_transport *t, u16 queue)
{
	char *common = virtio_pci_of(t)->common;

	mmio_write16(common + COMMON_QUEUE_SELECT, queue);
	return mmio_read16(common + COMMON_QUEUE_SIZE);
}

/* 64-bit registers are written as two halves (4.1.3.1). */
static void write_address(char *reg, u64 address)
{
	mmio_write32(reg, (u32)address);
	mmio_write32(reg + 4, (u32)(address >> 32));
}

static int queue_enable(
	struct virtio_transport *t, u16 queue, const struct virtio_queue_setup *setup)
{
	struct virtio_pci *vp = virtio_pci_of(t);
	char *common = vp->common;
	u64 offset;

	if (queue >= MAX_QUEUES)
		return -EINVAL;
	mmio_write16(common + COMMON_QUEUE_SELECT, queue);
	offset = (u64)mmio_read16(common + COMMON_QUEUE_NOTIFY) * vp->notify_multiplier;
	if (offset + 2 > vp->notify_length) {
		printk("%s: doorbell of queue %u at %#llx is outside its region", t->name, queue,
			(unsigned long long)offset);
		return -EINVAL;
	}
	vp->doorbell[queue] = vp->notify + offset;
	mmio_write16(common + COMMON_QUEUE_SIZE, setup->size);
	mmio_write16(common + COMMON_QUEUE_VECTOR, setup->vector);
	if (mmio_read16(common + COMMON_QUEUE_VECTOR) != setup->vector)
		return -ENOSPC;
	write_address(common + COMMON_QUEUE_DESCRIPTORS, setup->descriptors);
	write_address(common + COMMON_QUEUE_DRIVER, setup->driver);
	write_address(common + COMMON_QUEUE_DEVICE, setup->device);
	mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
	return 0;
}

static void notify(struct virtio_transport *t, u16 queue)
{
	mmio_write16(virtio_pci_of(t)->doorbell[queue], queue);
}

static int config_read(struct virtio_transport *t, u32 offset, void *buf, u32 length)
{
	struct virtio_pci *vp = virtio_pci_of(t);
	u8 *bytes = buf;

	if (length > vp->device_length || offset > vp->device_length - length)
		return -ERANGE;
	/* Fields are read in their own width (4.1.3.1); a longer run byte by byte. */
	if (length == 4 && offset % 4 == 0) {
		*(u32 *)buf = mmio_read32(vp->device + offset);
		return 0;
	}
	if (length == 2 && offset % 2 == 0) {
		*(u16 *)buf = mmio_read16(vp->device + offset);
		return 0;
	}
	for (u32 i = 0; i < length; i++)
		bytes[i] = mmio_read8(vp->device + offset + i);
	return 0;
}

static u8 config_generation(struct virtio_transport *t)
{
	return mmio_read8(virtio_pci_of(t)->common + COMMON_GENERATION);
}

static int route(
	struct virtio_transport *t, u16 vector, unsigned cpu, void (*fn)(void *arg), void *arg)
{
	return pci_msix_route(virtio_pci_of(t)->pci, vector, cpu, fn, arg);
}

static void interrupts_on(struct virtio_transport *t)
{
	pci_msix_enable(virtio_pci_of(t)->pci);
}

static void stop_dma(struct virtio_transport *t)
{
	pci_stop_dma(virtio_pci_of(t)->pci);
}

static const struct virtio_transport_ops virtio_pci_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.nr_queues = nr_queues,
	.queue_size = queue_size,
	.queue_enable = queue_enable,
	.notify = notify,
	.config_read = config_read,
	.config_generation = config_generation,
	.route = route,
	.interrupts_on = interrupts_on,
	.stop_dma = stop_dma,
};

/*
 * Map the first usable region of a type that has at least `least` bytes. NULL when there is none.
 * *capability is where it was described, *length the bytes the device claims for it.
 */
static void *map_region(struct virtio_pci *vp, u8 type, u32 least, u16 *capability, u32 *length)
{
	struct pci_device *pci = vp->pci;
	u16 cap;

	for (unsigned n = 0; (cap = pci_find_capability(pci, CAP_ID_VENDOR, n)) != 0; n++) {
		u8 bar = (u8)arch_pci_read(pci->bdf, cap + CAP_BAR, 1);
		u32 offset = arch_pci_read(pci->bdf, cap + CAP_OFFSET, 4);
		u32 claimed = arch_pci_read(pci->bdf, cap + CAP_REGION, 4);
		void *mapped;

		if ((u8)arch_pci_read(pci->bdf, cap + CAP_TYPE, 1) != type)
			continue;
		mapped = claimed >= least ? pci_map(pci, bar, offset, claimed) : NULL;
		if (mapped) {
			*capability = cap;
			*length = claimed;
			return mapped;
		}
		printk("%s: region type %u, %#x bytes at %#x of BAR %u, is unusable", vp->name,
			type, claimed, offset, bar);
	}
	return NULL;
}

static bool map_regions(struct virtio_pci *vp)
{
	u32 common_length;
	u16 cap;

	vp->common = map_region(vp, TYPE_COMMON, COMMON_LENGTH, &cap, &common_length);
	vp->device = map_region(vp, TYPE_DEVICE, 1, &cap, &vp->device_length);
	if (!vp->device)
		vp->device_length = 0;
	vp->notify = map_region(vp, TYPE_NOTIFY, 2, &cap, &vp->notify_length);
	if (!vp->common || !vp->notify)
		return false;
	vp->notify_multiplier = arch_pci_read(vp->pci->bdf, cap + CAP_MULTIPLIER, 4);
	return true;
}

struct virtio_transport *virtio_pci_open(struct pci_device *pci)
{
	struct virtio_pci *vp = kzalloc(sizeof(*vp), ALLOC_WAIT);

	if (!vp)
		return NULL;
	snprintf(vp->name, sizeof(vp->name), "virtio %s", pci->name);
	vp->pci = pci;
	vp->transport.ops = &virtio_pci_ops;
	vp->transport.name = vp->name;
	pci_enable(pci);
	if (!map_regions(vp)) {
		printk("%s: no modern virtio registers (disable-legacy?)", vp->name);
		pci_stop_dma(pci);
		kfree(vp);
		return NULL;
	}
	/* The configuration vector stays at its reset value, none: changes are not followed. */
	vp->transport.vectors = pci_msix_init(pci);
	return &vp->transport;
}
