/*
 * Names: a component has one hash however it is computed (a word at a time, with its length known, byte
 * by byte), at any alignment and whatever follows it, and nothing beyond NAME_SLACK is read; two names
 * are equal only when every byte is.
 */
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/page.h"
#include "kernel/string.h"
#include "vfs/name.h"

#define LONGEST 255

static const struct dentry *const parent = (const struct dentry *)0xffff888000123440ull;

/* What vfs/name.h says a hash is, a byte at a time. */
static u64 hash_by_bytes(const struct dentry *dir, const char *name, u32 len)
{
	u64 h = (u64)(uintptr_t)dir, word = 0;

	for (u32 i = 0; i < len; i++) {
		word |= (u64)(u8)name[i] << (8 * (i % 8));
		if (i % 8 == 7) {
			h = (h ^ word) * name_mix;
			h ^= h >> 32;
			word = 0;
		}
	}
	return (((h ^ word) * name_mix) & 0xffffffff00000000ull) | len;
}

static u32 random_state = 1;

static u32 random_u32(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* Any byte that can be in a name, the ones near '/' and NUL more often than others. */
static char name_byte(void)
{
	static const char near[] = {'.', '0', '\x01', '\x80', '\xaf', '\xff', '\x2e', '\x30'};
	u8 byte = (u8)random_u32();

	if (random_u32() % 2)
		return near[byte % sizeof(near)];
	return byte == 0 || byte == '/' ? 'x' : (char)byte;
}

/* Two pages of memory and an unmapped one behind them; returns the first byte that faults. */
static char *edge_of_memory(void)
{
	static char *edge;
	u64 at;

	if (edge)
		return edge;
	at = arch_vmap_reserve(2 * PAGE_SIZE);
	assert(at != 0);
	for (unsigned i = 0; i < 2; i++)
		assert(arch_map_page(at + i * PAGE_SIZE, page_phys(page_alloc(0, ALLOC_WAIT)),
			       ARCH_MAP_WRITE) == 0);
	edge = (char *)at + 2 * PAGE_SIZE;
	return edge;
}

KTEST(names_every_length_and_alignment)
{
	static const char ends[] = {'\0', '/'};
	static const char behind[] = {'\0', '/', '\x01', '\x80', '\xff', '.', '0'};
	char *base = edge_of_memory() - PAGE_SIZE;

	for (u32 len = 0; len <= LONGEST; len++)
		for (u32 align = 0; align < 8; align++) {
			char *name = base + align;
			u64 expected;

			for (u32 i = 0; i < len; i++)
				name[i] = name_byte();
			expected = hash_by_bytes(parent, name, len);
			KT_EQ(name_hash_len(parent, name, len), expected);
			for (u32 e = 0; e < sizeof(ends) * sizeof(behind); e++) {
				memset(name + len, behind[e % sizeof(behind)], NAME_SLACK + 8);
				name[len] = ends[e / sizeof(behind)];
				KT_EQ(name_hash(parent, name), expected);
			}
		}
}

KTEST(names_read_no_further_than_their_slack)
{
	char *edge = edge_of_memory();

	for (u32 len = 0; len <= LONGEST; len++) {
		char *name = edge - NAME_SLACK - len;

		for (u32 i = 0; i < len; i++)
			name[i] = name_byte();
		memset(name + len, '\xff', NAME_SLACK);
		name[len] = len % 2 ? '/' : '\0';
		KT_EQ(name_hash(parent, name), hash_by_bytes(parent, name, len));
		/* A length that is known needs no slack at all. */
		memmove(edge - len, name, len);
		KT_EQ(name_hash_len(parent, edge - len, len),
			hash_by_bytes(parent, edge - len, len));
	}
}

/* The first byte of w that ends a component, 8: none. */
static u32 first_end(u64 w)
{
	u32 i;

	for (i = 0; i < 8; i++, w >>= 8)
		if ((u8)w == 0 || (u8)w == '/')
			break;
	return i;
}

static bool end_is_found(u64 w)
{
	u64 ends = name_ends(w);
	u32 at = first_end(w);

	if (at == 8)
		return ends == 0;
	return ends != 0 && name_head_len(ends) == at &&
	       name_head(w, ends) == (w & ((1ull << (8 * at)) - 1));
}

KTEST(names_end_at_the_first_separator_of_a_word)
{
	/* Every byte at every place, among bytes that the bit trick's carries come from. */
	static const u8 others[] = {0x00, 0x01, 0x2e, 0x2f, 0x30, 0x7f, 0x80, 0xae, 0xaf, 0xff};

	for (u32 at = 0; at < 8; at++)
		for (u32 byte = 0; byte < 256; byte++)
			for (u32 o = 0; o < sizeof(others); o++) {
				u64 w = 0x0101010101010101ull * others[o];

				w = (w & ~(0xffull << (8 * at))) | (u64)byte << (8 * at);
				KT_CHECK(end_is_found(w));
			}
	for (u32 round = 0; round < 200000; round++) {
		u64 w = 0;

		for (u32 i = 0; i < 8; i++)
			w = w << 8 | (random_u32() % 4 ? (u8)name_byte() : (i % 2 ? '/' : 0));
		KT_CHECK(end_is_found(w));
	}
}

KTEST(names_are_equal_in_every_byte)
{
	static char stored[LONGEST + 9] __aligned(8);
	static char asked[LONGEST + 9 + 8];

	for (u32 len = 1; len <= LONGEST; len++) {
		char *name = asked + len % 8;

		memset(stored, 0, sizeof(stored));
		for (u32 i = 0; i < len; i++)
			stored[i] = name_byte();
		memcpy(name, stored, len);
		memset(name + len, len % 2 ? '/' : '\xff', NAME_SLACK);
		KT_CHECK(name_equal_rcu(stored, name, len));
		for (u32 i = 0; i < len; i++) {
			name[i] ^= 1 << (i % 8);
			KT_CHECK(!name_equal_rcu(stored, name, len));
			name[i] ^= 1 << (i % 8);
		}
		/* A rename has put a shorter name there: its NUL stops the comparison. */
		stored[len - 1] = '\0';
		KT_CHECK(!name_equal_rcu(stored, name, len));
	}
}

/* The longest chain of n names in 2^bits buckets. */
static u32 longest_chain(u32 n, unsigned bits, void (*make)(u32 i, char *name, u64 *dir))
{
	static u16 chains[1 << 16];
	u32 longest = 0;

	memset(chains, 0, sizeof(chains));
	for (u32 i = 0; i < n; i++) {
		char name[32] = "";
		u64 dir = (u64)parent;
		u32 bucket;

		make(i, name, &dir);
		bucket = (u32)(name_hash((const struct dentry *)dir, name) >> (64 - bits));
		longest = MAX(longest, (u32)++chains[bucket]);
	}
	return longest;
}

static void numbered(u32 i, char *name, u64 *dir)
{
	(void)dir;
	snprintf(name, 24, "file%06u.txt", i);
}

static void one_byte_at_the_end(u32 i, char *name, u64 *dir)
{
	*dir += 192 * (i / 200);
	snprintf(name, 24, "sevenbyt%c%c", 'A' + i % 20, '0' + i / 20 % 10);
}

static void same_name_everywhere(u32 i, char *name, u64 *dir)
{
	strlcpy(name, "Makefile", 16);
	*dir += 192ull * i;
}

KTEST(names_spread_over_the_buckets)
{
	/* One name a bucket: with a random function the longest chain is about 8. */
	KT_CHECK(longest_chain(1 << 16, 16, numbered) <= 12);
	KT_CHECK(longest_chain(1 << 16, 16, one_byte_at_the_end) <= 12);
	KT_CHECK(longest_chain(1 << 16, 16, same_name_everywhere) <= 12);
}

KTEST(names_differ_by_length_parent_and_boot)
{
	static const char zeros[16];
	u64 mix = name_mix, with_mix = name_hash_len(parent, "name", 4);

	/* What is padded with zeros anyway. */
	for (u32 len = 1; len < 8; len++)
		KT_CHECK(
			name_hash_len(parent, zeros, len) != name_hash_len(parent, zeros, len - 1));
	KT_CHECK(name_hash_len(parent, "name", 4) >> 32 !=
		 name_hash_len((const struct dentry *)((u64)parent + 192), "name", 4) >> 32);
	name_mix ^= 0x100000000ull;
	KT_CHECK(name_hash_len(parent, "name", 4) != with_mix);
	name_mix = mix;
	KT_EQ(name_hash_len(parent, "name", 4), with_mix);
}
