/* virtio towards a device that lies: every test below, one line each. */
#include "fake.h"
#include "kernel/string.h"

static const char *running;
static bool failed;

void check_failed(const char *file, int line, const char *what, long long a, long long b)
{
	if (!failed)
		dprintf(1, "FAIL %s: %s:%d: %s (%lld, %lld)\n", running, file, line, what, a, b);
	failed = true;
}

/* Those whose names begin with prefix. */
static int run(const struct test *tests, const char *prefix)
{
	int failures = 0;

	for (; tests->name; tests++) {
		if (strncmp(tests->name, prefix, strlen(prefix)) != 0)
			continue;
		running = tests->name;
		failed = false;
		fake_kernel_reset();
		tests->fn();
		if (!failed)
			dprintf(1, "ok %s\n", running);
		failures += failed;
	}
	return failures;
}

int main(int argc, char **argv)
{
	const char *prefix = argc > 1 ? argv[1] : "";

	return run(queue_tests, prefix) + run(blk_tests, prefix) + run(pci_tests, prefix) ? 1 : 0;
}
