/*
 * Whatever a submission entry or a ring holds, the answer is a completion or an errno and the kernel lives.
 *
 *	garbage [ROUNDS [SEED]]		4 rounds of all 256 opcodes; the seed is printed when it fails
 *
 * Only for Unlazy: on Linux some of these entries do what they say.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "garbage.h"

static uint64_t state;
static unsigned passed, failed;

uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

uint64_t one_of(const uint64_t *values, unsigned n)
{
	return values[next() % n];
}

static void prepare(void)
{
	struct utsname name;

	uname(&name);
	if (strcmp(name.sysname, "Unlazy") != 0) {
		printf("garbage: this is %s; not run\n0 passed, 0 failed, 1 skipped\n",
			name.sysname);
		exit(0);
	}
	mkdir("/tmp/garbage", 0777);
	if (chdir("/tmp/garbage")) {
		perror("garbage: /tmp/garbage");
		exit(1);
	}
	mkdir("folder", 0777);
	mkfifo("fifo", 0666);
	symlink("loop", "loop");
	open("file", O_RDWR | O_CREAT | O_TRUNC, 0666);
	open("folder", O_RDONLY | O_DIRECTORY);
	open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
}

static void report(const char *name, bool good)
{
	printf("%s %s\n", good ? "ok" : "FAIL", name);
	good ? passed++ : failed++;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20201215;
	bool good = true;

	prepare();
	state = seed | 1;
	for (unsigned round = 0; round < rounds && good; round++)
		good = entries_round(round % 2 ? IORING_SETUP_SUBMIT_ALL : 0, round % 4 == 3);
	report("every_opcode_with_random_fields", good);
	/* Had they all been refused for one reason, nothing would have been tried. */
	report("many_did_what_they_said", entries_done > 200 && entries_failed > 10000);
	report("random_words_for_indices", indices_round());
	report("entries_and_indices_that_move", moving_round());
	report("a_new_ring_works_afterwards", new_ring_works());
	if (failed)
		printf("garbage: the seed was %llu\n", (unsigned long long)seed);
	printf("garbage: %lu entries were done, %lu failed\n", entries_done, entries_failed);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
