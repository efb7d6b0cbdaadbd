/* The boot CPU from the first C instruction to kernel_main: the order in which this port comes up. */
#include "arch/x86_64/internal.h"
#include "kernel/entry.h"

#define IST_STACK_SIZE 8192

/* Exception stacks of the boot CPU until there is a stack allocator (arch_smp_start). */
static u8 boot_ist_stacks[NR_IST][IST_STACK_SIZE] __aligned(PAGE_SIZE);

static void boot_cpu_init(void)
{
	u64 tops[NR_IST];

	for (unsigned i = 0; i < NR_IST; i++)
		tops[i] = (u64)boot_ist_stacks[i] + IST_STACK_SIZE;
	cpu_init(0, tops);
	this_cpu_write(arch_stack_top, (u64)boot_stack_end);
}

void x86_boot(u64 start_info_phys)
{
	serial_init();
	cpu_detect();
	boot_cpu_init();
	bootinfo_init(start_info_phys);
	percpu_save_pristine();
	paging_init();
	acpi_init();
	lapic_map();
	ioapic_init();
	lapic_enable();
	this_cpu_write(arch_apic_id, lapic_id());
	pci_config_init();
	time_init();
	kernel_main();
}
