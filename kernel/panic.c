/*
 * The end: stop every CPU, say what happened, leave with status 101.
 *
 * Only the first CPU to panic prints. Another CPU that panics meanwhile waits for the end; a panic while
 * printing this one ends the machine without a further word.
 */
#include "kernel/panic.h"
#include "kernel/console.h"
#include "kernel/console_internal.h"
#include "kernel/sched.h"

#define PANIC_STATUS 101

static u32 panicking; /* the CPU, plus one */

void panic(const char *fmt, ...)
{
	char text[384];
	__builtin_va_list ap;
	u32 first = 0;

	arch_irq_disable();
	if (!atomic_cas(&panicking, &first, this_cpu_id() + 1)) {
		if (first == this_cpu_id() + 1)
			arch_exit(PANIC_STATUS);
		for (;;)
			arch_cpu_relax();
	}
	preempt_disable();
	console_bypass_lock();
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != this_cpu_id())
			arch_send_ipi(cpu, ARCH_IPI_STOP);

	__builtin_va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	printk("\nPANIC on CPU %u in thread %s: %s", this_cpu_id(),
		current ? current->name : "(boot)", text);
	arch_backtrace();
	printk("panic=exit: stopping with status %d", PANIC_STATUS);
	arch_exit(PANIC_STATUS);
}
