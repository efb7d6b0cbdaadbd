/* Random numbers and threads of the torture tests. */
#include "tests/torture/torture.h"

#include "kernel/cmdline.h"
#include "kernel/panic.h"

u64 torture_seed(void)
{
	return cmdline_get_u64("seed", 1);
}

u64 torture_rounds(void)
{
	return MAX(cmdline_get_u64("rounds", 1), (u64)1);
}

/* Each step is a bijection, so different states stay different. */
static u64 scramble(u64 x)
{
	x = (x ^ x >> 31) * 0x7fb5d329728ea185ull;
	x = (x ^ x >> 27) * 0x81dadef4bc2dd44dull;
	return x ^ x >> 33;
}

void torture_random_init(struct torture_random *r, u64 who)
{
	r->state = scramble(torture_seed() + 1) ^ scramble(~who);
}

u32 torture_random(struct torture_random *r, u32 below)
{
	r->state += 0x9e3779b97f4a7c15ull;
	return (u32)((scramble(r->state) >> 32) * below >> 32);
}

void torture_group_init(struct torture_group *g, u64 salt)
{
	g->salt = salt;
	g->stop = g->nr_threads = 0;
	completion_init(&g->over);
}

static void thread_main(void *arg)
{
	struct torture_thread *t = arg;

	t->fn(t);
	complete(&t->done);
}

void torture_start(
	struct torture_group *g, const char *name, void (*fn)(struct torture_thread *t), void *arg)
{
	struct torture_thread *t = &g->threads[g->nr_threads];

	assert(g->nr_threads < TORTURE_THREADS);
	*t = (struct torture_thread){.group = g, .fn = fn, .arg = arg};
	torture_random_init(&t->random, g->salt * TORTURE_THREADS + g->nr_threads++);
	completion_init(&t->done);
	t->thread = thread_create(name, thread_main, t);
	assert(t->thread);
	thread_start(t->thread);
}

void torture_enough(struct torture_group *g)
{
	if (!atomic_xchg(&g->stop, 1u))
		complete_all(&g->over);
}

void torture_join(struct torture_group *g)
{
	wait_for_completion(&g->over);
	for (u32 i = 0; i < g->nr_threads; i++) {
		wait_for_completion(&g->threads[i].done);
		thread_put(g->threads[i].thread);
	}
}
