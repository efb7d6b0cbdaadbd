/*
 * Extent trees.
 *
 *   in the inode (60 bytes)      header, up to 4 entries
 *   in blocks of their own       header, as many entries as fit, checksum
 *
 * A header says how deep the tree is below it. At depth 0 the entries are extents (a run of blocks),
 * above they are index entries: the block of the next node and the smallest file block in it. Both
 * are sorted by file block, and what lies between extents is a hole.
 *
 * Nothing in a node is believed. The header is checked at every visit, the order of all entries once
 * for each time the block comes from the disk, and the one entry that is followed whenever it is:
 * it must lie between the file blocks its parent promised and inside the file system. The depth must
 * fall by one at each step, which bounds the descent.
 */
#include "fs/ext4/internal.h"
#include "kernel/string.h"

#define FILE_BLOCKS_END (1ull << 32)

/* One node of the tree, checked header; entries are copied out of it one by one. */
struct node {
	const u8 *data;
	u32 entries, max, depth;
	u64 at; /* block, 0: the inode; for messages */
};

static int node_open(struct ext4 *fs, const struct ext4_file *file, const u8 *data, u32 size,
	u64 at, struct node *n)
{
	struct ext4_disk_extent_header h;

	ext4_copy(&h, data);
	*n = (struct node){
		.data = data,
		.entries = le16_get(h.entries),
		.max = le16_get(h.max),
		.depth = le16_get(h.depth),
		.at = at,
	};
	if (le16_get(h.magic) != EXT4_EXTENT_MAGIC)
		return ext4_error(fs, -EUCLEAN, file->ino, at, "an extent node without its magic");
	if (n->depth > EXT4_EXTENT_DEPTH_MAX)
		return ext4_error(fs, -EUCLEAN, file->ino, at, "an extent tree too deep");
	if (n->entries > n->max || (n->max + 1) * sizeof(h) > size)
		return ext4_error(
			fs, -EUCLEAN, file->ino, at, "an extent node with too many entries");
	if (n->depth > 0 && n->entries == 0)
		return ext4_error(fs, -EUCLEAN, file->ino, at, "an empty extent index");
	return 0;
}

static struct ext4_disk_extent node_extent(const struct node *n, u32 i)
{
	struct ext4_disk_extent e;

	ext4_copy(&e, n->data + (i + 1) * sizeof(e));
	return e;
}

/* First file block of entry i: the same place in both kinds of entry. */
static u32 node_key(const struct node *n, u32 i)
{
	return le32_get(node_extent(n, i).block);
}

static u32 extent_length(const struct ext4_disk_extent *e)
{
	u32 len = le16_get(e->len);

	return len > EXT4_EXTENT_LEN_MAX ? len - EXT4_EXTENT_LEN_MAX : len;
}

/* Are the entries in order, without overlaps? */
static bool node_sorted(const struct node *n)
{
	u64 next = 0;

	for (u32 i = 0; i < n->entries; i++) {
		struct ext4_disk_extent e = node_extent(n, i);
		u32 first = le32_get(e.block);

		if (first < next)
			return false;
		next = (u64)first + (n->depth ? 1 : extent_length(&e));
	}
	return next <= FILE_BLOCKS_END;
}

/* Checksum and order of a node that has come from the disk. */
static int node_verify(struct ext4 *fs, const struct ext4_file *file, const struct node *n,
	const struct ext4_block *b)
{
	if (ext4_block_verified(b))
		return 0;
	if (fs->checksums) {
		u32 tail = (n->max + 1) * (u32)sizeof(struct ext4_disk_extent);
		le32 stored;

		if (tail + sizeof(stored) > fs->block_size)
			return ext4_error(fs, -EUCLEAN, file->ino, b->nr,
				"an extent node without room for its checksum");
		ext4_copy(&stored, b->data + tail);
		if (ext4_crc32c(ext4_file_seed(fs, file), b->data, tail) != le32_get(stored))
			return ext4_error(
				fs, -EBADMSG, file->ino, b->nr, "wrong checksum of an extent node");
	}
	if (!node_sorted(n))
		return ext4_error(fs, -EUCLEAN, file->ino, b->nr, "extents out of order");
	ext4_block_set_verified(b);
	return 0;
}

/* The last entry that begins at or before lblk; -1: all begin later. */
static int node_search(const struct node *n, u32 lblk)
{
	u32 lo = 0, hi = n->entries;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (node_key(n, mid) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int)lo - 1;
}

static void run_set(struct ext4_run *run, u32 lblk, u64 end, u64 block)
{
	*run = (struct ext4_run){
		.first = lblk,
		.count = (u32)MIN(end - lblk, (u64)UINT32_MAX),
		.block = block,
	};
}

/* Find lblk in a leaf responsible for file blocks [lo, hi). */
static int leaf_find(struct ext4 *fs, const struct ext4_file *file, const struct node *n, u32 lblk,
	u64 lo, u64 hi, struct ext4_run *run)
{
	int i = node_search(n, lblk);

	if (i + 1 < (int)n->entries)
		hi = MIN(hi, (u64)node_key(n, (u32)i + 1));
	if (i < 0) {
		run_set(run, lblk, hi, 0);
		return 0;
	}
	struct ext4_disk_extent e = node_extent(n, (u32)i);
	u32 first = le32_get(e.block), len = extent_length(&e);
	u64 start = le32_get(e.start_lo) | (u64)le16_get(e.start_hi) << 32;
	u64 end = (u64)first + len;

	/* hi may have become smaller than lblk + 1 only in a node that changed since it was checked */
	if (first < lo || first > lblk || end > hi || len == 0 || hi <= lblk)
		return ext4_error(fs, -EUCLEAN, file->ino, n->at, "an extent out of its place");
	if (!ext4_blocks_valid(fs, start, len))
		return ext4_error(
			fs, -EUCLEAN, file->ino, n->at, "an extent outside the file system");
	if (lblk >= end)
		run_set(run, lblk, hi, 0);
	else if (le16_get(e.len) > EXT4_EXTENT_LEN_MAX)
		run_set(run, lblk, end, 0);
	else
		run_set(run, lblk, end, start + (lblk - first));
	return 0;
}

/* Choose the child for lblk and narrow [*lo, *hi) to it. *child 0: lblk lies before all of them. */
static int index_find(struct ext4 *fs, const struct ext4_file *file, const struct node *n, u32 lblk,
	u64 *lo, u64 *hi, u64 *child)
{
	int i = node_search(n, lblk);

	if (i + 1 < (int)n->entries)
		*hi = MIN(*hi, (u64)node_key(n, (u32)i + 1));
	if (*hi <= lblk)
		return ext4_error(fs, -EUCLEAN, file->ino, n->at, "an extent index out of order");
	*child = 0;
	if (i < 0)
		return 0;

	struct ext4_disk_extent_index index;

	ext4_copy(&index, n->data + ((u32)i + 1) * sizeof(index));
	*lo = MAX(*lo, (u64)le32_get(index.block));
	*child = le32_get(index.leaf_lo) | (u64)le16_get(index.leaf_hi) << 32;
	if (!ext4_blocks_valid(fs, *child, 1))
		return ext4_error(
			fs, -EUCLEAN, file->ino, n->at, "an extent node outside the file system");
	return 0;
}

int ext4_extent_check_root(struct ext4 *fs, struct ext4_file *file)
{
	struct node n;
	int rc = node_open(fs, file, (const u8 *)file->words, sizeof(file->words), 0, &n);

	if (!rc && !node_sorted(&n))
		rc = ext4_error(fs, -EUCLEAN, file->ino, 0, "extents out of order");
	return rc;
}

int ext4_map_extents(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run)
{
	struct ext4_block b = {.page = NULL};
	u64 lo = 0, hi = FILE_BLOCKS_END, child = 0;
	struct node n;
	int rc = node_open(fs, file, (const u8 *)file->words, sizeof(file->words), 0, &n);

	while (!rc && n.depth > 0) {
		u32 depth = n.depth;

		rc = index_find(fs, file, &n, lblk, &lo, &hi, &child);
		ext4_block_put(&b);
		if (rc)
			return rc;
		if (child == 0) {
			run_set(run, lblk, hi, 0);
			return 0;
		}
		rc = ext4_block_get(fs, file->ino, child, &b);
		if (!rc)
			rc = node_open(fs, file, b.data, fs->block_size, child, &n);
		if (!rc && n.depth != depth - 1)
			rc = ext4_error(fs, -EUCLEAN, file->ino, child,
				"an extent node of the wrong depth");
		if (!rc)
			rc = node_verify(fs, file, &n, &b);
	}
	if (!rc)
		rc = leaf_find(fs, file, &n, lblk, lo, hi, run);
	ext4_block_put(&b);
	return rc;
}
