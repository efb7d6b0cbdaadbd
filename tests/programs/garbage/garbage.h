/* What the files of the garbage test share. */
#pragma once

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#define OPCODES 256

/* The next of the seeded random numbers. */
uint64_t next(void);
uint64_t one_of(const uint64_t *values, unsigned n);
#define ONE_OF(...)                                                                                \
	one_of((const uint64_t[]){__VA_ARGS__},                                                    \
		sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* ---- entries.c ---- */
/* Any entry for opcode; drain: also ones that wait for those before. */
void fill(const struct io_uring *ring, struct io_uring_sqe *sqe, unsigned opcode, bool drain);
/* Opcodes 0 to 255, a ring of their own for each; true when all rings lived. */
bool entries_round(unsigned setup, bool drain);
/* A NOP into a new ring is answered. */
bool new_ring_works(void);
extern unsigned long entries_done, entries_failed;

/* ---- indices.c ---- */
/* Random words where the indices of the rings are; true when the kernel still answers. */
bool indices_round(void);
/* The same, and random entries, by another thread while the kernel reads them. */
bool moving_round(void);
