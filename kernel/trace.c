/*
 * Trace rings: each CPU records into a ring of its own, oldest record overwritten; no lock, no shared
 * line. An export reads all rings, merges them by time and prints text or Chrome trace events.
 *
 * A record is written with interrupts off; its `sequence` is stored last and says which turn of the
 * ring it belongs to, so that the exporter skips a record that is being overwritten.
 *
 * The rings are allocated the first time tracing is switched on.
 */
#include "kernel/trace.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/rcu.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define RING_RECORDS 4096

struct trace_record {
	u64 time_ns;
	u64 sequence; /* number of the record on its CPU + 1; 0 while being written */
	u64 a, b;
	u32 tid;
	u32 event;
};

struct trace_ring {
	u64 next;    /* records ever written; this CPU only */
	u64 cleared; /* records before this one were cleared */
	struct trace_record *records;
};

static DEFINE_PERCPU(struct trace_ring, trace_ring);
bool trace_enabled;

static const struct {
	const char *name, *a, *b;
} events[TRACE_EVENTS] = {
#define X(name, a, b) {#name, a, b},
	TRACE_POINTS(X)
#undef X
};

void trace_record(enum trace_event event, u64 a, u64 b)
{
	u64 flags = arch_irq_save();
	struct trace_ring *ring = this_cpu_ptr(&trace_ring);
	struct trace_record *records = READ_ONCE(ring->records), *r;

	if (records) {
		r = &records[ring->next % RING_RECORDS];
		WRITE_ONCE(r->sequence, 0);
		smp_wmb(); /* partner: the second look at sequence in read_record */
		WRITE_ONCE(r->time_ns, clock_ns());
		WRITE_ONCE(r->a, a);
		WRITE_ONCE(r->b, b);
		WRITE_ONCE(r->tid, current->tid);
		WRITE_ONCE(r->event, event);
		store_release(&r->sequence, ring->next + 1);
		WRITE_ONCE(ring->next, ring->next + 1);
	}
	arch_irq_restore(flags);
}

/* Returns 0 or -ENOMEM. Context: may sleep. */
int trace_enable(bool on)
{
	for (unsigned cpu = 0; on && cpu < nr_cpus; cpu++) {
		struct trace_ring *ring = &per_cpu(trace_ring, cpu);

		if (ring->records)
			continue;
		struct trace_record *records = vzalloc(RING_RECORDS * sizeof(*records)),
				    *none = NULL;

		if (!records)
			return -ENOMEM;
		if (!atomic_cas(&ring->records, &none, records))
			vfree(records); /* somebody else enables it, too */
	}
	WRITE_ONCE(trace_enabled, on);
	return 0;
}

void trace_release(void)
{
	struct trace_record *all[MAX_CPUS];

	WRITE_ONCE(trace_enabled, false);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		all[cpu] =
			atomic_xchg(&per_cpu(trace_ring, cpu).records, (struct trace_record *)NULL);
	synchronize_rcu(); /* who records has interrupts off */
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		vfree(all[cpu]);
}

void trace_clear(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct trace_ring *ring = &per_cpu(trace_ring, cpu);

		WRITE_ONCE(ring->cleared, READ_ONCE(ring->next));
	}
}

/* Copy record number n of a ring; false when it was overwritten meanwhile. */
static bool read_record(const struct trace_ring *ring, u64 n, struct trace_record *out)
{
	const struct trace_record *r = &ring->records[n % RING_RECORDS];

	if (load_acquire(&r->sequence) != n + 1)
		return false;
	out->time_ns = READ_ONCE(r->time_ns);
	out->a = READ_ONCE(r->a);
	out->b = READ_ONCE(r->b);
	out->tid = READ_ONCE(r->tid);
	out->event = READ_ONCE(r->event);
	smp_rmb();
	return READ_ONCE(r->sequence) == n + 1 && out->event < TRACE_EVENTS;
}

/* "name=value", or "name":value for JSON; text in quotes, what cannot be shown as '?'. */
static int print_value(char *buf, size_t size, const char *name, u64 value, bool json)
{
	int len = (int)strlen(name);
	char text[9] = "";
	char kind = len ? name[len - 1] : 0;

	if (kind == '@')
		return snprintf(buf, size, json ? "\"%.*s\":\"%s\"" : "%.*s=%s", len - 1, name,
			(const char *)value);
	if (kind != '$')
		return snprintf(
			buf, size, json ? "\"%s\":%lld" : "%s=%lld", name, (long long)value);
	for (unsigned i = 0; i < 8 && (u8)(value >> (8 * i)); i++) {
		char c = (char)(value >> (8 * i));

		text[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	return snprintf(buf, size, json ? "\"%.*s\":\"%s\"" : "%.*s=%s", len - 1, name, text);
}

static int print_record(
	char *buf, size_t size, const struct trace_record *r, unsigned cpu, bool json, bool first)
{
	unsigned long long us = r->time_ns / NSEC_PER_USEC, ns = r->time_ns % NSEC_PER_USEC;
	char a[64], b[64];

	print_value(a, sizeof(a), events[r->event].a, r->a, json);
	print_value(b, sizeof(b), events[r->event].b, r->b, json);
	if (!json)
		return snprintf(buf, size, "%8llu.%03llu us  cpu %u  thread %-5u %-14s %s %s\n", us,
			ns, cpu, r->tid, events[r->event].name, a, b);
	return snprintf(buf, size,
		"%s{\"name\":\"%s\",\"ph\":\"i\",\"s\":\"t\",\"ts\":%llu.%03llu,\"pid\":%u,\"tid\":"
		"%u,"
		"\"args\":{%s,%s}}",
		first ? "" : ",\n", events[r->event].name, us, ns, cpu, r->tid, a, b);
}

static u64 oldest(const struct trace_ring *ring)
{
	u64 next = READ_ONCE(ring->next), start = READ_ONCE(ring->cleared);

	return next > RING_RECORDS ? MAX(start, next - RING_RECORDS) : start;
}

void trace_export(bool json, void (*emit)(void *arg, const char *s, size_t len), void *arg)
{
	u64 at[MAX_CPUS], end[MAX_CPUS];
	char line[320];
	bool first = true;

	might_sleep();
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		const struct trace_ring *ring = &per_cpu(trace_ring, cpu);

		at[cpu] = oldest(ring);
		end[cpu] = ring->records ? READ_ONCE(ring->next) : at[cpu];
	}
	if (json)
		emit(arg, "[", 1);
	for (;;) {
		struct trace_record best = {0}, r;
		unsigned best_cpu = MAX_CPUS;

		for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
			while (at[cpu] < end[cpu] &&
				!read_record(&per_cpu(trace_ring, cpu), at[cpu], &r))
				at[cpu]++;
			if (at[cpu] < end[cpu] &&
				(best_cpu == MAX_CPUS || r.time_ns < best.time_ns)) {
				best = r;
				best_cpu = cpu;
			}
		}
		if (best_cpu == MAX_CPUS)
			break;
		at[best_cpu]++;
		int len = print_record(line, sizeof(line), &best, best_cpu, json, first);

		emit(arg, line, MIN((size_t)len, sizeof(line) - 1));
		first = false;
	}
	if (json)
		emit(arg, "]\n", 2);
}
