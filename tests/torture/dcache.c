/*
 * Dentry cache torture: walkers of every kind against everything that changes directories. Walks go by
 * openat, cached-only, scoped, and through rings, inline and queued; an answer is kept with the events
 * before and after it. When all have stopped, each answer must be explained by the history of its tree:
 * the inode number says which life of a name it is, so an answer from too early or too late is told from
 * a right one. See dcache.h.
 */
#include "tests/torture/dcache.h"

#include "abi/fcntl.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/slab.h"
#include "kernel/string.h"

syscall_fn sys_openat, sys_openat2, sys_close, sys_umount2;

#define ANSWERS	    4000 /* of one walker in one round */
#define ROUNDS	    4	 /* for rounds=1 */
#define MAX_WALKERS 8
#define TEXT	    256

enum way { BY_OPENAT, CACHED_ONLY, BENEATH, BENEATH_CACHED, BY_RING, BY_RING_CACHED, WAYS };

static const struct {
	const char *name;
	bool ring, beneath, cached;
} ways[WAYS] = {
	[BY_OPENAT] = {.name = "openat"},
	[CACHED_ONLY] = {.name = "cached-only", .cached = true},
	[BENEATH] = {.name = "beneath", .beneath = true},
	[BENEATH_CACHED] = {.name = "beneath, cached-only", .beneath = true, .cached = true},
	[BY_RING] = {.name = "ring", .ring = true},
	[BY_RING_CACHED] = {.name = "ring, cached-only", .ring = true, .cached = true},
};

#define PATH(n) (1u << (n))

/* Taken in turn, one a round. The numbers are lines of tree_paths. */
static const struct focus foci[] = {
	{.name = "everything", .weights = {1, 2, 6, 3, 10, 10}, .noise = true, .paths = ~0u},
	{.name = "directories that move",
		.weights = {[DIRECTORIES] = 1, [EXCURSION] = 4, [NAMES_COME_AND_GO] = 1},
		.paths = PATH(12) | PATH(13) | PATH(15) | PATH(16) | PATH(26) | PATH(27)},
	{.name = "names", .weights = {[MOVES] = 3, [NAMES_COME_AND_GO] = 1}, .paths = 0x7fu << 8},
	{.name = "links",
		.weights = {[LINKS] = 2, [DIRECTORIES] = 1, [EXCURSION] = 1},
		.paths = PATH(19) | PATH(20) | PATH(21)},
};

struct walker {
	unsigned nr;
	struct answer *answers;
	u8 *ways;
	u32 count;
	int bases[TREES]; /* descriptors of the trees' roots */
	struct caller_ring ring;
	struct torture_random *random;
	char path[TEXT], text[TEXT];
};

static struct {
	struct torture_group group;
	struct caller caller;
	struct tree_torture trees[TREES];
	struct walker walkers[MAX_WALKERS];
	const struct focus *focus; /* of this round */
	/* What has come of it, by way */
	u64 found[WAYS], failed[WAYS], again[WAYS], not_judged, changes;
} torture;

/* ---- Walking ---- */

/* Areas behind those of historians and noise. */
static unsigned area_of(const struct walker *w)
{
	return 8 * TREES + 4 * w->nr;
}

static long walk(struct walker *w, unsigned tree, enum way way)
{
	struct caller *c = &torture.caller;
	struct open_how how = {.flags = O_RDONLY,
		.resolve = (ways[way].cached ? RESOLVE_CACHED : 0) |
			   (ways[way].beneath ? RESOLVE_BENEATH : 0)};
	const char *path = w->path;
	int dirfd = w->bases[tree];

	if (!ways[way].beneath && torture_random(w->random, 2)) {
		tree_text(w->text, &torture.trees[tree], w->path);
		path = w->text;
		dirfd = AT_FDCWD;
	}
	if (ways[way].ring) {
		caller_ring_openat2(c, area_of(w), &w->ring, dirfd, path, &how);
		return caller_ring_wait(&w->ring);
	}
	return sys_openat2(dirfd, caller_text(c, area_of(w), path),
		caller_bytes(c, area_of(w) + 1, &how, sizeof(how)), sizeof(how), 0, 0);
}

static unsigned some_path(struct walker *w)
{
	unsigned path;

	do
		path = torture_random(w->random, nr_tree_paths);
	while (!(torture.focus->paths >> path & 1));
	return path;
}

static void walk_once(struct walker *w)
{
	unsigned tree = torture_random(w->random, torture.focus->noise ? TREES : 1);
	enum way way = torture_random(w->random, WAYS);
	struct answer *a = &w->answers[w->count];
	long fd;

	*a = (struct answer){
		.tree = (u8)tree, .path = (u8)some_path(w), .strict = ways[way].cached};
	tree_path_text(w->path, tree_paths[a->path].components);
	a->before = torture_event();
	fd = walk(w, tree, way);
	a->after = torture_event();
	a->result = tree_close_ino(&torture.caller, fd);
	w->ways[w->count++] = (u8)way;
	atomic_add(&torture.trees[tree].walks, 1ull);
}

static void open_bases(struct walker *w)
{
	for (unsigned i = 0; i < TREES; i++) {
		tree_text(w->path, &torture.trees[i], "");
		w->bases[i] = (int)sys_openat(AT_FDCWD,
			caller_text(&torture.caller, area_of(w), w->path), O_PATH, 0, 0, 0);
		assert(w->bases[i] >= 0);
	}
}

static bool all_done(void)
{
	for (unsigned i = 0; i < (torture.focus->noise ? TREES : 1); i++)
		if (!READ_ONCE(torture.trees[i].done))
			return false;
	return true;
}

/* Not so far ahead of the historian that nothing happens. */
static void keep_pace(const struct torture_thread *t)
{
	struct tree_torture *tree = &torture.trees[0];

	for (unsigned i = 0; i < TREES; i++)
		wake_up_all(&torture.trees[i].pace);
	wait_event(&tree->pace,
		READ_ONCE(tree->walks) <= 64 + 8 * (u64)READ_ONCE(tree->history->changes) ||
			READ_ONCE(tree->done) || torture_stopped(t));
}

static void walker(struct torture_thread *t)
{
	struct walker *w = t->arg;

	w->random = &t->random;
	caller_enter(&torture.caller);
	open_bases(w);
	if (!caller_ring_open(&torture.caller, area_of(w), 8, &w->ring))
		panic("torture: no ring");
	while (!torture_stopped(t) && w->count < ANSWERS) {
		walk_once(w);
		keep_pace(t);
		if (all_done())
			break;
	}
	caller_ring_close(&w->ring);
	for (unsigned i = 0; i < TREES; i++)
		sys_close(w->bases[i], 0, 0, 0, 0, 0);
	caller_leave();
	torture_enough(&torture.group);
	for (unsigned i = 0; i < TREES; i++)
		wake_up_all(&torture.trees[i].pace);
}

/* ---- Judging ---- */

static bool judge(const struct walker *w, u32 i)
{
	const struct answer *a = &w->answers[i];
	enum way way = w->ways[i];
	char path[TEXT];

	if (a->result == -EAGAIN && (ways[way].cached || ways[way].beneath)) {
		torture.again[way]++;
		return true;
	}
	if (a->result < 0)
		torture.failed[way]++;
	else
		torture.found[way]++;
	switch (history_explains(torture.trees[a->tree].history, a)) {
	case NOT_JUDGED:
		torture.not_judged++;
		return true;
	case EXPLAINED:
		return true;
	default:
		break;
	}
	tree_path_text(path, tree_paths[a->path].components);
	ktest_fail(__FILE__, __LINE__,
		"seed %llu: %s of '%s' in tree %u between events %llu and %llu: %lld, which no "
		"instant explains",
		(unsigned long long)torture_seed(), ways[way].name, path, a->tree,
		(unsigned long long)a->before, (unsigned long long)a->after, (long long)a->result);
	history_print(torture.trees[a->tree].history, a);
	return false;
}

static void judge_all(unsigned walkers)
{
	for (unsigned i = 0; i < walkers; i++)
		for (u32 n = 0; n < torture.walkers[i].count; n++)
			if (!judge(&torture.walkers[i], n))
				return;
}

/* ---- A round ---- */

/* With nobody else there, each has a CPU and so has the historian. */
static unsigned nr_walkers(void)
{
	unsigned n = torture.focus->noise ? nr_cpus + 1 : MAX(nr_cpus - 1, 1u);

	return MIN(n, (unsigned)MAX_WALKERS);
}

static void start_all(void)
{
	torture_start(&torture.group, "historian", tree_historian, &torture.trees[0]);
	if (torture.focus->noise) {
		torture_start(&torture.group, "historian", tree_historian, &torture.trees[1]);
		torture_start(&torture.group, "noise", tree_noise, &torture.trees[0]);
		torture_start(&torture.group, "noise", tree_noise, &torture.trees[1]);
		torture_start(&torture.group, "evictor", tree_evictor, NULL);
	}
	for (unsigned i = 0; i < nr_walkers(); i++) {
		struct walker *w = &torture.walkers[i];

		w->nr = i;
		w->count = 0;
		w->answers = vzalloc(ANSWERS * sizeof(*w->answers));
		w->ways = vzalloc(ANSWERS);
		assert(w->answers && w->ways);
		torture_start(&torture.group, "walker", walker, w);
	}
}

static void run_round(u64 round)
{
	torture_group_init(&torture.group, 1000 + round);
	torture.focus = &foci[round % ARRAY_SIZE(foci)];
	for (unsigned i = 0; i < TREES; i++) {
		torture.trees[i] = (struct tree_torture){.caller = &torture.caller,
			.group = &torture.group,
			.focus = torture.focus,
			.nr = i};
		waitqueue_init(&torture.trees[i].pace);
		tree_begin(&torture.trees[i]);
	}
	start_all();
	torture_join(&torture.group);
	judge_all(nr_walkers());
	for (unsigned i = 0; i < TREES; i++)
		torture.changes += torture.trees[i].history->changes;
	for (unsigned i = 0; i < nr_walkers(); i++) {
		vfree(torture.walkers[i].answers);
		vfree(torture.walkers[i].ways);
	}
	for (unsigned i = 0; i < TREES; i++)
		tree_end(&torture.trees[i]);
}

static void print_ways(void)
{
	printk("  seed %llu: %llu changes; too much went on to judge %llu answers",
		(unsigned long long)torture_seed(), (unsigned long long)torture.changes,
		(unsigned long long)torture.not_judged);
	for (unsigned i = 0; i < WAYS; i++)
		printk("  %s: found %llu, error %llu, EAGAIN %llu", ways[i].name,
			(unsigned long long)torture.found[i], (unsigned long long)torture.failed[i],
			(unsigned long long)torture.again[i]);
}

KTEST(torture_dcache_answers_are_explained)
{
	u64 files = file_count(), judged = 0;

	memset(&torture, 0, sizeof(torture));
	caller_init(&torture.caller, "torture");
	caller_enter(&torture.caller);
	for (u64 round = 0; round < ROUNDS * torture_rounds(); round++) {
		run_round(round);
	}
	caller_leave();
	caller_destroy(&torture.caller);
	print_ways();
	for (unsigned i = 0; i < WAYS; i++)
		judged += torture.found[i] + torture.failed[i];
	KT_CHECK(judged > 10 * torture.not_judged);
	KT_EQ(file_count(), files);
}
