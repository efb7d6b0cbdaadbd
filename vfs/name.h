/*
 * Names: hashing and comparing path components a word at a time. Inline, because this is what a walk
 * spends its time on; only vfs/ includes it.
 *
 * A component ends at '/' or NUL. Eight bytes are looked at together; the usual bit trick finds the
 * first byte that is zero (or zero after xor with '/'). Words are read at any alignment, so a name
 * needs NAME_SLACK readable bytes after its end; whoever copies paths in provides them, which is
 * cheaper than a check in the loop.
 *
 * The hash takes in the parent's address and multiplies by an odd number drawn at boot: equal names in
 * different directories fall into different chains, and chain positions cannot be chosen from outside. Its
 * upper 32 bits are the best mixed ones of the multiplication and choose the bucket.
 */
#pragma once

#include "vfs/dcache.h"

/*
 * Constants of the hash. They are variables on purpose: as an operand in memory each costs nothing,
 * where the compiler would load a 64-bit immediate again in every round of the walk's loop.
 */
extern const u64 name_slashes;	 /* '/' in each byte */
extern const u64 name_minus_one; /* -1 in each byte, to be added */
extern const u64 name_highs;	 /* the top bit of each byte */
extern u64 name_mix;		 /* odd, its bits well spread; set once at boot */
extern const u64 name_hash_mask; /* the upper half */

static __always_inline u64 name_load(const char *p)
{
	u64 w;

	__builtin_memcpy(&w, p, sizeof(w));
	return w;
}

static __always_inline u64 name_hash_seed(const struct dentry *parent)
{
	return (u64)(uintptr_t)parent;
}

/* Take in a word that is not the last. */
static __always_inline u64 name_hash_word(u64 h, u64 word)
{
	h = (h ^ word) * name_mix;
	return h ^ (h >> 32);
}

/* Take in the last word (zero beyond the name's end) and the length. */
static __always_inline u64 name_hash_end(u64 h, u64 word, u64 len)
{
	return (((h ^ word) * name_mix) & name_hash_mask) | len;
}

/* A bit at the top of the first byte that ends a component, and perhaps of later ones; 0: none ends. */
static __always_inline u64 name_ends(u64 w)
{
	u64 s = w ^ name_slashes;

	return (((w + name_minus_one) & ~w) | ((s + name_minus_one) & ~s)) & name_highs;
}

/* The bytes of w before the first end, the others zero. */
static __always_inline u64 name_head(u64 w, u64 ends)
{
	/* all bits below the first end's top bit; shifted, they cover the bytes before it */
	return w & ((ends ^ (ends - 1)) >> 8);
}

/* How many those are: 0 to 7. */
static __always_inline u32 name_head_len(u64 ends)
{
	return (u32)__builtin_ctzll(ends) >> 3;
}

/* name_hash with the name's first eight bytes loaded already. */
static __always_inline u64 name_hash_inline(const struct dentry *parent, const char *name, u64 w)
{
	u64 h = name_hash_seed(parent), len = 0, ends;

	while (unlikely(!(ends = name_ends(w)))) {
		h = name_hash_word(h, w);
		len += sizeof(w);
		w = name_load(name + len);
	}
	return name_hash_end(h, name_head(w, ends), len + name_head_len(ends));
}

/* An aligned word of a dentry's name, which a rename may be rewriting. */
typedef u64 __attribute__((may_alias)) name_word;

/* Compare a dentry's stored name (word aligned, zero padded) with len bytes of name. Context: RCU. */
static __always_inline bool name_equal_rcu(const char *dentry_name, const char *name, u32 len)
{
	const name_word *d = (const name_word *)dentry_name;

	/*
	 * A concurrent rename may swap in a shorter name. Every stored name keeps a NUL within its
	 * padded length at all times and name has none within len, so a mismatch stops us before its
	 * end.
	 */
	for (; len >= sizeof(u64); len -= sizeof(u64), name += sizeof(u64))
		if (READ_ONCE(*d++) != name_load(name))
			return false;
	if (len == 0)
		return true;
	/* the bytes that count, moved to the top */
	return (READ_ONCE(*d) ^ name_load(name)) << (64 - 8 * len) == 0;
}
