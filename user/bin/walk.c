/*
 * walk [-cn] PATH...: one path resolution, component by component, as the kernel did it: where each
 * component was found, in which mode, with which sequence, where and why the walk left RCU mode, and what
 * an attempt that must not block answered beforehand.
 *
 *	-c	show the steps of that cached-only attempt; nothing is asked of a file system
 *	-n	do not follow a symbolic link at the end
 *
 * The steps come from the system call unlazy_walk (abi/unlazy.h); this file only prints them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/unlazy.h"

static const char *error_text(int error)
{
	if (error == -EAGAIN)
		return "EAGAIN (it would block)";
	return error ? strerror(-error) : "success";
}

static const char *found_text(unsigned found_in)
{
	static const char *const texts[] = {
		[UNLAZY_FOUND_NOWHERE] = "-",
		[UNLAZY_FOUND_DOT] = "no lookup",
		[UNLAZY_FOUND_HASH] = "dcache",
		[UNLAZY_FOUND_NEGATIVE] = "dcache: known not to exist",
		[UNLAZY_FOUND_FS] = "file system",
		[UNLAZY_FOUND_FS_MISSING] = "file system: no such name",
		[UNLAZY_FOUND_IN_LOOKUP] = "another lookup",
	};

	return found_in < sizeof(texts) / sizeof(texts[0]) ? texts[found_in] : "?";
}

static const char *kind_text(unsigned mode)
{
	return S_ISDIR(mode)   ? "directory"
	       : S_ISREG(mode) ? "file"
	       : S_ISLNK(mode) ? "link"
	       : mode	       ? "special"
			       : "-";
}

/* The kernel's reasons are single words with underscores. */
static void print_reason(const char *before, const char *reason)
{
	printf("     * %s: ", before);
	for (; *reason; reason++)
		putchar(*reason == '_' ? ' ' : *reason);
	putchar('\n');
}

static void print_step(const struct unlazy_walk_record *r)
{
	const char *mode = r->mode == UNLAZY_MODE_RCU ? "rcu" : "ref";

	printf("%-4s %-22s ", mode, r->name);
	if (r->error)
		printf("%s\n", error_text(r->error));
	else if (!r->ino)
		printf("%s\n", found_text(r->found_in));
	else
		printf("%-18s inode %-9llu %-9s %04o  seq %u\n", found_text(r->found_in),
			(unsigned long long)r->ino, kind_text(r->inode_mode), r->inode_mode & 07777,
			r->seq);
}

static void print_result(const struct unlazy_walk_record *r, int rcu_to_the_end)
{
	printf("   = %s", error_text(r->error));
	if (!r->error)
		printf(rcu_to_the_end ? ", without leaving RCU mode" : ", as a ref walk");
	printf("; cached only: %s\n", error_text(r->cached_error));
}

static void print_record(const struct unlazy_walk_record *r, int *rcu_to_the_end)
{
	switch (r->kind) {
	case UNLAZY_WALK_STEP:
		print_step(r);
		break;
	case UNLAZY_WALK_LINK:
		printf("     * a link: on with %s\n", r->name);
		break;
	case UNLAZY_WALK_MOUNT:
		printf("     * onto the root of the %s mounted here\n", r->name);
		break;
	case UNLAZY_WALK_UNLAZY:
		print_reason("leaves RCU mode", r->reason);
		*rcu_to_the_end = 0;
		break;
	case UNLAZY_WALK_RESTART:
		print_reason("starts over", r->reason);
		*rcu_to_the_end = 0;
		break;
	case UNLAZY_WALK_RESULT:
		print_result(r, *rcu_to_the_end);
		break;
	}
}

/* 0 when the path leads somewhere. */
static int explain(const char *path, unsigned long flags)
{
	static struct unlazy_walk_record records[512];
	const long room = sizeof(records) / sizeof(records[0]);
	int rcu_to_the_end = 1;
	long n = syscall(UNLAZY_SYS_WALK, AT_FDCWD, path, flags, records, room);

	if (n <= 0 || n > room) {
		fprintf(stderr, "walk: %s: %s\n", path, n < 0 ? strerror(errno) : "no answer");
		return 1;
	}
	printf("%s\n", path);
	for (long i = 0; i < n; i++)
		print_record(&records[i], &rcu_to_the_end);
	return records[n - 1].error != 0;
}

int main(int argc, char **argv)
{
	unsigned long flags = 0;
	int option, status = 0;

	opterr = 0;
	while ((option = getopt(argc, argv, "cn")) != -1) {
		if (option == 'c')
			flags |= UNLAZY_WALK_CACHED;
		else if (option == 'n')
			flags |= UNLAZY_WALK_NOFOLLOW;
		else
			optind = argc;
	}
	if (optind >= argc) {
		fputs("usage: walk [-cn] PATH...\n"
		      "  -c  only what is in memory, as RESOLVE_CACHED\n"
		      "  -n  a link at the end is not followed\n",
			stderr);
		return 2;
	}
	for (; optind < argc; optind++)
		status |= explain(argv[optind], flags);
	return status;
}
