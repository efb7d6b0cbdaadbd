/* Names, out of line: vfs/name.h says how they are hashed. */
#include "vfs/name.h"

#include "kernel/string.h"

const u64 name_slashes = 0x2f2f2f2f2f2f2f2full;
const u64 name_minus_one = 0xfefefefefefefeffull;
const u64 name_highs = 0x8080808080808080ull;
u64 name_mix = 0x9e3779b97f4a7c15ull;
const u64 name_hash_mask = 0xffffffff00000000ull;

u64 name_hash(const struct dentry *parent, const char *name)
{
	return name_hash_inline(parent, name, name_load(name));
}

u64 name_hash_len(const struct dentry *parent, const char *name, u32 len)
{
	u64 h = name_hash_seed(parent), w = 0;
	u32 i;

	for (i = 0; i + sizeof(w) <= len; i += sizeof(w))
		h = name_hash_word(h, name_load(name + i));
	memcpy(&w, name + i, len - i);
	return name_hash_end(h, w, len);
}
