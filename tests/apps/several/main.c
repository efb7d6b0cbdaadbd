/* A user's own program of several files, threads and liburing: every thread opens files through a ring of its own. */
#include <pthread.h>
#include <stdio.h>

#include "several.h"

#define THREADS 4

static void *open_all(void *arg)
{
	int *opened = arg;

	*opened = open_through_ring("/proc/mounts", 100);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	int opened[THREADS], total = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, open_all, &opened[i]))
			return 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += opened[i];
	}
	printf("several: %d threads opened %d files\n", THREADS, total);
	return total != THREADS * 100;
}
