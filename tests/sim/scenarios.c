/*
 * Scenarios of the simulation: a few changes of one kind against those who walk and open. Small, because the
 * simulation runs each of them thousands of times, and a short history is easier to read.
 *
 * A new one: put actors together (tests/hosted/races.h), or write what needs more than actors as a KTEST of its
 * own whose name begins with sim_. Draw what may vary with sim_draw; look at no clock.
 */
#include "arch/host/sim/control.h"
#include "tests/hosted/races.h"
#include "kernel/ktest.h"

static void (*const openers[])(u32 *seed) = {
	race_open_plain,
	race_open_cached,
	race_open_beneath,
	race_open_by_ring,
};

static void run(struct race_actor *actors, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		actors[i].seed = 1 + (u32)sim_draw(1u << 30);
	races_run(actors, n);
}

/* One or two changers against two openers of some kind, and sometimes somebody who takes the caches away. */
static void race(void (*change)(u32 *seed), void (*other)(u32 *seed), u32 rounds)
{
	struct race_actor actors[5] = {{.fn = change, .rounds = rounds}};
	unsigned n = 1;

	if (other)
		actors[n++] = (struct race_actor){.fn = other, .rounds = rounds};
	for (unsigned i = 0; i < 2; i++)
		actors[n++] = (struct race_actor){.fn = openers[sim_draw(ARRAY_SIZE(openers))]};
	if (sim_draw(3) == 0)
		actors[n++] = (struct race_actor){.fn = race_evict};
	run(actors, n);
}

KTEST(sim_rename)
{
	race(race_rename, NULL, 4);
}

KTEST(sim_two_renames)
{
	race(race_rename, race_create_and_remove, 3);
}

KTEST(sim_create_and_remove)
{
	race(race_create_and_remove, NULL, 8);
}

KTEST(sim_mount)
{
	race(race_mount, NULL, 2);
}

/* Paths that begin at a descriptor, while that becomes another directory, or one whose mount goes. */
KTEST(sim_directory_of_a_descriptor)
{
	struct race_actor actors[] = {
		{.fn = race_replace_directory, .rounds = 8},
		{.fn = race_mount, .rounds = 1},
		{.fn = race_open_at_directory},
		{.fn = race_open_at_directory},
	};

	run(actors, sizeof(actors) / sizeof(actors[0]));
}

KTEST(sim_mount_and_rename)
{
	race(race_mount, race_rename, 2);
}

KTEST(sim_evict)
{
	race(race_evict, NULL, 8);
}

KTEST(sim_cancel)
{
	race(race_cancel, NULL, 2);
}

KTEST(sim_ring_exit)
{
	race(race_close_ring, race_create_and_remove, 4);
}
