/*
 * The local APIC of each CPU, through MSRs (x2APIC) where the CPU has that and else through its page of
 * registers: end of interrupt, sending interrupts to other CPUs, the one-shot timer.
 *
 * Locking: every register is the CPU's own; a send of two words (xAPIC) runs with interrupts off.
 */
#include "arch/x86_64/internal.h"
#include "kernel/panic.h"

#define MSR_APIC_BASE	   0x1b
#define APIC_BASE_ENABLE   0x800
#define APIC_BASE_X2	   0x400
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC	   0x800
#define REG_ID		   0x020
#define REG_TPR		   0x080
#define REG_EOI		   0x0b0
#define REG_SPURIOUS	   0x0f0
#define REG_ICR_LOW	   0x300
#define REG_ICR_HIGH	   0x310
#define REG_LVT_TIMER	   0x320
#define REG_LVT_LINT0	   0x350
#define REG_LVT_LINT1	   0x360
#define REG_TIMER_INITIAL  0x380
#define REG_TIMER_CURRENT  0x390
#define REG_TIMER_DIVIDE   0x3e0
#define SPURIOUS_ENABLE	   0x100
#define LVT_MASKED	   0x10000
#define LVT_NMI		   0x400
#define LVT_TIMER_DEADLINE 0x40000
#define TIMER_DIVIDE_BY_1  0xb
#define ICR_BUSY	   0x1000

static volatile u8 *lapic;

static u32 lapic_read(u32 reg)
{
	if (cpu_features.x2apic)
		return (u32)read_msr(MSR_X2APIC + (reg >> 4));
	return mmio_read32(lapic + reg);
}

static void lapic_write(u32 reg, u32 v)
{
	if (cpu_features.x2apic)
		write_msr(MSR_X2APIC + (reg >> 4), v);
	else
		mmio_write32(lapic + reg, v);
}

void lapic_map(void)
{
	if (cpu_features.x2apic)
		return;
	lapic = arch_map_device(acpi.lapic_phys, PAGE_SIZE);
	if (!lapic)
		panic("lapic: cannot map the registers");
}

void lapic_enable(void)
{
	u64 base = read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	write_msr(MSR_APIC_BASE, base);
	if (cpu_features.x2apic)
		write_msr(MSR_APIC_BASE, base | APIC_BASE_X2);
	lapic_write(REG_TPR, 0);
	lapic_write(REG_LVT_LINT0, LVT_MASKED);
	lapic_write(REG_LVT_LINT1, LVT_NMI);
	lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	lapic_write(
		REG_LVT_TIMER, VECTOR_TIMER | (cpu_features.tsc_deadline ? LVT_TIMER_DEADLINE : 0));
	lapic_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

u32 lapic_id(void)
{
	u32 id = lapic_read(REG_ID);

	return cpu_features.x2apic ? id : id >> 24;
}

void lapic_eoi(void)
{
	lapic_write(REG_EOI, 0);
}

void lapic_send(u32 apic_id, u32 command)
{
	u64 flags;

	/* What the receiver is to see must be written before it is interrupted: an MSR write to the
	 * x2APIC does not order earlier stores. */
	smp_mb();
	if (cpu_features.x2apic) {
		write_msr(MSR_X2APIC + (REG_ICR_LOW >> 4), (u64)apic_id << 32 | command);
		return;
	}
	flags = arch_irq_save();
	while (lapic_read(REG_ICR_LOW) & ICR_BUSY)
		arch_cpu_relax();
	lapic_write(REG_ICR_HIGH, apic_id << 24);
	lapic_write(REG_ICR_LOW, command);
	arch_irq_restore(flags);
}

void lapic_timer_start(u32 ticks)
{
	lapic_write(REG_TIMER_INITIAL, ticks);
}

u32 lapic_timer_left(void)
{
	return lapic_read(REG_TIMER_CURRENT);
}

void lapic_timer_deadline(u64 tsc)
{
	write_msr(MSR_TSC_DEADLINE, tsc);
}
