/* The sweep itself, and what scenarios share: tests/faults/sweep.h. */
#include "tests/faults/sweep.h"

#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/leaks.h"
#include "kernel/process.h"
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "ring/internal.h"
#include "vfs/cred.h"
#include "vfs/file_internal.h"

#define NTH_MAX 20000 /* an operation with so many is going round in circles */

struct process faults_process = {.pid = 1000, .name = "faults", .nofile_limit = 4096};
static struct fs_context fs;

/* ---- What scenarios are made of ---- */

void must(long answer, const char *what)
{
	if (answer < 0)
		ktest_fail(__FILE__, __LINE__, "%s: %ld", what, answer);
}

static void may_remove(const char *path, u32 flags)
{
	long answer = sys_unlinkat(AT_FDCWD, (long)path, flags, 0, 0, 0);

	if (answer != -ENOENT)
		must(answer, path);
}

void may_unlink(const char *path)
{
	may_remove(path, 0);
}

void may_rmdir(const char *path)
{
	may_remove(path, AT_REMOVEDIR);
}

long close_fd(long fd)
{
	return fd < 0 ? fd : sys_close(fd, 0, 0, 0, 0, 0);
}

long open_and_close(const char *path, u32 flags, u64 resolve)
{
	struct open_how how = {
		.flags = flags, .mode = flags & O_CREAT ? 0644 : 0, .resolve = resolve};

	return close_fd(sys_openat2(AT_FDCWD, (long)path, (long)&how, sizeof(how), 0, 0));
}

void make_file(const char *path)
{
	must(open_and_close(path, O_CREAT | O_RDWR, 0), path);
}

void make_directory(const char *path)
{
	must(sys_mkdirat(AT_FDCWD, (long)path, 0755, 0, 0, 0), path);
}

/* ---- The sweep ---- */

struct attempt {
	enum fault_kind kind;
	bool lasting;
	u64 nth;
};

static void complain(
	const struct scenario *s, const struct attempt *a, const char *what, long answer)
{
	ktest_fail(__FILE__, __LINE__, "%s, %s %llu%s: %s %ld", s->name,
		a->kind == FAULT_ALLOC ? "allocation" : "block request", (unsigned long long)a->nth,
		a->lasting ? " and all after it" : "", what, answer);
}

static bool allowed(const struct scenario *s, enum fault_kind kind, long answer)
{
	u64 errors = s->also | MAY_BE(kind == FAULT_ALLOC ? ENOMEM : EIO);

	return answer >= 0 || (answer > -64 && (errors & MAY_BE(-answer)));
}

static void prepare(const struct scenario *s)
{
	if (s->before)
		s->before();
	if (s->cold)
		drop_caches(3);
}

/* Once. How many failures there were. */
static u64 try_once(const struct scenario *s, const struct attempt *a)
{
	u64 failed;
	long answer;

	prepare(s);
	faults_begin(a->kind, a->nth,
		(a->lasting ? FAULTS_LASTING : 0) | (s->everybody ? FAULTS_EVERYBODY : 0));
	answer = s->run();
	failed = faults_end(NULL);
	if (!allowed(s, a->kind, answer) || (!failed && answer < 0))
		complain(s, a, "answers", answer);
	if (answer < 0) {
		answer = s->run();
		if (answer < 0)
			complain(s, a, "and then, without any failure,", answer);
	}
	if (s->after)
		s->after();
	return failed;
}

/* n = 1, 2, 3 ...; how many runs. */
static u64 sweep_one(const struct scenario *s, enum fault_kind kind, bool lasting,
	const struct leak_counts *at_rest)
{
	struct attempt a = {.kind = kind, .lasting = lasting, .nth = 1};
	u64 failed = 1;
	unsigned leaks = 0;

	for (; failed && !leaks && a.nth < NTH_MAX; a.nth++) {
		failed = try_once(s, &a);
		leaks = leak_check(at_rest);
		if (leaks)
			complain(s, &a, "leaks, kinds:", leaks);
	}
	if (a.nth == NTH_MAX)
		complain(s, &a, "there is no end to it", 0);
	return a.nth - 1;
}

static void sweep(const struct scenario *s)
{
	static struct leak_counts at_rest;
	u64 runs;

	/* Once as it should be: what is made for good is made here. */
	prepare(s);
	must(s->run(), s->name);
	if (s->after)
		s->after();
	leak_count(&at_rest);
	runs = sweep_one(s, FAULT_ALLOC, false, &at_rest);
	runs += sweep_one(s, FAULT_ALLOC, true, &at_rest);
	if (s->cold) {
		runs += sweep_one(s, FAULT_BLOCK, false, &at_rest);
		runs += sweep_one(s, FAULT_BLOCK, true, &at_rest);
	}
	printk("  %s: %llu runs", s->name, (unsigned long long)runs);
}

static bool become_process(void)
{
	faults_process.files = files_create(&faults_process, 0);
	if (!faults_process.files)
		return false;
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	faults_process.fs = &fs;
	current->process = &faults_process;
	return true;
}

static void process_ends(void)
{
	ring_pool_process_exiting(&faults_process);
	ring_pool_process_release(&faults_process);
	cred_put(cred_override(&root_cred));
	current->process = NULL;
	files_destroy(faults_process.files);
	path_put(&fs.root);
	path_put(&fs.pwd);
}

void sweep_all(const struct scenario *scenarios, unsigned n)
{
	if (!become_process()) {
		ktest_fail(__FILE__, __LINE__, "no process");
		return;
	}
	make_directory("/tmp/f");
	for (unsigned i = 0; i < n; i++)
		sweep(&scenarios[i]);
	may_rmdir("/tmp/f");
	process_ends();
}
