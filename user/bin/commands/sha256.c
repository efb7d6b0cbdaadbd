/*
 * SHA-256 (FIPS 180-4). The constants are the fractional parts of the square (start) and cube roots
 * (rounds) of the first primes; they are computed with integers at the first use instead of being
 * listed.
 */
#include "sha256.h"

#include <string.h>

static uint32_t start[8], rounds[64];

/* The largest r with r^power <= n * 2^(32 * power), less its whole part: the first 32 fraction bits. */
static uint32_t root_fraction(unsigned n, int power)
{
	uint64_t r = 0;

	for (int bit = 35; bit >= 0; bit--) {
		uint64_t t = r | 1ull << bit;
		unsigned __int128 square = (unsigned __int128)t * t;

		if (power == 2 ? square <= (unsigned __int128)n << 64
			       : square <= ((unsigned __int128)n << 96) / t)
			r = t;
	}
	return (uint32_t)r;
}

static void make_constants(void)
{
	unsigned n = 2, found = 0;

	for (; found < 64; n++) {
		unsigned d = 2;

		while (n % d)
			d++;
		if (d < n)
			continue;
		if (found < 8)
			start[found] = root_fraction(n, 2);
		rounds[found++] = root_fraction(n, 3);
	}
}

static uint32_t ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void add_block(struct sha256 *s, const unsigned char *p)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) +
		       (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	memcpy(v, s->state, sizeof(v));
	/* The eight variables stay where they are; their roles rotate. */
	for (unsigned i = 0; i < 64; i++) {
		uint32_t a = v[-i & 7], e = v[(4 - i) & 7], *h = &v[(7 - i) & 7];
		uint32_t b = v[(1 - i) & 7], c = v[(2 - i) & 7], f = v[(5 - i) & 7],
			 g = v[(6 - i) & 7];
		uint32_t t = *h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) +
			     rounds[i] + w[i];

		v[(3 - i) & 7] += t;
		*h = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
	}
	for (int i = 0; i < 8; i++)
		s->state[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	if (!rounds[0])
		make_constants();
	memcpy(s->state, start, sizeof(start));
	s->bytes = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len > 0) {
		size_t at = s->bytes % 64, n = 64 - at < len ? 64 - at : len;

		if (n == 64) {
			add_block(s, p);
		} else {
			memcpy(s->block + at, p, n);
			if (at + n == 64)
				add_block(s, s->block);
		}
		s->bytes += n;
		p += n;
		len -= n;
	}
}

void sha256_end(struct sha256 *s, unsigned char digest[32])
{
	static const unsigned char padding[64] = {0x80};
	uint64_t bits = s->bytes * 8;
	unsigned char length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_add(s, padding, 1 + (119 - s->bytes % 64) % 64);
	sha256_add(s, length, 8);
	for (int i = 0; i < 32; i++)
		digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}
