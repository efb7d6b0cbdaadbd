/* A PCI bus whose configuration space is an array, and one virtio function on it. */
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/virtio/transport_pci.h"
#include "fake.h"
#include "kernel/string.h"

static struct fake_function functions[8];
static unsigned nr_functions;
u8 *fake_bar_memory;
bool fake_no_vectors_left;

static struct fake_function *function_at(u16 bdf)
{
	for (unsigned i = 0; i < nr_functions; i++)
		if (functions[i].bdf == bdf)
			return &functions[i];
	return NULL;
}

u32 arch_pci_read(u16 bdf, u16 offset, unsigned size)
{
	const struct fake_function *f = function_at(bdf);
	u32 value = ~0u;

	CHECK(offset + size <= 256 && offset % size == 0);
	if (f)
		memcpy(&value, f->config + offset, size);
	return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

void arch_pci_write(u16 bdf, u16 offset, unsigned size, u32 value)
{
	struct fake_function *f = function_at(bdf);
	unsigned bar = (offset - 0x10u) / 4;

	CHECK(f && offset + size <= 256);
	if (!f)
		return;
	if (offset >= 0x10 && offset < 0x28 && value == ~0u) {
		u32 old;

		/* Sized only while the device does not decode. */
		EQ(f->config[4] & 3, 0);
		memcpy(&old, f->config + offset, 4);
		if (f->bar_size[bar])
			value = (u32) ~(f->bar_size[bar] - 1) | (old & 0xf);
		else if (bar > 0 && (f->config[0x10 + 4 * (bar - 1)] & 6) == 4)
			value = (u32)(~(f->bar_size[bar - 1] - 1) >> 32);
		else
			value = 0;
	}
	memcpy(f->config + offset, &value, size);
}

void *arch_map_device(u64 phys, size_t size)
{
	CHECK(phys >= (u64)fake_bar_memory && phys + size <= (u64)fake_bar_memory + FAKE_BAR_BYTES);
	return (void *)phys;
}

int arch_msi_alloc(unsigned cpu, void (*fn)(void *arg), void *arg, u64 *address, u32 *data)
{
	(void)fn, (void)arg;
	*address = 0x1fee00000 + cpu * 0x1000;
	*data = 0x40 + cpu;
	return fake_no_vectors_left ? -ENOSPC : 0;
}

void fake_pci_put(struct fake_function *f, unsigned offset, unsigned size, u64 value)
{
	memcpy(f->config + offset, &value, size);
}

void fake_pci_clear(void)
{
	nr_functions = 0;
}

struct fake_function *fake_pci_add(u16 bdf, u16 vendor, u16 device)
{
	struct fake_function *f = &functions[nr_functions++];

	memset(f, 0, sizeof(*f));
	f->bdf = bdf;
	fake_pci_put(f, 0, 2, vendor);
	fake_pci_put(f, 2, 2, device);
	return f;
}

struct fake_function *fake_pci_virtio(void)
{
	static const u8 types[] = {1, 2, 3, 4, 5};
	struct fake_function *f;

	if (!fake_bar_memory)
		fake_bar_memory = aligned_alloc(FAKE_BAR_BYTES, FAKE_BAR_BYTES);
	memset(fake_bar_memory, 0, FAKE_BAR_BYTES);
	fake_pci_clear();
	f = fake_pci_add(0x0018, VIRTIO_PCI_VENDOR, VIRTIO_PCI_MODERN(2));
	fake_pci_put(f, 0x04, 2, 3);
	fake_pci_put(f, 0x06, 2, 0x10);
	fake_pci_put(f, 0x20, 8, (u64)fake_bar_memory | 4);
	f->bar_size[4] = FAKE_BAR_BYTES;
	fake_pci_put(f, 0x34, 1, 0x40);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		unsigned cap = 0x40 + 0x14 * i;

		fake_pci_put(f, cap, 1, 9);
		fake_pci_put(f, cap + 1, 1, cap + 0x14);
		fake_pci_put(f, cap + 2, 1, 0x14);
		fake_pci_put(f, cap + 3, 1, types[i]);
		fake_pci_put(f, cap + 4, 1, types[i] == 5 ? 0 : 4);
		fake_pci_put(f, cap + 8, 4, 0x1000 * i % FAKE_BAR_BYTES);
		fake_pci_put(f, cap + 12, 4, 0x1000);
	}
	fake_pci_put(f, 0x54 + 16, 4, 4); /* notify multiplier */
	fake_pci_put(f, 0xa4, 1, 0x11);	  /* MSI-X: 5 vectors at 0x3800 */
	fake_pci_put(f, 0xa6, 2, 4);
	fake_pci_put(f, 0xa8, 4, 0x3800 | 4);
	return f;
}
