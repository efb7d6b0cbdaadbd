/*
 * What happened in a simulated run: a ring of the last events to print when it fails, and a hash over all of
 * them, which says whether two runs were the same.
 */
#include <stdio.h>

#include "arch/host/sim/sim.h"
#include "kernel/sched.h"

#define EVENTS 4096u

static struct event {
	u64 time, a, b, pc;
	enum sim_event kind;
	unsigned cpu;
	u32 tid;
	char thread[sizeof(((struct thread *)NULL)->name)];
} events[EVENTS];
static u64 count, hash = 0xcbf29ce484222325ull;

static void mix(u64 v)
{
	hash = (hash ^ v) * 0x100000001b3ull;
	hash ^= hash >> 29;
}

static void print_event(const struct event *e)
{
	static const char *const irqs[] = {"timer", "reschedule", "rcu", "call", "device"};
	static const char *const ops[] = {"read", "write", "flush"};
	char where[96] = "";

	if (e->pc)
		arch_symbolize(e->pc, where, sizeof(where));
	fprintf(stderr, "%12llu cpu %u %5u %-16s ", (unsigned long long)e->time, e->cpu, e->tid,
		e->thread);
	switch (e->kind) {
	case SIM_SWITCH:
		fprintf(stderr, "in %s; cpu %llu goes on\n", where, (unsigned long long)e->a);
		break;
	case SIM_INTERRUPT:
		fprintf(stderr, "%s interrupt for cpu %llu\n", irqs[e->b % ARRAY_SIZE(irqs)],
			(unsigned long long)e->a);
		break;
	case SIM_TIME:
		fprintf(stderr, "everybody waits: %llu ns pass\n", (unsigned long long)e->a);
		break;
	case SIM_STALE:
		fprintf(stderr, "in %s; %#llx is read as it was %llu stores ago\n", where,
			(unsigned long long)e->a, (unsigned long long)e->b);
		break;
	case SIM_DISK_SENT:
		fprintf(stderr, "disk: %s of sector %llu begins\n", ops[e->b % ARRAY_SIZE(ops)],
			(unsigned long long)e->a);
		break;
	case SIM_DISK_DONE:
		fprintf(stderr, "disk: sector %llu %s\n", (unsigned long long)e->a,
			e->b ? "failed" : "done");
		break;
	}
}

void sim_trace(enum sim_event kind, u64 a, u64 b, u64 pc)
{
	struct event *e = &events[count++ % EVENTS];
	const struct thread *t = current;

	/* One by one: a structure that is filled as a whole is watched as if the kernel did it. */
	e->time = sim_points;
	e->kind = kind;
	e->a = a;
	e->b = b;
	e->pc = pc;
	e->cpu = host_cpu()->index;
	e->tid = t ? t->tid : 0;
	for (unsigned i = 0; i < sizeof(e->thread); i++)
		e->thread[i] = t ? t->name[i] : 0;
	mix(e->time);
	mix(e->kind);
	mix(a);
	mix(b);
	mix(pc);
	mix(e->cpu);
	if (sim_options.trace)
		print_event(e);
}

u64 sim_trace_hash(void)
{
	return hash;
}

void sim_trace_print(unsigned n)
{
	u64 there = MIN(count, (u64)EVENTS), first = count - MIN((u64)n, there);

	for (u64 i = first; i < count; i++)
		print_event(&events[i % EVENTS]);
}
