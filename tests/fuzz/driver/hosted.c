/*
 * A target's main with the hosted kernel below it: one CPU, nothing is preempted. Inputs are run by a
 * kernel thread, so they may sleep, and what they start runs when they do. libFuzzer's own loop lives on
 * that thread's fiber, too.
 */
#include <stdlib.h>

#include "arch/host/host.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/page.h"
#include "kernel/rcu.h"
#include "kernel/reclaim.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/workqueue.h"
#include "tests/fuzz/fuzz.h"

static struct {
	int argc;
	char **argv;
} arguments;

static void run(void *arg)
{
	(void)arg;
	thread_init();
	rcu_init();
	clock_init();
	workqueue_init();
	reclaim_init();
	fuzz_target.setup();
	exit(fuzz_main(arguments.argc, arguments.argv));
}

int main(int argc, char **argv)
{
	arguments.argc = argc;
	arguments.argv = argv;
	host_memory_init(0);
	host_signals_init();
	host_signals_init_cpu(&host_cpus[0]);
	cmdline_init("");
	page_init();
	slab_init();
	sched_init();
	thread_start(thread_create("fuzz", run, NULL));
	sched_idle();
}
