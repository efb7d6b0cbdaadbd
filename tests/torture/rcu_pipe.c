/*
 * RCU torture: elements move through an ageing pipe.
 *
 *	stage 0		published: readers find it
 *	stage 1		unpublished: no new section finds it, old ones may hold it
 *	stage 2..	that many grace periods less one have passed since; nobody may hold it
 *	the last	back among the free ones, to be filled in again
 *
 * Each updater has a line of its own, a pointer to the element that is published there, and its own way
 * to let time pass: callbacks (that queue themselves again at each stage), synchronize_rcu, the expedited
 * one, and callbacks queued inside a read section that goes on looking at the element. Sections look at a
 * random line, for a random while, and at the end look at the stage: 2 or more, or contents of another
 * life, is a catch. So is a barrier with callbacks outstanding.
 *
 * Sections differ in length; they nest, turn interrupts off, invite preemption, and some sit until their
 * element has aged or they have had enough. They run in threads that move from CPU to CPU or sleep in
 * between, so that CPUs are idle at times, and in interrupts.
 *
 * Locking: none of its own. Free elements are bits of a word; a line belongs to its updater.
 */
#include "tests/torture/rcu.h"

#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/string.h"

#define ELEMENTS 64
#define WORDS	 4
#define LONG	 20000 /* rounds of the longest section: hundreds of microseconds */
#define FLOOD	 1200  /* callbacks in one go; more than what makes the kernel hurry */

struct element {
	u32 stage; /* written by its updater, or by whoever ages it */
	u64 stamp; /* of this life */
	u64 words[WORDS];
	struct rcu_head rcu;
};

enum line_way { BY_CALLBACK, BY_SYNCHRONIZE, BY_EXPEDITED, BY_READER, LINES };

struct line {
	struct element *now;
	u64 updates; /* atomic */
	/* BY_SYNCHRONIZE, BY_EXPEDITED: what is in the pipe, by stage; the updater's own */
	struct element *pipe[RCU_STAGES];
};

static struct {
	struct torture_group group;
	const struct rcu_kind *kind;
	u64 share, bound;
	struct element elements[ELEMENTS];
	u64 free;    /* atomic: bit i, elements[i] */
	u64 stamps;  /* atomic */
	u64 updates; /* atomic: of all lines */
	struct line lines[LINES];
	struct rcu_head flood[FLOOD];
	u64 flood_queued, flood_run; /* the flooder's; atomic */
	struct rcu_seen seen;	     /* atomic */
} pipe;

/* ---- Elements ---- */

static u64 word_of(u64 stamp, unsigned i)
{
	return (stamp + i) * 0x9e3779b97f4a7c15ull;
}

/* NULL: all are in the pipe. */
static struct element *element_take(void)
{
	u64 free = READ_ONCE(pipe.free);

	while (free)
		if (atomic_cas(&pipe.free, &free, free & (free - 1)))
			return &pipe.elements[__builtin_ctzll(free)];
	return NULL;
}

static void element_give(struct element *e)
{
	atomic_fetch_or(&pipe.free, 1ull << (e - pipe.elements));
}

/* With a kind that works nobody else is there: accesses are plain, and ThreadSanitizer looks at them. */
static void element_fill(struct element *e)
{
	u64 stamp = atomic_add_return(&pipe.stamps, 1ull);

	for (unsigned i = 0; i < WORDS; i++)
		if (pipe.kind->broken)
			WRITE_ONCE(e->words[i], word_of(stamp, i));
		else
			e->words[i] = word_of(stamp, i);
	WRITE_ONCE(e->stamp, stamp);
	WRITE_ONCE(e->stage, 0);
}

static bool element_is(const struct element *e, u64 stamp)
{
	for (unsigned i = 0; i < WORDS; i++) {
		u64 word = pipe.kind->broken ? READ_ONCE(e->words[i]) : e->words[i];

		if (word != word_of(stamp, i))
			return false;
	}
	return READ_ONCE(e->stamp) == stamp;
}

/* True: it has come to the end of the pipe. */
static bool element_age(struct element *e)
{
	u32 stage = READ_ONCE(e->stage) + 1;

	if (stage == RCU_STAGES) {
		element_give(e);
		return true;
	}
	WRITE_ONCE(e->stage, stage);
	return false;
}

/* ---- Sections ---- */

static void catch_it(void)
{
	if (pipe.kind->broken)
		torture_enough(&pipe.group);
}

/* What a section has seen of e, whose stamp it read at its start. */
static void section_judge(const struct element *e, u64 stamp)
{
	u32 stage = READ_ONCE(e->stage);

	atomic_add(&pipe.seen.stages[MIN(stage, RCU_STAGES - 1u)], 1ull);
	if (stage >= 2)
		atomic_add(&pipe.seen.late, 1ull);
	else if (!element_is(e, stamp))
		atomic_add(&pipe.seen.changed, 1ull);
	else
		return;
	catch_it();
}

static void spin(u32 rounds)
{
	while (rounds--)
		arch_cpu_relax();
}

static void spin_without_interrupts(u32 rounds)
{
	u64 flags = arch_irq_save();

	while (rounds--)
		barrier();
	arch_irq_restore(flags);
}

/* Who could be preempted here is, if anybody waits for the CPU. */
static void invite_preemption(u32 rounds)
{
	while (rounds--) {
		preempt_disable();
		spin(20);
		preempt_enable();
	}
}

/* Until e has aged more than it may, or for a long time. */
static void sit(const struct element *e)
{
	for (u32 i = 0; i < LONG && READ_ONCE(e->stage) < 2; i++)
		arch_cpu_relax();
}

static void dwell(struct torture_random *r, const struct element *e)
{
	switch (torture_random(r, 64)) {
	case 0:
		sit(e);
		break;
	case 1 ... 4:
		invite_preemption(torture_random(r, 30));
		break;
	case 5 ... 8:
		spin_without_interrupts(torture_random(r, 300));
		break;
	case 9 ... 16:
		pipe.kind->lock();
		spin(torture_random(r, 100));
		pipe.kind->unlock();
		break;
	case 17 ... 32:
		spin(torture_random(r, 200));
		break;
	}
}

static void section(struct torture_random *r)
{
	const struct line *line = &pipe.lines[torture_random(r, LINES)];
	const struct element *e;
	u64 stamp;

	pipe.kind->lock();
	e = rcu_dereference(line->now);
	stamp = READ_ONCE(e->stamp);
	dwell(r, e);
	section_judge(e, stamp);
	pipe.kind->unlock();
	atomic_add(&pipe.seen.sections, 1ull);
}

/*
 * Every now and then all but one reader and the updaters keep still, so that CPUs are idle while that one
 * is in its section.
 */
static bool quiet(void)
{
	return READ_ONCE(pipe.updates) / 16 % 2;
}

/* To another CPU, or out of the way. */
static void move(struct torture_random *r)
{
	switch (torture_random(r, 8)) {
	case 0:
		sched_bind_current((s32)torture_random(r, nr_cpus));
		break;
	case 1:
		sched_bind_current(-1);
		break;
	case 2:
		sleep_ns(torture_random(r, 200) * NSEC_PER_USEC);
		break;
	default:
		yield();
	}
}

static void reader(struct torture_thread *t)
{
	bool first = t->arg;

	while (!torture_stopped(t)) {
		for (u32 n = torture_random(&t->random, 20); n; n--)
			section(&t->random);
		move(&t->random);
		while (!first && quiet() && !torture_stopped(t))
			sleep_ns(100 * NSEC_PER_USEC);
	}
}

/* Context: interrupt. */
static void section_in_interrupt(void *arg)
{
	const struct line *line = &pipe.lines[*(u32 *)arg];
	const struct element *e;
	u64 stamp;

	pipe.kind->lock();
	e = rcu_dereference(line->now);
	stamp = READ_ONCE(e->stamp);
	for (u32 i = 0; i < 50; i++)
		barrier();
	section_judge(e, stamp);
	pipe.kind->unlock();
}

static void interrupter(struct torture_thread *t)
{
	while (!torture_stopped(t)) {
		u32 line = torture_random(&t->random, LINES);

		arch_call_others(section_in_interrupt, &line);
		move(&t->random);
	}
}

/* ---- Updaters ---- */

static void aged_callback(struct rcu_head *head)
{
	struct element *e = container_of(head, struct element, rcu);

	atomic_add(&pipe.seen.callbacks, 1ull);
	if (!element_age(e))
		pipe.kind->call(head, aged_callback);
}

/* A grace period for everything that this line has in the pipe. */
static void pass_period(struct line *line, void (*synchronize)(void))
{
	synchronize();
	for (unsigned stage = RCU_STAGES - 1; stage; stage--) {
		struct element *e = line->pipe[stage];

		line->pipe[stage] = NULL;
		if (e && !element_age(e))
			line->pipe[stage + 1] = e;
	}
}

/* old is on its way out: by what the line does about it. */
static void retire(struct line *line, struct element *old)
{
	element_age(old);
	switch (line - pipe.lines) {
	case BY_SYNCHRONIZE:
		line->pipe[1] = old;
		pass_period(line, pipe.kind->synchronize);
		break;
	case BY_EXPEDITED:
		line->pipe[1] = old;
		pass_period(line, pipe.kind->synchronize_expedited);
		break;
	default:
		pipe.kind->call(&old->rcu, aged_callback);
	}
}

static void publish(struct line *line, struct element *e)
{
	if (pipe.kind->fills_late) {
		u64 sections = READ_ONCE(pipe.seen.sections);

		rcu_assign_pointer(line->now, e);
		for (unsigned i = 0; i < 20 && READ_ONCE(pipe.seen.sections) == sections; i++)
			sleep_ns(NSEC_PER_USEC);
		element_fill(e);
	} else {
		element_fill(e);
		rcu_assign_pointer(line->now, e);
	}
}

static void replace(struct line *line, struct element *e)
{
	struct element *old = line->now;

	if (pipe.kind->retires_first) {
		retire(line, old);
		synchronize_rcu();
		publish(line, e);
	} else {
		publish(line, e);
		retire(line, old);
	}
}

/* The same inside a section, which holds the old one until its end. */
static void replace_in_section(struct line *line, struct element *e, struct torture_random *r)
{
	const struct element *old;
	u64 stamp;

	element_fill(e);
	pipe.kind->lock();
	old = rcu_dereference(line->now);
	stamp = READ_ONCE(old->stamp);
	rcu_assign_pointer(line->now, e);
	retire(line, (struct element *)old);
	spin(torture_random(r, 200));
	section_judge(old, stamp);
	pipe.kind->unlock();
}

static bool all_have_done_their_share(void)
{
	for (unsigned i = 0; i < LINES; i++)
		if (READ_ONCE(pipe.lines[i].updates) < pipe.share)
			return false;
	return READ_ONCE(pipe.seen.sections) >= 4 * pipe.share;
}

static void count_update(struct line *line)
{
	u64 all = atomic_add_return(&pipe.updates, 1ull);

	atomic_add(&line->updates, 1ull);
	if (pipe.kind->broken ? all >= pipe.bound : all_have_done_their_share())
		torture_enough(&pipe.group);
}

static void updater(struct torture_thread *t)
{
	struct line *line = t->arg;

	while (!torture_stopped(t)) {
		struct element *e = element_take();

		if (!e) {
			synchronize_rcu();
			continue;
		}
		if (line == &pipe.lines[BY_READER] && !pipe.kind->fills_late)
			replace_in_section(line, e, &t->random);
		else
			replace(line, e);
		count_update(line);
		move(&t->random);
	}
}

/* ---- Floods ---- */

static void flood_callback(struct rcu_head *head)
{
	(void)head;
	atomic_add(&pipe.flood_run, 1ull);
}

static void flooder(struct torture_thread *t)
{
	while (!torture_stopped(t)) {
		u32 n = 1 + torture_random(&t->random, torture_random(&t->random, 4) ? 50 : FLOOD);

		for (u32 i = 0; i < n; i++) {
			pipe.kind->call(&pipe.flood[i], flood_callback);
			if (torture_random(&t->random, 256) == 0)
				move(&t->random);
		}
		pipe.flood_queued += n;
		pipe.kind->wait_callbacks();
		if (READ_ONCE(pipe.flood_run) != pipe.flood_queued) {
			atomic_add(&pipe.seen.early_ends, 1ull);
			catch_it();
			rcu_barrier(); /* the heads are used again */
		}
	}
}

/* ---- A run ---- */

static void set_up(const struct rcu_kind *kind, u64 share, u64 bound)
{
	memset(&pipe, 0, sizeof(pipe));
	pipe.kind = kind;
	pipe.share = share;
	pipe.bound = bound;
	pipe.free = ~0ull;
	torture_group_init(&pipe.group, (u64)(kind - rcu_kinds));
	for (unsigned i = 0; i < LINES; i++) {
		pipe.lines[i].now = element_take();
		element_fill(pipe.lines[i].now);
	}
}

/* Whatever is still under way comes to its end. */
static void drain(void)
{
	for (unsigned stage = 0; stage < RCU_STAGES; stage++) {
		pass_period(&pipe.lines[BY_SYNCHRONIZE], synchronize_rcu);
		pass_period(&pipe.lines[BY_EXPEDITED], synchronize_rcu_expedited);
		rcu_barrier();
	}
	rcu_kinds_stop();
	for (unsigned i = 0; i < LINES; i++)
		element_give(pipe.lines[i].now);
}

void rcu_pipe_run(const struct rcu_kind *kind, u64 share, u64 bound, struct rcu_seen *out)
{
	unsigned readers = MIN(2 * nr_cpus, 12u);

	set_up(kind, share, bound);
	rcu_kinds_start(kind);
	for (unsigned i = 0; i < readers; i++)
		torture_start(&pipe.group, "reader", reader, i == 0 ? &pipe : NULL);
	for (unsigned i = 0; i < LINES; i++)
		torture_start(&pipe.group, "updater", updater, &pipe.lines[i]);
	torture_start(&pipe.group, "flooder", flooder, NULL);
	torture_start(&pipe.group, "interrupter", interrupter, NULL);
	torture_join(&pipe.group);
	drain();
	*out = pipe.seen;
	out->updates = pipe.updates;
	out->lost = pipe.flood_queued - pipe.flood_run;
	for (u64 gone = ~pipe.free; gone; gone &= gone - 1)
		out->lost++;
}
