/*
 * Deterministic simulation: a machine of several CPUs on one Linux thread. Each CPU is a stack that is
 * switched away from and to; which one goes on is drawn from the seed, so a seed is a schedule, and the same
 * seed is the same run, instruction for instruction.
 *
 * Points. clang's ThreadSanitizer instrumentation calls instrument.c before each access to memory; before
 * atomic ones (locks, READ_ONCE, barriers: all that CPUs can see each other by) there is a point where
 * another CPU may go on. Plain accesses need none: what they touch is guarded by something that has one.
 *
 * A decision is not taken at each point but after a number of them that is drawn anew each time; its
 * mean belongs to the seed and lies between 1 and some thousands: bugs of three adjacent instructions
 * need the one, those of long undisturbed stretches the other. Now and then a CPU is frozen for a while, as
 * a virtual one that lost its processor: that is what long delays are made of.
 *
 * Time is simulated: each point takes a number of nanoseconds, the seed says how many, so that the timer
 * interrupts every few hundred points in one run and hardly ever in another. When every CPU is idle, time jumps
 * to the next deadline of a timer or the disk. When there is none, nothing can ever happen again: a lost
 * wake-up, which fails the run.
 *
 * Interrupts are taken where the host port always takes them (host_cpu.h).
 *
 * Locking: none, there is one thread.
 */
#include <stdlib.h>

#include "arch/host/sim/sim.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"

void host_switch_stacks(u64 *save_sp, u64 new_sp);

/* A round of spinning while all others are idle: whoever spins until a time comes is not to take for ever. */
#define SPIN_NS 5000u

#define FIRST_STACK (256 * 1024)
/* Points of a run that has lost its way. */
#define POINTS_MAX 50000000ull

struct host_cpu *sim_this_cpu = &host_cpus[0];

static struct cpu {
	u64 sp; /* while another CPU runs */
	bool started, stopped;
	u64 frozen_until; /* points */
} cpus[SIM_MAX_CPUS];

u64 sim_points, sim_next_decision = 1;

static struct sim_random stream;
static u64 mean_stretch; /* points between decisions */
static u64 ns_per_point;
static u64 freeze_one_in; /* decisions; 0: never */
static u64 freeze_points;
static u64 skipped_ns = NSEC_PER_MSEC; /* time that passed otherwise; zero is no time */
static u64 disk_deadline = ~0ull;
static u64 cycles_at_start;
static bool over; /* only telling what happened is left */

void sim_schedule_init(void)
{
	sim_random_init(&stream, 1);
	mean_stretch = 1ull << sim_below(&stream, 13);
	ns_per_point = 5ull << 2 * sim_below(&stream, 5);
	freeze_one_in = sim_below(&stream, 2) ? 4ull << sim_below(&stream, 8) : 0;
	freeze_points = 100ull << sim_below(&stream, 8);
	if (!sim_options.cpus)
		sim_options.cpus = 2 + (unsigned)sim_below(&stream, 3);
	cycles_at_start = sim_random(&stream) >> 8;
	cpus[0].started = true;
}

/* ---- Time ---- */

static u64 now_ns(void)
{
	return skipped_ns + sim_points * ns_per_point;
}

u64 arch_clock_ns(void)
{
	sim_point((u64)__builtin_return_address(0)); /* who waits for time to pass makes it pass */
	return now_ns();
}

u64 arch_rtc_seconds(void)
{
	return 1700000000; /* November 2023 */
}

/* What random numbers are stirred with (kernel/random.c): hash salts belong to the seed. */
u64 sim_cycles(void)
{
	return cycles_at_start + now_ns();
}

void arch_timer_arm(u64 deadline_ns)
{
	host_cpu()->deadline = deadline_ns;
	sim_next_decision = 0; /* it may be the next event */
}

u64 sim_duration(u64 points)
{
	return points * ns_per_point;
}

void sim_wake_at(u64 ns)
{
	disk_deadline = MIN(disk_deadline, ns);
	sim_next_decision = 0;
}

static u64 next_event(void)
{
	u64 first = disk_deadline;

	for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
		if (cpus[i].started && host_cpus[i].deadline)
			first = MIN(first, host_cpus[i].deadline);
	return first;
}

static void run_events(void)
{
	u64 now = now_ns();

	if (disk_deadline <= now) {
		disk_deadline = ~0ull;
		sim_disk_events(now);
	}
	for (unsigned i = 0; i < SIM_MAX_CPUS; i++) {
		struct host_cpu *c = &host_cpus[i];

		if (!cpus[i].started || !c->deadline || c->deadline > now)
			continue;
		c->deadline = ~0ull;
		host_raise(c, HOST_IRQ_TIMER);
	}
}

/* ---- Who runs ---- */

static bool is_runnable(unsigned i)
{
	const struct host_cpu *c = &host_cpus[i];

	return cpus[i].started && !cpus[i].stopped && (c->state != HOST_IDLE || c->pending);
}

static void show_thread(struct thread *t, void *arg)
{
	(void)arg;
	printk("thread %u %s, cpu %u%s", t->tid, t->name, t->cpu, t->on_cpu ? ", running" : "");
	if (!t->on_cpu)
		arch_backtrace_thread(t);
}

/* Nobody else runs any more. Printing takes locks, of which somebody stopped may hold one. */
static __noreturn void stuck(const char *what)
{
	over = true;
	thread_for_each(show_thread, NULL);
	sim_fail("%s", what);
}

/* One of those that can go on, the frozen only when there is nobody else; -1: none at all. */
static int choose(bool not_me)
{
	unsigned me = host_cpu()->index, candidates[SIM_MAX_CPUS], n = 0;

	for (int frozen = 0; frozen < 2 && n == 0; frozen++)
		for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
			if (is_runnable(i) && !(not_me && i == me) &&
				(frozen || cpus[i].frozen_until <= sim_points))
				candidates[n++] = i;
	return n == 0 ? -1 : (int)candidates[sim_below(&stream, n)];
}

static void go_on_with(unsigned i, u64 pc)
{
	unsigned me = host_cpu()->index;

	if (i == me)
		return;
	sim_trace(SIM_SWITCH, i, sim_points, pc);
	sim_this_cpu = &host_cpus[i];
	host_switch_stacks(&cpus[me].sp, cpus[i].sp);
}

/* When the next decision is due: after a stretch, or when something happens. */
static void plan(void)
{
	u64 stretch = 1 + sim_below(&stream, 2 * mean_stretch), first = next_event(),
	    now = now_ns();

	if (first <= now)
		stretch = 1;
	else if ((first - now) / ns_per_point + 1 < stretch)
		stretch = (first - now) / ns_per_point + 1;
	sim_next_decision = sim_points + stretch;
}

/* Let time pass until something happens, but not more than so much. */
static void skip_time(u64 most_ns, u64 pc)
{
	u64 first = next_event(), now = now_ns(), ns;

	if (first > now && (first != ~0ull || most_ns != ~0ull)) {
		ns = MIN(first - now, most_ns);
		sim_trace(SIM_TIME, ns, 0, pc);
		skipped_ns += ns;
	}
	run_events();
}

static void decide(bool not_me, u64 pc)
{
	int next;

	if (over) {
		if (not_me)
			sim_fail("a stopped CPU has the lock that says more");
		return;
	}
	if (sim_points > POINTS_MAX)
		stuck("this goes on for ever");
	run_events();
	if (sim_one_in(&stream, freeze_one_in))
		cpus[host_cpu()->index].frozen_until =
			sim_points + sim_below(&stream, freeze_points);
	while ((next = choose(not_me)) < 0) {
		/* All others are idle. So is this one, or it spins, which takes its time. */
		if (is_runnable(host_cpu()->index)) {
			next = (int)host_cpu()->index;
			skip_time(SPIN_NS, pc);
			break;
		}
		if (next_event() == ~0ull)
			stuck("every thread sleeps and nothing can wake one");
		skip_time(~0ull, pc);
	}
	plan();
	go_on_with((unsigned)next, pc);
}

void sim_decide(u64 pc)
{
	decide(false, pc);
}

/* Spinning: whoever it waits for is somebody else. */
void arch_cpu_relax(void)
{
	struct host_cpu *c = host_cpu();

	sim_points++;
	decide(true, (u64)__builtin_return_address(0));
	if (c->irqs_on && c->pending)
		host_interrupts();
}

void arch_idle_wait(void)
{
	struct host_cpu *c = host_cpu();

	c->state = HOST_IDLE;
	while (!c->pending)
		decide(true, (u64)__builtin_return_address(0));
	c->state = HOST_IN_KERNEL;
	arch_irq_enable();
}

void host_raise(struct host_cpu *c, enum host_irq irq)
{
	sim_trace(SIM_INTERRUPT, c->index, irq, 0);
	c->pending |= 1u << irq;
}

/* ---- Start and end ---- */

static void first_run(void)
{
	host_run_thread(current, sched_idle);
}

bool host_start_cpu(struct host_cpu *c)
{
	char *stack = malloc(FIRST_STACK);

	if (!stack || c->index >= SIM_MAX_CPUS)
		return false;
	cpus[c->index].sp = host_first_frame(stack + FIRST_STACK, first_run);
	return true;
}

void host_release_cpus(void)
{
	for (unsigned i = 1; i < nr_cpus; i++)
		cpus[i].started = true;
	sim_weak = sim_options.weak;
}

void host_stop(struct host_cpu *c)
{
	cpus[c->index].stopped = true;
}

void arch_backtrace_cpu(unsigned cpu)
{
	const u64 *sp = (const u64 *)cpus[cpu].sp;

	if (cpu == this_cpu_id())
		arch_backtrace();
	else if (sp) /* as host_switch_stacks left it */
		host_backtrace_from(sp[6], sp[5]);
}
