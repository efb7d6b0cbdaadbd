/*
 * What each CPU needs once: control registers, GDT and TSS, IDT, the MSRs of system calls, and the
 * CPU features that decide between code paths.
 *
 * Structures: one GDT for all CPUs with a TSS descriptor each; the TSS (a per-CPU variable) holds only
 * the interrupt stacks, because nothing ever changes privilege level. One IDT for all.
 */
#include "arch/x86_64/internal.h"
#include "kernel/panic.h"
#include "kernel/string.h"

#define MSR_STAR   0xc0000081
#define MSR_LSTAR  0xc0000082
#define MSR_FMASK  0xc0000084
#define MSR_GSBASE 0xc0000101

#define RFLAGS_TF 0x100
#define RFLAGS_DF 0x400
#define RFLAGS_NT 0x4000
#define RFLAGS_AC 0x40000

struct cpu_features cpu_features;

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, io_map_base;
} __packed;
static_assert(sizeof(struct tss) == 104, "TSS");

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};
static_assert(sizeof(struct gate) == 16, "IDT gate");

#define GATE_INTERRUPT 0x8e
#define GATE_STRIDE    16 /* distance of two gates in entry.S */
#define GDT_CODE       0x00af9b000000ffffull
#define GDT_DATA       0x00cf93000000ffffull
#define TSS_AVAILABLE  0x89ull

static u64 gdt[3 + 2 * MAX_CPUS] = {0, GDT_CODE, GDT_DATA};
static struct gate idt[256];
static DEFINE_PERCPU(struct tss, cpu_tss);

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

static u8 ist_of(unsigned vector)
{
	switch (vector) {
	case 2:
		return IST_NMI;
	case 8:
		return IST_DOUBLE_FAULT;
	case 14:
		return IST_PAGE_FAULT;
	case 18:
		return IST_MACHINE_CHECK;
	default:
		return IST_INTERRUPT;
	}
}

static void idt_fill(void)
{
	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++) {
		u64 entry = (u64)trap_gates + v * GATE_STRIDE;

		idt[v] = (struct gate){
			.offset_low = (u16)entry,
			.selector = SEL_CODE,
			.ist = ist_of(v),
			.type = GATE_INTERRUPT,
			.offset_middle = (u16)(entry >> 16),
			.offset_high = (u32)(entry >> 32),
		};
	}
}

static void gdt_fill_tss(unsigned cpu, u64 base)
{
	gdt[3 + 2 * cpu] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
			   TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
	gdt[4 + 2 * cpu] = base >> 32;
}

static void load_tables(unsigned cpu)
{
	struct table_pointer gdtr = {sizeof(gdt) - 1, (u64)gdt};
	struct table_pointer idtr = {sizeof(idt) - 1, (u64)idt};

	__asm__ volatile(
		"lgdt %0\n\t"
		"pushq %1\n\t"
		"leaq 1f(%%rip), %%rax\n\t"
		"pushq %%rax\n\t"
		"lretq\n"
		"1:\tmovl %2, %%eax\n\t"
		"movl %%eax, %%ss\n\t"
		"movl %%eax, %%ds\n\t"
		"movl %%eax, %%es\n\t"
		"ltr %w3\n\t"
		"lidt %4"
		:
		: "m"(gdtr), "i"(SEL_CODE), "i"(SEL_DATA), "r"(SEL_TSS + 16 * cpu), "m"(idtr)
		: "rax", "memory");
}

/* The CPU features we use, from the boot CPU. Panics without those we cannot do without. */
void cpu_detect(void)
{
	struct cpuid_result base = cpuid(1, 0), extended = cpuid(0x80000001, 0);
	struct cpuid_result leaf7 = {0}, state;

	if (!(extended.edx & 1u << 20) || !(extended.edx & 1u << 29) || !(base.edx & 1u << 24))
		panic("cpu: no-execute pages, long mode and FXSAVE are needed");
	if (cpuid(0, 0).eax >= 7)
		leaf7 = cpuid(7, 0);
	cpu_features = (struct cpu_features){
		.gigabyte_pages = extended.edx & 1u << 26,
		.fsgsbase = leaf7.ebx & 1u << 0,
		.xsave = base.ecx & 1u << 26,
		.x2apic = base.ecx & 1u << 21,
		.tsc_deadline = base.ecx & 1u << 24,
		.fpu_size = 512,
	};
	if (!cpu_features.xsave)
		return;
	state = cpuid(0xd, 0);
	/* x87, SSE, AVX and AVX-512: what compiled code uses; the size is for that set. */
	cpu_features.xsave_mask = ((u64)state.edx << 32 | state.eax) & 0xe7;
	cpu_features.xsaveopt = cpuid(0xd, 1).eax & 1;
}

static void init_control_registers(void)
{
	u64 cr0, cr4;

	__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
	cr0 &= ~(u64)(CR0_EM | CR0_TS);
	cr0 |= CR0_MP | CR0_NE | CR0_WP;
	__asm__ volatile("movq %0, %%cr0" ::"r"(cr0));

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	cr4 |= CR4_PAE | CR4_OSFXSR | CR4_OSXMM;
	if (cpu_features.fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (cpu_features.xsave)
		cr4 |= CR4_OSXSAVE;
	__asm__ volatile("movq %0, %%cr4" ::"r"(cr4));
	if (cpu_features.xsave) {
		__asm__ volatile("xsetbv" ::"c"(0), "a"((u32)cpu_features.xsave_mask),
			"d"((u32)(cpu_features.xsave_mask >> 32)));
		/* EBX: the size for what XCR0 enables now. */
		cpu_features.fpu_size = cpuid(0xd, 0).ebx;
	}
}

void cpu_set_ist(unsigned cpu, const u64 ist_tops[NR_IST])
{
	u64 flags = arch_irq_save();

	memcpy(per_cpu(cpu_tss, cpu).ist, ist_tops, NR_IST * sizeof(u64));
	arch_irq_restore(flags);
}

void cpu_init(unsigned cpu, const u64 ist_tops[NR_IST])
{
	struct tss *tss;

	write_msr(MSR_GSBASE, arch_percpu_offsets[cpu]);
	tss = this_cpu_ptr(&cpu_tss);
	init_control_registers();
	memset(tss, 0, sizeof(*tss));
	cpu_set_ist(cpu, ist_tops);
	tss->io_map_base = sizeof(*tss);
	if (cpu == 0)
		idt_fill();
	gdt_fill_tss(cpu, (u64)tss);
	load_tables(cpu);

	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
	write_msr(MSR_STAR, (u64)SEL_CODE << 32);
	write_msr(MSR_LSTAR, (u64)syscall_entry);
	write_msr(MSR_FMASK, ARCH_RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC);
}
