/*
 * Inputs from files: each argument is an input, or a folder of them. Prints "ok TARGET/FILE", or "FAIL
 * TARGET/FILE" as its last words when the input kills the program.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

#include "arch/host/host.h"
#include "tests/fuzz/fuzz.h"

/* Seconds for one input, thousands of times what it needs: it hangs. */
#define HUNG 120

static const char *running;

static void say_failed(void)
{
	if (running)
		printf("FAIL %s/%s: the input killed the program\n", fuzz_target.name, running);
	running = NULL;
	fflush(stdout);
}

static void on_signal(int signal)
{
	say_failed();
	_exit(128 + signal);
}

static int run_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	FILE *f = fopen(path, "rb");
	struct stat st;
	u8 *data;

	if (!f || fstat(fileno(f), &st)) {
		perror(path);
		return 1;
	}
	/* Of exactly its size, for the sanitizer. */
	data = malloc((size_t)st.st_size);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		return 1;
	}
	fclose(f);
	running = slash ? slash + 1 : path;
	alarm(HUNG);
	fuzz_target.run(data, (size_t)st.st_size);
	alarm(0);
	printf("ok %s/%s\n", fuzz_target.name, running);
	running = NULL;
	free(data);
	return 0;
}

static int run_path(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), failed = 0;

	if (n < 0)
		return run_file(path);
	for (int i = 0; i < n; i++) {
		char full[4096];

		snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			failed |= run_file(full);
		free(names[i]);
	}
	free(names);
	return failed;
}

int fuzz_main(int argc, char **argv)
{
	int failed = 0;

	__sanitizer_set_death_callback(say_failed);
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_signal);
	for (int i = 1; i < argc; i++)
		failed |= run_path(argv[i]);
	return failed;
}
