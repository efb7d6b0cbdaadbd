/*
 * The C library works: the same file runs as the program libctest on Linux and on Unlazy. Prints one line
 * per failed check and, last, "N passed, N failed". Files go to a directory of its own under /tmp.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <liburing.h>
#include <limits.h>
#include <math.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unlazy.h>

#include "libc_test.h"

unsigned passed, failed;
static char dir[64]; /* where tests make files; the working directory */

static int constructed;
__attribute__((constructor)) static void construct(void)
{
	constructed = 42;
}

static int prints(const char *want, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int prints(const char *want, const char *format, ...)
{
	char got[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(got, sizeof(got), format, ap);
	va_end(ap);
	if (strcmp(got, want) != 0)
		printf("printf(\"%s\"): \"%s\", expected \"%s\"\n", format, got, want);
	return strcmp(got, want) == 0;
}

static void test_printf(void)
{
	CHECK(prints("-7 42 2a 052", "%d %u %x %#o", -7, 42u, 42u, 42u));
	CHECK(prints("-9223372036854775807", "%lld", -9223372036854775807LL));
	CHECK(prints("18446744073709551615 18446744073709551615", "%zu %lu", (size_t)-1, ~0ul));
	CHECK(prints("1.500000 1e+100 0.1", "%f %g %.1f", 1.5, 1e100, 0.1));
	CHECK(prints("0x1p-2 inf", "%a %f", 0.25, __builtin_inf()));
	CHECK(prints("[   ab][ab   ][abc]", "[%5s][%-5s][%.3s]", "ab", "ab", "abcdef"));
	CHECK(prints(
		"-1 -1 65535", "%hhd %hd %hu", (signed char)-1, (short)-1, (unsigned short)-1));
	CHECK(prints("3.14159265358979", "%.14Lf", 3.14159265358979L));
	CHECK(prints("b a", "%2$s %1$s", "a", "b"));
	CHECK(prints("0x7f +5 00005 5    |", "%p %+d %05d %-5d|", (void *)0x7f, 5, 5, 5));
	CHECK(prints("-5 ff", "%" PRId64 " %" PRIx64, (int64_t)-5, (uint64_t)255));
	CHECK(snprintf(NULL, 0, "%d%s", 12345, "abc") == 8);
}

static void test_scanf_and_numbers(void)
{
	long long ll;
	char word[16], *end;
	double d;
	int a, b;

	CHECK(sscanf("12 -34 x 5.5 abc", "%d %d x %lf %15s", &a, &b, &d, word) == 4);
	CHECK(a == 12 && b == -34 && d == 5.5 && strcmp(word, "abc") == 0);
	CHECK(sscanf("9000000000", "%lld", &ll) == 1 && ll == 9000000000ll);
	CHECK(sscanf("7 8", "%2$d %1$d", &a, &b) == 2 && a == 8 && b == 7);
	CHECK(strtol("-0x1fz", &end, 0) == -31 && *end == 'z');
	CHECK(strtoul("777", NULL, 8) == 511);
	errno = 0;
	CHECK(strtol("99999999999999999999", NULL, 10) == LONG_MAX && errno == ERANGE);
	CHECK(strtoull("18446744073709551615", NULL, 10) == ULLONG_MAX);
	CHECK(strtod("2.5e3x", &end) == 2500.0 && *end == 'x');
	CHECK(fabs(sqrt(2.0) - 1.41421356237309) < 1e-12 && pow(2, 10) == 1024.0);
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void test_sort_and_strings(void)
{
	enum { N = 1000 };
	static int v[N];
	char text[] = "a,b;c", *save, copy[8];
	bool sorted = true;
	int key = 777;

	for (int i = 0; i < N; i++)
		v[i] = (i * 7919) % N;
	qsort(v, N, sizeof(v[0]), compare_ints);
	for (int i = 0; i < N; i++)
		sorted &= v[i] == i;
	CHECK(sorted);
	CHECK(bsearch(&key, v, N, sizeof(v[0]), compare_ints) == &v[777]);
	CHECK(strcmp(strtok_r(text, ",;", &save), "a") == 0);
	CHECK(strcmp(strtok_r(NULL, ",;", &save), "b") == 0);
	CHECK(strtok_r(NULL, ",;", &save)[0] == 'c' && strtok_r(NULL, ",;", &save) == NULL);
	CHECK(strlcpy(copy, "longer than it", sizeof(copy)) == 14 && strcmp(copy, "longer ") == 0);
	CHECK(strstr("haystack", "st") != NULL && memmem("abcd", 4, "cd", 2) != NULL);
	CHECK(strcasecmp("ABC", "abc") == 0 && toupper('x') == 'X' && isspace('\t'));
	CHECK(fnmatch("*.c", "main.c", 0) == 0 && fnmatch("*.c", "main.h", 0) != 0);
}

static void test_regex(void)
{
	regmatch_t m[2];
	regex_t re;

	CHECK(regcomp(&re, "b(c+)d", REG_EXTENDED) == 0);
	CHECK(regexec(&re, "abcccd", 2, m, 0) == 0 && m[1].rm_so == 2 && m[1].rm_eo == 5);
	regfree(&re);
}

static void test_setjmp(void)
{
	static jmp_buf env;
	volatile int rounds = 0;
	int value = setjmp(env);

	if (rounds == 0) {
		CHECK(value == 0);
		rounds = 1;
		longjmp(env, 7);
	}
	if (rounds == 1) {
		CHECK(value == 7);
		rounds = 2;
		longjmp(env, 0);
	}
	CHECK(value == 1);
}

static void test_time(void)
{
	struct timespec a, b, pause = {0, 20000000};
	time_t t = 1606867200; /* 2020-12-02 00:00:00 UTC, a Wednesday */
	struct tm tm;
	char text[32];

	CHECK(gmtime_r(&t, &tm) == &tm && tm.tm_year == 120 && tm.tm_mon == 11 && tm.tm_wday == 3);
	CHECK(strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 19);
	CHECK(strcmp(text, "2020-12-02 00:00:00") == 0 && mktime(&tm) == t);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
	CHECK(nanosleep(&pause, NULL) == 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	CHECK((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec >= 20000000);
	CHECK(clock_gettime(CLOCK_REALTIME, &a) == 0 && labs(time(NULL) - a.tv_sec) <= 1);
	CHECK(clock_gettime(99, &a) == -1 && errno == EINVAL);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, -1}, NULL) == EINVAL);
}

static void test_malloc(void)
{
	void *blocks[100];
	bool aligned = true;

	for (int i = 0; i < 100; i++) {
		blocks[i] = malloc((size_t)i * 37 + 1);
		aligned &= blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0;
	}
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	CHECK(aligned);
	char *big = calloc(1, 4 << 20);

	CHECK(big != NULL && big[0] == 0 && big[(4 << 20) - 1] == 0);
	big = realloc(big, 8 << 20);
	CHECK(big != NULL);
	free(big);
	CHECK((uintptr_t)aligned_alloc(256, 512) % 256 == 0);
	errno = 0;
	CHECK(malloc(SIZE_MAX / 2) == NULL && errno == ENOMEM);
}

static void test_stdio_file(void)
{
	char line[64];
	struct stat st;
	FILE *f = fopen("file", "w+");

	CHECK(f != NULL);
	if (f == NULL)
		return;
	for (int i = 0; i < 5000; i++)
		fprintf(f, "line %d\n", i);
	CHECK(fflush(f) == 0 && fstat(fileno(f), &st) == 0 && st.st_size == 48890);
	CHECK(fseek(f, 7, SEEK_SET) == 0 && fgets(line, sizeof(line), f) != NULL);
	CHECK(strcmp(line, "line 1\n") == 0 && ftell(f) == 14);
	CHECK(ungetc('x', f) == 'x' && getc(f) == 'x');
	CHECK(fseek(f, 0, SEEK_END) == 0 && getc(f) == EOF && feof(f));
	CHECK(fclose(f) == 0);
	CHECK((f = fopen("file", "a")) != NULL && fputs("end\n", f) >= 0 && fclose(f) == 0);
	CHECK(stat("file", &st) == 0 && st.st_size == 48894);
	CHECK(fopen("no/such", "r") == NULL && errno == ENOENT);
	char *p = NULL;
	size_t n = 0;

	CHECK((f = fopen("file", "r")) != NULL && getline(&p, &n, f) == 7 && fclose(f) == 0);
	free(p);
	CHECK(unlink("file") == 0 && access("file", F_OK) == -1 && errno == ENOENT);
}

static void test_files(void)
{
	char buf[PATH_MAX];
	struct statx stx;
	struct stat st;
	int fd = open("data", O_RDWR | O_CREAT | O_EXCL, 0640), fd2;

	CHECK(fd >= 0);
	CHECK(write(fd, "0123456789", 10) == 10 && pwrite(fd, "AB", 2, 3) == 2);
	CHECK(lseek(fd, 2, SEEK_SET) == 2 && read(fd, buf, 4) == 4 && memcmp(buf, "2AB5", 4) == 0);
	CHECK(pread(fd, buf, 3, 7) == 3 && memcmp(buf, "789", 3) == 0);
	struct iovec iov[2] = {{buf, 2}, {buf + 8, 2}};

	CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, iov, 2) == 4 && buf[8] == '2');
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 10 && st.st_nlink == 1);
	CHECK(statx(AT_FDCWD, "data", 0, STATX_BASIC_STATS, &stx) == 0 && stx.stx_size == 10 &&
		stx.stx_ino == st.st_ino);
	CHECK(ftruncate(fd, 4) == 0 && stat("data", &st) == 0 && st.st_size == 4);
	CHECK(open("data", O_RDWR | O_CREAT | O_EXCL, 0640) == -1 && errno == EEXIST);
	fd2 = dup(fd);
	CHECK(fd2 > fd && lseek(fd2, 0, SEEK_CUR) == lseek(fd, 0, SEEK_CUR));
	CHECK(fcntl(fd2, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd2, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(close(fd2) == 0 && close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	CHECK(mkdir("sub", 0755) == 0 && symlink("../data", "sub/link") == 0);
	CHECK(readlink("sub/link", buf, sizeof(buf)) == 7 && memcmp(buf, "../data", 7) == 0);
	CHECK(lstat("sub/link", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(stat("sub/link", &st) == 0 && st.st_size == 4);
	CHECK(rename("data", "sub/moved") == 0 && stat("sub/link", &st) == -1 && errno == ENOENT);
	CHECK(rmdir("sub") == -1 && errno == ENOTEMPTY);
	CHECK(chdir("sub") == 0 && getcwd(buf, sizeof(buf)) == buf);
	CHECK(strcmp(strrchr(buf, '/'), "/sub") == 0 && getcwd(buf, 2) == NULL && errno == ERANGE);
	CHECK(chdir("..") == 0);
	fd = open("sub", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && unlinkat(fd, "moved", 0) == 0 && unlinkat(fd, "link", 0) == 0);
	CHECK(close(fd) == 0 && rmdir("sub") == 0);
}

static void test_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY, .resolve = RESOLVE_BENEATH};
	int fd = openat2(AT_FDCWD, ".", &how, sizeof(how));

	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(openat2(AT_FDCWD, "/", &how, sizeof(how)) == -1 && errno == EXDEV);
	CHECK(openat2(AT_FDCWD, ".", &how, 8) == -1 && errno == EINVAL);
}

/* More entries than one getdents64 buffer holds. */
static void test_readdir(void)
{
	enum { N = 500 };
	static char seen[N];
	struct dirent *d, **list;
	int count = 0, others = 0, i;
	char name[300];
	DIR *dp;

	CHECK(mkdir("many", 0755) == 0);
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many/a-rather-long-file-name-%03d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	dp = opendir("many");
	CHECK(dp != NULL);
	if (dp == NULL)
		return;
	errno = 0;
	while ((d = readdir(dp)) != NULL) {
		if (sscanf(d->d_name, "a-rather-long-file-name-%d", &i) == 1 && i < N && !seen[i])
			seen[i] = 1, count++;
		else
			others++;
	}
	CHECK(errno == 0 && count == N && others == 2);
	rewinddir(dp);
	CHECK(readdir(dp) != NULL);
	long at = telldir(dp);

	d = readdir(dp);
	strcpy(name, d->d_name);
	readdir(dp);
	seekdir(dp, at);
	d = readdir(dp);
	CHECK(d != NULL && strcmp(d->d_name, name) == 0);
	CHECK(closedir(dp) == 0);
	CHECK(scandir("many", &list, NULL, alphasort) == N + 2);
	CHECK(strcmp(list[0]->d_name, ".") == 0 && strcmp(list[N + 1]->d_name + 24, "499") == 0);
	for (i = 0; i < N + 2; i++) {
		snprintf(name, sizeof(name), "many/%s", list[i]->d_name);
		unlink(name);
		free(list[i]);
	}
	free(list);
	CHECK(rmdir("many") == 0 && opendir("many") == NULL && errno == ENOENT);
}

/* ---- Trees ---- */

static char visited[200];
static int stop_at_link;

/* Writes down the name, the kind and the level: "a1 " for the directory a on level 1. */
static int note(const char *path, const struct stat *st, int what, struct FTW *at)
{
	char text[64];

	CHECK(what == FTW_NS || what == FTW_SLN ||
		S_ISDIR(st->st_mode) == (what == FTW_D || what == FTW_DP));
	snprintf(text, sizeof(text), "%s:%d:%d ", path + at->base, what, at->level);
	strlcat(visited, text, sizeof(visited));
	if (stop_at_link && what == FTW_SL)
		return 42;
	return strcmp(path + at->base, "skipped") == 0 ? FTW_SKIP_SUBTREE : 0;
}

static unsigned plain_count;

static int count_plain(const char *path, const struct stat *st, int what)
{
	(void)path, (void)st;
	plain_count += what == FTW_F || what == FTW_D;
	return 0;
}

static void test_trees(void)
{
	struct statvfs vfs;
	char here[200];

	CHECK(mkdir("tree", 0755) == 0 && mkdir("tree/a", 0755) == 0);
	CHECK(close(open("tree/a/f", O_CREAT | O_WRONLY, 0644)) == 0);
	CHECK(nftw("tree", note, 10, FTW_PHYS) == 0);
	CHECK(strcmp(visited, "tree:1:0 a:1:1 f:0:2 ") == 0);
	visited[0] = 0;
	CHECK(nftw("tree/", note, 10, FTW_PHYS | FTW_DEPTH | FTW_CHDIR) == 0);
	CHECK(strcmp(visited, "f:0:2 a:5:1 tree:5:0 ") == 0);
	CHECK(getcwd(here, sizeof(here)) != NULL && strcmp(here, dir) == 0);
	/* A link to an ancestor is left out, one that leads nowhere is not. */
	CHECK(unlink("tree/a/f") == 0 && symlink("..", "tree/a/up") == 0);
	visited[0] = 0;
	CHECK(nftw("tree", note, 10, 0) == 0 && strcmp(visited, "tree:1:0 a:1:1 ") == 0);
	visited[0] = 0;
	stop_at_link = 1;
	CHECK(nftw("tree", note, 10, FTW_PHYS) == 42);
	CHECK(strcmp(visited, "tree:1:0 a:1:1 up:4:2 ") == 0);
	CHECK(unlink("tree/a/up") == 0 && symlink("nowhere", "tree/a/dead") == 0);
	visited[0] = 0;
	CHECK(nftw("tree", note, 10, 0) == 0 && strcmp(visited, "tree:1:0 a:1:1 dead:6:2 ") == 0);
	CHECK(ftw("tree", count_plain, 10) == 0 && plain_count == 2);
	CHECK(rename("tree/a", "tree/skipped") == 0);
	visited[0] = 0;
	CHECK(nftw("tree", note, 10, FTW_PHYS | FTW_ACTIONRETVAL) == 0);
	CHECK(strcmp(visited, "tree:1:0 skipped:1:1 ") == 0);
	CHECK(nftw("none", note, 10, 0) == -1 && errno == ENOENT);
	CHECK(unlink("tree/skipped/dead") == 0 && rmdir("tree/skipped") == 0 && rmdir("tree") == 0);
	CHECK(statvfs("/tmp", &vfs) == 0 && vfs.f_bsize >= 512 && vfs.f_namemax == 255);
}

static void test_process(void)
{
	struct rlimit limit;
	struct utsname uts;
	cpu_set_t set;
	uid_t r, e, s;

	CHECK(getpid() > 0 && getpid() == gettid());
	CHECK(syscall(SYS_getpid) == getpid() && syscall(99999) == -1 && errno == ENOSYS);
	CHECK(getresuid(&r, &e, &s) == 0 && r == getuid() && e == geteuid());
	CHECK(uname(&uts) == 0 && strcmp(uts.machine, "x86_64") == 0);
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) == CPU_COUNT(&set) && sysconf(_SC_PAGESIZE) == 4096);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 64);
	CHECK(sched_yield() == 0);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK(strcmp(strerror(EUCLEAN), "Structure needs cleaning") == 0);
	CHECK(prints("Unknown error 9999", "%s", strerror(9999)));
	CHECK(setenv("LIBCTEST", "yes", 1) == 0 && strcmp(getenv("LIBCTEST"), "yes") == 0);
	CHECK(!isatty(-1) && errno == EBADF);
	CHECK(constructed == 42);
}

static void test_getopt(void)
{
	char *argv[] = {"x", "-a", "--num=5", "rest", NULL};
	struct option options[] = {{"num", required_argument, NULL, 'n'}, {0}};
	int seen = 0, c;

	optind = 1;
	while ((c = getopt_long(4, argv, "an:", options, NULL)) != -1) {
		seen = seen * 256 + c;
		if (c == 'n')
			CHECK(strcmp(optarg, "5") == 0);
	}
	CHECK(seen == ('a' << 8 | 'n') && optind == 3 && strcmp(argv[optind], "rest") == 0);
}

static void test_memory(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED && p[0] == 0 && p[3 * 4096 - 1] == 0);
	p[4096] = 1;
	CHECK(mprotect(p, 4096, PROT_READ) == 0);
	CHECK(munmap(p, 3 * 4096) == 0);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
		errno == EINVAL);
	/* A pointer that is not the program's: an error, not a fault. */
	CHECK(write(1, (void *)8, 1) == -1 && errno == EFAULT);
}

static int uring_wait(struct io_uring *ring, uint64_t *data)
{
	struct io_uring_cqe *cqe;
	int res = io_uring_submit_and_wait(ring, 1);

	if (res < 0 || (res = io_uring_peek_cqe(ring, &cqe)) < 0)
		return res;
	res = cqe->res;
	*data = io_uring_cqe_get_data64(cqe);
	io_uring_cqe_seen(ring, cqe);
	return res;
}

static void test_uring(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	uint64_t data = 0;
	int fd;

	CHECK(io_uring_queue_init(8, &ring, 0) == 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, 0x1234567890ull);
	CHECK(uring_wait(&ring, &data) == 0 && data == 0x1234567890ull);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_openat(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	io_uring_sqe_set_data64(sqe, 1);
	fd = uring_wait(&ring, &data);
	CHECK(fd >= 0 && data == 1);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_close(sqe, fd);
	io_uring_sqe_set_data64(sqe, 2);
	CHECK(uring_wait(&ring, &data) == 0 && data == 2);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_openat(sqe, AT_FDCWD, "/no/such/file", O_RDONLY, 0);
	io_uring_sqe_set_data64(sqe, 3);
	CHECK(uring_wait(&ring, &data) == -ENOENT && data == 3);
	io_uring_queue_exit(&ring);
}

/* Starts itself for what ends a program; only Unlazy can, so elsewhere this checks ENOSYS. */
static void test_spawn(const char *self)
{
	char *exit_argv[] = {(char *)self, "exit", NULL},
	     *abort_argv[] = {(char *)self, "abort", NULL};
	char *smash_argv[] = {(char *)self, "smash", NULL};
	int status = 0;
	pid_t pid = unlazy_spawn("libctest", exit_argv, environ, NULL);

	if (pid == -1 && errno == ENOSYS)
		return;
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		WEXITSTATUS(status) == 3);
	pid = unlazy_spawn("libctest", abort_argv, environ, NULL);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGABRT);
	pid = unlazy_spawn("libctest", smash_argv, environ, NULL);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGABRT);
	CHECK(unlazy_spawn("no-such-program", exit_argv, environ, NULL) == -1 && errno == ENOENT);
}

__attribute__((noinline)) static void smash(volatile char *p)
{
	for (int i = 0; i < 64; i++)
		p[i] = 'x';
}

/* What test_spawn() and tests/libc/run start. */
__attribute__((noinline)) static int child(const char *what)
{
	char small[8];

	if (strcmp(what, "exit") == 0)
		exit(3);
	if (strcmp(what, "abort") == 0)
		abort();
	if (strcmp(what, "smash") == 0)
		smash(small);
	if (strcmp(what, "thread-prints") == 0)
		print_in_thread();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child(argv[1]);
	snprintf(dir, sizeof(dir), "/tmp/libctest-%d", getpid());
	if (mkdir(dir, 0755) < 0 || chdir(dir) < 0)
		err(1, "%s", dir);
	test_printf();
	test_scanf_and_numbers();
	test_sort_and_strings();
	test_regex();
	test_setjmp();
	test_time();
	test_malloc();
	test_stdio_file();
	test_files();
	test_openat2();
	test_readdir();
	test_trees();
	test_process();
	test_getopt();
	test_memory();
	test_uring();
	test_threads();
	test_spawn(argv[0]);
	CHECK(chdir("/") == 0 && rmdir(dir) == 0);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
