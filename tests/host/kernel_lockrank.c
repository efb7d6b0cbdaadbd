/* The rank checker finds an inversion, of spinlocks and of sleeping locks, and nothing else. */
#include "kernel/ktest.h"
#include "kernel/mutex.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"

/* panic() of this test program: a record, then back to the test. */
static u32 panics;
static void *back[5];

/* Tells AddressSanitizer, where it is linked, that the frames in between are gone. */
__weak void __asan_handle_no_return(void);

void panic(const char *fmt, ...)
{
	(void)fmt;
	panics++;
	if (__asan_handle_no_return)
		__asan_handle_no_return();
	__builtin_longjmp(back, 1);
}

static u32 panics_of(void (*fn)(void))
{
	u32 before = panics, depth = this_cpu_read(preempt_word);
	u64 flags = arch_irqs_enabled();

	if (!__builtin_setjmp(back))
		fn();
	this_cpu_write(preempt_word, depth);
	arch_irq_restore(flags);
	return panics - before;
}

static struct spinlock low = SPINLOCK_INIT(RANK_DENTRY), high = SPINLOCK_INIT(RANK_SLAB);
static struct spinlock parent = SPINLOCK_INIT(RANK_DENTRY), child = SPINLOCK_INIT(RANK_DENTRY);
static struct mutex outer, inner;

static void right_order(void)
{
	spin_lock(&low);
	spin_lock(&high);
	spin_unlock(&low);
	spin_unlock(&high);
	spin_lock(&parent);
	spin_lock_nested(&child, 1);
	spin_unlock(&child);
	spin_unlock(&parent);
	mutex_lock(&outer);
	mutex_lock(&inner);
	spin_lock(&low);
	spin_unlock(&low);
	mutex_unlock(&inner);
	mutex_unlock(&outer);
}

static void trylock_in_any_order(void)
{
	spin_lock(&high);
	if (spin_trylock(&low))
		spin_unlock(&low);
	spin_unlock(&high);
}

static void spins_inverted(void)
{
	spin_lock(&high);
	spin_lock(&low);
}

static void same_rank_without_subclass(void)
{
	spin_unlock(&high);
	spin_lock(&parent);
	spin_lock(&child);
}

static void not_held(void)
{
	spin_unlock(&parent);
	spin_unlock(&low);
}

static void mutexes_inverted(void)
{
	mutex_lock(&inner);
	mutex_lock(&outer);
}

static void release_of_other(void)
{
	mutex_unlock(&inner);
	spin_lock(&low);
	spin_lock(&high);
	spin_unlock(&low);
	spin_unlock(&high);
}

KTEST(lockrank_finds_every_inversion)
{
	mutex_init(&outer, RANK_FILE_POS);
	mutex_init(&inner, RANK_INODE);
	KT_EQ(panics_of(right_order), 0);
	KT_EQ(panics_of(trylock_in_any_order), 0);
	KT_EQ(panics_of(spins_inverted), 1);
	KT_EQ(panics_of(same_rank_without_subclass), 1);
	KT_EQ(panics_of(not_held), 1);
	KT_EQ(panics_of(mutexes_inverted), 1);
	KT_EQ(panics_of(release_of_other), 0);
}
