/*
 * The clock of both sides: CPU time of the whole process. What other processes take away does not count,
 * and everything that a system's own threads do for the opens does, if they are threads of the process.
 */
#include <stdint.h>
#include <time.h>

uint64_t bench_cpu_ns(void);

uint64_t bench_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
