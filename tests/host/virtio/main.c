/* virtio towards a device that lies: every test below, one line each. */
#include "fake.h"

static const char *running;
static bool failed;

void check_failed(const char *file, int line, const char *what, long long a, long long b)
{
	if (!failed)
		dprintf(1, "FAIL %s: %s:%d: %s (%lld, %lld)\n", running, file, line, what, a, b);
	failed = true;
}

static int run(const struct test *tests)
{
	int failures = 0;

	for (; tests->name; tests++) {
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

int main(void)
{
	return run(queue_tests) + run(blk_tests) + run(pci_tests) ? 1 : 0;
}
