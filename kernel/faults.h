/*
 * Faults on demand (debug build): the n-th allocation, or the n-th block request, of somebody fails.
 *
 * A test opens a scope, does what it is about, and closes the scope; with n = 1, 2, 3, ... until nothing
 * failed any more every single failure has been seen. Outside a scope, and in a release build, nothing
 * ever fails because of this.
 *
 * What counts as an allocation: each object, each run of pages, each range of address space, each page
 * that is mapped, each kernel stack. With ALLOC_NOWAIT, too.
 */
#pragma once

#include "kernel/atomic.h"

enum fault_kind { FAULT_ALLOC, FAULT_BLOCK };

#define FAULTS_LASTING	 1u /* the n-th and all that follow, not the n-th alone */
#define FAULTS_EVERYBODY 2u /* whoever asks, not only this thread and the threads of its process */

#ifdef CONFIG_DEBUG
extern u32 faults_open;
bool fault_hits_slow(enum fault_kind kind);

/* Must this one fail? Asked once for each allocation and block request. Context: any. */
static inline bool fault_hits(enum fault_kind kind)
{
	return unlikely(READ_ONCE(faults_open)) && fault_hits_slow(kind);
}

/* Open the scope; there is one at a time. nth counts from 1. Context: thread. */
void faults_begin(enum fault_kind kind, u64 nth, u32 flags);
/* Close it. How many have failed; *asked, unless NULL, is how many could have. Context: thread. */
u64 faults_end(u64 *asked);
/* Open one if the command line asks for it: fail-alloc=N or fail-block=N, fail-lasting=1. */
void faults_begin_by_cmdline(void);
/* Close that one and say on the console how many failed. Context: as for the other two, init. */
void faults_end_by_cmdline(void);
#else
static inline bool fault_hits(enum fault_kind kind)
{
	(void)kind;
	return false;
}
static inline void faults_begin_by_cmdline(void)
{
}
static inline void faults_end_by_cmdline(void)
{
}
#endif
