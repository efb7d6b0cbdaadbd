/*
 * What a scenario may ask of the simulated machine (tests/sim). There is no such thing on other machines: a
 * scenario that uses it is linked into the simulation only.
 */
#pragma once

#include "kernel/compiler.h"

/* A number that belongs to the seed, below n. */
u64 sim_draw(u64 n);
/* One in n requests of the disk fails from now on; 0: none. */
void sim_disk_fail_one_in(u64 n);
/*
 * The power fails, as far as the disk can tell: of what was written and not flushed, each sector keeps a value
 * it had since the last flush, whichever the seed says; requests under way fail, writes among them having
 * reached some of their sectors. What was flushed is there.
 */
void sim_disk_power_loss(void);
