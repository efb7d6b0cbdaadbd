/*
 * RCU torture, inside: what it tortures is a table of operations, real RCU or one that is broken on
 * purpose. rcu_pipe.c tortures, rcu_kinds.c has the kinds, rcu.c the tests.
 */
#pragma once

#include "kernel/rcu.h"
#include "tests/torture/torture.h"

struct rcu_kind {
	const char *name;
	bool broken;   /* must be caught */
	unsigned cpus; /* with fewer it is as good as the real one */
	void (*lock)(void);
	void (*unlock)(void);
	void (*call)(struct rcu_head *head, void (*fn)(struct rcu_head *head));
	void (*synchronize)(void);
	void (*synchronize_expedited)(void);
	void (*wait_callbacks)(void);
	/* Mistakes of who uses RCU */
	bool retires_first; /* a grace period begins before the element is out of reach */
	bool fills_late;    /* an element is in reach before it is filled in */
};

extern const struct rcu_kind rcu_kinds[];
extern const unsigned nr_rcu_kinds;

/* The thread that runs the callbacks of kinds whose call is not the kernel's. */
void rcu_kinds_start(const struct rcu_kind *kind);
void rcu_kinds_stop(void);

#define RCU_STAGES 6

/* What a run has seen. */
struct rcu_seen {
	u64 sections;
	u64 stages[RCU_STAGES]; /* of the element a section held, at its end */
	u64 updates, callbacks;
	u64 late;	/* sections that held an element for longer than RCU allows */
	u64 changed;	/* sections whose element was filled in again */
	u64 early_ends; /* barriers that did not wait */
	u64 lost;	/* elements and callbacks that never came back */
};

/*
 * Torture kind until every updater has done its share (a kind that is broken: until it is caught, but no
 * longer than for bound updates).
 */
void rcu_pipe_run(const struct rcu_kind *kind, u64 share, u64 bound, struct rcu_seen *out);

static inline bool rcu_caught(const struct rcu_seen *s)
{
	return s->late || s->changed || s->early_ends;
}
