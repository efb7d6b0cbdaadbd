/*
 * build/host/unlazy: the kernel as a Linux program.
 *
 *	unlazy [--disk IMAGE]... [--cpus N] [--mem MIB] [--ktest PREFIX] [KEY=VALUE]... [-- COMMAND]
 *
 * KEY=VALUE go to the kernel command line as they are. The exit status is the command's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/entry.h"

#define DEFAULT_CPUS 4
#define DEFAULT_MIB  512
#define CMDLINE_SIZE 4096
#define COMMAND_SIZE (64 * 1024)

static const char usage[] =
	"usage: unlazy [--disk IMAGE]... [--cpus N] [--mem MIB] [--ktest PREFIX] [KEY=VALUE]...\n"
	"              [-- COMMAND]\n";

static char cmdline[CMDLINE_SIZE];
static char command[COMMAND_SIZE];

static __noreturn void bad_usage(const char *what)
{
	fprintf(stderr, "unlazy: %s\n%s", what, usage);
	exit(2);
}

static void append(char *buf, size_t size, const char *text)
{
	size_t at = strlen(buf);

	if (snprintf(buf + at, size - at, "%s%s", at ? " " : "", text) >= (int)(size - at))
		bad_usage("too many arguments");
}

static u64 number(const char *text, u64 most)
{
	char *end;
	u64 n = text ? strtoull(text, &end, 10) : 0;

	if (!text || *end || n == 0 || n > most)
		bad_usage("not a number in range");
	return n;
}

int main(int argc, char **argv)
{
	u64 cpus = DEFAULT_CPUS, mib = DEFAULT_MIB;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--disk") == 0 && i + 1 < argc) {
			if (!host_disk_add(argv[++i]))
				return 2;
		} else if (strcmp(argv[i], "--cpus") == 0) {
			cpus = number(argv[++i], MAX_CPUS);
		} else if (strcmp(argv[i], "--mem") == 0) {
			mib = number(argv[++i], 1 << 20);
		} else if (strcmp(argv[i], "--ktest") == 0 && i + 1 < argc) {
			append(cmdline, sizeof(cmdline), "ktest=");
			strcat(cmdline, argv[++i]);
		} else if (argv[i][0] != '-' && strchr(argv[i], '=')) {
			append(cmdline, sizeof(cmdline), argv[i]);
		} else {
			bad_usage(argv[i]);
		}
	}
	for (i++; i < argc; i++)
		append(command, sizeof(command), argv[i]);

	host_memory_init(mib << 20);
	if (HOST_LOADS_PROGRAMS && !host_programs_reserve()) {
		fprintf(stderr, "unlazy: the programs' addresses are taken\n");
		return 2;
	}
	if (command[0]) {
		host_add_module(command, strlen(command));
		append(cmdline, sizeof(cmdline), "cmd-module=1");
	}
	host_set_cmdline(cmdline);
	host_set_cpus((unsigned)cpus);
	host_console_init();
	host_signals_init();
	host_signals_init_cpu(&host_cpus[0]);
	host_timer_start();
	kernel_main();
}
