/* Ends of the machine: QEMU's debug-exit device for a status, ACPI soft-off (S5) without one. */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"

#define DEBUG_EXIT_PORT 0xf4
#define SLEEP_ENABLE	0x2000
#define SLEEP_TYPE(t)	((u16)((t)&7) << 10)

static __noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void arch_poweroff(void)
{
	if (acpi.have_sleep && acpi.pm1a_control) {
		outw(acpi.pm1a_control, SLEEP_TYPE(acpi.sleep_type_a) | SLEEP_ENABLE);
		if (acpi.pm1b_control)
			outw(acpi.pm1b_control, SLEEP_TYPE(acpi.sleep_type_b) | SLEEP_ENABLE);
	} else {
		printk("power: the firmware does not say how to power off; halted");
	}
	halt();
}

void arch_exit(int status)
{
	/* QEMU ends with (status << 1) | 1; without the device nothing happens here. */
	outl(DEBUG_EXIT_PORT, (u32)status & 0x7f);
	arch_poweroff();
}
