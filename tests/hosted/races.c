/* tests/hosted/races.h says what this is. */
#include "abi/errno.h"
#include "tests/hosted/races.h"
#include "kernel/ktest.h"
#include "kernel/process.h"
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "ring/internal.h"
#include "vfs/file_internal.h"
#include "vfs/prefetch.h"

syscall_fn sys_openat, sys_openat2, sys_close, sys_renameat2, sys_mkdirat, sys_unlinkat,
	sys_symlinkat, sys_mount, sys_umount2, sys_io_uring_setup, sys_io_uring_enter,
	sys_io_uring_register, sys_dup3;

#define BATCH	 8
#define MNT_LAZY 2

static struct process process = {.pid = 1000, .name = "races", .nofile_limit = 1024};
static struct fs_context fs;
static u32 busy; /* changers that have not finished; atomic */
static u32 opened;

/* ---- What may be answered ---- */

#define MAY_BE(error) (1ull << (error))

static const struct place {
	const char *path;
	u64 answers; /* MAY_BE bits of errno; 0: success */
} places[] = {
	{"/tmp/r/a/b/c/file", MAY_BE(0)},
	{"/tmp/r/to-b/c/file", MAY_BE(0)},
	{"/tmp/r/a/b/../../to-b/c", MAY_BE(0)},
	{"/tmp/r/one", MAY_BE(0)},
	{"/tmp/r/two", MAY_BE(0)},
	{"/tmp/r/never", MAY_BE(ENOENT)},
	{"/tmp/r/one/x", MAY_BE(ENOTDIR)},
	{"/tmp/r/x/deep/file", MAY_BE(0) | MAY_BE(ENOENT)},
	{"/tmp/r/a/x/deep/file", MAY_BE(0) | MAY_BE(ENOENT)},
	{"/tmp/r/x/deep/../../a/b", MAY_BE(0) | MAY_BE(ENOENT)},
	{"/tmp/r/churn", MAY_BE(0) | MAY_BE(ENOENT)},
	{"/tmp/r/churn/x", MAY_BE(ENOENT) | MAY_BE(ENOTDIR)},
	{"/tmp/r/m/file", MAY_BE(0) | MAY_BE(ENOENT)},
	{"/tmp/r/m/..", MAY_BE(0)},
};

static void judge(const struct place *p, long answer, u64 also, const char *how)
{
	u64 allowed = p->answers | also;

	if (answer >= 0) {
		atomic_add(&opened, 1u);
		sys_close(answer, 0, 0, 0, 0, 0);
	}
	if (answer < -63 || !(allowed & MAY_BE(answer < 0 ? -answer : 0)))
		ktest_fail(__FILE__, __LINE__, "%s by %s: %ld", p->path, how, answer);
}

static u32 next_random(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static const struct place *some_place(u32 *seed)
{
	return &places[next_random(seed) % ARRAY_SIZE(places)];
}

static void must(long answer, const char *what)
{
	if (answer < 0)
		ktest_fail(__FILE__, __LINE__, "%s: %ld", what, answer);
}

/* ---- Those who open ---- */

void race_open_plain(u32 *seed)
{
	const struct place *p = some_place(seed);

	judge(p, sys_openat(AT_FDCWD, (long)p->path, O_RDONLY, 0, 0, 0), 0, "openat");
}

void race_open_cached(u32 *seed)
{
	const struct place *p = some_place(seed);
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_CACHED};

	judge(p, sys_openat2(AT_FDCWD, (long)p->path, (long)&how, sizeof(how), 0, 0),
		MAY_BE(EAGAIN), "a cached-only openat2");
}

/* Below the working directory: what is meant is one of the tree's own places, or a race is reported. */
void race_open_beneath(u32 *seed)
{
	const struct place *p = some_place(seed);
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};

	judge(p, sys_openat2(AT_FDCWD, (long)p->path + 1, (long)&how, sizeof(how), 0, 0),
		MAY_BE(EAGAIN), "openat2 beneath");
}

/* The descriptor DIRECTORY_FD is another directory each time, and at times a file. */
#define DIRECTORY_FD 900

void race_replace_directory(u32 *seed)
{
	static const char *const directories[] = {
		"/tmp/r", "/tmp/r/a/b", "/tmp/r/a", "/tmp/r/x", "/tmp/r/m", "/tmp/r/one"};
	const char *path = directories[next_random(seed) % ARRAY_SIZE(directories)];
	long fd = sys_openat(AT_FDCWD, (long)path, O_RDONLY, 0, 0, 0);

	if (fd < 0)
		return; /* renamed away */
	must(sys_dup3(fd, DIRECTORY_FD, 0, 0, 0, 0), "dup3");
	sys_close(fd, 0, 0, 0, 0, 0);
	if (next_random(seed) % 8 == 0)
		sys_close(DIRECTORY_FD, 0, 0, 0, 0, 0);
}

void race_open_at_directory(u32 *seed)
{
	static const struct place below[] = {
		{"a/b/c/file", MAY_BE(0) | MAY_BE(ENOENT)},
		{"c/file", MAY_BE(0) | MAY_BE(ENOENT)},
		{"deep/file", MAY_BE(0) | MAY_BE(ENOENT)},
		{"file", MAY_BE(0) | MAY_BE(ENOENT)},
		{"one", MAY_BE(0) | MAY_BE(ENOENT)},
		{"../r/one", MAY_BE(0) | MAY_BE(ENOENT)},
	};
	const struct place *p = &below[next_random(seed) % ARRAY_SIZE(below)];
	struct open_how how = {
		.flags = O_RDONLY, .resolve = next_random(seed) % 2 ? RESOLVE_CACHED : 0};

	judge(p, sys_openat2(DIRECTORY_FD, (long)p->path, (long)&how, sizeof(how), 0, 0),
		MAY_BE(EBADF) | MAY_BE(ENOTDIR) | (how.resolve ? MAY_BE(EAGAIN) : 0),
		"openat2 at a descriptor");
}

/* ---- Those who open through rings ---- */

/* user_data of an entry: a number of its batch's own, and its place there. What comes twice, or from a
 * batch long done, is noticed. */
#define INDEX_BITS 8

static struct ring *ring_of(int fd)
{
	return file_lookup_fd_rcu(process.files, fd)->private_data;
}

static struct io_uring_sqe open_sqe(const struct place *p, u64 user_data, u32 *seed)
{
	/* The ring looks ahead, as with many dentries, or not. */
	WRITE_ONCE(prefetch_pays, next_random(seed) % 2);
	return (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
		.flags = next_random(seed) % 4 ? 0 : IOSQE_ASYNC,
		.fd = AT_FDCWD,
		.addr = (u64)p->path,
		.user_data = user_data};
}

/* Offer n entries of the ring behind fd and enter it; what the call answers. */
static long submit(int fd, const struct io_uring_sqe *sqes, u32 n, u32 wait_for)
{
	struct ring *ring = ring_of(fd);
	u32 tail = READ_ONCE(ring->rings->sq_tail);

	for (u32 i = 0; i < n; i++) {
		u32 index = (tail + i) & (ring->sq_entries - 1);

		ring->sqes[index] = sqes[i];
		ring->sq_array[index] = index;
	}
	store_release(&ring->rings->sq_tail, tail + n);
	return sys_io_uring_enter(fd, n, wait_for, wait_for ? IORING_ENTER_GETEVENTS : 0, 0, 0);
}

static u64 new_tag(void)
{
	static u64 tags;

	return atomic_add_return(&tags, 1ull) << INDEX_BITS;
}

/* The next completion: there already, or waited for as a program does that never enters the kernel. */
static struct io_uring_cqe next_completion(struct ring *ring, u32 head, bool poll)
{
	while (load_acquire(&ring->rings->cq_tail) == head) {
		if (!poll) {
			ktest_fail(__FILE__, __LINE__, "a completion is missing");
			poll = true;
		}
		yield();
	}
	return ring->rings->cqes[head & (ring->cq_entries - 1)];
}

/*
 * Submit n entries, whose user_data are tag and their index, wait for all, and call fn once for each: what
 * was asked of it, and the result.
 */
static void submit_all(int fd, const struct io_uring_sqe *sqes, u32 n, u64 tag, u32 *seed,
	void (*fn)(u32 index, const struct place *const *asked, s32 result),
	const struct place *const *asked)
{
	struct ring *ring = ring_of(fd);
	u32 head = READ_ONCE(ring->rings->cq_head), seen = 0;
	bool poll = next_random(seed) % 2;

	if (submit(fd, sqes, n, poll ? 0 : n) != n)
		ktest_fail(__FILE__, __LINE__, "a batch was not taken as a whole");
	for (u32 i = 0; i < n; i++, head++) {
		struct io_uring_cqe cqe = next_completion(ring, head, poll);
		u32 index = (u32)(cqe.user_data - tag);

		if (index >= n || seen & 1u << index) {
			ktest_fail(__FILE__, __LINE__, "completion %llx of batch %llx",
				(unsigned long long)cqe.user_data, (unsigned long long)tag);
			continue;
		}
		seen |= 1u << index;
		fn(index, asked, (s32)cqe.res_flags);
	}
	store_release(&ring->rings->cq_head, head);
}

static int make_ring(void)
{
	struct io_uring_params params = {0};
	long fd = sys_io_uring_setup(2 * BATCH, (long)&params, 0, 0, 0, 0);

	if (fd < 0)
		ktest_fail(__FILE__, __LINE__, "no ring: %ld", fd);
	return (int)fd;
}

static void judge_open(u32 index, const struct place *const *asked, s32 result)
{
	judge(asked[index], result, 0, "the ring");
}

void race_open_by_ring(u32 *seed)
{
	int fd = make_ring();

	for (unsigned round = 0; fd >= 0 && round < 4; round++) {
		const struct place *asked[BATCH];
		struct io_uring_sqe sqes[BATCH];
		u64 tag = new_tag();

		for (u32 i = 0; i < BATCH; i++) {
			asked[i] = some_place(seed);
			sqes[i] = open_sqe(asked[i], tag + i, seed);
		}
		submit_all(fd, sqes, BATCH, tag, seed, judge_open, asked);
	}
	if (fd >= 0)
		sys_close(fd, 0, 0, 0, 0, 0);
}

/* An open may be cancelled; a cancellation finds it, or finds it done, or too far on. */
static void judge_cancelled(u32 index, const struct place *const *asked, s32 result)
{
	if (index < BATCH) {
		if (result != -ECANCELED && result != -EINTR)
			judge_open(index, asked, result);
	} else if (result != 0 && result != -ENOENT && result != -EALREADY) {
		ktest_fail(__FILE__, __LINE__, "a cancellation answers %d", result);
	}
}

void race_cancel(u32 *seed)
{
	int fd = make_ring();

	for (unsigned round = 0; fd >= 0 && round < 4; round++) {
		const struct place *asked[BATCH];
		struct io_uring_sqe sqes[2 * BATCH];
		u64 tag = new_tag();

		for (u32 i = 0; i < BATCH; i++) {
			asked[i] = some_place(seed);
			sqes[i] = open_sqe(asked[i], tag + i, seed);
			sqes[i].flags |= IOSQE_ASYNC;
			sqes[BATCH + i] = (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
				.fd = -1,
				.addr = tag + next_random(seed) % BATCH,
				.user_data = tag + BATCH + i};
		}
		submit_all(fd, sqes, 2 * BATCH, tag, seed, judge_cancelled, asked);
	}
	if (fd >= 0)
		sys_close(fd, 0, 0, 0, 0, 0);
}

/* What is opened goes to the ring's own table, and with it. */
void race_close_ring(u32 *seed)
{
	struct io_uring_sqe sqes[BATCH];
	s32 slots[BATCH];
	int fd = make_ring();

	if (fd < 0)
		return;
	for (u32 i = 0; i < BATCH; i++) {
		slots[i] = -1;
		sqes[i] = open_sqe(some_place(seed), i, seed);
		sqes[i].file_index = IORING_FILE_INDEX_ALLOC;
	}
	must(sys_io_uring_register(fd, IORING_REGISTER_FILES, (long)slots, BATCH, 0, 0),
		"registering a table");
	if (submit(fd, sqes, BATCH, 0) != BATCH)
		ktest_fail(__FILE__, __LINE__, "a batch was not taken as a whole");
	sys_close(fd, 0, 0, 0, 0, 0);
}

/* ---- Those who change ---- */

static void rename_to(const char *from, const char *to, u32 flags)
{
	must(sys_renameat2(AT_FDCWD, (long)from, AT_FDCWD, (long)to, flags, 0), from);
}

void race_rename(u32 *seed)
{
	(void)seed;
	rename_to("/tmp/r/x", "/tmp/r/a/x", 0);
	rename_to("/tmp/r/a/x", "/tmp/r/a/a-longer-name-than-fits-into-the-dentry-itself", 0);
	rename_to("/tmp/r/a/a-longer-name-than-fits-into-the-dentry-itself", "/tmp/r/x", 0);
	rename_to("/tmp/r/one", "/tmp/r/two", RENAME_EXCHANGE);
}

static void make_file(const char *path)
{
	long fd = sys_openat(AT_FDCWD, (long)path, O_CREAT | O_RDWR, 0644, 0, 0);

	must(fd, path);
	sys_close(fd, 0, 0, 0, 0, 0);
}

static void make_directory(const char *path)
{
	must(sys_mkdirat(AT_FDCWD, (long)path, 0755, 0, 0, 0), path);
}

static void remove(const char *path, u32 flags)
{
	must(sys_unlinkat(AT_FDCWD, (long)path, flags, 0, 0, 0), path);
}

void race_create_and_remove(u32 *seed)
{
	if (next_random(seed) % 2) {
		make_file("/tmp/r/churn");
		remove("/tmp/r/churn", 0);
	} else {
		make_directory("/tmp/r/churn");
		remove("/tmp/r/churn", AT_REMOVEDIR);
	}
}

void race_mount(u32 *seed)
{
	(void)seed;
	must(sys_mount((long)"races", (long)"/tmp/r/m", (long)"tmpfs", 0, (long)"", 0), "mount");
	make_file("/tmp/r/m/file");
	must(sys_umount2((long)"/tmp/r/m", MNT_LAZY, 0, 0, 0, 0), "umount");
}

void race_evict(u32 *seed)
{
	drop_caches(next_random(seed) % 4);
	yield();
}

/* ---- All of them at once ---- */

static void actor_main(void *arg)
{
	struct race_actor *a = arg;

	current->process = &process;
	for (u32 i = 0; a->rounds ? i < a->rounds : READ_ONCE(busy) > 0; i++)
		a->fn(&a->seed);
	if (a->rounds)
		atomic_sub(&busy, 1u);
	current->process = NULL;
	complete(&a->done);
}

static void make_tree(void)
{
	make_directory("/tmp/r");
	make_directory("/tmp/r/a");
	make_directory("/tmp/r/a/b");
	make_directory("/tmp/r/a/b/c");
	make_directory("/tmp/r/x");
	make_directory("/tmp/r/x/deep");
	make_directory("/tmp/r/m");
	make_file("/tmp/r/a/b/c/file");
	make_file("/tmp/r/x/deep/file");
	make_file("/tmp/r/one");
	make_file("/tmp/r/two");
	must(sys_symlinkat((long)"a/b", AT_FDCWD, (long)"/tmp/r/to-b", 0, 0, 0), "symlink");
}

static void remove_tree(void)
{
	static const char *const files[] = {"/tmp/r/a/b/c/file", "/tmp/r/x/deep/file", "/tmp/r/one",
		"/tmp/r/two", "/tmp/r/to-b"};
	static const char *const directories[] = {"/tmp/r/a/b/c", "/tmp/r/a/b", "/tmp/r/a",
		"/tmp/r/x/deep", "/tmp/r/x", "/tmp/r/m", "/tmp/r"};

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		remove(files[i], 0);
	for (unsigned i = 0; i < ARRAY_SIZE(directories); i++)
		remove(directories[i], AT_REMOVEDIR);
}

static void run_actors(struct race_actor *actors, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (actors[i].rounds)
			atomic_add(&busy, 1u);
	for (unsigned i = 0; i < n; i++) {
		if (!actors[i].seed)
			actors[i].seed = i + 1;
		completion_init(&actors[i].done);
		actors[i].thread = thread_create("actor", actor_main, &actors[i]);
		assert(actors[i].thread);
		thread_start(actors[i].thread);
	}
	for (unsigned i = 0; i < n; i++) {
		wait_for_completion(&actors[i].done);
		thread_put(actors[i].thread);
	}
}

u32 races_run(struct race_actor *actors, unsigned n)
{
	u64 files = file_count();

	opened = 0;
	process.files = files_create(&process, 0);
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	process.fs = &fs;
	current->process = &process;
	make_tree();
	run_actors(actors, n);
	ring_pool_process_exiting(&process);
	ring_pool_process_release(&process);
	remove_tree();
	current->process = NULL;
	files_destroy(process.files);
	path_put(&fs.root);
	path_put(&fs.pwd);
	if (file_count() != files)
		ktest_fail(__FILE__, __LINE__, "%lld files are left open",
			(long long)(file_count() - files));
	return opened;
}
