/*
 * What runs once the system is up:
 *
 *	ktest=PREFIX	the in-kernel tests; exit status 0 or 1
 *	cmd=COMMAND	the shell with -c COMMAND; its exit status is the machine's (a long COMMAND
 *			comes as the first boot module, announced by cmd-module=1)
 *	(neither)	the interactive shell, started again whenever it ends
 *
 * The last console line is `exit status N`. A person's poweroff with status 0 is ACPI's; every other end
 * goes through QEMU's debug-exit device, which hands the status on.
 */
#include "kernel/init.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define COMMAND_MAX (64 * 1024)

static char *const environment[] = {"PATH=/bin", "HOME=/", "TERM=vt100", NULL};

static bool interactive; /* set once, before the first shell */

/* Wait status as wait(2) has it -> the exit status a shell would show. */
static int exit_code(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

void system_poweroff(int code)
{
	printk("exit status %d", code);
	if (READ_ONCE(interactive) && code == 0)
		arch_poweroff();
	arch_exit(code < 0 || code > 127 ? 127 : code);
}

/* Start a program and wait; its exit code, or 127 when it could not be started. */
static int run(char *const argv[])
{
	struct process *p = process_spawn(argv[0], argv, environment, NULL);
	int status;

	if (IS_ERR(p)) {
		printk("init: cannot start %s: error %ld", argv[0], -PTR_ERR(p));
		return 127;
	}
	status = process_wait(p);
	process_put(p);
	return exit_code(status);
}

/* The command: cmd=, or with cmd-module=1 the text of the first boot module. False: none. */
static bool get_command(char *buf, size_t size)
{
	u64 phys, bytes;

	if (cmdline_get_u64("cmd-module", 0) && arch_boot_module(0, &phys, &bytes)) {
		bytes = MIN(bytes, (u64)size - 1);
		memcpy(buf, arch_phys_to_virt(phys), bytes);
		buf[bytes] = '\0';
		return true;
	}
	return cmdline_get("cmd", buf, size);
}

void init_run(void)
{
	char *command = kmalloc(COMMAND_MAX, ALLOC_WAIT);

	if (!command)
		panic("no memory for the command line");
	if (cmdline_get("ktest", command, COMMAND_MAX))
		system_poweroff(ktest_run(command) ? 1 : 0);
	if (get_command(command, COMMAND_MAX)) {
		char *argv[] = {"sh", "-c", command, NULL};

		system_poweroff(run(argv));
	}
	WRITE_ONCE(interactive, true);
	for (;;) {
		char *argv[] = {"sh", NULL};

		if (run(argv) == 127)
			system_poweroff(127);
	}
}
