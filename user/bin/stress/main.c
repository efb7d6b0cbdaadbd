/*
 * stress [-r ROUNDS] [-s SEED] [-d FOLDER]: open paths by every method, on a thread each, while others
 * rename, exchange, unlink, replace, mount and drop caches ROUNDS times. Ends with
 *
 *	stress: N opens, N missing, N would block, N unexplained
 *
 * and status 1 when an answer had no explanation or a change failed.
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

static unsigned rounds = 200, seed = 1;
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

	for (unsigned round = 0; round < rounds; round++) {
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

static void run_all(void)
{
	pthread_t walkers[MAX_THREADS], changing[MAX_THREADS];

	for (size_t i = 0; i < nr_methods; i++)
		walkers[i] = start(walker, &methods[i]);
	for (size_t i = 0; i < nr_changers; i++)
		changing[i] = start(changer, &changers[i]);
	for (size_t i = 0; i < nr_changers; i++)
		pthread_join(changing[i], NULL);
	__atomic_store_n(&stress_over, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < nr_methods; i++)
		pthread_join(walkers[i], NULL);
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
	if (tree_make() < 0)
		return 1;
	run_all();
	tree_remove();
	unlink("own");
	if (chdir("/") < 0 || rmdir(folder) < 0) {
		fprintf(stderr, "stress: %s: %s\n", folder, strerror(errno));
		failed = true;
	}
	printf("stress: %lu opens, %lu missing, %lu would block, %lu unexplained\n", stress_opens,
		stress_missing, stress_would_block, stress_unexplained);
	return failed || stress_unexplained;
}
