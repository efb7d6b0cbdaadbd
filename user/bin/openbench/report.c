/* Rows as a table, or (--json) as `@row {...}` and `@insns {...}` lines that tools/bench collects from
 * the console. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "openbench.h"

const char *system_name(void)
{
	struct utsname u;

	return uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0 ? "linux" : "unlazy";
}

void report_heading(void)
{
	if (!set.json)
		printf("%-12s %7s %8s %12s %10s %10s %10s %7s\n", "method", "cached", "files",
			"microseconds", "ns/open", "inline", "queued", "errors");
	fflush(stdout);
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->ns, y = ((const struct row *)b)->ns;

	return x < y ? -1 : x > y;
}

static void print_count(long long n)
{
	if (n < 0)
		printf(" %10s", "-");
	else
		printf(" %10lld", n);
}

static void json_count(const char *name, long long n)
{
	if (n < 0)
		printf(", \"%s\": null", name);
	else
		printf(", \"%s\": %lld", name, n);
}

static void report_json(const struct row *r)
{
	printf("@row {\"system\": \"%s\", \"method\": \"%s\", \"cached_percent\": %d, \"files\": "
	       "%zu, "
	       "\"ns_per_open\": %.1f",
		system_name(), r->method, r->cached, r->files, (double)r->ns / (double)r->files);
	json_count("inline", r->inline_hits);
	json_count("queued", r->queued);
	printf(", \"errors\": %zu}\n", r->errors);
}

void report_row(struct row *rows, unsigned n)
{
	const struct row *r;

	qsort(rows, n, sizeof(*rows), by_time);
	r = &rows[n / 2];
	if (set.json) {
		report_json(r);
	} else {
		printf("%-12s %5d %% %8zu %12llu %10.0f", r->method, r->cached, r->files,
			(unsigned long long)(r->ns / 1000), (double)r->ns / (double)r->files);
		print_count(r->inline_hits);
		print_count(r->queued);
		printf(" %7zu", r->errors);
		if (n > 1)
			printf("  (%.0f-%.0f)", (double)rows[0].ns / (double)r->files,
				(double)rows[n - 1].ns / (double)r->files);
		if (r->errors)
			printf("  %s", strerror(r->first_error));
		putchar('\n');
	}
	fflush(stdout);
}

void report_insns(const char *method, const char *operation, int components, unsigned batch,
	double instructions)
{
	if (set.json)
		printf("@insns {\"system\": \"%s\", \"method\": \"%s\", \"operation\": \"%s\", "
		       "\"components\": %d, \"batch\": %u, \"instructions\": %.1f}\n",
			system_name(), method, operation, components, batch, instructions);
	else
		printf("%-12s %-10s %10d %6u %14.1f\n", method, operation, components, batch,
			instructions);
	fflush(stdout);
}
