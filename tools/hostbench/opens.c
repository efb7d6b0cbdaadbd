/*
 * What is measured: an open and a close of a file whose path is cached, over all files of a tree in one
 * random order, again and again until MIN_OPENS are done. See opens.h.
 *
 * Two trees of FILES files. `flat` is one directory: 1 component. `deep` has 256 files a directory, below
 * three levels of 16 directories each, below a chain of four: 8 components from its top, 4 from the end of
 * the chain. Names, order and program are the same for both systems.
 *
 * A batch of a ring is that many opens in one io_uring_enter and then that many closes in another; the loop
 * of openat is an openat and a close. Paths lie in memory in the order in which they are used, as a
 * program's list would.
 *
 * Limits: MAX_FILES files of one FILES at a time can be timed; a wrong answer ends a row with @error.
 */
#include "tools/hostbench/opens.h"
#include "abi/errno.h"
#include "abi/fcntl.h"

#define MAX_FILES  1000000u
#define PATH_SLOT  64
#define MIN_OPENS  200000u
#define ENTRIES	   64u
#define LEAF_FILES 256u
#define CHAIN	   "lib/modules/kernel/drivers"
#define SEED	   20201215u

static char flat_top[160], deep_top[160]; /* of the trees that are timed */
static u32 files;
static char flat_paths[MAX_FILES][PATH_SLOT], deep_paths[MAX_FILES][PATH_SLOT];
static struct bench_ring ring = {.fd = -1};

/* ---- Words of a command ---- */

/* The decimal number at *p, which is left behind it; 0 when there is none. */
static u32 number(const char **p)
{
	u32 n = 0;

	while (**p == ' ')
		(*p)++;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (u32)(**p - '0');
	return n;
}

/* What follows word in line, or NULL. */
static const char *after(const char *line, const char *word)
{
	while (*word && *line == *word)
		line++, word++;
	return *word ? NULL : line;
}

/* ---- The order ---- */

static u32 next_random(u64 *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(*state >> 33);
}

static void swap_slots(char *a, char *b)
{
	u64 *x = (u64 *)a, *y = (u64 *)b;

	for (unsigned i = 0; i < PATH_SLOT / sizeof(*x); i++) {
		u64 other = x[i];

		x[i] = y[i];
		y[i] = other;
	}
}

static void shuffle(char (*paths)[PATH_SLOT], u32 n)
{
	u64 state = SEED;

	for (u32 i = n; i > 1; i--)
		swap_slots(paths[i - 1], paths[next_random(&state) % i]);
}

/* ---- The trees ---- */

static int make_file(const char *path)
{
	int fd = bench_openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644);

	return fd < 0 ? fd : bench_close(fd);
}

/* Make the tree's top, and go there. */
static int make_top(char *top, size_t size, const char *name)
{
	int err;

	bench_format(top, size, "%s/%s-%u", bench_root, name, files);
	err = bench_mkdir(top);
	return err ? err : bench_chdir(top);
}

static int make_flat(void)
{
	int err = make_top(flat_top, sizeof(flat_top), "flat");

	for (u32 i = 0; i < files && err >= 0; i++) {
		bench_format(flat_paths[i], PATH_SLOT, "file-%07u", i);
		err = make_file(flat_paths[i]);
	}
	return err;
}

/* A directory of the deep tree; one that is there is fine. */
static int make_below(const char *path)
{
	int err = bench_mkdir(path);

	return err == -EEXIST ? 0 : err;
}

/* The directory of leaf number n, and those above it. */
static int make_leaf(u32 n, char *path, size_t size)
{
	u32 part[] = {n >> 8 & 15, n >> 4 & 15, n & 15};
	int err;

	bench_format(path, size, CHAIN "/a%02u", part[0]);
	err = make_below(path);
	if (err)
		return err;
	bench_format(path, size, CHAIN "/a%02u/b%02u", part[0], part[1]);
	err = make_below(path);
	if (err)
		return err;
	bench_format(path, size, CHAIN "/a%02u/b%02u/c%02u", part[0], part[1], part[2]);
	return make_below(path);
}

static int make_deep(void)
{
	static const char *const chain[] = {
		"lib", "lib/modules", "lib/modules/kernel", "lib/modules/kernel/drivers"};
	char leaf[PATH_SLOT];
	int err = make_top(deep_top, sizeof(deep_top), "deep");

	for (unsigned i = 0; i < ARRAY_SIZE(chain) && err >= 0; i++)
		err = make_below(chain[i]);
	if (err < 0)
		return err;
	for (u32 i = 0; i < files && err >= 0; i++) {
		if (i % LEAF_FILES == 0)
			err = make_leaf(i / LEAF_FILES, leaf, sizeof(leaf));
		if (err < 0)
			break;
		bench_format(deep_paths[i], PATH_SLOT, "%s/file-%07u", leaf, i);
		err = make_file(deep_paths[i]);
	}
	return err;
}

static void serve_tree(u32 n)
{
	int err;

	if (n == 0 || n > MAX_FILES) {
		bench_say("@error %u files: 1 to %u", n, MAX_FILES);
		return;
	}
	files = n;
	err = make_flat();
	if (err >= 0)
		err = make_deep();
	if (err < 0) {
		bench_say("@error making %u files: %d", n, err);
		return;
	}
	shuffle(flat_paths, files);
	shuffle(deep_paths, files);
	bench_say("@tree {\"files\": %u}", files);
}

/* ---- The loops ---- */

struct job {
	const char *paths; /* files of them, PATH_SLOT apart */
	u32 files, batch, opens;
};

/* Returns 0 or the first error. */
static int loop_openat(const struct job *j)
{
	u32 at = 0;

	for (u32 i = 0; i < j->opens; i++) {
		int fd = bench_openat(AT_FDCWD, j->paths + (size_t)at * PATH_SLOT, O_RDONLY, 0);

		if (fd < 0)
			return fd;
		fd = bench_close(fd);
		if (fd < 0)
			return fd;
		if (++at == j->files)
			at = 0;
	}
	return 0;
}

static struct io_uring_sqe *put_sqe(u32 tail, u32 opcode, int fd, u32 user_data)
{
	u32 index = tail & ring.sq_mask;
	struct io_uring_sqe *sqe = &ring.sqes[index];

	*sqe = (struct io_uring_sqe){.opcode = (u8)opcode, .fd = fd, .user_data = user_data};
	ring.sq_array[index] = index;
	return sqe;
}

/* Submit n entries up to tail, wait for them, and put their results where user_data says. */
static int run_batch(u32 tail, u32 n, int *results)
{
	u32 head = *ring.cq_head, ready;
	int taken;

	__atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
	taken = bench_ring_enter(ring.fd, n, n);
	if (taken != (int)n)
		return taken < 0 ? taken : -EIO;
	ready = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	if (ready - head != n)
		return -EIO;
	for (; head != ready; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];
		int result = (int)(u32)cqe->res_flags;

		if (result < 0)
			return result;
		results[cqe->user_data] = result;
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	return 0;
}

/* Returns 0 or the first error. */
static int loop_ring(const struct job *j)
{
	int fds[ENTRIES], ignored[ENTRIES], err;
	u32 tail = *ring.sq_tail, at = 0;

	for (u32 done = 0; done < j->opens; done += j->batch) {
		for (u32 i = 0; i < j->batch; i++) {
			struct io_uring_sqe *sqe = put_sqe(tail++, IORING_OP_OPENAT, AT_FDCWD, i);

			sqe->addr = (u64)(j->paths + (size_t)at * PATH_SLOT);
			sqe->op_flags = O_RDONLY;
			if (++at == j->files)
				at = 0;
		}
		err = run_batch(tail, j->batch, fds);
		if (err)
			return err;
		for (u32 i = 0; i < j->batch; i++)
			put_sqe(tail++, IORING_OP_CLOSE, fds[i], i);
		err = run_batch(tail, j->batch, ignored);
		if (err)
			return err;
	}
	return 0;
}

/* The loop's paths, and where they begin. */
static bool job_for(struct job *j, u32 components, u32 batch)
{
	char chain_end[200];
	const char *from = components == 1 ? flat_top : deep_top;

	*j = (struct job){.files = files, .batch = batch};
	j->opens = (MAX(files, MIN_OPENS) + batch - 1) / batch * batch;
	j->paths = components == 1 ? flat_paths[0] : deep_paths[0];
	if (components == 4) {
		bench_format(chain_end, sizeof(chain_end), "%s/" CHAIN, deep_top);
		from = chain_end;
		j->paths += sizeof(CHAIN); /* with its slash */
	}
	return (components == 1 || components == 4 || components == 8) && bench_chdir(from) == 0;
}

static void serve_row(bool by_ring, u32 components, u32 batch)
{
	s64 queued = bench_queued();
	struct job j;
	u64 start;
	int err;

	if (batch == 0 || batch > ENTRIES || !job_for(&j, components, batch)) {
		bench_say("@error no such row");
		return;
	}
	if (by_ring && ring.fd < 0) {
		ring.fd = bench_ring_setup(&ring, ENTRIES);
		if (ring.fd < 0) {
			bench_say("@error no ring: %d", ring.fd);
			return;
		}
	}
	start = bench_cpu_ns();
	err = by_ring ? loop_ring(&j) : loop_openat(&j);
	start = bench_cpu_ns() - start;
	if (err)
		bench_say("@error a row ended with %d", err);
	else
		bench_say("@row {\"opens\": %u, \"cpu_ns\": %llu, \"queued\": %lld}", j.opens,
			(unsigned long long)start,
			queued < 0 ? -1ll : (long long)(bench_queued() - queued));
}

static void serve_ring_row(const char *arguments)
{
	u32 components = number(&arguments);

	serve_row(true, components, number(&arguments));
}

static void serve_entry(void)
{
	u64 start = bench_cpu_ns();

	for (u32 i = 0; i < 10 * MIN_OPENS; i++)
		if (bench_cheapest_call() < 0) {
			bench_say("@error there is no system call to enter");
			return;
		}
	bench_say("@entry {\"calls\": %u, \"cpu_ns\": %llu}", 10 * MIN_OPENS,
		(unsigned long long)(bench_cpu_ns() - start));
}

/* ---- Commands ---- */

void bench_serve(void)
{
	char line[128];

	while (bench_read_line(line, sizeof(line))) {
		const char *tree = after(line, "tree "), *loop = after(line, "row openat "),
			   *by_ring = after(line, "row ring ");

		if (tree)
			serve_tree(number(&tree));
		else if (loop)
			serve_row(false, number(&loop), 1);
		else if (by_ring)
			serve_ring_row(by_ring);
		else if (after(line, "entry"))
			serve_entry();
		else if (after(line, "end"))
			return;
		else
			bench_say("@error no such command");
	}
}
