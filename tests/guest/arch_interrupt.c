/*
 * Interrupt frames lie where entry.S promises: program code keeps its red zone and the handler runs at
 * the top of the thread's kernel stack; kernel code is interrupted on its own stack. IPIs and message
 * interrupts arrive at the CPU they were sent to.
 */
#include "arch/x86_64/internal.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/page.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/string.h"

#define TEST_SLOT  (USER_TOP / USER_SLOT_SIZE - 1)
#define TEST_STACK (TEST_SLOT * USER_SLOT_SIZE)
#define ROUNDS	   8

static u64 handler_sp;
static u32 handler_runs;

static void note_stack(struct timer *t)
{
	(void)t;
	WRITE_ONCE(handler_sp, (u64)__builtin_frame_address(0));
	WRITE_ONCE(handler_runs, handler_runs + 1);
}

/*
 * With RSP at sp: fill the 128 bytes below it, interrupts on, wait until *runs differs from old, and
 * count the words that changed. Like compiled program code. Context: interrupts off.
 */
static u64 spin_with_red_zone(u64 sp, const u32 *runs, u32 old)
{
	u64 changed = 0;

	__asm__ volatile("movq %%rsp, %%r12\n\t"
			 "movq %[sp], %%rsp\n\t"
			 "movl $16, %%ecx\n"
			 "1:\tnegq %%rcx\n\t"
			 "movq %%rcx, (%%rsp, %%rcx, 8)\n\t"
			 "negq %%rcx\n\t"
			 "decl %%ecx\n\t"
			 "jnz 1b\n\t"
			 "sti\n"
			 "2:\tpause\n\t"
			 "cmpl %[old], (%[runs])\n\t"
			 "je 2b\n\t"
			 "movl $16, %%ecx\n"
			 "3:\tnegq %%rcx\n\t"
			 "cmpq %%rcx, (%%rsp, %%rcx, 8)\n\t"
			 "je 4f\n\t"
			 "incq %[changed]\n"
			 "4:\tnegq %%rcx\n\t"
			 "decl %%ecx\n\t"
			 "jnz 3b\n\t"
			 "movq %%r12, %%rsp"
			 : [changed] "+r"(changed)
			 : [sp] "r"(sp), [runs] "r"(runs), [old] "r"(old)
			 : "rcx", "r12", "cc", "memory");
	return changed;
}

/* Program interrupts use `top` as this thread's kernel stack from now on. Returns the one before. */
static u64 use_kernel_stack(u64 top)
{
	u64 flags = arch_irq_save(), before = current->arch.stack_top;

	current->arch.stack_top = top;
	this_cpu_write(arch_stack_top, top);
	arch_irq_restore(flags);
	return before;
}

KTEST(arch_interrupt_spares_the_red_zone)
{
	struct page *page = page_alloc(0, ALLOC_WAIT);
	void *kstack = arch_kstack_alloc();
	u64 changed = 0, before, misplaced = 0;
	struct timer timer;

	KT_CHECK(page && kstack);
	KT_EQ(arch_map_page(TEST_STACK, page_phys(page), ARCH_MAP_WRITE), 0);
	timer_setup(&timer, note_stack);
	/* This thread's own kernel stack is in use below; program code would have left it. */
	before = use_kernel_stack((u64)kstack + KSTACK_SIZE);
	for (unsigned i = 0; i < ROUNDS; i++) {
		u32 old = READ_ONCE(handler_runs);

		preempt_disable();
		arch_irq_disable(); /* not before it is on the low stack */
		timer_arm(&timer, clock_ns() + NSEC_PER_MSEC);
		/* Also misaligned: the CPU and the move must cope with any RSP. */
		changed += spin_with_red_zone(TEST_STACK + PAGE_SIZE - 64 - i, &handler_runs, old);
		preempt_enable();
		misplaced += READ_ONCE(handler_sp) - (u64)kstack >= KSTACK_SIZE;
	}
	use_kernel_stack(before);
	arch_unmap_page(TEST_STACK);
	arch_tlb_flush(TEST_STACK, TEST_STACK + PAGE_SIZE);
	arch_slot_release(TEST_SLOT);
	page_put(page);
	arch_kstack_free(kstack);
	KT_EQ(changed, 0);
	KT_EQ(misplaced, 0);
}

KTEST(arch_interrupt_of_kernel_code_stays_on_its_stack)
{
	u32 old = READ_ONCE(handler_runs);
	u64 here = (u64)__builtin_frame_address(0), sp;
	struct timer timer;

	timer_setup(&timer, note_stack);
	preempt_disable();
	timer_arm(&timer, clock_ns() + NSEC_PER_MSEC);
	while (READ_ONCE(handler_runs) == old)
		arch_cpu_relax();
	preempt_enable();
	sp = READ_ONCE(handler_sp);
	KT_CHECK(sp < here && sp >= (u64)current->stack);
}

static u32 calls[MAX_CPUS];

static void count_call(void *arg)
{
	if (in_interrupt())
		atomic_add((u32 *)arg + this_cpu_id(), 1u);
}

KTEST(arch_call_others_runs_once_on_every_other_cpu)
{
	unsigned cpu, self;

	for_each_cpu (cpu)
		WRITE_ONCE(calls[cpu], 0);
	preempt_disable();
	self = this_cpu_id();
	for (unsigned i = 0; i < ROUNDS; i++)
		arch_call_others(count_call, calls);
	preempt_enable();
	for_each_cpu (cpu)
		KT_EQ(READ_ONCE(calls[cpu]), cpu == self ? 0 : ROUNDS);
}

KTEST(arch_msi_reaches_its_cpu)
{
	unsigned cpu;

	for_each_cpu (cpu) {
		u64 address;
		u32 data;

		WRITE_ONCE(calls[cpu], 0);
		KT_EQ(arch_msi_alloc(cpu, count_call, calls, &address, &data), 0);
		KT_CHECK(data >= VECTOR_FIRST_DEVICE && data <= VECTOR_LAST_DEVICE);
		KT_EQ(address, 0xfee00000ull | (u64)per_cpu(arch_apic_id, cpu) << 12);
		/* What the device's write becomes on the interrupt bus. */
		lapic_send(per_cpu(arch_apic_id, cpu), LAPIC_SEND_FIXED | data);
		while (READ_ONCE(calls[cpu]) == 0)
			arch_cpu_relax();
		KT_EQ(READ_ONCE(calls[cpu]), 1);
	}
	KT_EQ(arch_msi_alloc(nr_cpus, count_call, calls, NULL, NULL), -ENOSPC);
}

static u32 deaf, stop_being_deaf;

static __noinline void spin_with_interrupts_off(void *arg)
{
	u64 flags = arch_irq_save();

	(void)arg;
	store_release(&deaf, 1u);
	while (!load_acquire(&stop_being_deaf))
		arch_cpu_relax();
	arch_irq_restore(flags);
	store_release(&deaf, 0u);
}

KTEST(arch_backtrace_reaches_a_cpu_with_interrupts_off)
{
	struct backtrace b;
	struct thread *t;
	char name[80];
	bool answered;

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	WRITE_ONCE(stop_being_deaf, 0);
	t = thread_create("deaf", spin_with_interrupts_off, NULL);
	KT_CHECK(t);
	thread_bind(t, this_cpu_id() == 1 ? 0 : 1);
	thread_start(t);
	while (!load_acquire(&deaf))
		yield();
	answered = backtrace_capture(t->bound_cpu, &b);
	store_release(&stop_being_deaf, 1u);
	while (load_acquire(&deaf))
		yield();
	thread_put(t);
	KT_CHECK(answered);
	arch_symbolize(b.pc[0], name, sizeof(name));
	KT_CHECK(strncmp(name, "spin_with_interrupts_off", 24) == 0);
	/* It has no frame, so its caller may be missing; the bottom of the stack is not. */
	KT_CHECK(b.n >= 2);
	arch_symbolize(b.pc[b.n - 1], name, sizeof(name));
	KT_CHECK(strncmp(name, "thread_first_run", 16) == 0);
}
