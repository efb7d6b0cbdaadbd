/*
 * The I/O APIC: only ISA interrupts (the serial line) come through it, everything on PCI uses messages.
 * The two old interrupt controllers are moved out of the exceptions' way and masked.
 *
 * Locking: none; routes are set at boot, by one CPU.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"

#define IOAPIC_SELECT	 0x00
#define IOAPIC_DATA	 0x10
#define IOAPIC_VERSION	 1
#define IOAPIC_ROUTE	 0x10
#define ROUTE_MASKED	 0x10000
#define ROUTE_LEVEL	 0x08000
#define ROUTE_ACTIVE_LOW 0x02000
#define PIC_VECTORS	 0x20

static volatile u8 *ioapic;
static unsigned nr_pins;

static void ioapic_write(u32 reg, u32 v)
{
	mmio_write32(ioapic + IOAPIC_SELECT, reg);
	mmio_write32(ioapic + IOAPIC_DATA, v);
}

static void pic_disable(void)
{
	outb(0x20, 0x11); /* initialise, three more words follow on the data port */
	outb(0xa0, 0x11);
	outb(0x21, PIC_VECTORS);
	outb(0xa1, PIC_VECTORS + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void ioapic_init(void)
{
	pic_disable();
	ioapic = acpi.ioapic_phys ? arch_map_device(acpi.ioapic_phys, PAGE_SIZE) : NULL;
	if (!ioapic)
		return;
	mmio_write32(ioapic + IOAPIC_SELECT, IOAPIC_VERSION);
	nr_pins = (mmio_read32(ioapic + IOAPIC_DATA) >> 16 & 0xff) + 1;
	for (unsigned pin = 0; pin < nr_pins; pin++)
		ioapic_write(IOAPIC_ROUTE + 2 * pin, ROUTE_MASKED);
}

void ioapic_route_isa(unsigned irq, unsigned cpu, u8 vector)
{
	u32 pin = acpi.isa_gsi[irq], low = vector;

	if (pin >= nr_pins) {
		printk("ioapic: no pin for ISA interrupt %u", irq);
		return;
	}
	if (acpi.isa_active_low[irq])
		low |= ROUTE_ACTIVE_LOW;
	if (acpi.isa_level[irq])
		low |= ROUTE_LEVEL;
	ioapic_write(IOAPIC_ROUTE + 2 * pin + 1, per_cpu(arch_apic_id, cpu) << 24);
	ioapic_write(IOAPIC_ROUTE + 2 * pin, low);
}
