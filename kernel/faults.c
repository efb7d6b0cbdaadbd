/*
 * Faults on demand: see kernel/faults.h. Asked by
 *
 *	slab_alloc, page_alloc		no memory
 *	vzalloc, varray_*, map_pages	no address space, no page table
 *	thread_create			no stack
 *	block_submit			the device answers, and the request ends with -EIO
 *
 * fail-alloc=N and fail-block=N on the command line put the whole run of cmd= into a scope, kernel
 * threads included; tests/faults/run raises N until the console says that nothing failed.
 * fail-trace=1 prints where.
 *
 * Locking: none. A scope is written by who opens it, before faults_open is set; the counters are atomic.
 * Limits: interrupts are never hit: no allocation is made there.
 */
#ifdef CONFIG_DEBUG
#include "kernel/faults.h"

#include "arch/arch.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/sched.h"

u32 faults_open;

static struct {
	enum fault_kind kind;
	u64 nth;
	bool lasting, everybody, traced;
	const struct thread *thread;
	const struct process *process; /* or NULL */
	u64 asked, failed;	       /* atomic */
} scope;

static bool is_in_scope(void)
{
	if (scope.everybody || current == scope.thread)
		return true;
	return scope.process && current->process == scope.process;
}

bool fault_hits_slow(enum fault_kind kind)
{
	u64 n;

	if (kind != scope.kind || in_interrupt() || !is_in_scope())
		return false;
	n = atomic_add_return(&scope.asked, 1ull);
	if (n < scope.nth || (n > scope.nth && !scope.lasting))
		return false;
	atomic_add(&scope.failed, 1ull);
	if (scope.traced) {
		printk("faults: %s %llu of %s",
			kind == FAULT_ALLOC ? "allocation" : "block request", (unsigned long long)n,
			current->name);
		arch_backtrace();
	}
	return true;
}

void faults_begin(enum fault_kind kind, u64 nth, u32 flags)
{
	assert(!faults_open);
	scope.kind = kind;
	scope.nth = nth;
	scope.lasting = flags & FAULTS_LASTING;
	scope.everybody = flags & FAULTS_EVERYBODY;
	scope.traced = cmdline_get_u64("fail-trace", 0);
	scope.thread = current;
	scope.process = current->process;
	scope.asked = scope.failed = 0;
	store_release(&faults_open, 1u);
}

u64 faults_end(u64 *asked)
{
	WRITE_ONCE(faults_open, 0u);
	if (asked)
		*asked = READ_ONCE(scope.asked);
	return READ_ONCE(scope.failed);
}

void faults_begin_by_cmdline(void)
{
	u64 alloc = cmdline_get_u64("fail-alloc", 0), block = cmdline_get_u64("fail-block", 0);
	u32 flags = FAULTS_EVERYBODY | (cmdline_get_u64("fail-lasting", 0) ? FAULTS_LASTING : 0);

	if (alloc)
		faults_begin(FAULT_ALLOC, alloc, flags);
	else if (block)
		faults_begin(FAULT_BLOCK, block, flags);
}

void faults_end_by_cmdline(void)
{
	u64 asked, failed;

	if (!READ_ONCE(faults_open))
		return;
	failed = faults_end(&asked);
	printk("faults: %llu of %llu failed", (unsigned long long)failed,
		(unsigned long long)asked);
}
#endif
