/* Printing and counting what files hold: cat cmp head tail wc hexdump seq sha256sum. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "sha256.h"

/* Call fn for each file named, or for standard input. Returns the exit status. */
static int each_file(int argc, char **argv, int first, int (*fn)(int fd, const char *name))
{
	int status = 0;

	if (first >= argc)
		return fn(0, "-");
	for (int i = first; i < argc; i++) {
		int fd = strcmp(argv[i], "-") == 0 ? 0 : open(argv[i], O_RDONLY);

		if (fd < 0) {
			status = complain(argv[i]);
			continue;
		}
		status |= fn(fd, argv[i]);
		if (fd > 0)
			close(fd);
	}
	return status;
}

static int cat_one(int fd, const char *name)
{
	return copy_out(fd) < 0 ? complain(name) : 0;
}

int applet_cat(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "", opt);

	return first < 0 ? 2 : each_file(argc, argv, first, cat_one);
}

/* ---- head, tail ---- */

static long long wanted;
static bool wanted_bytes; /* not lines */

/* Parse [-n LINES], [-c BYTES] or -LINES; returns the index of the first file, -1 after bad usage. */
static int amount_option(int argc, char **argv)
{
	const char *o = argc > 1 ? argv[1] : "";

	wanted = 10;
	if (o[0] != '-' || !o[1])
		return 1;
	wanted_bytes = o[1] == 'c';
	if ((o[1] == 'n' || o[1] == 'c') && o[2])
		wanted = number(o + 2);
	else if (isdigit((unsigned char)o[1]))
		wanted = number(o + 1);
	else
		wanted = (o[1] == 'n' || o[1] == 'c') && argc > 2 ? number(argv[2]) : -1;
	if (wanted >= 0)
		return isdigit((unsigned char)o[1]) || o[2] ? 2 : 3;
	usage();
	return -1;
}

static int head_one(int fd, const char *name)
{
	char buf[4096];
	long long left = wanted;
	ssize_t n = 1;

	while (left > 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
		ssize_t used = 0;

		while (used < n && left > 0)
			left -= wanted_bytes || buf[used] == '\n', used++;
		fwrite(buf, 1, (size_t)used, stdout);
	}
	return n < 0 ? complain(name) : 0;
}

int applet_head(int argc, char **argv)
{
	int first = amount_option(argc, argv);

	return first < 0 ? 2 : each_file(argc, argv, first, head_one);
}

/* Everything from fd, malloc'ed; NULL and errno. */
static char *read_everything(int fd, size_t *len)
{
	size_t room = 65536;
	char *text = malloc(room);
	ssize_t n = 1;

	*len = 0;
	while (text && n != 0) {
		if (room - *len < 4096) {
			char *bigger = realloc(text, room *= 2);

			if (!bigger)
				break;
			text = bigger;
		}
		n = read(fd, text + *len, room - *len);
		if (n < 0 && errno != EINTR)
			break;
		*len += n > 0 ? (size_t)n : 0;
	}
	if (text && n == 0)
		return text;
	free(text);
	return NULL;
}

static int tail_one(int fd, const char *name)
{
	size_t len, at;
	char *text = read_everything(fd, &len);
	long long left = wanted;

	if (!text)
		return complain(name);
	at = len;
	while (at > 0 && left > 0) {
		at--;
		left -= wanted_bytes || (at > 0 && text[at - 1] == '\n');
	}
	fwrite(text + at, 1, len - at, stdout);
	free(text);
	return 0;
}

int applet_tail(int argc, char **argv)
{
	int first = amount_option(argc, argv);

	return first < 0 ? 2 : each_file(argc, argv, first, tail_one);
}

/* ---- wc ---- */

static struct counts {
	unsigned long long lines, words, bytes;
} total;
static unsigned char wc_opt[128];

static void wc_print(const struct counts *c, const char *name)
{
	bool all = !wc_opt['l'] && !wc_opt['w'] && !wc_opt['c'];
	const char *blank = "";

	if (all || wc_opt['l'])
		blank = (printf("%7llu", c->lines), " ");
	if (all || wc_opt['w'])
		blank = (printf("%s%7llu", blank, c->words), " ");
	if (all || wc_opt['c'])
		printf("%s%7llu", blank, c->bytes);
	/* standard input has no name worth printing */
	if (strcmp(name, "-") != 0)
		printf(" %s", name);
	putchar('\n');
}

static int wc_one(int fd, const char *name)
{
	static char buf[65536];
	struct counts c = {0};
	bool in_word = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		c.bytes += (size_t)n;
		for (ssize_t i = 0; i < n; i++) {
			bool blank = isspace((unsigned char)buf[i]);

			c.lines += buf[i] == '\n';
			c.words += !blank && !in_word;
			in_word = !blank;
		}
	}
	if (n < 0)
		return complain(name);
	wc_print(&c, name);
	total.lines += c.lines;
	total.words += c.words;
	total.bytes += c.bytes;
	return 0;
}

int applet_wc(int argc, char **argv)
{
	int first = options(argc, argv, "lwc", wc_opt), status;

	if (first < 0)
		return 2;
	status = each_file(argc, argv, first, wc_one);
	if (argc - first > 1)
		wc_print(&total, "total");
	return status;
}

/* ---- hexdump ---- */

static void dump_line(unsigned long long at, const unsigned char *p, size_t n)
{
	printf("%08llx ", at);
	for (size_t i = 0; i < 16; i++) {
		if (i < n)
			printf(" %02x", p[i]);
		else
			printf("   ");
		if (i == 7)
			putchar(' ');
	}
	printf("  |");
	for (size_t i = 0; i < n; i++)
		putchar(p[i] >= ' ' && p[i] < 127 ? p[i] : '.');
	printf("|\n");
}

int applet_hexdump(int argc, char **argv)
{
	long long limit = -1;
	unsigned long long at = 0;
	unsigned char line[16];
	const char *name;
	int first = 1, fd;
	ssize_t n = 0;

	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		limit = number(argv[2]);
		first = 3;
	}
	if (first + 1 < argc || (first == 3 && limit < 0) ||
		(first == 1 && argc > 1 && *argv[1] == '-'))
		return usage();
	name = first < argc ? argv[first] : "standard input";
	fd = first < argc ? open(name, O_RDONLY) : 0;
	if (fd < 0)
		return complain(name);
	while (limit < 0 || at < (unsigned long long)limit) {
		size_t want = sizeof(line);

		if (limit >= 0 && (unsigned long long)limit - at < want)
			want = (size_t)((unsigned long long)limit - at);
		n = read(fd, line, want);
		if (n <= 0)
			break;
		dump_line(at, line, (size_t)n);
		at += (size_t)n;
	}
	close(fd);
	return n < 0 ? complain(name) : 0;
}

int applet_seq(int argc, char **argv)
{
	long long from = argc > 2 ? number(argv[1]) : 1, to;

	if (argc < 2 || argc > 3)
		return usage();
	to = number(argv[argc - 1]);
	if (from < 0 || to < 0)
		return usage();
	for (; from <= to; from++)
		if (printf("%lld\n", from) < 0)
			return complain("standard output");
	return 0;
}

int applet_cmp(int argc, char **argv)
{
	size_t len[2], at = 0;
	char *text[2] = {NULL, NULL};
	int status = 0;

	if (argc != 3)
		return usage();
	for (int i = 0; i < 2; i++) {
		int fd = open(argv[1 + i], O_RDONLY);

		text[i] = fd < 0 ? NULL : read_everything(fd, &len[i]);
		if (!text[i])
			status = complain(argv[1 + i]) + 1;
		if (fd >= 0)
			close(fd);
	}
	if (status == 0) {
		while (at < len[0] && at < len[1] && text[0][at] == text[1][at])
			at++;
		if (at < len[0] || at < len[1]) {
			printf("%s %s differ at byte %zu\n", argv[1], argv[2], at + 1);
			status = 1;
		}
	}
	free(text[0]);
	free(text[1]);
	return status;
}

/* ---- sha256sum ---- */

/* The checksum of fd as 64 digits. 0, or -1 and errno. */
static int sum_of(int fd, char text[65])
{
	static unsigned char buf[65536];
	struct sha256 s;
	unsigned char digest[32];
	ssize_t n;

	sha256_init(&s);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sha256_add(&s, buf, (size_t)n);
	sha256_end(&s, digest);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return n < 0 ? -1 : 0;
}

static int sum_one(int fd, const char *name)
{
	char text[65];

	if (sum_of(fd, text) < 0)
		return complain(name);
	printf("%s  %s\n", text, name);
	return 0;
}

/* A list as sha256sum prints it: every file must be there and have its checksum. */
static int sum_check(int fd, const char *name)
{
	size_t len;
	char *list = read_everything(fd, &len), text[65];
	int bad = 0;

	if (!list)
		return complain(name);
	for (char *line = list, *end; line < list + len; line = end + 1) {
		int one;

		end = memchr(line, '\n', (size_t)(list + len - line));
		if (!end)
			break;
		*end = '\0';
		if (end - line < 67)
			continue;
		one = open(line + 66, O_RDONLY);
		if (one < 0 || sum_of(one, text) < 0)
			bad += complain(line + 66);
		else if (memcmp(text, line, 64) != 0)
			bad += printf("%s: FAILED\n", line + 66) > 0;
		else
			printf("%s: OK\n", line + 66);
		if (one >= 0)
			close(one);
	}
	free(list);
	return bad ? 1 : 0;
}

int applet_sha256sum(int argc, char **argv)
{
	unsigned char opt[128];
	int first = options(argc, argv, "c", opt);

	return first < 0 ? 2 : each_file(argc, argv, first, opt['c'] ? sum_check : sum_one);
}
