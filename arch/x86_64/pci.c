/*
 * PCI configuration space: memory mapped (ECAM) where the firmware names it, the two old ports
 * otherwise. An access outside what exists reads as all ones, as the bus does it.
 *
 * Locking: ECAM needs none; the port pair is one register, guarded by port_lock.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define PORT_ENABLE  0x80000000u
#define PORT_SPACE   256
#define ECAM_SPACE   4096

static volatile u8 *ecam;
static struct spinlock port_lock = SPINLOCK_INIT(RANK_MACHINE);

void pci_config_init(void)
{
	size_t buses = acpi.ecam_last_bus - acpi.ecam_first_bus + 1u;

	if (!acpi.ecam_phys)
		return;
	ecam = arch_map_device(acpi.ecam_phys + ((u64)acpi.ecam_first_bus << 20), buses << 20);
	if (!ecam)
		printk("pci: cannot map the configuration space, using ports");
}

/* Where the register is, or NULL when ECAM does not cover it. */
static volatile u8 *ecam_address(u16 bdf, u16 offset)
{
	u8 bus = (u8)(bdf >> 8);

	if (!ecam || bus < acpi.ecam_first_bus || bus > acpi.ecam_last_bus)
		return NULL;
	return ecam + (((u32)bdf << 12) - ((u32)acpi.ecam_first_bus << 20)) + offset;
}

static u32 all_ones(unsigned size)
{
	return size == 4 ? ~0u : (1u << 8 * size) - 1;
}

static bool valid(u16 offset, unsigned size, unsigned space)
{
	return (size == 1 || size == 2 || size == 4) && offset % size == 0 && offset < space;
}

u32 arch_pci_read(u16 bdf, u16 offset, unsigned size)
{
	volatile u8 *p = ecam_address(bdf, offset);
	u16 port = PORT_DATA + (offset & 3);
	u64 flags;
	u32 v;

	if (!valid(offset, size, p ? ECAM_SPACE : PORT_SPACE))
		return all_ones(size);
	if (p)
		return size == 1 ? *p : size == 2 ? *(volatile u16 *)p : *(volatile u32 *)p;
	flags = spin_lock_irqsave(&port_lock);
	outl(PORT_ADDRESS, PORT_ENABLE | (u32)bdf << 8 | (offset & 0xfc));
	v = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
	spin_unlock_irqrestore(&port_lock, flags);
	return v;
}

void arch_pci_write(u16 bdf, u16 offset, unsigned size, u32 value)
{
	volatile u8 *p = ecam_address(bdf, offset);
	u16 port = PORT_DATA + (offset & 3);
	u64 flags;

	if (!valid(offset, size, p ? ECAM_SPACE : PORT_SPACE))
		return;
	if (p) {
		if (size == 1)
			*p = (u8)value;
		else if (size == 2)
			*(volatile u16 *)p = (u16)value;
		else
			*(volatile u32 *)p = value;
		return;
	}
	flags = spin_lock_irqsave(&port_lock);
	outl(PORT_ADDRESS, PORT_ENABLE | (u32)bdf << 8 | (offset & 0xfc));
	if (size == 1)
		outb(port, (u8)value);
	else if (size == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
	spin_unlock_irqrestore(&port_lock, flags);
}

/* Every device is on PCI, where its driver finds it. */
void arch_devices_init(void)
{
}
