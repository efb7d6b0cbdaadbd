/*
 * crash HOW: end in the way asked for. Shows that a program's end, whatever it is, leaves the shell and
 * the kernel whole; the kernel's own tests run it, too.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unlazy.h>

static volatile int zero;
static atomic_int counter;

static void *spin(void *arg)
{
	(void)arg;
	for (;;)
		atomic_fetch_add(&counter, 1);
	return NULL;
}

static void *add(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(arg);
		zero++;
		pthread_mutex_unlock(arg);
	}
	return NULL;
}

/* 8 threads add under a mutex; 0 when nothing was lost. */
static int threads(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, add, &lock))
			return 2;
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return zero == 8000 ? 0 : 1;
}

/* Memory and threads that nobody gives back. */
static int leak(void)
{
	pthread_t t;

	for (int i = 0; i < 64; i++)
		memset(malloc(100000), 1, 100000);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, spin, NULL);
	memset(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1,
		1 << 20);
	while (atomic_load(&counter) == 0)
		;
	return 7;
}

/* mmap, mprotect and munmap change what they should and nothing else; 0 when right. */
static int map(void)
{
	char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || p[0] || p[5 * 4096 - 1])
		return 1;
	memset(p, 'a', 5 * 4096);
	if (mprotect(p + 4096, 4096, PROT_NONE) || mprotect(p + 4096, 4096, PROT_READ))
		return 2;
	if (p[4096] != 'a' || p[8192] != 'a')
		return 3;
	if (munmap(p + 2 * 4096, 4096) || p[0] != 'a' || p[3 * 4096] != 'a')
		return 4;
	if (mprotect(p, 5 * 4096, PROT_READ) != -1)
		return 5;
	if (mmap(p + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
			p + 2 * 4096 ||
		p[2 * 4096])
		return 6;
	return munmap(p, 5 * 4096) ? 7 : 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "exit") == 0)
		return argc > 2 ? atoi(argv[2]) : 0;
	if (strcmp(how, "read") == 0)
		return *(volatile int *)(uintptr_t)(16 + zero);
	if (strcmp(how, "write") == 0)
		*(volatile char *)(uintptr_t) "constant" = 1;
	if (strcmp(how, "jump") == 0)
		((void (*)(void))(uintptr_t)(0x1234 + zero))();
	if (strcmp(how, "divide") == 0)
		return argc / zero * 3;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "spin") == 0)
		spin(NULL);
	if (strcmp(how, "sleep") == 0)
		sleep(1000000);
	if (strcmp(how, "leak") == 0)
		return leak();
	if (strcmp(how, "threads") == 0)
		return threads();
	if (strcmp(how, "map") == 0)
		return map();
	fprintf(stderr,
		"usage: crash exit [N] | read | write | jump | divide | abort | spin | sleep | "
		"leak | threads | map\n");
	return 2;
}
