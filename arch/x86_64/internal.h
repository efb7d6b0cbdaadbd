/* What the files of this port share. Nothing outside arch/x86_64 includes it. */
#pragma once

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "kernel/atomic.h"
#include "kernel/percpu.h"

/* The registers of interrupted code, as entry.S pushes them. */
struct arch_regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* ---- Instructions ---- */
static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}
static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u64 read_msr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (u64)high << 32 | low;
}
static inline void write_msr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline u64 read_cr2(void)
{
	u64 v;

	__asm__ volatile("movq %%cr2, %0" : "=r"(v));
	return v;
}
static inline void write_cr3(u64 v)
{
	__asm__ volatile("movq %0, %%cr3" ::"r"(v) : "memory");
}
struct cpuid_result {
	u32 eax, ebx, ecx, edx;
};
static inline struct cpuid_result cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_result r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}
/* Device registers: one access of that width, in program order. */
static inline u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}
static inline void mmio_write32(volatile void *p, u32 v)
{
	*(volatile u32 *)p = v;
}

/* ---- boot.S, linker.ld ---- */
extern char __text_start[], __text_end[], __rodata_end[], __kernel_end[];
extern char __start_percpu[], __stop_percpu[];
extern char boot_stack_guard[], boot_stack_end[], boot_pml4[];
extern char trampoline_start[], trampoline_end[];
__noreturn void x86_boot(u64 start_info_phys);
__noreturn void x86_secondary(unsigned cpu);

/* ---- bootinfo.c: what the loader told us ---- */
void bootinfo_init(u64 start_info_phys);
u64 bootinfo_rsdp(void);
/* The i-th range of RAM as the loader gave it, kernel and modules included. */
bool bootinfo_ram(unsigned i, u64 *start, u64 *end);
/* Zeroed pages before the page allocator exists, below 4 GiB; panics when there are none. */
void *boot_alloc(size_t size);
/* True from the moment the usable ranges were given away: boot_alloc is closed. */
bool boot_alloc_closed(void);

/* ---- cpu.c: descriptors, control registers, features ---- */
struct cpu_features {
	bool gigabyte_pages, fsgsbase, xsave, xsaveopt, x2apic, tsc_deadline;
	u64 xsave_mask;
	u32 fpu_size; /* bytes of an FPU save area */
};
extern struct cpu_features cpu_features;
void cpu_detect(void);
/* Control registers, GDT, TSS, IDT, system-call MSRs of this CPU. ist_tops[i] is IST i+1. */
void cpu_init(unsigned cpu, const u64 ist_tops[NR_IST]);
/* Other exception stacks from the next exception on. Context: that CPU, or before it runs. */
void cpu_set_ist(unsigned cpu, const u64 ist_tops[NR_IST]);

/* ---- entry.S ---- */
extern char trap_gates[], syscall_entry[], syscall_exit[], syscall_exit_end[];
extern char thread_first_run[];
struct thread *switch_stacks(struct thread *prev, struct thread *next);
__noreturn void enter_program(u64 pc, u64 sp);
__noreturn void enter_clone(void *frame);
void trap_dispatch(struct arch_regs *regs);
struct arch_regs *trap_dispatch_in_place(struct arch_regs *regs);
DECLARE_PERCPU(u64, arch_stack_top);
DECLARE_PERCPU(u64, arch_program_sp);
/* Of the last page fault of program code, until it is handled. */
DECLARE_PERCPU(u64, arch_fault_address);

/* ---- fpu.c ---- */
void fpu_init(void);

/* ---- paging.c ---- */
extern u64 kernel_cr3;
/* The final tables: direct map and kernel image with their protections; switches to them. */
void paging_init(void);
/* Map a physical range with the largest pages that fit; boot time and devices only. */
int paging_map_range(u64 virt, u64 phys, u64 size, unsigned flags, bool large);
/* ARCH_MAP_* of the page at virt, or PAGING_NOT_MAPPED. */
#define PAGING_NOT_MAPPED 0x80000000u
unsigned paging_flags(u64 virt);
void tlb_flush_local(u64 start, u64 end);
/* As arch_tlb_flush, also on idle CPUs at once: page tables are given back. Context: the same. */
void tlb_flush_everywhere(u64 start, u64 end);
/* Out of the idle wait, before anything is done there. Context: this CPU, interrupts off or idle. */
void tlb_leave_lazy(void);
/* Firmware tables: mapped read-only and cached, for good. NULL for a hopeless address. */
const void *map_firmware(u64 phys, size_t size);
bool kstack_is_guard(u64 address);
/* Context: the allocators are there. */
void kstack_init(void);

/* ---- acpi.c ---- */
struct acpi_info {
	unsigned nr_cpus;
	u32 apic_ids[MAX_CPUS];
	u64 lapic_phys;
	u32 ioapic_phys;
	u32 isa_gsi[16];
	bool isa_active_low[16], isa_level[16];
	u64 ecam_phys;
	u8 ecam_first_bus, ecam_last_bus;
	u16 pm1a_control, pm1b_control, pm_timer;
	u16 sleep_type_a, sleep_type_b;
	bool have_sleep;
};
extern struct acpi_info acpi;
void acpi_init(void);

/* ---- lapic.c, ioapic.c ---- */
#define VECTOR_FIRST_DEVICE 0x30
#define VECTOR_LAST_DEVICE  0xef
#define VECTOR_TIMER	    0xf0
#define VECTOR_RESCHED	    0xf1
#define VECTOR_RCU	    0xf2
#define VECTOR_CALL	    0xf3
#define VECTOR_SPURIOUS	    0xff
void lapic_map(void);
void lapic_enable(void);
u32 lapic_id(void);
void lapic_eoi(void);
void lapic_send(u32 apic_id, u32 command);
#define LAPIC_SEND_FIXED 0x00004000u /* + vector */
#define LAPIC_SEND_NMI	 0x00004400u
#define LAPIC_SEND_INIT	 0x00004500u
#define LAPIC_SEND_START 0x00004600u /* + page number */
/* One-shot timer in its own ticks; 0 stops it. */
void lapic_timer_start(u32 ticks);
u32 lapic_timer_left(void);
/* Interrupt after the TSC has reached deadline (only with cpu_features.tsc_deadline). */
void lapic_timer_deadline(u64 tsc);
void ioapic_init(void);
/* Route an ISA interrupt to a vector of a CPU. */
void ioapic_route_isa(unsigned irq, unsigned cpu, u8 vector);

/* ---- irq.c ---- */
DECLARE_PERCPU(u32, arch_apic_id);
void irq_dispatch(struct arch_regs *regs);
/* A free device vector on cpu, or -ENOSPC. */
int irq_vector_alloc(unsigned cpu, void (*fn)(void *arg), void *arg);

/* ---- smp.c ---- */
/* The boot CPU's per-CPU area; keeps a pristine copy of the template for the others. */
void percpu_save_pristine(void);
extern u64 secondary_stack_tops[MAX_CPUS];
extern u32 secondary_ticket, secondary_limit;

/* ---- ipi.c ---- */
void call_ipi(void);
void nmi_handle(const struct arch_regs *regs);

/* ---- time.c ---- */
void time_init(void);
/* Busy wait. */
void delay_ns(u64 ns);

/* ---- pci.c ---- */
void pci_config_init(void);

/* ---- serial.c ---- */
void serial_init(void);

/* ---- backtrace.c ---- */
void print_regs(const struct arch_regs *regs);
void backtrace_from(u64 rip, u64 rbp);
#define BACKTRACE_MAX 24
struct backtrace {
	struct arch_regs regs;
	unsigned n;
	u64 pc[BACKTRACE_MAX];
};
/* What cpu is doing; false when it does not answer, or another CPU is asking already. */
bool backtrace_capture(unsigned cpu, struct backtrace *out);
void backtrace_nmi(const struct arch_regs *regs);
/* Set by a kernel fault: arch_backtrace then starts there, with the registers. */
DECLARE_PERCPU(const struct arch_regs *, arch_fault_regs);
