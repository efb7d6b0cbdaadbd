/*
 * Random numbers: a counter per CPU run through a mixing function, stirred with the cycle counter at
 * each use. Good for hash salts, canaries and tests.
 *
 * Limits: not a cryptographic generator; nothing here protects secrets from an adversary (one trust
 * domain, DESIGN 1).
 */
#include "kernel/random.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "kernel/string.h"
#include "arch/arch.h"

static DEFINE_PERCPU(u64, random_state);

/* A bijection in which every input bit changes about half of the output bits. */
static u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

u64 random_u64(void)
{
	u64 s = this_cpu_read(random_state);

	if (unlikely(s == 0))
		s = clock_wall_ns();
	s = mix(s + 0x9e3779b97f4a7c15ull) ^ arch_cycles();
	this_cpu_write(random_state, s);
	return mix(s);
}

void random_bytes(void *buf, size_t len)
{
	u8 *out = buf;

	while (len) {
		u64 r = random_u64();
		size_t n = MIN(len, sizeof(r));

		memcpy(out, &r, n);
		out += n;
		len -= n;
	}
}
