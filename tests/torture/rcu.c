/*
 * RCU torture, the tests: real RCU keeps what it promises, and the torture can tell, because every broken
 * kind is caught, in every run. docs/testing.md says how to run it for longer.
 */
#include "tests/torture/rcu.h"

#include "kernel/console.h"
#include "kernel/ktest.h"

/* Updates of each way before a run ends; updates of all ways before a broken kind counts as missed. */
#define SHARE 60
#define BOUND 100000

static void print_seen(const struct rcu_kind *kind, const struct rcu_seen *s)
{
	printk("  seed %llu: %s: %llu sections, %llu updates, %llu callbacks; held at the end of a "
	       "section: "
	       "%llu published, %llu unpublished, %llu after 1 grace period, %llu after more; "
	       "%llu changed, %llu barriers early",
		(unsigned long long)torture_seed(), kind->name, (unsigned long long)s->sections,
		(unsigned long long)s->updates, (unsigned long long)s->callbacks,
		(unsigned long long)s->stages[0], (unsigned long long)s->stages[1],
		(unsigned long long)s->stages[2],
		(unsigned long long)(s->stages[3] + s->stages[4] + s->stages[5]),
		(unsigned long long)s->changed, (unsigned long long)s->early_ends);
}

static void torture_good(const struct rcu_kind *kind)
{
	struct rcu_stats before, after;
	struct rcu_seen seen;

	rcu_get_stats(&before);
	rcu_pipe_run(kind, SHARE * torture_rounds(), 0, &seen);
	rcu_get_stats(&after);
	print_seen(kind, &seen);
	KT_EQ(seen.late, 0);
	KT_EQ(seen.changed, 0);
	KT_EQ(seen.early_ends, 0);
	KT_EQ(seen.lost, 0);
	KT_EQ(after.stalls, before.stalls);
}

KTEST(torture_rcu_holds)
{
	torture_good(&rcu_kinds[0]);
}

/* The torture has no opinion of its own on what a grace period looks like. */
KTEST(torture_rcu_holds_when_it_is_another)
{
	torture_good(&rcu_kinds[1]);
}

KTEST(torture_rcu_catches_every_broken_kind)
{
	for (unsigned i = 0; i < nr_rcu_kinds; i++) {
		const struct rcu_kind *kind = &rcu_kinds[i];
		struct rcu_seen seen;

		if (!kind->broken || nr_cpus < kind->cpus)
			continue;
		rcu_pipe_run(kind, 0, BOUND, &seen);
		print_seen(kind, &seen);
		if (!rcu_caught(&seen))
			ktest_fail(__FILE__, __LINE__, "not caught: %s", kind->name);
	}
}
