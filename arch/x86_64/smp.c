/*
 * The other CPUs. arch_smp_start prepares, for every CPU that the firmware lists, a per-CPU area, an
 * idle thread and exception stacks, then wakes the CPUs one after the other (INIT, start-up IPI). An
 * arriving CPU takes the next number from secondary_ticket, whoever it is: so numbers have no holes when
 * one does not come, and a latecomer finds the door closed (secondary_limit) and halts.
 *
 * Everyone waits at `released` until nr_cpus has its final value.
 *
 * Locking: none; the boot CPU works alone, the tickets are atomic.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/string.h"

#define INIT_DELAY_NS  10000000ull
#define START_RETRY_NS 20000000ull
/* In time-stamp time; emulated CPUs may be scheduled rarely. Longer means "does not exist". */
#define START_TIMEOUT_NS 10000000000ull

DEFINE_PERCPU(u64, arch_percpu_offset);
u64 arch_percpu_offsets[MAX_CPUS];

u64 secondary_stack_tops[MAX_CPUS];
u32 secondary_ticket = 1, secondary_limit;
static u32 arrived = 1, released;
static u64 ist_tops_of[MAX_CPUS][NR_IST];
static void *pristine_percpu;

static size_t percpu_size(void)
{
	return (size_t)(__stop_percpu - __start_percpu);
}

/* Before anyone changes a per-CPU variable. */
void percpu_save_pristine(void)
{
	pristine_percpu = boot_alloc(percpu_size());
	memcpy(pristine_percpu, __start_percpu, percpu_size());
}

static bool prepare_percpu(unsigned cpu)
{
	unsigned order = 0;
	struct page *p;
	void *area;

	while ((PAGE_SIZE << order) < percpu_size())
		order++;
	p = page_alloc(order, ALLOC_WAIT);
	if (!p)
		return false;
	area = page_address(p);
	memcpy(area, pristine_percpu, percpu_size());
	arch_percpu_offsets[cpu] = (u64)area - (u64)__start_percpu;
	per_cpu(arch_percpu_offset, cpu) = arch_percpu_offsets[cpu];
	return true;
}

static bool prepare_exception_stacks(unsigned cpu)
{
	for (unsigned i = 0; i < NR_IST; i++) {
		void *stack = arch_kstack_alloc();

		if (!stack)
			return false;
		ist_tops_of[cpu][i] = (u64)stack + KSTACK_SIZE;
	}
	return true;
}

/* Everything cpu needs to run; false when memory is short. */
static bool prepare_cpu(unsigned cpu)
{
	struct thread *idle;

	if (!prepare_percpu(cpu) || !prepare_exception_stacks(cpu))
		return false;
	idle = sched_prepare_cpu(cpu);
	if (!idle)
		return false;
	secondary_stack_tops[cpu] = (u64)idle->stack + KSTACK_SIZE;
	per_cpu(arch_stack_top, cpu) = secondary_stack_tops[cpu];
	return true;
}

static bool wait_for_arrival(u32 before, u64 timeout_ns)
{
	u64 deadline = arch_clock_ns() + timeout_ns;

	while (load_acquire(&arrived) == before) {
		if (arch_clock_ns() > deadline)
			return false;
		arch_cpu_relax();
	}
	return true;
}

static void wake(u32 apic_id)
{
	u32 start = LAPIC_SEND_START | TRAMPOLINE_PHYS >> PAGE_SHIFT;
	u32 before = load_acquire(&arrived);

	lapic_send(apic_id, start);
	if (wait_for_arrival(before, START_RETRY_NS))
		return;
	lapic_send(apic_id, start);
	if (!wait_for_arrival(before, START_TIMEOUT_NS))
		printk("smp: the CPU with APIC id %u does not answer, going on without it",
			apic_id);
}

void arch_smp_start(void)
{
	u32 self = lapic_id();
	unsigned wanted = 1;

	/* The first call from the kernel with all allocators there: what had to wait for them. */
	fpu_init();
	kstack_init();
	if (!prepare_exception_stacks(0))
		panic("smp: no memory for exception stacks");
	cpu_set_ist(0, ist_tops_of[0]); /* with guard pages, other than the ones from boot */
	for (unsigned i = 0; i < acpi.nr_cpus; i++)
		if (acpi.apic_ids[i] != self) {
			if (!prepare_cpu(wanted)) {
				printk("smp: no memory for more than %u CPUs", wanted);
				break;
			}
			wanted++;
		}
	if (wanted == 1)
		return;
	memcpy(arch_phys_to_virt(TRAMPOLINE_PHYS), trampoline_start,
		(size_t)(trampoline_end - trampoline_start));
	store_release(&secondary_limit, wanted);

	for (unsigned i = 0; i < acpi.nr_cpus; i++)
		if (acpi.apic_ids[i] != self)
			lapic_send(acpi.apic_ids[i], LAPIC_SEND_INIT);
	delay_ns(INIT_DELAY_NS);
	for (unsigned i = 0; i < acpi.nr_cpus && load_acquire(&arrived) < wanted; i++)
		if (acpi.apic_ids[i] != self)
			wake(acpi.apic_ids[i]);

	/* Closed: no ticket below the limit is left, or none will be honoured. */
	atomic_fetch_add(&secondary_ticket, (u32)MAX_CPUS);
	nr_cpus = load_acquire(&arrived);
	store_release(&released, 1u);
}

void x86_secondary(unsigned cpu)
{
	cpu_init(cpu, ist_tops_of[cpu]);
	lapic_enable();
	this_cpu_write(arch_apic_id, lapic_id());
	atomic_add(&arrived, 1u);
	while (!load_acquire(&released))
		arch_cpu_relax();
	sched_idle();
}
