/* The target's own word for a finding. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/host/host.h"
#include "tests/fuzz/fuzz.h"

void fuzz_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "fuzz %s: ", fuzz_target.name);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	abort();
}
