/* A target's main without the hosted kernel: the target has what it needs of one. */
#include "arch/host/host.h"
#include "tests/fuzz/fuzz.h"

int main(int argc, char **argv)
{
	fuzz_target.setup();
	return fuzz_main(argc, argv);
}
