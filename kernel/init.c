/*
 * What runs once the system is up:
 *
 *	ktest=PREFIX	the in-kernel tests; exit status 0 or 1
 *	cmd=COMMAND	the shell with -c COMMAND; its exit status is the machine's (a long COMMAND
 *			comes as the first boot module, announced by cmd-module=1)
 *	(neither)	the interactive shell, started again whenever it ends; once the console is hung
 *			up its exit status is the machine's
 *
 * The last console line is `exit status N`. A person's poweroff with status 0 is ACPI's; every other end
 * goes through QEMU's debug-exit device, which hands the status on.
 */
#include "kernel/init.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/ktest.h"
#include "kernel/leaks.h"
#include "kernel/process_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/trace.h"
#include "vfs/mount.h"

#define COMMAND_MAX (64 * 1024)
#define LEAK_STATUS 99 /* of a debug kernel that has not got everything back */
#define NO_STATUS   (-65536)
#define END_TRIES   5000 /* looks, a millisecond apart, whether the programs have gone */

static char *const environment[] = {"PATH=/bin", "HOME=/", "TERM=vt100", NULL};

static bool interactive; /* set once, before the first shell */
/* What the machine is to end with, once somebody has said so; atomic. */
static int end_status = NO_STATUS;

/* Wait status as wait(2) has it -> the exit status a shell would show. */
static int exit_code(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

static __noreturn void end_machine(int code)
{
	printk("exit status %d", code);
	if (READ_ONCE(interactive) && code == 0)
		arch_poweroff();
	arch_exit(code < 0 || code > 127 ? 127 : code);
}

static void kill_and_count(struct process *p, void *nr)
{
	if (READ_ONCE(p->exited))
		return;
	++*(unsigned *)nr;
	process_kill(p, SIGKILL);
}

/* The last program is gone; false: one does not go. Context: may sleep. */
static bool end_programs(void)
{
	unsigned running;

	for (unsigned i = 0; i < END_TRIES; i++) {
		running = 0;
		process_for_each(kill_and_count, &running);
		if (!running)
			return true;
		sleep_ns(NSEC_PER_MSEC);
	}
	printk("programs that do not end: %u; what is left is not counted", running);
	return false;
}

/* Context: the first thread. A program may have been faster, and have its status. */
static __noreturn void end(int code)
{
	int nobody = NO_STATUS;

	if (!atomic_cas(&end_status, &nobody, code))
		code = nobody;
	if (LEAKS_COUNTED && end_programs()) {
		/* A debug kernel takes everything down and looks whether it has everything back. */
		trace_release();
		mount_shutdown();
		if (!leak_end())
			code = LEAK_STATUS;
	}
	end_machine(code);
}

/* Ends the programs, and with them what the first thread waits for. */
static void poweroff_main(void *arg)
{
	(void)arg;
	if (!end_programs())
		end_machine(READ_ONCE(end_status));
}

void system_poweroff(int code)
{
	int nobody = NO_STATUS;
	struct thread *t;

	if (!atomic_cas(&end_status, &nobody, code))
		return;
	t = LEAKS_COUNTED ? thread_create("poweroff", poweroff_main, NULL) : NULL;
	if (!t)
		end_machine(code);
	process_kill(current->process, SIGKILL); /* it does not return to its program */
	thread_start(t);
	thread_put(t);
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
	if (cmdline_get("ktest", command, COMMAND_MAX)) {
		int failed = ktest_run(command);

		kfree(command);
		end(failed ? 1 : 0);
	}
	if (get_command(command, COMMAND_MAX)) {
		char *argv[] = {"sh", "-c", command, NULL};
		int status;

		faults_begin_by_cmdline();
		status = run(argv);
		faults_end_by_cmdline();
		kfree(command);
		end(status);
	}
	kfree(command);
	WRITE_ONCE(interactive, true);
	for (;;) {
		char *argv[] = {"sh", NULL};
		int status = run(argv);

		if (status == 127 || console_is_hung_up() || READ_ONCE(end_status) != NO_STATUS)
			end(status);
	}
}
