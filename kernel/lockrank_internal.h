/* Sleeping locks and the rank checker (lockrank.c); nothing in a release build. */
#pragma once

#include "kernel/lockrank.h"

#ifdef CONFIG_DEBUG
void lock_rank_acquire_sleeping(const void *lock, unsigned rank, bool trylock, u64 caller);
void lock_rank_release_sleeping(const void *lock);
/* Print the spinlocks this CPU holds, with where they were taken. */
void lock_rank_print_spins(void);
#else
static inline void lock_rank_acquire_sleeping(
	const void *lock, unsigned rank, bool trylock, u64 caller)
{
	(void)lock, (void)rank, (void)trylock, (void)caller;
}
static inline void lock_rank_release_sleeping(const void *lock)
{
	(void)lock;
}
static inline void lock_rank_print_spins(void)
{
}
#endif
