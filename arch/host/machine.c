/*
 * The rest of the machine: clock and timer, console, one CPU without peers, the end.
 *
 * The timer is polled: a due one "interrupts" in arch_idle_wait. When every thread sleeps and no timer
 * is armed nothing can ever happen again, and the test is aborted.
 */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/entry.h"

static u64 timer_deadline = ~0ull;

u64 arch_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

u64 arch_rtc_seconds(void)
{
	return (u64)time(NULL);
}

void arch_timer_arm(u64 deadline_ns)
{
	timer_deadline = deadline_ns;
}

void arch_idle_wait(void)
{
	u64 now = arch_clock_ns();

	if (timer_deadline == ~0ull) {
		fprintf(stderr, "every thread sleeps and nothing can wake one\n");
		abort();
	}
	while (now < timer_deadline) {
		struct timespec ts = {0, (long)MIN(timer_deadline - now, NSEC_PER_MSEC)};

		nanosleep(&ts, NULL);
		now = arch_clock_ns();
	}
	timer_deadline = ~0ull;
	irq_enter();
	timer_interrupt();
	irq_exit();
}

/* ---- CPUs ---- */

void arch_smp_start(void)
{
}

void arch_send_ipi(unsigned cpu, enum arch_ipi kind)
{
	(void)cpu, (void)kind;
}

void arch_call_others(void (*fn)(void *arg), void *arg)
{
	(void)fn, (void)arg;
}

/* ---- Devices: none ---- */

int arch_msi_alloc(unsigned cpu, void (*fn)(void *arg), void *arg, u64 *address, u32 *data)
{
	(void)cpu, (void)fn, (void)arg, (void)address, (void)data;
	return -ENOSPC;
}

u32 arch_pci_read(u16 bdf, u16 offset, unsigned size)
{
	(void)bdf, (void)offset, (void)size;
	return ~0u;
}

void arch_pci_write(u16 bdf, u16 offset, unsigned size, u32 value)
{
	(void)bdf, (void)offset, (void)size, (void)value;
}

bool arch_boot_module(unsigned i, u64 *phys, u64 *size)
{
	(void)i, (void)phys, (void)size;
	return false;
}

const char *arch_cmdline(void)
{
	return "";
}

/* ---- Console and end ---- */

void arch_console_putc(char c)
{
	if (c != '\r')
		putchar(c);
}

void arch_console_irq_enable(void)
{
}

void arch_exit(int status)
{
	fflush(stdout);
	if (status == 101)
		abort(); /* a panic: let the sanitizer and the debugger see where */
	exit(status);
}

void arch_poweroff(void)
{
	arch_exit(0);
}

void arch_backtrace(void)
{
	void *frames[32];

	fflush(stdout);
	backtrace_symbols_fd(frames, backtrace(frames, 32), STDOUT_FILENO);
}

void arch_backtrace_thread(const struct thread *t)
{
	(void)t;
}

/* There is one CPU. */
void arch_backtrace_cpu(unsigned cpu)
{
	(void)cpu;
	arch_backtrace();
}

void arch_symbolize(u64 address, char *buf, size_t size)
{
	snprintf(buf, size, "0x%llx", (unsigned long long)address);
}
