/*
 * Inside the deterministic simulation: what its files share. schedule.c says what a simulated machine is.
 *
 *	instrument.c	every access of the kernel to memory comes by here
 *	schedule.c	which CPU runs, time, interrupts
 *	weak.c		what a load may return when memory is weakly ordered
 *	disk.c		a disk that is late, fails, forgets
 *	trace.c		what happened, and a hash of it
 *	main.c		one process for each seed
 */
#pragma once

#include "arch/host/host.h"

/* CPUs of a simulated machine, at most; few races need more than three. */
#define SIM_MAX_CPUS 8

struct sim_options {
	u64 seed;
	unsigned cpus; /* 0: the seed says */
	bool weak;
	bool trace; /* print events as they happen */
	const char *disk;
};
extern struct sim_options sim_options;

/* ---- Random numbers: a stream for each subject, so that one does not disturb the other ---- */

struct sim_random {
	u64 state;
};
void sim_random_init(struct sim_random *r, u64 subject);
u64 sim_random(struct sim_random *r);
/* 0 .. n - 1 */
u64 sim_below(struct sim_random *r, u64 n);
/* True once in n times; never when n is 0. */
bool sim_one_in(struct sim_random *r, u64 n);

/* ---- schedule.c ---- */

void sim_schedule_init(void);
/* Places where another CPU may go on instead: one happens before each access to shared memory. */
extern u64 sim_points, sim_next_decision;
void sim_decide(u64 pc);
static inline void sim_point(u64 pc)
{
	if (unlikely(++sim_points >= sim_next_decision))
		sim_decide(pc);
}
/* How many nanoseconds so many points take in this run. */
u64 sim_duration(u64 points);
/* Call sim_disk_events at that time. */
void sim_wake_at(u64 ns);

/* ---- weak.c: which values a load may see. pc is where the kernel does it ---- */

void sim_weak_init(void);
extern bool sim_weak; /* on since the CPUs were started */
/* The word at p is about to be written; size is 1, 2, 4 or 8 and does not cross a word. */
void sim_weak_store(const void *p, unsigned size, int order, u64 pc);
/* What a load of p returns, which the memory holds as `now`. */
u64 sim_weak_load(const void *p, unsigned size, int order, u64 now, u64 pc);
/* A read-modify-write that is about to store. */
void sim_weak_rmw(const void *p, unsigned size, int order, u64 pc);
void sim_weak_fence(int order);
void sim_weak_plain_read(const void *p, unsigned size, u64 pc);
void sim_weak_plain_write(const void *p, unsigned size, u64 pc);

/* ---- instrument.c ---- */

/* memmove that nobody watches: the copy is no CPU's. memcpy here is the kernel's. */
void *sim_copy(void *dst, const void *src, size_t n);

/* ---- disk.c ---- */

/* Map the image; false with a message. */
bool sim_disk_open(const char *path);
/* Finish what is due. Context: no CPU's; called by sim_decide. */
void sim_disk_events(u64 now);

/* ---- trace.c ---- */

enum sim_event {
	SIM_SWITCH,    /* a: CPU that goes on, b: where this one stopped */
	SIM_INTERRUPT, /* a: CPU, b: enum host_irq */
	SIM_TIME,      /* everybody waits; a: how many ns pass */
	SIM_STALE,     /* a: address, b: how many writes back; pc */
	SIM_DISK_SENT, /* a: sector, b: enum block_op */
	SIM_DISK_DONE, /* a: sector, b: -errno */
};
void sim_trace(enum sim_event event, u64 a, u64 b, u64 pc);
u64 sim_trace_hash(void);
/* Print the last events. */
void sim_trace_print(unsigned count);

/* ---- main.c ---- */

/* This seed has found something that is no panic: say what, print the trace, leave. */
__noreturn void sim_fail(const char *fmt, ...) __printf(1, 2);
/* The kernel has come to its end. */
__noreturn void sim_end(int status);
