/*
 * One CPU asking others for something: rescheduling and RCU by vector, function calls and TLB flushes
 * on all others, stop (and back-trace: backtrace.c) by NMI, which reaches a CPU with interrupts off.
 *
 * A function call is one at a time in the machine: call_lock is held by the caller until every CPU has
 * run the function. The caller spins with interrupts on, so two callers cannot lock each other up.
 *
 * A CPU in its idle wait is not woken for a TLB flush: it is told to flush before it does anything
 * else (tlb_state). Programs start and end, and waking every idle CPU for each of their unmappings
 * would be most of that work.
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

/* ACTIVE: flushes by interrupt. LAZY: waits in idle. STALE: the same, and must flush when it leaves. */
enum { TLB_ACTIVE, TLB_LAZY, TLB_STALE };
static DEFINE_PERCPU(u32, tlb_state); /* atomic */

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

/* Run fn on the CPUs in the mask, which the caller is not. Context: preemption off, interrupts on. */
static void call_cpus(u64 cpus, void (*fn)(void *arg), void *arg)
{
	unsigned cpu;

	assert(arch_irqs_enabled());
	raw_lock(&call_lock);
	call_fn = fn;
	call_arg = arg;
	WRITE_ONCE(call_pending, 0);
	for_each_cpu (cpu)
		if (cpus & 1ull << cpu) {
			atomic_add(&call_pending, 1u);
			store_release(&per_cpu(call_requested, cpu), 1u);
			arch_send_ipi(cpu, ARCH_IPI_CALL);
		}
	while (load_acquire(&call_pending) != 0)
		arch_cpu_relax();
	raw_unlock(&call_lock);
}

/* Context: preemption off. */
static u64 other_cpus(void)
{
	u64 all = nr_cpus == 64 ? ~0ull : (1ull << nr_cpus) - 1;

	return all & ~(1ull << this_cpu_id());
}

void arch_call_others(void (*fn)(void *arg), void *arg)
{
	preempt_disable();
	if (nr_cpus > 1)
		call_cpus(other_cpus(), fn, arg);
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

void tlb_flush_everywhere(u64 start, u64 end)
{
	struct flush_range range = {start, end};

	/* One CPU for both halves, or a move in between would leave this one out. */
	preempt_disable();
	tlb_flush_local(start, end);
	arch_call_others(flush_here, &range);
	preempt_enable();
}

/*
 * Of cpus, those that must be interrupted. The exchange is a full barrier between the change of the
 * page tables and the look at the state; partner: the one in tlb_leave_lazy, before the tables are used.
 */
static u64 not_lazy(u64 cpus)
{
	unsigned cpu;

	for_each_cpu (cpu)
		if (cpus & 1ull << cpu) {
			u32 state = TLB_LAZY;

			if (atomic_cas(&per_cpu(tlb_state, cpu), &state, (u32)TLB_STALE) ||
				state == TLB_STALE)
				cpus &= ~(1ull << cpu);
		}
	return cpus;
}

void arch_tlb_flush(u64 start, u64 end)
{
	struct flush_range range = {start, end};
	u64 cpus;

	preempt_disable();
	tlb_flush_local(start, end);
	cpus = not_lazy(other_cpus());
	if (cpus)
		call_cpus(cpus, flush_here, &range);
	preempt_enable();
}

void tlb_leave_lazy(void)
{
	if (likely(this_cpu_read(tlb_state) == TLB_ACTIVE))
		return;
	if (atomic_xchg(this_cpu_ptr(&tlb_state), (u32)TLB_ACTIVE) == TLB_STALE)
		tlb_flush_local(0, ~0ull);
}

void arch_idle_wait(void)
{
	atomic_xchg(this_cpu_ptr(&tlb_state), (u32)TLB_LAZY);
	/* sti takes effect after the next instruction: nothing can come in between. */
	__asm__ volatile("sti; hlt" ::: "memory");
	tlb_leave_lazy(); /* unless the interrupt has (an NMI has not) */
}
