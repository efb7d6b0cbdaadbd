/*
 * stress [-r ROUNDS] [-s SEED] [-d FOLDER] [-o NAME,...]: open paths by every method, on a thread each, while others
 * rename, exchange, unlink, replace, mount, unmount and drop caches, each at least ROUNDS times. Ends with
 *
 *	stress: seed N, N rounds, N mounts gone, N times busy
 *	stress: N opens, N missing, N would block, N unexplained
 *
 * and status 1 when an answer had no explanation, a change failed, the kernel holds more than before, or
 * RCU has stalled. The seed chooses what each walker opens; what happens between the threads it does not.
 * With -o there are only the walkers and changers named, a walker as often as it is, and what is opened is
 * about those changers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress.h"

#define MAX_THREADS 16
#define WARM_UP	    20 /* rounds */

static unsigned rounds = 200, seed = 1;
static unsigned walkers_wanted[MAX_THREADS]; /* threads, by method */
static unsigned changers_wanted;	     /* bits by index */
static unsigned next_walker;		     /* atomic */
static unsigned rounds_now;
static unsigned changers_behind; /* with rounds to go; atomic */
static bool failed;

static void *walker(void *arg)
{
	const struct method *m = arg;

	unsigned number = __atomic_fetch_add(&next_walker, 1, __ATOMIC_RELAXED);

	if (!m->run(m, (seed + number) * 2654435761u + 1)) {
		fprintf(stderr, "stress: %s could not run\n", m->name);
		__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* All go on until the slowest has had its rounds: the walkers meet every change all the time. */
static void *changer(void *arg)
{
	const struct changer *c = arg;
	int error = 0;

	for (unsigned round = 0; !error; round++) {
		if (round == rounds_now)
			__atomic_sub_fetch(&changers_behind, 1, __ATOMIC_RELAXED);
		if (round >= rounds_now &&
			(__atomic_load_n(&failed, __ATOMIC_RELAXED) ||
				!__atomic_load_n(&changers_behind, __ATOMIC_RELAXED)))
			return NULL;
		error = c->change(round);
		if (error)
			fprintf(stderr, "stress: %s, round %u: %s\n", c->name, round,
				strerror(-error));
	}
	__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
	return NULL;
}

static pthread_t start(void *(*fn)(void *), const void *arg)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, fn, (void *)(uintptr_t)arg);

	if (error) {
		fprintf(stderr, "stress: a thread: %s\n", strerror(error));
		exit(1);
	}
	return thread;
}

/* One tree, changed n times, and walked all the while. False when it could not be made. */
static bool run_all(unsigned n)
{
	pthread_t walkers[MAX_THREADS], changing[MAX_THREADS];
	unsigned nr_walkers = 0, nr_changing = 0;

	if (tree_make() < 0)
		return false;
	rounds_now = n;
	next_walker = 0;
	changers_behind = (unsigned)__builtin_popcount(changers_wanted);
	__atomic_store_n(&stress_over, false, __ATOMIC_RELAXED);
	for (size_t i = 0; i < nr_methods; i++)
		for (unsigned k = 0; k < walkers_wanted[i] && nr_walkers < MAX_THREADS; k++)
			walkers[nr_walkers++] = start(walker, &methods[i]);
	for (size_t i = 0; i < nr_changers; i++)
		if (changers_wanted & 1u << i)
			changing[nr_changing++] = start(changer, &changers[i]);
	while (nr_changing)
		pthread_join(changing[--nr_changing], NULL);
	__atomic_store_n(&stress_over, true, __ATOMIC_RELEASE);
	while (nr_walkers)
		pthread_join(walkers[--nr_walkers], NULL);
	tree_remove();
	return true;
}

static unsigned option_number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (end == s || *end || n == 0 || n > 100000000) {
		fprintf(stderr, "stress: `%s' is no number\n", s);
		exit(2);
	}
	return (unsigned)n;
}

/* ---- Options ---- */

static bool changer_wanted(const char *name)
{
	for (size_t i = 0; i < nr_changers; i++)
		if (strcmp(changers[i].name, name) == 0)
			return changers_wanted & 1u << i;
	return false;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < nr_methods; i++)
		if (strcmp(methods[i].name, name) == 0) {
			walkers_wanted[i]++;
			return true;
		}
	for (size_t i = 0; i < nr_changers; i++)
		if (strcmp(changers[i].name, name) == 0) {
			changers_wanted |= 1u << i;
			return true;
		}
	return false;
}

static void only(char *names)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
		if (!known(name)) {
			fprintf(stderr, "stress: nobody here is called `%s'\n", name);
			exit(2);
		}
}

/* Without -o: one of each. */
static void all(void)
{
	for (size_t i = 0; i < nr_methods; i++)
		walkers_wanted[i] = 1;
	changers_wanted = (1u << nr_changers) - 1;
}

int main(int argc, char **argv)
{
	const char *folder = "/tmp/stress";
	int c;

	while ((c = getopt(argc, argv, "r:s:d:o:")) != -1) {
		if (c == 'r')
			rounds = option_number(optarg);
		else if (c == 's')
			seed = option_number(optarg);
		else if (c == 'd')
			folder = optarg;
		else if (c == 'o')
			only(optarg);
		else
			return fprintf(stderr, "usage: stress [-r ROUNDS] [-s SEED] [-d FOLDER] "
					       "[-o NAME,...]\n"),
			       2;
	}
	if (mkdir(folder, 0755) < 0 || chdir(folder) < 0) {
		fprintf(stderr, "stress: %s: %s\n", folder, strerror(errno));
		return 1;
	}
	targets_choose(changers_wanted ? changer_wanted : NULL);
	if (!changers_wanted)
		all();
	/* The first run leaves what is made once and stays. */
	if (!run_all(WARM_UP) || !counts_begin() || !run_all(rounds) || !counts_end())
		failed = true;
	if (chdir("/") < 0 || rmdir(folder) < 0) {
		fprintf(stderr, "stress: %s: %s\n", folder, strerror(errno));
		failed = true;
	}
	printf("stress: seed %u, %u rounds, %lu mounts gone, %lu times busy\n", seed, rounds,
		stress_mounts, stress_busy);
	printf("stress: %lu opens, %lu missing, %lu would block, %lu unexplained\n", stress_opens,
		stress_missing, stress_would_block, stress_unexplained);
	return failed || stress_unexplained;
}
