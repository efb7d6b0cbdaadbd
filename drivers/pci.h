/*
 * The PCI bus: what is there, where its registers are, and its message-signalled interrupts.
 * Everything a device says about itself is checked before it is used; a device that lies is left
 * alone with one console line.
 *
 * A driver calls pci_bind with its table of vendor and device numbers after pci_init.
 * Context of everything here: boot or a driver's probe, one thread at a time, unless noted.
 */
#pragma once

#include "kernel/list.h"

#define PCI_BARS 6

struct pci_bar {
	u64 phys; /* 0: not there, not assigned, or an I/O port range */
	u64 size;
};

struct pci_device {
	struct list_head node;
	u16 bdf; /* bus 15:8, device 7:3, function 2:0 */
	u16 vendor, device;
	u8 class_code, subclass, interface, header_type;
	bool bound;
	char name[12];		       /* "00:03.0" */
	struct pci_bar bars[PCI_BARS]; /* sized when a driver takes the device */
	/* MSI-X; set by pci_msix_init */
	u16 msix_capability;
	u16 msix_vectors; /* table entries; 0 without MSI-X */
	void *msix_table;
};

struct pci_id {
	u16 vendor, device;
};

struct pci_driver {
	const char *name;
	const struct pci_id *ids;
	unsigned nr_ids;
	/* 0 when the driver took the device, -errno when it is left alone (and said why). */
	int (*probe)(struct pci_device *dev);
};

/* Find every function on every bus. */
void pci_init(void);
/* Offer every matching device that nobody has to drv; returns how many it took. */
unsigned pci_bind(const struct pci_driver *drv);
/* The i-th function found, or NULL (listings, tests). */
struct pci_device *pci_nth(unsigned i);

/* Sizes the BARs and lets the device answer memory accesses and reach memory. */
void pci_enable(struct pci_device *dev);
/* Stop the device from reaching memory at all, whatever it does. Context: any. */
void pci_stop_dma(struct pci_device *dev);

/*
 * Where the nth (from 0) capability with this id is; 0 when there are not so many. A list that
 * loops ends after as many steps as configuration space has room for.
 */
u16 pci_find_capability(struct pci_device *dev, u8 id, unsigned nth);

/*
 * Map length bytes at offset of a memory BAR, uncached. NULL when the range is not inside the BAR,
 * or address space is short.
 */
void *pci_map(struct pci_device *dev, unsigned bar, u64 offset, u64 length);

/*
 * Find and map the MSI-X table with all vectors masked. Returns the number of vectors, 0 when the
 * device has none (or a table outside its BAR).
 */
unsigned pci_msix_init(struct pci_device *dev);
/* Route vector to fn(arg) on cpu. 0, or -ENOSPC when the CPU has no interrupt vector left. */
int pci_msix_route(
	struct pci_device *dev, unsigned vector, unsigned cpu, void (*fn)(void *arg), void *arg);
/* Let routed vectors through. */
void pci_msix_enable(struct pci_device *dev);
