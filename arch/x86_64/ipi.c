/*
 * One CPU asking others for something: rescheduling and RCU by vector, function calls and TLB flushes
 * on all others, stop (and back-trace: backtrace.c) by NMI, which reaches a CPU with interrupts off.
 *
 * A function call is one at a time in the machine: call_lock is held by the caller until every CPU has
 * run the function. The caller spins with interrupts on, so two callers cannot lock each other up.
 *
 * Locking: call_lock is a raw lock, taken with preemption off, never in an interrupt.
 */
#include "arch/x86_64/internal.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/spinlock.h"

static u32 call_lock;
static void (*call_fn)(void *arg);
static void *call_arg;
static u32 call_pending; /* CPUs that have not run call_fn yet; released by each */
static DEFINE_PERCPU(u32, call_requested);
static u32 stopping;

void arch_send_ipi(unsigned cpu, enum arch_ipi kind)
{
	static const u8 vectors[] = {
		[ARCH_IPI_RESCHED] = VECTOR_RESCHED,
		[ARCH_IPI_RCU] = VECTOR_RCU,
		[ARCH_IPI_CALL] = VECTOR_CALL,
	};
	u32 apic_id = per_cpu(arch_apic_id, cpu);

	switch (kind) {
	case ARCH_IPI_STOP:
		WRITE_ONCE(stopping, 1);
		lapic_send(apic_id, LAPIC_SEND_NMI);
		break;
	default:
		lapic_send(apic_id, LAPIC_SEND_FIXED | vectors[kind]);
	}
}

/* Context: NMI; prints nothing, because what it interrupted may hold the console. */
void nmi_handle(const struct arch_regs *regs)
{
	if (READ_ONCE(stopping))
		for (;;)
			__asm__ volatile("cli; hlt");
	backtrace_nmi(regs);
}

/* Context: interrupt. */
void call_ipi(void)
{
	if (!atomic_xchg(this_cpu_ptr(&call_requested), 0u))
		return;
	call_fn(call_arg);
	atomic_sub(&call_pending, 1u);
}

void arch_call_others(void (*fn)(void *arg), void *arg)
{
	unsigned cpu, self;

	if (nr_cpus == 1)
		return;
	assert(arch_irqs_enabled());
	preempt_disable();
	raw_lock(&call_lock);
	self = this_cpu_id();
	call_fn = fn;
	call_arg = arg;
	WRITE_ONCE(call_pending, nr_cpus - 1);
	for_each_cpu (cpu)
		if (cpu != self) {
			store_release(&per_cpu(call_requested, cpu), 1u);
			arch_send_ipi(cpu, ARCH_IPI_CALL);
		}
	while (load_acquire(&call_pending) != 0)
		arch_cpu_relax();
	raw_unlock(&call_lock);
	preempt_enable();
}

struct flush_range {
	u64 start, end;
};

static void flush_here(void *arg)
{
	const struct flush_range *r = arg;

	tlb_flush_local(r->start, r->end);
}

void arch_tlb_flush(u64 start, u64 end)
{
	struct flush_range range = {start, end};

	/* One CPU for both halves, or a move in between would leave this one out. */
	preempt_disable();
	tlb_flush_local(start, end);
	arch_call_others(flush_here, &range);
	preempt_enable();
}

void arch_idle_wait(void)
{
	/* sti takes effect after the next instruction: nothing can come in between. */
	__asm__ volatile("sti; hlt" ::: "memory");
}
