/* The rest of the machine: no buses, the command line, power. */
#include "abi/errno.h"
#include "arch/host/host.h"

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

/* ---- Power ---- */

void arch_poweroff(void)
{
	arch_exit(0);
}
