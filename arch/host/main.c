/*
 * A host test program's main, for tests written with KTEST: bring the kernel up on this Linux process,
 * run the tests linked in, leave with 1 when one failed. A test file with a main of its own does not
 * get this one. There is one CPU and nothing is preempted: what a test starts runs when it waits. With --cpus
 * there are more, and the tests' threads do run side by side (tests/host/tsan.mk links for that).
 *
 *	tests/host/NAME.c -> build/host/bin/NAME [PREFIX]
 *			     build/host/tsan/bin/NAME [--cpus N] [PREFIX]
 */
#include <stdlib.h>
#include <string.h>

#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/ktest.h"
#include "kernel/page.h"
#include "kernel/rcu.h"
#include "kernel/reclaim.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/workqueue.h"

int main(int argc, char **argv);

static const char *prefix = "all";
static unsigned cpus = 1;

static void run_tests(void *arg)
{
	(void)arg;
	thread_init();
	rcu_init();
	clock_init();
	if (cpus > 1)
		arch_smp_start();
	workqueue_init();
	reclaim_init();
	arch_exit(ktest_run(prefix) ? 1 : 0);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--cpus") == 0) {
		cpus = (unsigned)atoi(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc > 1)
		prefix = argv[1];
	host_memory_init(0);
	host_signals_init();
	host_signals_init_cpu(&host_cpus[0]);
	if (cpus > 1) {
		host_set_cpus(cpus);
		host_timer_start();
	}
	cmdline_init("");
	page_init();
	slab_init();
	sched_init();
	thread_start(thread_create("init", run_tests, NULL));
	sched_idle();
}
