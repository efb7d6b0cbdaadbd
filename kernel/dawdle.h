/* Races made likely (debug build): dawdle=N on the command line; kernel/dawdle.c says how. */
#pragma once

/* Context: once, when all CPUs run. */
void dawdle_init(void);
