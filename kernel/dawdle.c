/*
 * Races made likely: dawdle=N on the command line of a debug kernel. Who is inside an RCU read section or a
 * nonblocking attempt, and holds no lock, waits for a moment before one in N reads of shared memory
 * (READ_ONCE, load_acquire), at times long enough for another CPU to make several system calls.
 *
 * Between two looks at something there are a few instructions: that somebody changes it just then
 * happens once in a million times, and a check that is missing there is found by nobody. With this it
 * is found in seconds (tests/console/races.py, tests/mutants/).
 *
 * Limits: nothing here can be played back. Only in the debug kernel (kernel/dawdle_hooks.h).
 */
#include "kernel/dawdle.h"

#include "arch/arch.h"
#include "kernel/atomic.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/lockrank.h"
#include "kernel/sched.h"

#ifdef CONFIG_DAWDLE

unsigned dawdle_every; /* set once */

/* A reader who counts on nobody to wait for him. */
static bool is_lockless_reader(void)
{
	return arch_irqs_enabled() && lock_rank_spins_held() == 0 &&
	       (!preemptible() || current->nonblock_depth);
}

/* Every look at shared memory comes here: it looks at none itself. */
void dawdle_now(void)
{
	u64 random = arch_cycles() * 0x9e3779b97f4a7c15ull;

	if ((random >> 33) % dawdle_every != 0 || !is_lockless_reader())
		return;
	/* From nothing to a millisecond or so, mostly little. */
	for (u64 n = (random >> 12 & 0xfffff) >> (random >> 62); n; n--)
		barrier();
}

void dawdle_init(void)
{
	dawdle_every = (unsigned)cmdline_get_u64("dawdle", 0);
	if (dawdle_every)
		printk("dawdle: one in %u reads without a lock takes its time", dawdle_every);
}

#else

void dawdle_init(void)
{
	if (cmdline_get_u64("dawdle", 0))
		printk("dawdle: only the debug kernel can");
}

#endif
