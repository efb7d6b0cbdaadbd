/*
 * Programs: started, waited for, killed, crashed. Whatever their end, nothing of them stays: memory,
 * threads, process structures.
 */
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/ktest.h"
#include "kernel/leaks.h"
#include "kernel/process_internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

static char *const no_environment[] = {NULL};

static struct process *start(const char *how, const char *arg)
{
	char *argv[] = {"crash", (char *)how, (char *)arg, NULL};

	return process_spawn("crash", argv, no_environment, NULL);
}

/* Wait status of `crash how arg`, or -errno. */
static int run(const char *how, const char *arg)
{
	struct process *p = start(how, arg);
	int status;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	status = process_wait(p);
	process_put(p);
	return status;
}

struct usage {
	u64 program_pages, processes, threads;
};

static void count_processes(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct usage *u = arg;

	(void)size, (void)pages;
	if (strcmp(name, "process") == 0)
		u->processes = in_use;
	if (strcmp(name, "thread") == 0)
		u->threads = in_use;
}

static struct usage measure(void)
{
	struct page_stats pages;
	struct usage u = {0};

	page_get_stats(&pages);
	u.program_pages = pages.program;
	slab_for_each(count_processes, &u);
	return u;
}

/* Ended threads are reaped a little later than waited for. */
static bool same_usage(const struct usage *before)
{
	struct usage now;

	for (int i = 0; i < 2000; i++) {
		now = measure();
		if (now.program_pages <= before->program_pages &&
			now.processes <= before->processes && now.threads <= before->threads)
			return true;
		sleep_ns(NSEC_PER_MSEC);
	}
	printk("  program pages %lld, processes %lld, threads %lld more than before",
		(long long)(now.program_pages - before->program_pages),
		(long long)(now.processes - before->processes),
		(long long)(now.threads - before->threads));
	return false;
}

KTEST(process_exit_status_comes_back)
{
	struct usage before = measure();

	KT_EQ(run("exit", "0"), 0);
	KT_EQ(run("exit", "42"), 42 << 8);
	KT_EQ(run("exit", "255"), 255 << 8);
	KT_CHECK(same_usage(&before));
}

KTEST(process_unknown_program)
{
	char *argv[] = {"no-such-program", NULL};
	struct process *p = process_spawn("no-such-program", argv, no_environment, NULL);

	KT_CHECK(IS_ERR(p));
	KT_EQ(PTR_ERR(p), -ENOENT);
}

KTEST(process_crash_ends_only_the_program)
{
	struct usage before = measure();

	KT_EQ(run("read", NULL), SIGSEGV);
	KT_EQ(run("write", NULL), SIGSEGV);
	KT_EQ(run("jump", NULL), SIGSEGV);
	KT_EQ(run("divide", NULL), 8);
	KT_EQ(run("abort", NULL), SIGABRT);
	KT_CHECK(same_usage(&before));
}

KTEST(process_leak_is_given_back)
{
	struct usage before = measure();
	struct page_stats pages, later;

	KT_EQ(run("leak", NULL), 7 << 8);
	page_get_stats(&pages);
	for (int i = 0; i < 3; i++)
		KT_EQ(run("leak", NULL), 7 << 8);
	KT_CHECK(same_usage(&before));
	/* Really free again, not only counted as such: one run leaks some 2,000 pages. */
	page_get_stats(&later);
	KT_CHECK(later.free + 1000 > pages.free);
}

KTEST(process_threads_and_mutexes)
{
	struct usage before = measure();

	KT_EQ(run("threads", NULL), 0);
	KT_CHECK(same_usage(&before));
}

KTEST(process_mmap_rules)
{
	KT_EQ(run("map", NULL), 0);
}

/* Running or sleeping, a killed program ends. */
KTEST(process_kill_ends_it)
{
	static const char *const how[] = {"spin", "sleep"};
	struct usage before = measure();

	for (int i = 0; i < 2; i++) {
		struct process *p = start(how[i], NULL);

		KT_CHECK(!IS_ERR(p));
		sleep_ns(30 * NSEC_PER_MSEC);
		KT_CHECK(!READ_ONCE(p->exited));
		process_kill(p, SIGKILL);
		KT_EQ(process_wait(p), SIGKILL);
		process_put(p);
	}
	KT_CHECK(same_usage(&before));
}

/* Killed at any point of its start, too. */
KTEST(process_kill_during_start)
{
	struct usage before = measure();

	for (int i = 0; i < 40; i++) {
		struct process *p = start("spin", NULL);

		KT_CHECK(!IS_ERR(p));
		sleep_ns((u64)i * 50 * NSEC_PER_USEC);
		process_kill(p, SIGTERM);
		KT_EQ(process_wait(p), SIGTERM);
		process_put(p);
	}
	KT_CHECK(same_usage(&before));
}

KTEST(process_too_many_arguments)
{
	char *text = kmalloc(PROGRAM_ARGS_MAX + 1, ALLOC_WAIT);
	struct process *p;

	KT_CHECK(text);
	memset(text, 'x', PROGRAM_ARGS_MAX);
	text[PROGRAM_ARGS_MAX] = '\0';
	p = start("exit", text);
	kfree(text);
	KT_CHECK(IS_ERR(p));
	KT_EQ(PTR_ERR(p), -E2BIG);
}

#ifdef CONFIG_DEBUG
/* Spawn with the nth allocation failing, and wait. 0 or -errno of the spawn; how many failed. */
static int spawn_with_fault(u64 nth, u64 *failed)
{
	struct process *p;

	faults_begin(FAULT_ALLOC, nth, 0);
	p = start("exit", "0");
	*failed = faults_end(NULL);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	process_wait(p);
	process_put(p);
	return 0;
}

/* The first ones each, then some of the many pages. Nothing of a program that could not be started stays. */
KTEST(process_spawn_without_memory)
{
	static struct leak_counts before;
	u64 failed = 1;

	KT_EQ(run("exit", "0"), 0);
	leak_count(&before);
	for (u64 nth = 1; failed; nth += nth < 16 ? 1 : 67) {
		int error = spawn_with_fault(nth, &failed);

		KT_CHECK(error == 0 || (failed && error == -ENOMEM));
		KT_EQ(leak_check(&before), 0);
	}
}
#endif
