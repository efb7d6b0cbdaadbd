/*
 * Block groups: where each one's inode table lies.
 *
 * Descriptors follow the super block as one table; with the meta_bg feature, from group block
 * first_meta_bg on, each block of descriptors lies in the first of the groups it describes instead,
 * behind that group's copy of the super block if it has one.
 *
 * All descriptors are read and checked at mount, once, and 24 bytes of each are kept: an inode is
 * found without another block. Those of the journal's group are needed before the replay and read
 * directly.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

static bool is_power_of(u32 n, u32 base)
{
	while (n > base && n % base == 0)
		n /= base;
	return n == base;
}

/* Does group nr begin with a copy of the super block? */
static bool group_has_super(const struct ext4 *fs, u32 nr)
{
	if (nr == 0)
		return true;
	if (fs->compat & EXT4_COMPAT_SPARSE_SUPER2)
		return nr == fs->backup_groups[0] || nr == fs->backup_groups[1];
	if (nr == 1 || !(fs->ro_compat & EXT4_RO_COMPAT_SPARSE_SUPER))
		return true;
	return is_power_of(nr, 3) || is_power_of(nr, 5) || is_power_of(nr, 7);
}

/* The i-th block of descriptors. */
static u64 descriptor_block(const struct ext4 *fs, u32 i)
{
	if (!(fs->incompat & EXT4_INCOMPAT_META_BG) || i < fs->first_meta_bg)
		return (u64)fs->first_data_block + 1 + i;

	u32 group = i * (fs->block_size / fs->desc_size);

	return fs->first_data_block + (u64)group * fs->blocks_per_group +
	       (group_has_super(fs, group) ? 1 : 0);
}

/* What the descriptor's checksum field should hold. raw is desc_size bytes. */
static u16 descriptor_checksum(const struct ext4 *fs, u32 nr, const u8 *raw)
{
	const u32 at = offsetof(struct ext4_disk_group, checksum), after = at + sizeof(le16);
	le32 number = le32_put(nr);

	if (fs->checksums) {
		le16 zero = le16_put(0);
		u32 crc = ext4_crc32c(fs->checksum_seed, &number, sizeof(number));

		crc = ext4_crc32c(crc, raw, at);
		crc = ext4_crc32c(crc, &zero, sizeof(zero));
		crc = ext4_crc32c(crc, raw + after, fs->desc_size - after);
		return (u16)crc;
	}
	u16 crc = ext4_crc16(0xffff, fs->uuid, sizeof(fs->uuid));

	crc = ext4_crc16(crc, &number, sizeof(number));
	crc = ext4_crc16(crc, raw, at);
	return ext4_crc16(crc, raw + after, fs->desc_size - after);
}

/* Decode the descriptor of group nr at raw (in block at) and check it. */
static int descriptor_decode(struct ext4 *fs, u32 nr, const u8 *raw, u64 at, struct ext4_group *out)
{
	struct ext4_disk_group d = {0};
	bool summed = fs->checksums || (fs->ro_compat & EXT4_RO_COMPAT_GDT_CSUM);

	memcpy(&d, raw, MIN(fs->desc_size, (u32)sizeof(d)));
	if (summed && le16_get(d.checksum) != descriptor_checksum(fs, nr, raw))
		return ext4_error(fs, -EBADMSG, 0, at, "wrong checksum of a group descriptor");

	u32 unused =
		summed ? le16_get(d.itable_unused_lo) | (u32)le16_get(d.itable_unused_hi) << 16 : 0;

	*out = (struct ext4_group){
		.inode_table = le32_get(d.inode_table_lo) | (u64)le32_get(d.inode_table_hi) << 32,
		.used_inodes = fs->inodes_per_group - MIN(unused, fs->inodes_per_group),
		.free_inodes = le16_get(d.free_inodes_lo) | (u32)le16_get(d.free_inodes_hi) << 16,
		.free_blocks = le16_get(d.free_blocks_lo) | (u32)le16_get(d.free_blocks_hi) << 16,
	};
	if (!ext4_blocks_valid(fs, out->inode_table, fs->inode_table_blocks))
		return ext4_error(
			fs, -EUCLEAN, 0, at, "a group's inode table lies outside the file system");
	return 0;
}

int ext4_group_read(struct ext4 *fs, u32 nr, struct ext4_group *out)
{
	u32 per_block = fs->block_size / fs->desc_size;
	struct ext4_block b;
	int rc = ext4_block_get(fs, 0, descriptor_block(fs, nr / per_block), &b);

	if (rc)
		return rc;
	rc = descriptor_decode(fs, nr, b.data + nr % per_block * fs->desc_size, b.nr, out);
	ext4_block_put(&b);
	return rc;
}

/* The descriptors in block i of them. */
static int load_block(struct ext4 *fs, u32 i, struct ext4_group *table)
{
	u32 per_block = fs->block_size / fs->desc_size;
	u32 first = i * per_block, n = MIN(per_block, fs->groups - first);
	struct ext4_block b;
	int rc = ext4_block_get(fs, 0, descriptor_block(fs, i), &b);

	for (u32 k = 0; !rc && k < n; k++)
		rc = descriptor_decode(
			fs, first + k, b.data + k * fs->desc_size, b.nr, &table[first + k]);
	ext4_block_put(&b);
	return rc;
}

int ext4_groups_load(struct ext4 *fs)
{
	u32 nr_blocks = DIV_ROUND_UP(fs->groups, fs->block_size / fs->desc_size);
	struct ext4_group *table = vzalloc((size_t)fs->groups * sizeof(*table));
	int rc = table ? 0 : -ENOMEM;

	if (!(fs->incompat & EXT4_INCOMPAT_META_BG))
		bdev_readahead(
			fs->dev, descriptor_block(fs, 0), fs->block_size, MIN(nr_blocks, 64u));
	for (u32 i = 0; !rc && i < nr_blocks; i++)
		rc = load_block(fs, i, table);
	if (rc) {
		vfree(table);
		return rc;
	}
	fs->group = table;
	return 0;
}
