/* The rest of the machine: no buses, the command line, the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#include "kernel/sched.h"

#define PANIC_STATUS 101

static const char *cmdline = "";

/* ---- Buses: none ---- */

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

/* ---- The command line ---- */

void host_set_cmdline(const char *text)
{
	cmdline = text;
}

const char *arch_cmdline(void)
{
	return cmdline;
}

/* ---- The end ---- */

void arch_exit(int status)
{
	host_console_restore();
	if (status == PANIC_STATUS)
		abort(); /* let the sanitizer and the debugger see where */
	if (HOST_LOADS_PROGRAMS)
		_exit(status);
	/* A sanitizer has a last word, which comes with exit: nobody may disturb it. */
	host_stop_others();
	exit(status);
}

void arch_poweroff(void)
{
	arch_exit(0);
}
