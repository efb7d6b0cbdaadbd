/* openbench: how long does it take to open many files, by which method, with how much in memory? */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "openbench.h"

struct settings set = {
	.list = "/bench/list",
	.methods = "openat,threads,ring-queued,ring-inline,ring-norcu,ring-resume",
	.cached = {0, 33, 89, 100},
	.nr_cached = 4,
	.batch = 32,
	.threads = 4,
	.repeats = 1,
	.start = 2,
};

static const char help[] =
	"usage: openbench [OPTION...]\n"
	"  -n N          open only the first N files of the list\n"
	"  -l FILE       the list, one path a line (/bench/list)\n"
	"  -d FOLDER     the regular files below FOLDER instead of a list\n"
	"  -m METHODS    of openat,threads,ring-queued,ring-inline,ring-norcu,ring-resume (all)\n"
	"  -c PERCENTS   how much is in memory at the start (0,33,89,100)\n"
	"  -b BATCH      opens submitted at once to a ring (32)\n"
	"  -t THREADS    of method threads (4)\n"
	"  -r REPEATS    of each row: the median, and (fastest-slowest) ns (1)\n"
	"  --start N     drop_caches level each row starts from: 2 keeps the block cache, 3 "
	"nothing,\n"
	"                0 drops nothing (2)\n"
	"  -k            keep the descriptors of a row until the end of the program\n"
	"  --warm        the block cache is warm already: no first pass over all files\n"
	"  --json        rows as JSON behind @row\n"
	"  --insns       instructions of single operations instead; only under QEMU's -icount\n";

static void usage(const char *what, const char *problem)
{
	fprintf(stderr, "openbench: %s: %s\nusage: openbench [OPTION...]; --help lists them\n",
		what, problem);
	exit(2);
}

static unsigned number(const char *s, unsigned long least, unsigned long most)
{
	char *end, problem[64];
	unsigned long n = strtoul(s, &end, 10);

	if (end == s || *end || n < least || n > most) {
		snprintf(problem, sizeof(problem), "not a number from %lu to %lu", least, most);
		usage(s, problem);
	}
	return (unsigned)n;
}

static void parse_shares(char *text)
{
	set.nr_cached = 0;
	for (char *s = strtok(text, ","); s; s = strtok(NULL, ",")) {
		if (set.nr_cached == MAX_CACHED)
			usage(s, "too many shares");
		set.cached[set.nr_cached++] = (int)number(s, 0, 100);
	}
	if (set.nr_cached == 0)
		usage("-c", "needs a share");
}

/* Is name one of the comma-separated words of list? */
static bool among(const char *name, const char *list)
{
	size_t len = strlen(name);

	while (*list) {
		size_t word = strcspn(list, ",");

		if (word == len && memcmp(list, name, len) == 0)
			return true;
		list += word + (list[word] == ',');
	}
	return false;
}

static void check_methods(void)
{
	for (const char *word = set.methods; *word;) {
		char name[32];
		size_t len = strcspn(word, ",");
		const struct method *m = methods;

		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		while (m->name && strcmp(m->name, name) != 0)
			m++;
		if (!m->name)
			usage(name, "no such method");
		word += len + (word[len] == ',');
	}
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {{"start", required_argument, NULL, 'S'},
		{"json", no_argument, NULL, 'J'}, {"warm", no_argument, NULL, 'W'},
		{"insns", no_argument, NULL, 'I'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "n:l:d:m:c:b:t:r:kh", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			set.limit = number(optarg, 1, 100000000);
			break;
		case 'l':
			set.list = optarg;
			break;
		case 'd':
			set.folder = optarg;
			break;
		case 'm':
			set.methods = optarg;
			break;
		case 'c':
			parse_shares(optarg);
			break;
		case 'b':
			set.batch = number(optarg, 1, MAX_BATCH);
			break;
		case 't':
			set.threads = number(optarg, 1, MAX_THREADS);
			break;
		case 'r':
			set.repeats = number(optarg, 1, 1000);
			break;
		case 'k':
			set.keep = true;
			break;
		case 'S':
			set.start = (int)number(optarg, 0, 3);
			break;
		case 'W':
			set.warm = true;
			break;
		case 'J':
			set.json = true;
			break;
		case 'I':
			set.insns = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			usage(argv[optind - 1], "no such option, or its value is missing");
		}
	}
	if (optind < argc)
		usage(argv[optind], "no option");
	check_methods();
}

/* As many descriptors as the rows keep open. */
static void raise_limit(size_t files)
{
	struct rlimit limit;
	size_t rows = 1, want;

	if (set.keep)
		for (const struct method *m = methods; m->name; m++)
			rows += (size_t)set.nr_cached * set.repeats;
	want = files * rows + 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fprintf(stderr, "openbench: %zu open files: %s\n", want, strerror(errno));
}

/* Returns the number of rows with errors. */
static int run_rows(const struct method *m, int cached, const struct paths *p, int *fds)
{
	struct row *rows = calloc(set.repeats, sizeof(*rows));
	int bad = 0, error = rows ? 0 : -ENOMEM;
	unsigned n = 0;

	for (; n < set.repeats && !error; n++) {
		error = row_run(m, cached, p, fds, &rows[n]);
		bad += rows[n].errors != 0;
	}
	if (error == -EOPNOTSUPP) {
		free(rows);
		return 0;
	}
	if (error) {
		fprintf(stderr, "openbench: %s: %s\n", m->name, strerror(-error));
		bad++;
	} else {
		report_row(rows, n);
	}
	free(rows);
	return bad;
}

int main(int argc, char **argv)
{
	struct paths p;
	int *fds, bad = 0;

	parse_options(argc, argv);
	if (set.insns)
		return insns_run();
	paths_load(&p);
	raise_limit(p.n);
	fds = calloc(p.n, sizeof(*fds));
	if (!fds) {
		fprintf(stderr, "openbench: out of memory\n");
		return 1;
	}
	if (set.start != 3 && !set.warm)
		row_warm_up(&p);
	report_heading();
	for (int i = 0; i < set.nr_cached; i++)
		for (const struct method *m = methods; m->name; m++)
			if (among(m->name, set.methods))
				bad += run_rows(m, set.cached[i], &p, fds);
	return bad != 0;
}
