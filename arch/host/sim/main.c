/*
 * build/host/unlazy-sim: seeds, one after the other, each in a process of its own.
 *
 *	unlazy-sim [--disk IMAGE] [--cpus N] [--seeds N] [--seed0 S] [--weak] [--all-seeds] [--twice]
 *		   [--trace] [--jobs N] [--ktest PREFIX] [KEY=VALUE]...
 *
 * For each seed every in-kernel test whose name begins with PREFIX (default sim_; several: a,b) is run, each on
 * a machine just switched on. A seed is everything: addresses are the same in each run because Linux is told not to
 * vary them, there is one thread, and no clock but the simulated one.
 *
 * The first seed that fails is run again, which must be the same run, and its output and last events are
 * printed; exit status 1. --all-seeds counts instead how many seeds fail: what share of seeds finds a
 * mistake that was made on purpose. --twice runs each seed again also when it passes: is the simulation what
 * it says it is?
 *
 * The parent never runs kernel code. It starts a process for each (seed, test), with output into a file of
 * its own and a result in shared memory.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/host/sim/sim.h"
#include "arch/host/sim/control.h"
#include "kernel/entry.h"
#include "kernel/ktest.h"

#define MAX_JOBS     64
#define MAX_TESTS    1024
#define MEMORY	     (48ull << 20)
#define TRACE_LINES  60
#define HUNG_SECONDS 600
#define CMDLINE_SIZE 4096

/* The tests that are linked in (kernel/ktest.c). */
extern const struct ktest __start_ktests[], __stop_ktests[];

struct sim_options sim_options;

/* What a process leaves behind. */
struct result {
	u64 points, hash;
};
static struct result *result;

static const char *prefix = "sim_";
static char keys[CMDLINE_SIZE / 2];
static bool all_seeds, twice;

/* ---- Random numbers ---- */

/* splitmix64 */
u64 sim_random(struct sim_random *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void sim_random_init(struct sim_random *r, u64 subject)
{
	r->state = sim_options.seed * 0x100000001b3ull + subject;
	sim_random(r);
}

u64 sim_below(struct sim_random *r, u64 n)
{
	return (u64)((unsigned __int128)sim_random(r) * n >> 64);
}

bool sim_one_in(struct sim_random *r, u64 n)
{
	return n && sim_below(r, n) == 0;
}

u64 sim_draw(u64 n)
{
	static struct sim_random scenario;

	if (!scenario.state)
		sim_random_init(&scenario, 4);
	return sim_below(&scenario, n);
}

/* ---- In the process of a seed ---- */

void arch_console_putc(char c)
{
	if (c != '\r')
		putchar(c);
}

void arch_console_irq_enable(void)
{
}

void sim_end(int status)
{
	*result = (struct result){sim_points, sim_trace_hash()};
	if (status) {
		fflush(stdout);
		sim_trace_print(TRACE_LINES);
	}
	fflush(NULL);
	_exit(status ? 1 : 0);
}

void arch_exit(int status)
{
	sim_end(status);
}

void sim_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	arch_backtrace();
	sim_end(1);
}

static __noreturn void simulate(u64 seed, const struct ktest *test, int out)
{
	static char cmdline[CMDLINE_SIZE];

	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read what we find */
	alarm(HUNG_SECONDS);
	sim_options.seed = seed;
	sim_schedule_init();
	sim_weak_init();
	snprintf(cmdline, sizeof(cmdline), "ktest=%s seed=%llu %s", test->name,
		(unsigned long long)seed, keys);
	host_memory_init(MEMORY);
	host_set_cmdline(cmdline);
	host_set_cpus(sim_options.cpus);
	host_signals_init();
	host_signals_init_cpu(&host_cpus[0]);
	kernel_main();
}

static __noreturn void bad_usage(const char *what)
{
	fprintf(stderr,
		"unlazy-sim: %s\n"
		"usage: unlazy-sim [--disk IMAGE] [--cpus N] [--seeds N] [--seed0 S] [--weak] "
		"[--all-seeds]\n"
		"                  [--twice] [--trace] [--jobs N] [--ktest PREFIX] "
		"[KEY=VALUE]...\n",
		what);
	exit(2);
}

/* ---- The parent ---- */

/* The tests chosen, and what came of them. */
static struct tally {
	const struct ktest *test;
	u64 runs, failed, first_failed;
} tests[MAX_TESTS];
static unsigned nr_tests;

struct job {
	pid_t pid; /* 0: free */
	u64 seed;
	struct tally *tally;
	bool again;	     /* the second run of --twice */
	struct result first; /* of the first */
	FILE *out;
	struct result *result;
};

static struct job jobs[MAX_JOBS];
static unsigned nr_jobs;

static void start(struct job *job, u64 seed, struct tally *tally)
{
	job->seed = seed;
	job->tally = tally;
	rewind(job->out);
	if (ftruncate(fileno(job->out), 0))
		exit(2);
	*job->result = (struct result){0};
	fflush(NULL);
	job->pid = fork();
	if (job->pid < 0) {
		perror("fork");
		exit(2);
	}
	if (job->pid == 0) {
		result = job->result;
		simulate(seed, tally->test, fileno(job->out));
	}
}

static void show_output(struct job *job)
{
	char buf[4096];
	size_t n;

	rewind(job->out);
	while ((n = fread(buf, 1, sizeof(buf), job->out)) > 0)
		fwrite(buf, 1, n, stdout);
}

static const char *how_it_ended(int status)
{
	static char text[64];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(text, sizeof(text), "failed: it hung for %d s", HUNG_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "failed by signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "failed");
	return text;
}

/* Run a failed seed again: it must be the same run. Then tell all, and leave. */
static __noreturn void report(struct job *job, int status)
{
	struct result first = *job->result;
	int again;

	start(job, job->seed, job->tally);
	waitpid(job->pid, &again, 0);
	show_output(job);
	printf("\nseed %llu: %s %s after %llu points, trace %016llx; ",
		(unsigned long long)job->seed, job->tally->test->name, how_it_ended(status),
		(unsigned long long)first.points, (unsigned long long)first.hash);
	if (again == status && memcmp(&first, job->result, sizeof(first)) == 0)
		printf("run again: the same\n");
	else
		printf("RUN AGAIN: %s after %llu points, trace %016llx\n", how_it_ended(again),
			(unsigned long long)job->result->points,
			(unsigned long long)job->result->hash);
	printf("again: unlazy-sim --seed0 %llu --seeds 1%s%s%s --ktest %s %s\n",
		(unsigned long long)job->seed, sim_options.weak ? " --weak" : "",
		sim_options.disk ? " --disk " : "", sim_options.disk ? sim_options.disk : "",
		job->tally->test->name, keys);
	for (unsigned i = 0; i < nr_jobs; i++)
		if (&jobs[i] != job && jobs[i].pid)
			kill(jobs[i].pid, SIGKILL);
	exit(1);
}

static __noreturn void differs(const struct job *job)
{
	printf("FAIL %s: seed %llu is not the same run twice: trace %016llx, then %016llx\n",
		job->tally->test->name, (unsigned long long)job->seed,
		(unsigned long long)job->first.hash, (unsigned long long)job->result->hash);
	exit(1);
}

static void count(const struct job *job, int status)
{
	struct tally *tally = job->tally;

	tally->runs++;
	if (status && tally->failed++ == 0)
		tally->first_failed = job->seed;
}

/* Wait for any job; returns it, free again. */
static struct job *wait_for_one(void)
{
	int status;
	pid_t pid = wait(&status);

	for (unsigned i = 0; i < nr_jobs; i++) {
		struct job *job = &jobs[i];

		if (pid <= 0 || job->pid != pid)
			continue;
		job->pid = 0;
		if (sim_options.trace)
			show_output(job);
		if (status && !all_seeds)
			report(job, status);
		if (twice && !job->again) {
			job->first = *job->result;
			job->again = true;
			start(job, job->seed, job->tally);
			return wait_for_one();
		}
		if (twice && memcmp(&job->first, job->result, sizeof(job->first)) != 0)
			differs(job);
		job->again = false;
		count(job, status);
		return job;
	}
	perror("wait");
	exit(2);
}

static struct job *free_job(void)
{
	for (unsigned i = 0; i < nr_jobs; i++)
		if (!jobs[i].pid)
			return &jobs[i];
	return wait_for_one();
}

static bool some_job_runs(void)
{
	for (unsigned i = 0; i < nr_jobs; i++)
		if (jobs[i].pid)
			return true;
	return false;
}

/* Does the name begin with one of the prefixes, which commas divide? */
static bool is_chosen(const char *name)
{
	for (const char *p = prefix;; p++) {
		size_t len = strcspn(p, ",");

		if (strncmp(name, p, len) == 0)
			return true;
		p += len;
		if (!*p)
			return false;
	}
}

static void choose_tests(void)
{
	for (const struct ktest *t = __start_ktests; t < __stop_ktests; t++)
		if (is_chosen(t->name) && nr_tests < MAX_TESTS)
			tests[nr_tests++].test = t;
	if (!nr_tests)
		bad_usage("no such test");
}

static void run_seeds(u64 seed0, u64 nr_seeds)
{
	bool terminal = isatty(STDOUT_FILENO);

	for (u64 i = 0; i < nr_seeds; i++) {
		for (unsigned t = 0; t < nr_tests; t++)
			start(free_job(), seed0 + i, &tests[t]);
		if (terminal || (i + 1) % 1000 == 0) {
			printf("%llu of %llu seeds%s", (unsigned long long)i + 1,
				(unsigned long long)nr_seeds, terminal ? "\r" : "\n");
			fflush(stdout);
		}
	}
	while (some_job_runs())
		wait_for_one();
}

/* One line for each test; how many failed. */
static unsigned print_tally(void)
{
	unsigned failed = 0;

	for (unsigned t = 0; t < nr_tests; t++) {
		const struct tally *tally = &tests[t];

		if (!tally->failed) {
			printf("ok %s (%llu seeds%s%s)\n", tally->test->name,
				(unsigned long long)tally->runs, sim_options.weak ? ", weak" : "",
				twice ? ", twice" : "");
			continue;
		}
		failed++;
		printf("FAIL %s: %llu of %llu seeds%s, the first is %llu\n", tally->test->name,
			(unsigned long long)tally->failed, (unsigned long long)tally->runs,
			sim_options.weak ? ", weak" : "", (unsigned long long)tally->first_failed);
	}
	printf("%u passed, %u failed\n", nr_tests - failed, failed);
	return failed;
}

/* Our addresses must be the same in each run: start over with that said. */
static void fix_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE)
		return;
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
		execv("/proc/self/exe", argv);
	perror("addresses cannot be fixed");
}

static u64 number(const char *text)
{
	char *end;
	u64 n = text && *text ? strtoull(text, &end, 0) : 0;

	if (!text || !*text || *end)
		bad_usage("not a number");
	return n;
}

int main(int argc, char **argv)
{
	u64 seeds = 100, seed0 = 1;

	fix_addresses(argv);
	nr_jobs = (unsigned)MAX(1l, sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = 1; i < argc; i++) {
		const char *option = argv[i];

		if (strcmp(option, "--weak") == 0)
			sim_options.weak = true;
		else if (strcmp(option, "--all-seeds") == 0)
			all_seeds = true;
		else if (strcmp(option, "--twice") == 0)
			twice = true;
		else if (strcmp(option, "--trace") == 0)
			sim_options.trace = true;
		else if (option[0] != '-' && strchr(option, '=') &&
			 strlen(keys) + strlen(option) + 2 < sizeof(keys))
			strcat(strcat(keys, option), " ");
		else if (i + 1 == argc)
			bad_usage(option);
		else if (strcmp(option, "--disk") == 0)
			sim_options.disk = argv[++i];
		else if (strcmp(option, "--cpus") == 0)
			sim_options.cpus = (unsigned)MIN(number(argv[++i]), (u64)SIM_MAX_CPUS);
		else if (strcmp(option, "--seeds") == 0)
			seeds = number(argv[++i]);
		else if (strcmp(option, "--seed0") == 0)
			seed0 = number(argv[++i]);
		else if (strcmp(option, "--jobs") == 0)
			nr_jobs = (unsigned)number(argv[++i]);
		else if (strcmp(option, "--ktest") == 0)
			prefix = argv[++i];
		else
			bad_usage(option);
	}
	nr_jobs = MIN(MAX(nr_jobs, 1u), (unsigned)MAX_JOBS);
	if (sim_options.disk && !sim_disk_open(sim_options.disk))
		return 2;
	for (unsigned i = 0; i < nr_jobs; i++) {
		jobs[i].out = tmpfile();
		jobs[i].result = mmap(NULL, sizeof(struct result), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (!jobs[i].out || jobs[i].result == MAP_FAILED)
			return 2;
	}
	choose_tests();
	run_seeds(seed0, seeds);
	return print_tally() ? 1 : 0;
}
