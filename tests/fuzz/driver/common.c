/* What both drivers share: the target's own word for a finding, and what AddressSanitizer should do. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/host/host.h"
#include "tests/fuzz/fuzz.h"

const char *__asan_default_options(void);

/* The kernel's memory is an arena that is never given back; targets count what is left. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

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
