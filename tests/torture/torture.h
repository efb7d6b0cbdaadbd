/*
 * What the torture tests share: random numbers that follow from the seed, and threads that work until
 * enough has happened.
 *
 *	seed=N    on the kernel command line; 1 otherwise. The same seed makes the same choices; which thread
 *	          comes first is the machine's business, or a simulation's.
 *	rounds=N  how many times as much as in `make test`.
 *
 * Nothing here looks at a clock: how long is counted in events.
 */
#pragma once

#include "kernel/wait.h"

/* ---- Random numbers ---- */

struct torture_random {
	u64 state;
};

/* who: a number of the test's own, so that no two threads draw the same. */
void torture_random_init(struct torture_random *r, u64 who);
u32 torture_random(struct torture_random *r, u32 below);
u64 torture_seed(void);
u64 torture_rounds(void);

/* ---- Threads ---- */

#define TORTURE_THREADS 24

/* A group of threads that ends when `enough` has been called, by one of them or by whoever started it. */
struct torture_group {
	u32 stop; /* written once */
	u32 nr_threads;
	u64 salt;
	struct completion over; /* enough: complete_all */
	struct torture_thread {
		struct torture_group *group;
		void (*fn)(struct torture_thread *t);
		void *arg;
		struct torture_random random;
		struct thread *thread;
		struct completion done;
	} threads[TORTURE_THREADS];
};

/* salt: another one draws other numbers. */
void torture_group_init(struct torture_group *g, u64 salt);
/* fn runs once; it looks at torture_stopped. */
void torture_start(
	struct torture_group *g, const char *name, void (*fn)(struct torture_thread *t), void *arg);
void torture_enough(struct torture_group *g);
/* Wait for torture_enough, and then for every thread. */
void torture_join(struct torture_group *g);

static inline bool torture_stopped(const struct torture_thread *t)
{
	return READ_ONCE(t->group->stop);
}
