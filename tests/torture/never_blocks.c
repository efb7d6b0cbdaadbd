/*
 * The never-blocks matrix: paths of 1 to 13 components, with every kind of obstacle at every component
 * (never_blocks_table.c). For each cell, by RESOLVE_CACHED and by a ring:
 *
 *	openat2 with RESOLVE_CACHED		answers what the table says; when that is EAGAIN, nothing has
 *	the same through the ring		changed: no reference, no LRU, no cache, no counter but the one
 *						that says why, and the file system has not been asked
 *	an open through the ring		goes to a worker exactly when the attempt gives up, and comes
 *						back with the right answer
 *	both once more				the attempt succeeds if it became cached
 *
 * That nothing sleeps is might_sleep's business: it panics in the debug builds this runs in, and what it
 * counts in others is looked at, too.
 *
 * The same source runs on the host, in the guest and in the hosted kernels.
 */
#include "tests/torture/never_blocks.h"

#include "abi/fcntl.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/internal.h"

syscall_fn sys_openat2, sys_close, sys_renameat2;

/* Areas of the main thread and of the one beside it. */
#define MAIN	 0
#define BESIDE	 4
#define MAX_SLAB 64

static struct caller caller;
static struct caller_ring ring;
static struct cred nobody = {.refs = 1 << 20,
	.uid = 1000,
	.euid = 1000,
	.suid = 1000,
	.fsuid = 1000,
	.gid = 1000,
	.egid = 1000,
	.sgid = 1000,
	.fsgid = 1000};

struct cell {
	const struct nb_kind *kind;
	unsigned n, k;
	u64 answer;	    /* inode number */
	char *path;	    /* CALLER_AREA_SIZE */
	char *scratch;	    /* the same */
	struct dentry *odd; /* whose sequence we made odd */
	struct thread *beside;
	struct nb_hold hold;
	struct completion beside_done;
	char *from, *to; /* what the thread beside renames; CALLER_AREA_SIZE */
};

static bool fail(const struct cell *c, const char *what, long long is, long long expected)
{
	ktest_fail(__FILE__, __LINE__, "%s at %u of %u, '%s': %s: %lld, expected %lld",
		c->kind->name, c->k, c->n, c->path, what, is, expected);
	return false;
}

/* ---- What must not change ---- */

struct snapshot {
	u64 tree, dentries, unused, files, asked, waits, chained, violations;
	u64 descriptors;
	u64 outcomes[WALK_OUTCOMES_MAX];
};

static void count_descriptor(int fd, struct file *f, void *arg)
{
	(void)fd, (void)f;
	++*(u64 *)arg;
}

static void snapshot(struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->tree = nb_tree_fingerprint();
	s->dentries = dcache_dentry_count();
	dcache_lru_counts(&s->unused);
	s->files = file_count();
	s->asked = tree_asked();
	in_lookup_counts(&s->waits, &s->chained);
	s->violations = READ_ONCE(sched_might_sleep_violations);
	fd_for_each(caller.process.files, count_descriptor, &s->descriptors);
	for (unsigned i = 0; i < WALK_OUTCOMES_MAX; i++)
		s->outcomes[i] = walk_outcome_count(i);
}

/* What the attempt may count: why it gave up, or that it did not. */
static int counts(const struct cell *c, int error)
{
	if (error == EAGAIN)
		return (int)(c->k == c->n ? c->kind->last_reason : c->kind->reason);
	return error == ENOENT ? -1 : WALK_OUT_done_rcu;
}

/* An attempt with that answer lies between the two. */
static bool nothing_changed(
	const struct cell *c, int error, const struct snapshot *a, const struct snapshot *b)
{
	int counted = counts(c, error);

	if (a->asked != b->asked)
		return fail(c, "asked the file system", (long long)(b->asked - a->asked), 0);
	if (a->violations != b->violations)
		return fail(c, "sleeps", (long long)(b->violations - a->violations), 0);
	for (int i = 0; i < WALK_OUTCOMES_MAX; i++)
		if (b->outcomes[i] - a->outcomes[i] != (i == counted))
			return fail(c, walk_outcome_names[i],
				(long long)(b->outcomes[i] - a->outcomes[i]), i == counted);
	if (a->dentries != b->dentries)
		return fail(c, "dentries", (long long)b->dentries, (long long)a->dentries);
	if (a->files != b->files || a->descriptors != b->descriptors)
		return fail(c, "files", (long long)b->files, (long long)a->files);
	if (error != EAGAIN && error != ENOENT)
		return true; /* it took references and gave them back: that is a use */
	if (a->unused != b->unused)
		return fail(c, "unused dentries", (long long)b->unused, (long long)a->unused);
	if (a->waits != b->waits || a->chained != b->chained)
		return fail(c, "waits for lookups", (long long)b->waits, (long long)a->waits);
	return a->tree == b->tree ||
	       fail(c, "the tree's fingerprint", (long long)b->tree, (long long)a->tree);
}

/* ---- Opening ---- */

static bool is_answer(const struct cell *c, const char *how, long result, int error)
{
	const struct file *f;
	u64 ino;

	if (result < 0)
		return -result == error || fail(c, how, -result, error);
	f = file_lookup_fd_rcu(caller.process.files, (int)result);
	ino = f->inode->ino;
	sys_close(result, 0, 0, 0, 0, 0);
	if (error)
		return fail(c, how, 0, error);
	return !c->answer || ino == c->answer || fail(c, how, (long long)ino, (long long)c->answer);
}

static long open_path(const char *path, u64 flags, u64 resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};

	return sys_openat2(AT_FDCWD, caller_text(&caller, MAIN, path),
		caller_bytes(&caller, MAIN + 1, &how, sizeof(how)), sizeof(how), 0, 0);
}

static bool attempt(const struct cell *c, int error)
{
	struct snapshot before, after;
	long result;

	snapshot(&before);
	result = open_path(c->path, O_RDONLY, c->kind->resolve | RESOLVE_CACHED);
	if (!is_answer(c, "cached-only openat2", result, error))
		return false;
	snapshot(&after);
	return nothing_changed(c, error, &before, &after);
}

static bool attempt_by_ring(const struct cell *c, int error)
{
	const struct open_how how = {
		.flags = O_RDONLY, .resolve = c->kind->resolve | RESOLVE_CACHED};
	struct ring_stats ring_before, ring_after;
	struct snapshot before, after;

	ring_get_stats(&ring_before);
	snapshot(&before);
	caller_ring_openat2(&caller, MAIN, &ring, AT_FDCWD, c->path, &how);
	if (!is_answer(c, "cached-only entry", caller_ring_wait(&ring), error))
		return false;
	snapshot(&after);
	ring_get_stats(&ring_after);
	if (ring_after.queued != ring_before.queued)
		return fail(c, "cached-only entry queued", 1, 0);
	return nothing_changed(c, error, &before, &after);
}

/* Submit an open; *queued: it went to a worker. */
static void submit(const struct cell *c, bool *queued)
{
	const struct open_how how = {.flags = O_RDONLY, .resolve = c->kind->resolve};
	struct ring_stats before, after;

	ring_get_stats(&before);
	caller_ring_openat2(&caller, MAIN, &ring, AT_FDCWD, c->path, &how);
	ring_get_stats(&after);
	*queued = after.queued != before.queued;
}

static bool collect(const struct cell *c)
{
	return is_answer(c, "entry", caller_ring_wait(&ring), c->kind->plain);
}

/* ---- What is cached ---- */

static void warm(const struct cell *c, unsigned components, u64 flags)
{
	long fd;

	nb_path(c->scratch, c->kind, c->n, c->k, components);
	fd = open_path(c->scratch, flags, 0);
	if (fd >= 0)
		sys_close(fd, 0, 0, 0, 0, 0);
}

static struct dentry *find(const char *path)
{
	struct walk_start start = {.dirfd = AT_FDCWD, .name = path};
	struct path found;

	if (walk_path(&start, &found))
		return NULL;
	dentry_get(found.dentry);
	path_put(&found);
	return found.dentry;
}

/* c->scratch becomes: name in the directory that component k lies in. */
static void beside_k(const struct cell *c, char *buf, const char *name)
{
	nb_path(buf, c->kind, c->n, c->k, c->k - 1);
	strlcpy(buf + strlen(buf), "/", 2);
	strlcpy(buf + strlen(buf), name, CALLER_AREA_SIZE - strlen(buf));
}

static bool prepare(const struct cell *c)
{
	struct dentry *d;

	nb_tree_evict(c->k);
	switch (c->kind->warm) {
	case NB_BEFORE:
		warm(c, c->k - 1, O_RDONLY);
		break;
	case NB_THROUGH:
		warm(c, c->k, O_RDONLY);
		break;
	case NB_ENTRY:
		warm(c, c->k, O_PATH | O_NOFOLLOW);
		break;
	case NB_ALL:
	case NB_NOT_TARGET:
		warm(c, c->n, O_RDONLY);
	}
	if (c->kind->warm != NB_NOT_TARGET)
		return true;
	beside_k(c, c->scratch, nb_directory(c->k - 1));
	d = find(c->scratch);
	if (!d)
		return fail(c, "no target", 0, 1);
	dcache_drop(d);
	dentry_put(d);
	return true;
}

/* ---- What somebody else does ---- */

static void rename_path(const char *from, const char *to)
{
	if (sys_renameat2(AT_FDCWD, caller_text(&caller, BESIDE, from), AT_FDCWD,
		    caller_text(&caller, BESIDE + 1, to), 0, 0))
		ktest_fail(__FILE__, __LINE__, "%s cannot be renamed", from);
}

static void beside(void *arg)
{
	struct cell *c = arg;

	caller_enter(&caller);
	if (c->kind->meanwhile == NB_LOOKS_UP) {
		struct open_how how = {.flags = O_PATH};

		sys_close(sys_openat2(AT_FDCWD, caller_text(&caller, BESIDE, c->path),
				  caller_bytes(&caller, BESIDE + 1, &how, sizeof(how)), sizeof(how),
				  0, 0),
			0, 0, 0, 0, 0);
	} else {
		rename_path(c->from, c->to);
		rename_path(c->to, c->from);
	}
	caller_leave();
	complete(&c->beside_done);
}

/* A thread beside this one gets as far as the file system, and stays there. */
static void start_beside(struct cell *c)
{
	completion_init(&c->beside_done);
	nb_hold(&c->hold, c->kind->meanwhile != NB_LOOKS_UP);
	c->beside = thread_create("beside", beside, c);
	assert(c->beside);
	thread_start(c->beside);
	wait_for_completion(&c->hold.held);
}

static void end_beside(struct cell *c)
{
	complete(&c->hold.let_go);
	wait_for_completion(&c->beside_done);
	thread_put(c->beside);
	c->beside = NULL;
}

static bool meanwhile_begin(struct cell *c)
{
	const char *name = c->k == c->n ? "f" : nb_directory(c->k - 1);

	switch (c->kind->meanwhile) {
	case NB_NOTHING:
		return true;
	case NB_RENAMES_ENTRY:
		beside_k(c, c->scratch, name);
		c->odd = find(c->scratch);
		if (!c->odd)
			return fail(c, "no entry", 0, 1);
		seqcount_write_begin(&c->odd->seq);
		return true;
	case NB_RENAMES_ASKED:
	case NB_RENAMES_OTHER:
		beside_k(c, c->from, c->kind->meanwhile == NB_RENAMES_ASKED ? name : "spare");
		beside_k(c, c->to, "renamed");
		break;
	case NB_LOOKS_UP:
		break;
	}
	start_beside(c);
	return true;
}

static void meanwhile_end(struct cell *c)
{
	if (c->odd) {
		seqcount_write_end(&c->odd->seq);
		dentry_put(c->odd);
		c->odd = NULL;
	}
	if (c->beside)
		end_beside(c);
}

/* ---- A cell ---- */

static bool first_answers(struct cell *c)
{
	const struct nb_kind *kind = c->kind;
	/* The dcache's part of a rename is never that long: nobody may be made to wait for it. */
	bool over = kind->meanwhile == NB_RENAMES_ENTRY;
	bool queued = false, good, expected = kind->cached == EAGAIN && !over;

	good = attempt(c, kind->cached) && attempt_by_ring(c, kind->cached);
	if (over)
		meanwhile_end(c);
	if (good)
		submit(c, &queued); /* a worker waits for what is going on */
	meanwhile_end(c);
	if (!good || !collect(c))
		return false;
	return queued == expected || fail(c, "queued", queued, expected);
}

static bool run_cell(struct cell *c)
{
	const struct nb_kind *kind = c->kind;
	bool queued;

	nb_path(c->path, kind, c->n, c->k, c->n);
	c->answer = nb_answer(kind, c->n, c->k);
	if (!prepare(c) || !meanwhile_begin(c) || !first_answers(c))
		return false;
	if (!attempt(c, kind->then) || !attempt_by_ring(c, kind->then))
		return false;
	submit(c, &queued);
	if (!collect(c))
		return false;
	return queued == (kind->then == EAGAIN) || fail(c, "queued again", queued, !queued);
}

/* ---- Memory ---- */

struct usage {
	u64 in_use[MAX_SLAB];
	unsigned n;
};

static void count_cache(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	struct usage *u = arg;

	(void)name, (void)size, (void)pages;
	if (u->n < MAX_SLAB)
		u->in_use[u->n++] = in_use;
}

/* Many attempts, and no cache of objects has grown by as many. */
static bool leaks_nothing(struct cell *c)
{
	const unsigned many = 32;
	struct usage before = {.n = 0}, after = {.n = 0};
	bool good = true;

	nb_path(c->path, c->kind, c->n, c->k, c->n);
	if (!prepare(c) || !meanwhile_begin(c))
		return false;
	slab_for_each(count_cache, &before);
	for (unsigned i = 0; i < many; i++)
		open_path(c->path, O_RDONLY, c->kind->resolve | RESOLVE_CACHED);
	slab_for_each(count_cache, &after);
	for (unsigned i = 0; i < after.n && good; i++)
		if ((s64)(after.in_use[i] - before.in_use[i]) >= (s64)many)
			good = fail(c, "objects", (long long)after.in_use[i],
				(long long)before.in_use[i]);
	meanwhile_end(c);
	return good;
}

/* ---- The matrix ---- */

static bool makes_sense(const struct nb_kind *kind, unsigned n, unsigned k)
{
	if ((kind->where & NB_NOT_LAST) && k == n)
		return false;
	if ((kind->where & NB_ONLY_LAST) && k != n)
		return false;
	if ((kind->where & NB_NOT_FIRST) && k == 1)
		return false;
	return !(kind->where & NB_ODD) || k % 2;
}

static unsigned run_kind(struct cell *c)
{
	unsigned cells = 0;

	for (c->n = 1; c->n <= NB_DEPTH; c->n++)
		for (c->k = 1; c->k <= c->n; c->k++) {
			if (!makes_sense(c->kind, c->n, c->k))
				continue;
			if (!run_cell(c))
				return 0;
			cells++;
		}
	return cells;
}

static void leaks_of_kind(struct cell *c)
{
	c->n = NB_DEPTH;
	for (c->k = 1; c->k <= NB_DEPTH; c->k++)
		if (makes_sense(c->kind, c->n, c->k) && c->kind->cached == EAGAIN &&
			!leaks_nothing(c))
			return;
}

/* The host's unit tests bring the vfs up here; elsewhere it is up. */
void test_boot_vfs(void) __weak;

static void run_matrix(void)
{
	struct cell c = {.n = 0};
	unsigned cells, all = 0;

	c.path = kzalloc(4 * CALLER_AREA_SIZE, ALLOC_WAIT);
	assert(c.path);
	c.scratch = c.path + CALLER_AREA_SIZE;
	c.from = c.path + 2 * CALLER_AREA_SIZE;
	c.to = c.path + 3 * CALLER_AREA_SIZE;
	if (!caller_ring_open(&caller, MAIN, 8, &ring))
		panic("never-blocks: no ring");
	for (unsigned i = 0; i < nr_nb_kinds; i++) {
		c.kind = &nb_kinds[i];
		cells = run_kind(&c);
		if (!cells)
			break;
		leaks_of_kind(&c);
		printk("  %s: %u cells", c.kind->name, cells);
		all += cells;
	}
	printk("  never blocks: %u kinds, %u cells", nr_nb_kinds, all);
	caller_ring_close(&ring);
	kfree(c.path);
}

KTEST(never_blocks_matrix)
{
	struct path base;
	struct cred *old;

	if (test_boot_vfs)
		test_boot_vfs();
	drop_caches(2);
	nb_tree_mount(&base);
	caller_init(&caller, "never-blocks");
	path_put(&caller.fs.pwd);
	caller.fs.pwd = base;
	caller_enter(&caller);
	old = cred_override(&nobody);
	run_matrix();
	cred_restore(old);
	caller_leave();
	caller_destroy(&caller);
	nb_tree_unmount();
}
