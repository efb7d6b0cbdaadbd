/*
 * stress [-r ROUNDS] [-s SEED] [-d FOLDER]: open paths by every method, on a thread each, while others
 * rename, exchange, unlink, replace, mount, unmount and drop caches ROUNDS times. Ends with
 *
 *	stress: seed N, N rounds, N mounts gone, N times busy
 *	stress: N opens, N missing, N would block, N unexplained
 *
 * and status 1 when an answer had no explanation, a change failed, the kernel holds more than before, or
 * RCU has stalled. The seed chooses what each walker opens; what happens between the threads it does not.
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
static unsigned rounds_now;
static bool failed;

static void *walker(void *arg)
{
	const struct method *m = arg;

	if (!m->run(m, seed * 2654435761u + (unsigned)(m - methods) + 1)) {
		fprintf(stderr, "stress: %s could not run\n", m->name);
		__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *changer(void *arg)
{
	const struct changer *c = arg;

	for (unsigned round = 0; round < rounds_now; round++) {
		int error = c->change(round);

		if (error) {
			fprintf(stderr, "stress: %s, round %u: %s\n", c->name, round,
				strerror(-error));
			__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
			break;
		}
	}
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

	if (tree_make() < 0)
		return false;
	rounds_now = n;
	__atomic_store_n(&stress_over, false, __ATOMIC_RELAXED);
	for (size_t i = 0; i < nr_methods; i++)
		walkers[i] = start(walker, &methods[i]);
	for (size_t i = 0; i < nr_changers; i++)
		changing[i] = start(changer, &changers[i]);
	for (size_t i = 0; i < nr_changers; i++)
		pthread_join(changing[i], NULL);
	__atomic_store_n(&stress_over, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < nr_methods; i++)
		pthread_join(walkers[i], NULL);
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

int main(int argc, char **argv)
{
	const char *folder = "/tmp/stress";
	int c;

	while ((c = getopt(argc, argv, "r:s:d:")) != -1) {
		if (c == 'r')
			rounds = option_number(optarg);
		else if (c == 's')
			seed = option_number(optarg);
		else if (c == 'd')
			folder = optarg;
		else
			return fprintf(stderr, "usage: stress [-r ROUNDS] [-s SEED] [-d FOLDER]\n"),
			       2;
	}
	if (mkdir(folder, 0755) < 0 || chdir(folder) < 0) {
		fprintf(stderr, "stress: %s: %s\n", folder, strerror(errno));
		return 1;
	}
	tree_find_disk_files();
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
