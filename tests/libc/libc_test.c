/*
 * The C library works: the same file runs as the program libctest on Linux and on Unlazy. Prints one line
 * per failed check and, last, "N passed, N failed".
 */
#include <liburing.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned passed, failed;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (cond)                                                                          \
			__atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);                          \
		else {                                                                             \
			__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);                          \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                          \
		}                                                                                  \
	} while (0)

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
}

static void test_uring_nop(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int error = io_uring_queue_init(8, &ring, 0);

	CHECK(error == 0);
	if (error != 0)
		return;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, 0x1234567890ull);
	CHECK(io_uring_submit_and_wait(&ring, 1) == 1);
	CHECK(io_uring_peek_cqe(&ring, &cqe) == 0);
	CHECK(cqe->res == 0 && io_uring_cqe_get_data64(cqe) == 0x1234567890ull);
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
}

int main(void)
{
	test_printf();
	test_uring_nop();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
