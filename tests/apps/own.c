/* A user's own program of one file, as APP= takes it; it behaves as badly as its argument says. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Ends without closing, freeing or joining anything. */
static int leak(void)
{
	pthread_t thread;
	int fd = 0;

	for (int i = 0; i < 500 && fd >= 0; i++)
		fd = open("/proc/mounts", O_RDONLY);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, for_ever, NULL);
	for (int i = 0; i < 64; i++) {
		char *p = malloc(256 << 10);

		if (p)
			memset(p, i, 256 << 10);
	}
	puts("leaked");
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "crash") == 0)
		*(volatile int *)8 = 1;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "leak") == 0)
		return leak();
	printf("own: %d arguments, in %s\n", argc - 1, getcwd(NULL, 0));
	return argc - 1;
}
