/*
 * Hashes of names, which order the leaves of a directory's hash tree. Three functions, each in a
 * signed and an unsigned variant (what `char` was on the machine that made the file system):
 *
 *   legacy      multiply and mix, the first ext3 hash
 *   half_md4    three rounds of eight steps of MD4, over 32 bytes at a time (the default)
 *   tea         Davies-Meyer with the Tiny Encryption Algorithm, over 16 bytes at a time
 *
 * The low bit of a hash is not the name's: in the tree it says that a run of equal hashes goes on in
 * the next block. The largest value is kept for "end of directory".
 */
#include "fs/ext4/internal.h"

#define HASH_END (0x7fffffffu << 1)

static u32 rotate(u32 x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* One character as the variant sees it: sign-extended or not. */
static u32 character(const char *name, u32 i, bool is_unsigned)
{
	return is_unsigned ? (u32)(u8)name[i] : (u32)(s32)(s8)name[i];
}

static u32 hash_legacy(const char *name, u32 len, bool is_unsigned)
{
	u32 previous = 0x37abe8f9, current_hash = 0x12a3fe2d;

	for (u32 i = 0; i < len; i++) {
		u32 next = previous + (current_hash ^ (character(name, i, is_unsigned) * 7152373));

		if (next & 0x80000000)
			next -= 0x7fffffff;
		previous = current_hash;
		current_hash = next;
	}
	return current_hash << 1;
}

/*
 * Pack up to words * 4 characters into words, first character highest, and fill up with the
 * length of all that is left of the name, repeated in each byte.
 */
static void pack(const char *name, u32 len, u32 *out, u32 words, bool is_unsigned)
{
	u32 fill = len | len << 8, value, used = MIN(len, words * 4);

	fill |= fill << 16;
	value = fill;
	for (u32 i = 0; i < used; i++) {
		value = character(name, i, is_unsigned) + (value << 8);
		if (i % 4 == 3) {
			*out++ = value;
			value = fill;
			words--;
		}
	}
	if (words > 0) {
		*out++ = value;
		words--;
	}
	while (words-- > 0)
		*out++ = fill;
}

static u32 choose(u32 x, u32 y, u32 z)
{
	return z ^ (x & (y ^ z));
}
static u32 majority(u32 x, u32 y, u32 z)
{
	return (x & y) + ((x ^ y) & z);
}
static u32 parity(u32 x, u32 y, u32 z)
{
	return x ^ y ^ z;
}

static void half_md4(u32 state[4], const u32 in[8])
{
	static const struct {
		u32 (*mix)(u32 x, u32 y, u32 z);
		u32 constant;
		u8 order[8], shift[4];
	} rounds[3] = {
		{choose, 0, {0, 1, 2, 3, 4, 5, 6, 7}, {3, 7, 11, 19}},
		{majority, 0x5a827999, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 5, 9, 13}},
		{parity, 0x6ed9eba1, {3, 7, 2, 6, 1, 5, 0, 4}, {3, 9, 11, 15}},
	};
	u32 s[4] = {state[0], state[1], state[2], state[3]};

	/* Each step changes one word; the words take turns a, d, c, b. */
	for (int r = 0; r < 3; r++) {
		for (u32 i = 0; i < 8; i++) {
			u32 a = (4 - i % 4) % 4, b = (a + 1) % 4, c = (a + 2) % 4, d = (a + 3) % 4;

			s[a] += rounds[r].mix(s[b], s[c], s[d]) + in[rounds[r].order[i]] +
				rounds[r].constant;
			s[a] = rotate(s[a], rounds[r].shift[i % 4]);
		}
	}
	for (int i = 0; i < 4; i++)
		state[i] += s[i];
}

static void tea(u32 state[4], const u32 key[4])
{
	u32 sum = 0, x = state[0], y = state[1];

	for (int i = 0; i < 16; i++) {
		sum += 0x9e3779b9;
		x += ((y << 4) + key[0]) ^ (y + sum) ^ ((y >> 5) + key[1]);
		y += ((x << 4) + key[2]) ^ (x + sum) ^ ((x >> 5) + key[3]);
	}
	state[0] += x;
	state[1] += y;
}

bool ext4_name_hash(u32 version, const u32 seed[4], const char *name, u32 len, u32 *hash)
{
	bool is_unsigned = version >= EXT4_HASH_UNSIGNED;
	u32 state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, in[8], value;

	if (seed[0] | seed[1] | seed[2] | seed[3])
		for (int i = 0; i < 4; i++)
			state[i] = seed[i];
	if (is_unsigned)
		version -= EXT4_HASH_UNSIGNED;
	switch (version) {
	case EXT4_HASH_LEGACY:
		value = hash_legacy(name, len, is_unsigned);
		break;
	case EXT4_HASH_HALF_MD4:
		for (u32 at = 0; at < len; at += 32) {
			pack(name + at, len - at, in, 8, is_unsigned);
			half_md4(state, in);
		}
		value = state[1];
		break;
	case EXT4_HASH_TEA:
		for (u32 at = 0; at < len; at += 16) {
			pack(name + at, len - at, in, 4, is_unsigned);
			tea(state, in);
		}
		value = state[0];
		break;
	default:
		return false;
	}
	value &= ~1u;
	*hash = value == HASH_END ? (0x7fffffffu - 1) << 1 : value;
	return true;
}
