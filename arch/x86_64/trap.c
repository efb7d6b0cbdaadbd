/*
 * Exceptions. In this order: an instruction of the exception table (a copy from or to program memory)
 * continues at its fix-up; an exception in program code ends that program; anything else is our own bug
 * and panics with registers and a back-trace, from the IST stack when the kernel stack is exhausted.
 *
 * Context: trap_dispatch_in_place runs on an IST stack with interrupts off and must not sleep;
 * trap_dispatch runs on the thread's kernel stack.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/process.h"

#define VECTOR_NMI	     2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_GP	     13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define NR_EXCEPTIONS	     32
#define PF_WRITE	     0x02u
#define PF_FETCH	     0x10u

struct extable_row {
	u64 address, fixup;
};
extern const struct extable_row __start_extable[], __stop_extable[];

/* Signal numbers are Linux's: what wait status a program that did this dies with. */
static const struct {
	const char *name;
	u8 signal;
} exceptions[NR_EXCEPTIONS] = {
	[0] = {"divide error", 8},
	[1] = {"debug trap", 5},
	[3] = {"breakpoint", 5},
	[4] = {"overflow", 11},
	[5] = {"bound range", 11},
	[6] = {"illegal instruction", 4},
	[7] = {"no FPU", 8},
	[8] = {"double fault", 11},
	[10] = {"invalid TSS", 11},
	[11] = {"segment not present", 7},
	[12] = {"stack segment fault", 7},
	[13] = {"protection fault", 11},
	[14] = {"page fault", 11},
	[16] = {"FPU error", 8},
	[17] = {"alignment check", 7},
	[18] = {"machine check", 7},
	[19] = {"SIMD error", 8},
};

static const char *exception_name(u64 vector)
{
	const char *name = vector < NR_EXCEPTIONS ? exceptions[vector].name : NULL;

	return name ? name : "reserved exception";
}

static bool fix_up(struct arch_regs *regs)
{
	for (const struct extable_row *r = __start_extable; r < __stop_extable; r++)
		if (r->address == regs->rip) {
			regs->rip = r->fixup;
			return true;
		}
	return false;
}

/*
 * Program code: RIP or RSP is below USER_TOP (a broken program's RSP may be anywhere). Not when RSP is on
 * the thread's kernel stack: then the kernel itself jumped to a wild address.
 */
static bool from_program(const struct arch_regs *regs)
{
	const struct thread *t = current;

	if (!t || !t->process || regs->rsp - (u64)t->stack <= KSTACK_SIZE)
		return false;
	return regs->rip < USER_TOP || regs->rsp < USER_TOP;
}

static const char *fault_kind(const struct arch_regs *regs)
{
	if (regs->vector != VECTOR_PAGE_FAULT)
		return exception_name(regs->vector);
	if (regs->error & PF_FETCH)
		return "jump to unmapped or non-executable memory";
	return regs->error & PF_WRITE ? "invalid write" : "invalid read";
}

static __noreturn void kernel_fault(const struct arch_regs *regs, u64 address)
{
	/* panic() asks for a back-trace once it owns the console: then these registers are printed. */
	this_cpu_write(arch_fault_regs, regs);
	if (regs->vector == VECTOR_PAGE_FAULT && kstack_is_guard(address))
		panic("kernel stack overflow at %#llx", (unsigned long long)address);
	if (regs->vector == VECTOR_PAGE_FAULT)
		panic("%s at %#llx", fault_kind(regs), (unsigned long long)address);
	panic("%s, error code %#llx", exception_name(regs->vector),
		(unsigned long long)regs->error);
}

static void program_exception(struct arch_regs *regs)
{
	u8 signal = exceptions[regs->vector].signal;
	u64 address = 0;

	/* Saved by the page-fault handler before another fault could change CR2. */
	if (regs->vector == VECTOR_PAGE_FAULT)
		address = this_cpu_read(arch_fault_address);
	arch_irq_enable();
	print_regs(regs);
	backtrace_from(regs->rip, regs->rbp);
	program_fault(signal ? signal : 11, fault_kind(regs), regs->rip, address);
	program_return();
	arch_irq_disable();
}

/* Interrupts and most exceptions, the frame moved to the interrupted thread's kernel stack. */
void trap_dispatch(struct arch_regs *regs)
{
	if (regs->vector >= NR_EXCEPTIONS) {
		irq_dispatch(regs);
		return;
	}
	if (from_program(regs)) {
		program_exception(regs);
		return;
	}
	if (regs->vector == VECTOR_GP && fix_up(regs))
		return;
	kernel_fault(regs, 0);
}

/*
 * Returns NULL to go back to where it came from, or the frame (moved to the kernel stack) that
 * trap_dispatch is to handle there.
 */
struct arch_regs *trap_dispatch_in_place(struct arch_regs *regs)
{
	struct arch_regs *moved;
	u64 address = 0;

	if (regs->vector == VECTOR_NMI) {
		nmi_handle(regs);
		return NULL;
	}
	if (regs->vector == VECTOR_PAGE_FAULT) {
		address = read_cr2();
		if (!from_program(regs) && fix_up(regs))
			return NULL;
	}
	if (!from_program(regs) || regs->vector == VECTOR_DOUBLE_FAULT ||
		regs->vector == VECTOR_MACHINE_CHECK)
		kernel_fault(regs, address);
	this_cpu_write(arch_fault_address, address);
	moved = (struct arch_regs *)this_cpu_read(arch_stack_top) - 1;
	*moved = *regs;
	return moved;
}
