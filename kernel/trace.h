/*
 * Trace points: fixed binary records in per-CPU rings, oldest overwritten. A disabled point costs one
 * load and a branch. Exported as text and as Chrome/Perfetto JSON through /proc/unlazy/trace.
 */
#pragma once

#include "kernel/atomic.h"

/* A value whose name ends in $ is text: its first eight bytes (trace_text). One that ends in @ is the
 * address of text that never changes. */
#define TRACE_POINTS(X)                                                                            \
	X(walk_step, "name$", "result")                                                            \
	X(walk_unlazy, "reason@", "links")                                                         \
	X(ring_inline, "opcode", "result")                                                         \
	X(ring_queue, "opcode", "user_data")                                                       \
	X(worker_start, "opcode", "user_data")                                                     \
	X(worker_end, "opcode", "result")                                                          \
	X(cqe, "user_data", "result")                                                              \
	X(block_submit, "sector", "bytes")                                                         \
	X(block_complete, "sector", "status")                                                      \
	X(sched_switch, "prev", "next")

enum trace_event {
#define X(name, a, b) TRACE_##name,
	TRACE_POINTS(X)
#undef X
		TRACE_EVENTS
};

extern bool trace_enabled;

/* The first bytes of a text, as a value. */
static inline u64 trace_text(const char *s, size_t len)
{
	u64 word = 0;

	for (size_t i = 0; i < len && i < sizeof(word) && s[i]; i++)
		word |= (u64)(u8)s[i] << (8 * i);
	return word;
}

/* 0 or -ENOMEM: the rings are allocated on first use. Context: may sleep. */
int trace_enable(bool on);
void trace_record(enum trace_event event, u64 a, u64 b);

#define trace(name, a, b)                                                                          \
	do {                                                                                       \
		if (unlikely(READ_ONCE(trace_enabled)))                                            \
			trace_record(TRACE_##name, (u64)(a), (u64)(b));                            \
	} while (0)

/* Text (json=false) or Chrome trace events; calls emit with pieces. Context: may sleep. */
void trace_export(bool json, void (*emit)(void *arg, const char *s, size_t len), void *arg);
void trace_clear(void);
/* Give the rings back. Context: nobody enables or exports; may sleep. */
void trace_release(void);
