/*
 * Names: hashing and comparing path components a word at a time.
 *
 * A component ends at '/' or NUL. Eight bytes are looked at together; the usual bit trick finds the
 * first byte that is zero (or zero after xor with '/'). Words are read at any alignment, so a name
 * needs NAME_SLACK readable bytes after its end; whoever copies paths in provides them, which is
 * cheaper than a check in the loop.
 *
 * The hash is salted with the parent's address and a boot-time salt: equal names in different
 * directories fall into different chains, and chain positions cannot be chosen from outside.
 */
#include "vfs/internal.h"

#include "kernel/string.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

u64 name_salt = 0x243f6a8885a308d3ull;

static __always_inline u64 load_unaligned(const char *p)
{
	u64 w;

	__builtin_memcpy(&w, p, sizeof(w));
	return w;
}

static __always_inline u64 hash_seed(const struct dentry *parent)
{
	return ((u64)(uintptr_t)parent >> 6) ^ name_salt;
}

static __always_inline u64 hash_mix(u64 h, u64 word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return h ^ (h >> 29);
}

static __always_inline u64 hash_pack(u64 h, u64 len)
{
	return ((h * 0xbf58476d1ce4e5b9ull) & 0xffffffff00000000ull) | len;
}

u64 name_hash(const struct dentry *parent, const char *name)
{
	u64 h = hash_seed(parent), len = 0;

	for (;;) {
		u64 w = load_unaligned(name + len);
		u64 s = w ^ ('/' * ONES);
		u64 ends = (((w - ONES) & ~w) | ((s - ONES) & ~s)) & HIGHS;

		if (ends) {
			unsigned bytes = (unsigned)__builtin_ctzll(ends) >> 3;

			/* the bytes before the first end; the shift is split as bytes may be 0 */
			w &= ((1ull << (bytes * 8 + 7)) - 1) >> 7;
			return hash_pack(hash_mix(h, w), len + bytes);
		}
		h = hash_mix(h, w);
		len += sizeof(w);
	}
}

u64 name_hash_len(const struct dentry *parent, const char *name, u32 len)
{
	u64 h = hash_seed(parent), w;
	u32 i;

	for (i = 0; i + sizeof(w) <= len; i += sizeof(w))
		h = hash_mix(h, load_unaligned(name + i));
	w = 0;
	memcpy(&w, name + i, len - i);
	return hash_pack(hash_mix(h, w), len);
}

/* An aligned word of a dentry's name, which a rename may be rewriting. */
typedef u64 __attribute__((may_alias)) name_word;

bool name_equal_rcu(const char *dentry_name, const char *name, u32 len)
{
	const name_word *d = (const name_word *)dentry_name;

	/*
	 * A concurrent rename may swap in a shorter name. Every stored name keeps a NUL within its
	 * padded length at all times and name has none within len, so a mismatch stops us before its
	 * end.
	 */
	for (; len >= sizeof(u64); len -= sizeof(u64), name += sizeof(u64))
		if (READ_ONCE(*d++) != load_unaligned(name))
			return false;
	if (len == 0)
		return true;
	return ((READ_ONCE(*d) ^ load_unaligned(name)) & (~0ull >> (64 - 8 * len))) == 0;
}
