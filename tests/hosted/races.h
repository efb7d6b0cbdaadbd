/*
 * System calls and rings made by many threads while everything changes: what the test of the hosted kernel
 * and the simulation's scenarios are put together from.
 *
 * A test names its actors; races_run makes a tree below /tmp/r, lets them run side by side until the last of
 * those that change things has done its rounds, and takes everything away again. Every answer an opener
 * gets must be one that some instant explains; an answer that is not fails the running test.
 *
 * There is no program: the calls are made by kernel threads of a process with no memory of its own, which
 * only the host port allows (arch/host/memory.c).
 */
#pragma once

#include "kernel/wait.h"

struct race_actor {
	void (*fn)(u32 *seed); /* one round */
	u32 rounds;	       /* of one who changes things; 0: as long as somebody does */
	u32 seed;
	struct thread *thread;
	struct completion done;
};

/* n at most 16. How many opens succeeded. */
u32 races_run(struct race_actor *actors, unsigned n);

/* Openers: one path, or a ring and some batches. */
void race_open_plain(u32 *seed);
void race_open_cached(u32 *seed);
void race_open_beneath(u32 *seed);
void race_open_at_directory(u32 *seed); /* whatever race_replace_directory has left there */
void race_open_by_ring(u32 *seed);
/* Batches whose opens are cancelled, with all that waits answered exactly once. */
void race_cancel(u32 *seed);
/* A ring that is closed with its batch under way. */
void race_close_ring(u32 *seed);

/* Changers. */
void race_rename(u32 *seed);
void race_create_and_remove(u32 *seed);
void race_mount(u32 *seed);
void race_evict(u32 *seed);
void race_replace_directory(u32 *seed);
