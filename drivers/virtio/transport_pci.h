/* Virtio over PCI (virtio 1.2, 4.1). */
#pragma once

#include "drivers/pci.h"
#include "drivers/virtio/virtio.h"

#define VIRTIO_PCI_VENDOR 0x1af4
/* Modern numbers; transitional devices have others and offer the same capabilities. */
#define VIRTIO_PCI_MODERN(type) (0x1040 + (type))

/*
 * Find and check the device's register regions and interrupts. NULL, after one console line, when
 * the device cannot be used. The transport lives as long as the device: forever.
 * Context: probe, may sleep.
 */
struct virtio_transport *virtio_pci_open(struct pci_device *pci);
