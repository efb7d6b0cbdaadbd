/*
 * What a port calls: the other half of arch/arch.h.
 *
 * Boot. The port sets up CPU 0's per-CPU area (a copy of the pristine .percpu section), its early
 * console and its memory map, and calls kernel_main() with interrupts off on a boot stack. For each
 * further CPU arch_smp_start() makes the per-CPU area, calls sched_prepare_cpu(), boots the CPU on
 * that thread's stack and ends in sched_idle().
 *
 * Interrupts. Every handler that is not an NMI is wrapped:
 *
 *	irq_enter();
 *	... acknowledge, call the device's or IPI's function ...
 *	irq_exit();             may switch to another thread; interrupts are off before and after
 *	if (returning to program code)
 *		program_return();
 *
 * A handler runs with interrupts off. On x86-64 the frame is on the interrupted thread's kernel
 * stack by then, so irq_exit() can switch.
 *
 * Sections the linker script must keep together, with __start_NAME and __stop_NAME around them:
 * ktests (struct ktest), .percpu, and .symbols at the end of the read-only data.
 */
#pragma once

#include "kernel/sched.h"
#include "kernel/syscall.h"

__noreturn void kernel_main(void);

/*
 * Make the idle thread of a further CPU and set its per-CPU state: current_thread, cpu_number,
 * preempt_word. The port uses thread->stack .. thread->stack + KSTACK_SIZE as boot stack.
 * Returns NULL when memory is short.
 */
struct thread *sched_prepare_cpu(unsigned cpu);

/*
 * First thing a new thread does: finishes the switch to it (the previous thread's run queue is still
 * locked) and enables interrupts and preemption. The entry that kernel/sched.c hands to
 * arch_thread_init does so itself; only a port's own entry (arch_clone_program) must call it.
 */
void sched_thread_begin(void);

/* Around every interrupt. Context: interrupts off. */
void irq_enter(void);
void irq_exit(void);

/* What an IPI of that kind does on the CPU that receives it (between irq_enter and irq_exit). */
void sched_resched_ipi(void); /* ARCH_IPI_RESCHED */
void rcu_ipi(void);	      /* ARCH_IPI_RCU */

/* Run before every return to program code, with interrupts on or off; leaves only alive threads. */
void program_return_slow(void);
static __always_inline void program_return(void)
{
	if (unlikely(READ_ONCE(current->flags) & THREAD_KILLED))
		program_return_slow();
}

/*
 * Program code raised an exception: signal is the number the program dies of (SIGSEGV 11, SIGBUS 7,
 * SIGFPE 8, SIGILL 4, SIGTRAP 5), kind a word for the console, address the faulting address or 0.
 * Prints one line and marks the process killed; the port prints the registers before, and calls
 * program_return() after. Context: interrupts on.
 */
void program_fault(int signal, const char *kind, u64 pc, u64 address);

/*
 * The table the system-call entry indexes. An absent number (or one beyond the table) goes to
 * syscall_unknown(). The entry enables interrupts before the call and runs program_return() after.
 */
#define SYSCALL_TABLE_SIZE 1024
extern syscall_fn *const syscall_table[SYSCALL_TABLE_SIZE];
long syscall_unknown(u64 number);

/* The function an address lies in, from the table linked into the kernel; NULL when in none. */
const char *symbol_lookup(u64 address, u64 *offset);
