/*
 * Interrupts by vector: fixed ones (timer, IPIs), and device vectors that are handed out per CPU, each
 * with its function.
 *
 * Locking: vector_lock serialises handing out; a slot is published by its function pointer (release)
 * and never changes again.
 */
#include "arch/x86_64/internal.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/spinlock.h"

#define NR_DEVICE_VECTORS (VECTOR_LAST_DEVICE - VECTOR_FIRST_DEVICE + 1)
/* Where a device writes to interrupt: address bits 12-19 are the APIC id, data the vector. */
#define MSI_ADDRESS 0xfee00000ull

struct vector {
	void (*fn)(void *arg);
	void *arg;
};

DEFINE_PERCPU(u32, arch_apic_id);
static DEFINE_PERCPU(struct vector[NR_DEVICE_VECTORS], vectors);
static struct spinlock vector_lock = SPINLOCK_INIT(RANK_MACHINE);

int irq_vector_alloc(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	u64 flags = spin_lock_irqsave(&vector_lock);
	int result = -ENOSPC;

	for (unsigned i = 0; i < NR_DEVICE_VECTORS; i++) {
		struct vector *v = &per_cpu(vectors[i], cpu);

		if (v->fn)
			continue;
		v->arg = arg;
		store_release(&v->fn, fn);
		result = VECTOR_FIRST_DEVICE + (int)i;
		break;
	}
	spin_unlock_irqrestore(&vector_lock, flags);
	return result;
}

int arch_msi_alloc(unsigned cpu, void (*fn)(void *arg), void *arg, u64 *address, u32 *data)
{
	u32 apic_id;
	int vector;

	if (cpu >= nr_cpus)
		return -ENOSPC;
	apic_id = per_cpu(arch_apic_id, cpu);
	if (apic_id > 255)
		return -ENOSPC;
	vector = irq_vector_alloc(cpu, fn, arg);
	if (vector < 0)
		return vector;
	*address = MSI_ADDRESS | (u64)apic_id << 12;
	*data = (u32)vector;
	return 0;
}

static void device_interrupt(unsigned vector)
{
	struct vector *v = this_cpu_ptr(&vectors[vector - VECTOR_FIRST_DEVICE]);
	void (*fn)(void *) = load_acquire(&v->fn);

	if (fn)
		fn(v->arg);
	else
		printk_ratelimited("irq: nobody waits for vector %u", vector);
}

static void run_vector(unsigned vector)
{
	switch (vector) {
	case VECTOR_TIMER:
		timer_interrupt();
		break;
	case VECTOR_RESCHED:
		sched_resched_ipi();
		break;
	case VECTOR_RCU:
		rcu_ipi();
		break;
	case VECTOR_CALL:
		call_ipi();
		break;
	default:
		if (vector >= VECTOR_FIRST_DEVICE && vector <= VECTOR_LAST_DEVICE)
			device_interrupt(vector);
	}
}

/* Going back to program code: by address, or through the end of the system-call exit. */
static bool returns_to_program(const struct arch_regs *regs)
{
	return (s64)(regs->rip & regs->rsp) >= 0 ||
	       (regs->rip >= (u64)syscall_exit && regs->rip < (u64)syscall_exit_end);
}

void irq_dispatch(struct arch_regs *regs)
{
	unsigned vector = (unsigned)regs->vector;

	if (vector == VECTOR_SPURIOUS || vector < VECTOR_FIRST_DEVICE)
		return; /* spurious ones of the APIC and of the masked old controllers: no EOI */
	tlb_leave_lazy();
	irq_enter();
	run_vector(vector);
	lapic_eoi();
	irq_exit();
	if (returns_to_program(regs))
		program_return();
}
