/*
 * Block pointers as ext2 and ext3 have them:
 *
 *   i_block[0..11]   the first 12 blocks of the file
 *   i_block[12]      a block of pointers to the next ones
 *   i_block[13]      a block of pointers to such blocks
 *   i_block[14]      and once more
 *
 * A pointer of 0 is a hole, as large as what it would have led to. Pointers carry no checksum: all
 * that can be checked is that they lie inside the file system. Three levels bound the descent.
 */
#include "fs/ext4/internal.h"

#define NR_DIRECT 12u
#define LEVELS	  3u

/* The way down: which slot of i_block, then which pointer at each level. */
struct route {
	u32 slot, levels;
	u32 index[LEVELS];
};

/* False: beyond what three levels can map. */
static bool route_find(const struct ext4 *fs, u32 lblk, struct route *r)
{
	u32 bits = fs->block_bits - 2; /* pointers in a block, as a power of two */
	u64 n = lblk;

	if (n < NR_DIRECT) {
		*r = (struct route){.slot = lblk};
		return true;
	}
	n -= NR_DIRECT;
	for (u32 level = 1; level <= LEVELS; level++) {
		if (n >> (bits * level) == 0) {
			*r = (struct route){.slot = NR_DIRECT + level - 1, .levels = level};
			for (u32 i = 0; i < level; i++)
				r->index[i] =
					(u32)(n >> (bits * (level - 1 - i))) & ((1u << bits) - 1);
			return true;
		}
		n -= 1ull << (bits * level);
	}
	return false;
}

/*
 * How far the pointers from [i] on go on like the first one, at most n of them: to consecutive blocks,
 * or holes.
 */
static u32 run_length(const le32 *pointers, u32 n)
{
	u32 first = le32_get(pointers[0]), count = 1;

	while (count < n && le32_get(pointers[count]) == (first ? first + count : 0))
		count++;
	return count;
}

static int run_direct(struct ext4 *fs, const struct ext4_file *file, u32 lblk, struct ext4_run *run)
{
	le32 pointers[NR_DIRECT];

	for (u32 i = lblk; i < NR_DIRECT; i++)
		pointers[i] = le32_put(file->words[i]);
	*run = (struct ext4_run){
		.first = lblk,
		.count = run_length(&pointers[lblk], NR_DIRECT - lblk),
		.block = file->words[lblk],
	};
	if (run->block && !ext4_blocks_valid(fs, run->block, run->count))
		return ext4_error(fs, -EUCLEAN, file->ino, run->block,
			"a block pointer outside the file system");
	return 0;
}

/* A hole of everything that level levels of pointers, from index on, would have mapped. */
static void run_hole(
	const struct ext4 *fs, const struct route *r, u32 level, u32 lblk, struct ext4_run *run)
{
	u32 bits = fs->block_bits - 2;
	u64 span = 1ull << (bits * (r->levels - level)), into = 0;

	for (u32 i = level; i < r->levels; i++)
		into = into << bits | r->index[i];
	*run = (struct ext4_run){
		.first = lblk,
		.count = (u32)MIN(span - into, (u64)UINT32_MAX - lblk),
	};
}

int ext4_map_indirect(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run)
{
	struct ext4_block b;
	struct route r;
	int rc;

	if (!route_find(fs, lblk, &r)) {
		*run = (struct ext4_run){.first = lblk, .count = UINT32_MAX - lblk};
		return run->count ? 0 : -EFBIG;
	}
	if (r.levels == 0)
		return run_direct(fs, file, lblk, run);

	u64 at = file->words[r.slot];

	for (u32 level = 0; level < r.levels; level++) {
		const le32 *pointers;
		u32 index = r.index[level];

		if (at == 0) {
			run_hole(fs, &r, level, lblk, run);
			return run->count ? 0 : -EFBIG;
		}
		if (!ext4_blocks_valid(fs, at, 1))
			return ext4_error(fs, -EUCLEAN, file->ino, at,
				"a pointer block outside the file system");
		rc = ext4_block_get(fs, file->ino, at, &b);
		if (rc)
			return rc;
		pointers = (const le32 *)b.data;
		*run = (struct ext4_run){.first = lblk, .count = 1, .block = 0};
		at = le32_get(pointers[index]);
		if (level == r.levels - 1) {
			run->count =
				run_length(&pointers[index], fs->block_size / sizeof(le32) - index);
			run->block = at;
		}
		ext4_block_put(&b);
	}
	if (run->block && !ext4_blocks_valid(fs, run->block, run->count))
		return ext4_error(fs, -EUCLEAN, file->ino, run->block,
			"a block pointer outside the file system");
	return 0;
}
