/*
 * The in-kernel test runner. Tests lie in the section "ktests" between two linker symbols.
 *
 * A test runs in a kernel thread of its own, so that one that fails half-way leaves the runner's
 * state alone. A failure recorded by any thread fails the running test.
 */
#include "kernel/ktest.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/sched.h"
#include "kernel/string.h"
#include "kernel/wait.h"

extern const struct ktest __start_ktests[] __weak, __stop_ktests[] __weak;

static u32 failures;		/* atomic: of the running test */
static const char *skip_reason; /* of the running test */

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
	char text[256];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	atomic_add(&failures, 1u);
	printk("  %s:%d: %s", file, line, text);
}

void ktest_skip(const char *why)
{
	WRITE_ONCE(skip_reason, why);
}

struct run {
	const struct ktest *test;
	struct completion done;
};

static void run_thread(void *arg)
{
	struct run *r = arg;

	r->test->fn();
	complete(&r->done);
}

/* 1 passed, 0 failed, -1 skipped */
static int run_one(const struct ktest *test)
{
	struct run r = {.test = test, .done = COMPLETION_INIT(r.done)};
	struct thread *t = thread_create(test->name, run_thread, &r);
	u64 start = clock_ns();
	unsigned long long ms;

	WRITE_ONCE(failures, 0);
	WRITE_ONCE(skip_reason, NULL);
	if (!t) {
		printk("FAIL %s: no memory for its thread", test->name);
		return 0;
	}
	thread_start(t);
	wait_for_completion(&r.done);
	thread_put(t);
	ms = (clock_ns() - start) / NSEC_PER_MSEC;
	if (READ_ONCE(failures)) {
		printk("FAIL %s (%llu ms, %s)", test->name, ms, test->file);
		return 0;
	}
	if (READ_ONCE(skip_reason)) {
		printk("skip %s: %s", test->name, READ_ONCE(skip_reason));
		return -1;
	}
	printk("ok %s (%llu ms)", test->name, ms);
	return 1;
}

int ktest_run(const char *prefix)
{
	int passed = 0, failed = 0, skipped = 0;

	if (strcmp(prefix, "all") == 0)
		prefix = "";
	for (const struct ktest *t = __start_ktests; t < __stop_ktests; t++) {
		if (strncmp(t->name, prefix, strlen(prefix)) != 0)
			continue;
		switch (run_one(t)) {
		case 1:
			passed++;
			break;
		case 0:
			failed++;
			break;
		default:
			skipped++;
		}
	}
	printk("%d passed, %d failed, %d skipped", passed, failed, skipped);
	return failed;
}
