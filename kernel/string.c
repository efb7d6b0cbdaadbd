/*
 * Memory and strings for a kernel that may not touch SSE registers.
 *
 * Copies and fills go eight bytes at a time; x86-64 and the host allow unaligned words. The string
 * instructions of the processor are not used: under an emulator they cost one step per byte, and
 * instruction counts (PERFORMANCE.md) would depend on the CPU model.
 */
#include "kernel/string.h"
#include "kernel/compiler.h"

/* A word at any address, of any type. */
struct word {
	u64 v;
} __packed __attribute__((may_alias));

static inline u64 load_word(const void *p)
{
	return ((const struct word *)p)->v;
}

static inline void store_word(void *p, u64 v)
{
	((struct word *)p)->v = v;
}

void *memcpy(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	for (; n >= 32; n -= 32, d += 32, s += 32) {
		u64 a = load_word(s), b = load_word(s + 8);
		u64 c = load_word(s + 16), e = load_word(s + 24);

		store_word(d, a);
		store_word(d + 8, b);
		store_word(d + 16, c);
		store_word(d + 24, e);
	}
	for (; n >= 8; n -= 8, d += 8, s += 8)
		store_word(d, load_word(s));
	while (n--)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if (d <= s || d >= s + n) {
		/* Ascending order: each word is read before anything at or above it is written. */
		for (; n >= 8; n -= 8, d += 8, s += 8)
			store_word(d, load_word(s));
		while (n--)
			*d++ = *s++;
		return dst;
	}
	while (n >= 8) {
		n -= 8;
		store_word(d + n, load_word(s + n));
	}
	while (n--)
		d[n] = s[n];
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	u8 *d = dst;
	u64 pattern = 0x0101010101010101ull * (u8)c;

	for (; n >= 32; n -= 32, d += 32) {
		store_word(d, pattern);
		store_word(d + 8, pattern);
		store_word(d + 16, pattern);
		store_word(d + 24, pattern);
	}
	for (; n >= 8; n -= 8, d += 8)
		store_word(d, pattern);
	while (n--)
		*d++ = (u8)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n >= 8 && load_word(x) == load_word(y); n -= 8)
		x += 8, y += 8;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i])
		i++;
	return i;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++)
		b++;
	return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = MIN(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool parse_u64(const char *s, u64 *out)
{
	unsigned base = 10;
	u64 value = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned d = (unsigned)digit_value(*s);

		if (d >= base || __builtin_mul_overflow(value, base, &value) ||
			__builtin_add_overflow(value, d, &value))
			return false;
	}
	*out = value;
	return true;
}
