/*
 * Mounting: is this an ext4 (ext3, ext2) file system that we understand, whole and consistent with
 * itself and with its device? Then: journal, group descriptors, root.
 *
 * Every value is copied out of the super block once and checked before anything is computed from it.
 * What is not supported is refused by name. Whatever the reason, one console line says it.
 *
 * Features come in three words. Unknown "incompat" ones forbid mounting. "ro_compat" ones forbid
 * writing, which is not done here; of these only bigalloc would change how the disk is read.
 */
#include "fs/ext4/ext4.h"
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define INCOMPAT_SUPPORTED                                                                         \
	(EXT4_INCOMPAT_FILETYPE | EXT4_INCOMPAT_RECOVER | EXT4_INCOMPAT_META_BG |                  \
		EXT4_INCOMPAT_EXTENTS | EXT4_INCOMPAT_64BIT | EXT4_INCOMPAT_MMP |                  \
		EXT4_INCOMPAT_FLEX_BG | EXT4_INCOMPAT_EA_INODE | EXT4_INCOMPAT_CSUM_SEED |         \
		EXT4_INCOMPAT_LARGEDIR)

static const char *const incompat_names[32] = {"compression", "filetype", "needs_recovery",
	"journal_dev", "meta_bg", NULL, "extents", "64bit", "mmp", "flex_bg", "ea_inode", NULL,
	"dirdata", "metadata_csum_seed", "large_dir", "inline_data", "encrypt", "casefold"};

static int refuse(const struct ext4 *fs, const char *why)
{
	printk("%s: not mounted: %s", fs->name, why);
	return -EINVAL;
}

/* ---- Features ---- */

static int check_features(const struct ext4 *fs)
{
	u32 unknown = fs->incompat & ~INCOMPAT_SUPPORTED;

	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(unknown & 1u << bit))
			continue;
		printk("%s: not mounted: feature %s (incompat bit %#x) is not supported", fs->name,
			incompat_names[bit] ? incompat_names[bit] : "of no known name", 1u << bit);
		return -EOPNOTSUPP;
	}
	if (fs->ro_compat & EXT4_RO_COMPAT_BIGALLOC) {
		printk("%s: not mounted: feature bigalloc is not supported", fs->name);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* ---- Geometry ---- */

static bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

static int check_sizes(struct ext4 *fs, const struct ext4_disk_super *s)
{
	u32 log = le32_get(s->log_block_size);

	if (log > PAGE_SHIFT - 10) {
		printk("%s: not mounted: blocks of 2^%u KiB are not supported", fs->name, log);
		return -EOPNOTSUPP;
	}
	fs->block_bits = 10 + log;
	fs->block_size = 1u << fs->block_bits;
	fs->first_data_block = le32_get(s->first_data_block);
	if (fs->first_data_block != (fs->block_size == 1024 ? 1 : 0))
		return refuse(fs, "its first data block is not where it must be");
	fs->inode_size = EXT4_INODE_SIZE_OLD;
	fs->first_inode = EXT4_FIRST_INO_REV0;
	if (le32_get(s->rev_level) > 0) {
		fs->inode_size = le16_get(s->inode_size);
		fs->first_inode = le32_get(s->first_ino);
	}
	if (!is_power_of_two(fs->inode_size) || fs->inode_size < EXT4_INODE_SIZE_OLD ||
		fs->inode_size > fs->block_size)
		return refuse(fs, "impossible inode size");
	if (fs->first_inode < EXT4_FIRST_INO_REV0)
		return refuse(fs, "impossible first inode");
	fs->desc_size = EXT4_GROUP_SIZE_32BIT;
	if (fs->incompat & EXT4_INCOMPAT_64BIT)
		fs->desc_size = le16_get(s->desc_size);
	if (!is_power_of_two(fs->desc_size) || fs->desc_size > 1024 ||
		((fs->incompat & EXT4_INCOMPAT_64BIT) &&
			fs->desc_size < sizeof(struct ext4_disk_group)))
		return refuse(fs, "impossible size of group descriptors");
	return 0;
}

/* Blocks, groups and inodes agree with each other. */
static int check_counts(struct ext4 *fs, const struct ext4_disk_super *s)
{
	u32 most = fs->block_size * 8; /* a bitmap is one block */
	u64 groups;

	fs->blocks = le32_get(s->blocks_count_lo);
	if (fs->incompat & EXT4_INCOMPAT_64BIT)
		fs->blocks |= (u64)le32_get(s->blocks_count_hi) << 32;
	fs->inodes = le32_get(s->inodes_count);
	fs->blocks_per_group = le32_get(s->blocks_per_group);
	fs->inodes_per_group = le32_get(s->inodes_per_group);
	if (fs->blocks <= fs->first_data_block || fs->blocks >> 48)
		return refuse(fs, "impossible number of blocks");
	if (fs->blocks_per_group < 8 || fs->blocks_per_group > most)
		return refuse(fs, "impossible number of blocks in a group");
	if (fs->inodes_per_group < fs->block_size / fs->inode_size || fs->inodes_per_group > most)
		return refuse(fs, "impossible number of inodes in a group");
	groups = DIV_ROUND_UP(fs->blocks - fs->first_data_block, fs->blocks_per_group);
	if (groups > UINT32_MAX || groups * fs->inodes_per_group != fs->inodes)
		return refuse(fs, "its numbers of blocks, groups and inodes contradict each other");
	fs->groups = (u32)groups;
	fs->inode_table_blocks =
		DIV_ROUND_UP(fs->inodes_per_group, fs->block_size / fs->inode_size);
	if (fs->first_inode > fs->inodes)
		return refuse(fs, "impossible first inode");
	return 0;
}

static int check_device(const struct ext4 *fs)
{
	u64 device = fs->dev->sectors >> (fs->block_bits - BLOCK_SECTOR_SHIFT);

	if (fs->blocks <= device)
		return 0;
	printk("%s: not mounted: truncated: the file system has %llu blocks of %u bytes, the "
	       "device "
	       "only %llu",
		fs->name, (unsigned long long)fs->blocks, fs->block_size,
		(unsigned long long)device);
	return -EINVAL;
}

/* ---- Checksums ---- */

static int check_super_checksum(struct ext4 *fs, const struct ext4_disk_super *s)
{
	fs->checksums = fs->ro_compat & EXT4_RO_COMPAT_METADATA_CSUM;
	if (!fs->checksums)
		return 0;
	if (s->checksum_type != EXT4_CHECKSUM_CRC32C)
		return refuse(fs, "unknown kind of checksum");
	if (ext4_crc32c(~0u, s, offsetof(struct ext4_disk_super, checksum)) !=
		le32_get(s->checksum)) {
		printk("%s: not mounted: wrong checksum of the super block", fs->name);
		return -EBADMSG;
	}
	fs->checksum_seed = fs->incompat & EXT4_INCOMPAT_CSUM_SEED
				    ? le32_get(s->checksum_seed)
				    : ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));
	return 0;
}

/* ---- The super block ---- */

/* Copy it from the disk, or, once there is one, from the replayed journal. */
static int super_read(struct ext4 *fs, struct ext4_disk_super *s)
{
	struct ext4_block b;
	struct page *page;
	void *data;
	int rc;

	if (!fs->replay.slots) {
		rc = bdev_read_block(fs->dev, 1, sizeof(*s), &page, &data);
		if (rc) {
			printk("%s: not mounted: cannot read the super block (error %d)", fs->name,
				-rc);
			return rc;
		}
		memcpy(s, data, sizeof(*s));
		page_put(page);
		return 0;
	}
	rc = ext4_block_get(fs, 0, EXT4_SUPER_OFFSET >> fs->block_bits, &b);
	if (rc)
		return rc;
	memcpy(s, b.data + EXT4_SUPER_OFFSET % fs->block_size, sizeof(*s));
	ext4_block_put(&b);
	return 0;
}

/* Read and check the super block and fill in what follows from it. */
static int super_load(struct ext4 *fs)
{
	struct ext4_disk_super s;
	int rc = super_read(fs, &s);

	if (rc)
		return rc;
	if (le16_get(s.magic) != EXT4_MAGIC) {
		printk("%s: not mounted: no ext4, ext3 or ext2 file system (%#x where %#x should "
		       "be)",
			fs->name, le16_get(s.magic), EXT4_MAGIC);
		return -EINVAL;
	}
	if (le32_get(s.rev_level) > 0) {
		fs->compat = le32_get(s.feature_compat);
		fs->incompat = le32_get(s.feature_incompat);
		fs->ro_compat = le32_get(s.feature_ro_compat);
	}
	memcpy(fs->uuid, s.uuid, sizeof(fs->uuid));
	rc = check_super_checksum(fs, &s);
	if (!rc)
		rc = check_features(fs);
	if (!rc)
		rc = check_sizes(fs, &s);
	if (!rc)
		rc = check_counts(fs, &s);
	if (!rc)
		rc = check_device(fs);
	if (rc)
		return rc;
	fs->first_meta_bg = le32_get(s.first_meta_bg);
	for (int i = 0; i < 2; i++)
		fs->backup_groups[i] = le32_get(s.backup_bgs[i]);
	for (int i = 0; i < 4; i++)
		fs->hash_seed[i] = le32_get(s.hash_seed[i]);
	fs->unsigned_hash = le32_get(s.flags) & EXT4_FLAG_UNSIGNED_HASH;
	fs->journal_ino = le32_get(s.journal_inum);
	fs->overhead = le32_get(s.overhead_clusters);
	if (le16_get(s.state) & EXT4_STATE_ERRORS)
		printk("%s: marked as damaged; e2fsck should look at it", fs->name);
	return 0;
}

/* ---- Operations ---- */

static int ext4_statfs(struct super_block *sb, struct statfs_info *out)
{
	const struct ext4 *fs = ext4_of(sb);
	struct statfs_info info = {
		.type = EXT4_MAGIC,
		.block_size = fs->block_size,
		.blocks = fs->blocks - MIN((u64)fs->overhead, fs->blocks),
		.files = fs->inodes,
		.name_max = EXT4_NAME_MAX,
	};

	for (u32 i = 0; i < fs->groups; i++) {
		info.blocks_free += fs->group[i].free_blocks;
		info.files_free += fs->group[i].free_inodes;
	}
	for (int i = 0; i < 2; i++) {
		u32 words[2];

		memcpy(words, fs->uuid + 8 * i, sizeof(words));
		info.fsid[0] ^= words[0];
		info.fsid[1] ^= words[1];
	}
	*out = info;
	return 0;
}

static void ext4_put_super(struct super_block *sb)
{
	struct ext4 *fs = ext4_of(sb);

	ext4_block_map_release(&fs->replay);
	vfree(fs->group);
	kfree(fs);
	sb->private_data = NULL;
}

static const struct super_ops ext4_super_ops = {
	.alloc_inode = ext4_alloc_inode,
	.free_inode = ext4_free_inode,
	.put_super = ext4_put_super,
	.statfs = ext4_statfs,
};

/* ---- Mounting ---- */

/* "ro" (it always is) and "noload" (leave the journal alone) are understood. */
static int parse_options(const struct ext4 *fs, const char *options, bool *noload)
{
	*noload = false;
	while (*options) {
		size_t len = 0;

		while (options[len] && options[len] != ',')
			len++;
		if (len == 6 && memcmp(options, "noload", 6) == 0)
			*noload = true;
		else if (len != 0 && !(len == 2 && memcmp(options, "ro", 2) == 0))
			return refuse(fs, "unknown mount option (there are ro and noload)");
		options += len + (options[len] == ',');
	}
	return 0;
}

/* Journal and group descriptors; what the journal holds may change the super block once more. */
static int ext4_load(struct ext4 *fs, bool noload)
{
	int rc = super_load(fs);

	if (!rc && (fs->incompat & EXT4_INCOMPAT_RECOVER) && noload)
		printk("%s: journal not replayed, as asked: files may be inconsistent", fs->name);
	else if (!rc && (fs->incompat & EXT4_INCOMPAT_RECOVER))
		rc = ext4_journal_replay(fs);
	if (!rc && fs->replay.slots)
		rc = super_load(fs);
	if (!rc)
		rc = ext4_groups_load(fs);
	return rc;
}

static int ext4_load_root(struct super_block *sb)
{
	struct inode *root = ext4_iget(sb, EXT4_ROOT_INO);

	if (IS_ERR(root)) {
		printk("%s: not mounted: its root directory cannot be read", sb->name);
		return (int)PTR_ERR(root);
	}
	if (!S_ISDIR(root->mode)) {
		inode_put(root);
		printk("%s: not mounted: its root is no directory", sb->name);
		return -EUCLEAN;
	}
	sb->root = dentry_alloc_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static int ext4_fill_super(struct super_block *sb, const char *options)
{
	struct ext4 *fs = kzalloc(sizeof(*fs), ALLOC_WAIT);
	bool noload;
	int rc;

	if (!fs)
		return -ENOMEM;
	fs->sb = sb;
	fs->dev = sb->dev;
	strlcpy(fs->name, sb->name, sizeof(fs->name));
	sb->private_data = fs;
	sb->ops = &ext4_super_ops;
	sb->flags |= SB_RDONLY;
	rc = parse_options(fs, options, &noload);
	if (!rc)
		rc = ext4_load(fs, noload);
	if (!rc) {
		sb->block_size = fs->block_size;
		rc = ext4_load_root(sb);
	}
	if (rc) /* the vfs calls put_super */
		return rc;
	printk("%s: %llu MiB in blocks of %u bytes, %u inodes, read-only", fs->name,
		(unsigned long long)(fs->blocks << fs->block_bits >> 20), fs->block_size,
		fs->inodes);
	return 0;
}

static struct file_system file_systems[] = {
	{.name = "ext4", .needs_device = true, .fill_super = ext4_fill_super},
	{.name = "ext3", .needs_device = true, .fill_super = ext4_fill_super},
	{.name = "ext2", .needs_device = true, .fill_super = ext4_fill_super},
};

void ext4_init(void)
{
	ext4_checksum_init();
	if (ext4_inode_init() != 0) {
		printk("ext4: no memory for its inode cache; not available");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(file_systems); i++)
		file_system_register(&file_systems[i]);
}
