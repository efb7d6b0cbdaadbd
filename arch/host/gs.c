/*
 * The hosted CPUs as data, and CPU 0 given to the thread that starts: from then on per-CPU variables work.
 * A file of its own, because the tests that bring a kernel of their own need it and nothing else.
 */
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/host/host.h"

struct host_cpu host_cpus[MAX_CPUS] = {
	[0] = {.self = &host_cpus[0], .deadline = ~0ull},
};

__attribute__((constructor)) static void become_cpu_0(void)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, &host_cpus[0]);
}
