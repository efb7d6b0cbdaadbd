/*
 * Lock ranks, debug build only: every lock taken is recorded, and taking one whose rank is not above
 * all held ones is a panic that prints where the held lock was taken and where this one is.
 *
 * Spinlocks are recorded per CPU (holding one disables preemption, so they cannot move), sleeping
 * locks per thread. An interrupt sees the spinlocks of the code it interrupted, as it should:
 * taking a lower-ranked lock there can deadlock.
 *
 * Locking: none; each record has one writer, made safe against its own interrupts by disabling them.
 */
#include "kernel/lockrank.h"

#ifdef CONFIG_DEBUG
#include "kernel/console.h"
#include "kernel/lockrank_internal.h"
#include "kernel/panic.h"
#include "kernel/sched.h"

#define HELD_MAX 24

struct held_lock {
	const void *lock;
	u32 rank;
	u64 caller;
};

struct held_locks {
	u32 count;
	struct held_lock held[HELD_MAX];
};

static DEFINE_PERCPU(struct held_locks, spins);

static __noreturn void inversion(const void *lock, unsigned rank, u64 caller, unsigned held_rank,
	const void *held, u64 held_caller)
{
	char now[64], before[64];

	arch_symbolize(caller, now, sizeof(now));
	arch_symbolize(held_caller, before, sizeof(before));
	panic("lock rank inversion: taking %p (rank %u) at %s while holding %p (rank %u) taken at "
	      "%s",
		lock, rank, now, held, held_rank, before);
}

static void check(const void *lock, unsigned rank, u64 caller)
{
	struct held_locks *s = this_cpu_ptr(&spins);
	const struct thread *t = current;

	for (u32 i = 0; i < s->count; i++)
		if (s->held[i].rank >= rank)
			inversion(lock, rank, caller, s->held[i].rank, s->held[i].lock,
				s->held[i].caller);
	for (u32 i = 0; t && i < t->locks_count; i++)
		if (t->lock_ranks[i] >= rank)
			inversion(lock, rank, caller, t->lock_ranks[i], t->locks_held[i],
				t->lock_callers[i]);
}

__noinline void lock_rank_acquire(const void *lock, unsigned rank, bool trylock)
{
	u64 caller = (u64)__builtin_return_address(0);
	u64 flags = arch_irq_save();
	struct held_locks *s = this_cpu_ptr(&spins);

	if (rank != RANK_NONE && !trylock)
		check(lock, rank, caller);
	if (s->count >= HELD_MAX)
		panic("more than %d spinlocks held on one CPU", HELD_MAX);
	s->held[s->count++] = (struct held_lock){lock, rank, caller};
	arch_irq_restore(flags);
}

void lock_rank_release(const void *lock)
{
	u64 flags = arch_irq_save();
	struct held_locks *s = this_cpu_ptr(&spins);
	u32 i = s->count;

	while (i && s->held[i - 1].lock != lock)
		i--;
	if (i == 0)
		panic("releasing spinlock %p that this CPU does not hold", lock);
	for (; i < s->count; i++)
		s->held[i - 1] = s->held[i];
	s->count--;
	arch_irq_restore(flags);
}

bool lock_rank_held(const void *lock)
{
	u64 flags = arch_irq_save();
	struct held_locks *s = this_cpu_ptr(&spins);
	bool found = false;

	for (u32 i = 0; i < s->count; i++)
		found |= s->held[i].lock == lock;
	arch_irq_restore(flags);
	return found;
}

unsigned lock_rank_spins_held(void)
{
	return this_cpu_read(spins.count);
}

void lock_rank_print_spins(void)
{
	struct held_locks *s = this_cpu_ptr(&spins);
	char where[64];

	for (u32 i = 0; i < s->count; i++) {
		arch_symbolize(s->held[i].caller, where, sizeof(where));
		printk("  holds spinlock %p (rank %u), taken at %s", s->held[i].lock,
			s->held[i].rank, where);
	}
}

__noinline void lock_rank_acquire_sleeping(
	const void *lock, unsigned rank, bool trylock, u64 caller)
{
	struct thread *t = current;

	if (!t)
		return;
	if (rank != RANK_NONE && !trylock) {
		u64 flags = arch_irq_save();

		check(lock, rank, caller);
		arch_irq_restore(flags);
	}
	if (t->locks_count >= ARRAY_SIZE(t->locks_held))
		panic("thread %s holds more than %d sleeping locks", t->name,
			(int)ARRAY_SIZE(t->locks_held));
	t->locks_held[t->locks_count] = lock;
	t->lock_ranks[t->locks_count] = (u16)rank;
	t->lock_callers[t->locks_count++] = caller;
}

void lock_rank_release_sleeping(const void *lock)
{
	struct thread *t = current;
	u32 i;

	if (!t)
		return;
	i = t->locks_count;
	while (i && t->locks_held[i - 1] != lock)
		i--;
	if (i == 0)
		panic("thread %s releases sleeping lock %p that it does not hold", t->name, lock);
	for (; i < t->locks_count; i++) {
		t->locks_held[i - 1] = t->locks_held[i];
		t->lock_ranks[i - 1] = t->lock_ranks[i];
		t->lock_callers[i - 1] = t->lock_callers[i];
	}
	t->locks_count--;
}
#endif
