/* All at once, on as many CPUs as there are: what the sanitizers look at. */
#include "tests/hosted/races.h"
#include "kernel/ktest.h"

KTEST(hosted_opens_while_everything_changes)
{
	struct race_actor actors[] = {
		{.fn = race_rename, .rounds = 150},
		{.fn = race_create_and_remove, .rounds = 150},
		{.fn = race_mount, .rounds = 20}, /* each waits for grace periods */
		{.fn = race_evict},
		{.fn = race_open_plain},
		{.fn = race_open_cached},
		{.fn = race_replace_directory},
		{.fn = race_open_at_directory},
		{.fn = race_open_beneath},
		{.fn = race_open_by_ring},
		{.fn = race_open_by_ring},
		{.fn = race_cancel},
		{.fn = race_close_ring},
	};

	KT_CHECK(races_run(actors, ARRAY_SIZE(actors)) > 100);
}
