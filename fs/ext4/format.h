/*
 * ext4 as it lies on a disk: structures, feature bits and flags, and the journal's. Only what reading
 * needs has a name. Sources: Documentation/filesystems/ext4 (Linux) and ext2_fs.h (e2fsprogs), for the
 * facts.
 *
 * Block 0 of the device (1 KiB at byte 1024)   super block
 * following                                    group descriptors, one for each block group
 * each group                                   bitmaps, inode table, data
 */
#pragma once

#include "kernel/endian.h"

#define EXT4_MAGIC	    0xEF53u
#define EXT4_SUPER_OFFSET   1024u
#define EXT4_ROOT_INO	    2u
#define EXT4_FIRST_INO_REV0 11u
#define EXT4_NAME_MAX	    255u
#define EXT4_NR_BLOCK_WORDS 15u /* words of i_block */

/* s_state */
#define EXT4_STATE_ERRORS 0x2u

/* s_feature_compat */
#define EXT4_COMPAT_HAS_JOURNAL	  0x0004u
#define EXT4_COMPAT_DIR_INDEX	  0x0020u
#define EXT4_COMPAT_SPARSE_SUPER2 0x0200u

/* s_feature_incompat: a bit that is not understood means "do not mount" */
#define EXT4_INCOMPAT_FILETYPE	  0x00002u
#define EXT4_INCOMPAT_RECOVER	  0x00004u
#define EXT4_INCOMPAT_JOURNAL_DEV 0x00008u
#define EXT4_INCOMPAT_META_BG	  0x00010u
#define EXT4_INCOMPAT_EXTENTS	  0x00040u
#define EXT4_INCOMPAT_64BIT	  0x00080u
#define EXT4_INCOMPAT_MMP	  0x00100u
#define EXT4_INCOMPAT_FLEX_BG	  0x00200u
#define EXT4_INCOMPAT_EA_INODE	  0x00400u
#define EXT4_INCOMPAT_CSUM_SEED	  0x02000u
#define EXT4_INCOMPAT_LARGEDIR	  0x04000u
#define EXT4_INCOMPAT_INLINE_DATA 0x08000u

/* s_feature_ro_compat: a bit that is not understood means "do not write" */
#define EXT4_RO_COMPAT_SPARSE_SUPER  0x0001u
#define EXT4_RO_COMPAT_HUGE_FILE     0x0008u
#define EXT4_RO_COMPAT_GDT_CSUM	     0x0010u
#define EXT4_RO_COMPAT_BIGALLOC	     0x0200u
#define EXT4_RO_COMPAT_METADATA_CSUM 0x0400u

#define EXT4_CHECKSUM_CRC32C	1u
#define EXT4_FLAG_UNSIGNED_HASH 0x2u /* s_flags: names hashed as unsigned characters */

struct ext4_disk_super {
	le32 inodes_count;
	le32 blocks_count_lo;
	u8 skip_08[0x0c];
	le32 first_data_block;
	le32 log_block_size; /* size is 1024 << this */
	le32 log_cluster_size;
	le32 blocks_per_group;
	le32 clusters_per_group;
	le32 inodes_per_group;
	u8 skip_2c[0x0c];
	le16 magic;
	le16 state;
	u8 skip_3c[0x10];
	le32 rev_level;
	u8 skip_50[4];
	le32 first_ino;
	le16 inode_size;
	le16 block_group_nr;
	le32 feature_compat;
	le32 feature_incompat;
	le32 feature_ro_compat;
	u8 uuid[16];
	char volume_name[16];
	u8 skip_88[0x58];
	le32 journal_inum;
	le32 journal_dev;
	le32 last_orphan;
	le32 hash_seed[4];
	u8 def_hash_version;
	u8 jnl_backup_type;
	le16 desc_size;
	le32 default_mount_opts;
	le32 first_meta_bg;
	u8 skip_108[0x48];
	le32 blocks_count_hi;
	u8 skip_154[0x0c];
	le32 flags;
	u8 skip_164[0x10];
	u8 log_groups_per_flex;
	u8 checksum_type;
	u8 skip_176[0xd2];
	le32 overhead_clusters;
	le32 backup_bgs[2];
	u8 skip_254[0x1c];
	le32 checksum_seed;
	u8 skip_274[0x188];
	le32 checksum; /* crc32c of everything before it */
} __packed;
static_assert(sizeof(struct ext4_disk_super) == 1024, "on disk");
static_assert(offsetof(struct ext4_disk_super, magic) == 0x38, "on disk");
static_assert(offsetof(struct ext4_disk_super, feature_compat) == 0x5c, "on disk");
static_assert(offsetof(struct ext4_disk_super, journal_inum) == 0xe0, "on disk");
static_assert(offsetof(struct ext4_disk_super, blocks_count_hi) == 0x150, "on disk");
static_assert(offsetof(struct ext4_disk_super, checksum_type) == 0x175, "on disk");
static_assert(offsetof(struct ext4_disk_super, overhead_clusters) == 0x248, "on disk");
static_assert(offsetof(struct ext4_disk_super, checksum_seed) == 0x270, "on disk");
static_assert(offsetof(struct ext4_disk_super, checksum) == 0x3fc, "on disk");

/* A block group's descriptor: 32 bytes, or more with the 64bit feature (s_desc_size). */
struct ext4_disk_group {
	le32 block_bitmap_lo;
	le32 inode_bitmap_lo;
	le32 inode_table_lo;
	le16 free_blocks_lo;
	le16 free_inodes_lo;
	le16 used_dirs_lo;
	le16 flags;
	u8 skip_14[8];
	le16 itable_unused_lo;
	le16 checksum;
	/* from here on only when the descriptor is 64 bytes or more */
	le32 block_bitmap_hi;
	le32 inode_bitmap_hi;
	le32 inode_table_hi;
	le16 free_blocks_hi;
	le16 free_inodes_hi;
	le16 used_dirs_hi;
	le16 itable_unused_hi;
	u8 skip_34[12];
} __packed;
static_assert(sizeof(struct ext4_disk_group) == 64, "on disk");
static_assert(offsetof(struct ext4_disk_group, checksum) == 0x1e, "on disk");
#define EXT4_GROUP_SIZE_32BIT 32u

/* i_flags */
#define EXT4_INODE_INDEX     0x00001000u /* directory with a hash tree */
#define EXT4_INODE_ENCRYPT   0x00000800u
#define EXT4_INODE_HUGE_FILE 0x00040000u /* i_blocks counts file-system blocks */
#define EXT4_INODE_EXTENTS   0x00080000u
#define EXT4_INODE_INLINE    0x10000000u
#define EXT4_INODE_CASEFOLD  0x40000000u

struct ext4_disk_inode {
	le16 mode;
	le16 uid;
	le32 size_lo;
	le32 atime;
	le32 ctime;
	le32 mtime;
	le32 dtime;
	le16 gid;
	le16 links_count;
	le32 blocks_lo;
	le32 flags;
	le32 osd1;
	le32 block
		[EXT4_NR_BLOCK_WORDS]; /* extent root, block pointers, link body or device number */
	le32 generation;
	le32 file_acl_lo;
	le32 size_high;
	le32 obso_faddr;
	le16 blocks_high;
	le16 file_acl_high;
	le16 uid_high;
	le16 gid_high;
	le16 checksum_lo;
	le16 reserved;
	/* from here on only in inodes larger than 128 bytes, as far as extra_isize reaches */
	le16 extra_isize; /* bytes in use after the first 128 */
	le16 checksum_hi;
	le32 ctime_extra; /* nanoseconds << 2 | two more bits of seconds */
	le32 mtime_extra;
	le32 atime_extra;
	le32 crtime;
	le32 crtime_extra;
	le32 version_hi;
	le32 projid;
} __packed;
static_assert(sizeof(struct ext4_disk_inode) == 160, "on disk");
static_assert(offsetof(struct ext4_disk_inode, block) == 0x28, "on disk");
static_assert(offsetof(struct ext4_disk_inode, checksum_lo) == 0x7c, "on disk");
static_assert(offsetof(struct ext4_disk_inode, crtime) == 0x90, "on disk");
#define EXT4_INODE_SIZE_OLD 128u
/* Does an inode with this many extra bytes have the field? */
#define EXT4_INODE_HAS(extra, field)                                                               \
	(EXT4_INODE_SIZE_OLD + (extra) >= offsetof(struct ext4_disk_inode, field) + sizeof(le32))

/* ---- Extent trees: every node is a header and an array of 12-byte entries ---- */

#define EXT4_EXTENT_MAGIC     0xF30Au
#define EXT4_EXTENT_DEPTH_MAX 5u
#define EXT4_EXTENT_LEN_MAX   32768u /* a larger length is an unwritten extent of length - this */

struct ext4_disk_extent_header {
	le16 magic;
	le16 entries;
	le16 max;
	le16 depth; /* 0: entries are extents; otherwise index entries */
	le32 generation;
} __packed;

struct ext4_disk_extent {
	le32 block; /* first block of the file that it maps */
	le16 len;
	le16 start_hi;
	le32 start_lo;
} __packed;

struct ext4_disk_extent_index {
	le32 block; /* smallest block of the file below it */
	le32 leaf_lo;
	le16 leaf_hi;
	le16 unused;
} __packed;
static_assert(sizeof(struct ext4_disk_extent_header) == 12, "on disk");
static_assert(sizeof(struct ext4_disk_extent) == 12, "on disk");
static_assert(sizeof(struct ext4_disk_extent_index) == 12, "on disk");

/* ---- Directories ---- */

/* The name follows. */
struct ext4_disk_dirent {
	le32 inode;
	le16 rec_len;
	u8 name_len;
	u8 file_type; /* without the filetype feature: high byte of the name's length */
} __packed;
static_assert(sizeof(struct ext4_disk_dirent) == 8, "on disk");
#define EXT4_DIRENT_MIN 12u

/* At the end of a checksummed directory block, dressed as an unused entry. */
struct ext4_disk_dirent_tail {
	le32 zero;
	le16 rec_len;
	u8 zero_name_len;
	u8 file_type; /* EXT4_DIRENT_TAIL_TYPE */
	le32 checksum;
} __packed;
static_assert(sizeof(struct ext4_disk_dirent_tail) == 12, "on disk");
#define EXT4_DIRENT_TAIL_TYPE 0xDEu

/* Hash tree root, after the entries for "." and ".." (12 bytes each). */
struct ext4_disk_dx_info {
	le32 zero;
	u8 hash_version;
	u8 info_length;
	u8 indirect_levels;
	u8 unused_flags;
} __packed;
static_assert(sizeof(struct ext4_disk_dx_info) == 8, "on disk");
#define EXT4_DX_ROOT_INFO 24u /* byte offset in block 0 */
#define EXT4_DX_NODE_HEAD 8u  /* an unused entry over the whole block */

/* The first slot of a node's entries holds the count; its hash is taken to be 0. */
struct ext4_disk_dx_count {
	le16 limit;
	le16 count;
	le32 block;
} __packed;
struct ext4_disk_dx_entry {
	le32 hash; /* low bit: the previous block ends with the same hash */
	le32 block;
} __packed;
struct ext4_disk_dx_tail {
	le32 reserved;
	le32 checksum;
} __packed;
static_assert(sizeof(struct ext4_disk_dx_entry) == 8, "on disk");
#define EXT4_DX_BLOCK_MASK 0x0fffffffu

/* dx hash versions; + 3 when names are unsigned */
#define EXT4_HASH_LEGACY   0u
#define EXT4_HASH_HALF_MD4 1u
#define EXT4_HASH_TEA	   2u
#define EXT4_HASH_UNSIGNED 3u

/* ---- Journal (jbd2): big-endian ---- */

#define JBD_MAGIC      0xC03B3998u
#define JBD_DESCRIPTOR 1u
#define JBD_COMMIT     2u
#define JBD_SUPER_V1   3u
#define JBD_SUPER_V2   4u
#define JBD_REVOKE     5u

#define JBD_COMPAT_CHECKSUM	  0x01u
#define JBD_INCOMPAT_REVOKE	  0x01u
#define JBD_INCOMPAT_64BIT	  0x02u
#define JBD_INCOMPAT_ASYNC_COMMIT 0x04u
#define JBD_INCOMPAT_CSUM_V2	  0x08u
#define JBD_INCOMPAT_CSUM_V3	  0x10u
#define JBD_INCOMPAT_FAST_COMMIT  0x20u

#define JBD_TAG_ESCAPED	  1u /* the block began with JBD_MAGIC, zeroed in the journal */
#define JBD_TAG_SAME_UUID 2u /* no UUID follows the tag */
#define JBD_TAG_LAST	  8u

#define JBD_CHECKSUM_CRC32  1u
#define JBD_CHECKSUM_CRC32C 4u

struct jbd_header {
	be32 magic;
	be32 block_type;
	be32 sequence;
} __packed;

struct jbd_super {
	struct jbd_header header;
	be32 block_size;
	be32 max_len; /* blocks in the journal */
	be32 first;   /* first block of the log itself */
	be32 sequence;
	be32 start; /* where the log begins; 0: nothing to replay */
	be32 error;
	be32 feature_compat;
	be32 feature_incompat;
	be32 feature_ro_compat;
	u8 uuid[16];
	u8 skip_40[0x10];
	u8 checksum_type;
	u8 skip_51[3];
	be32 nr_fast_commit_blocks;
	u8 skip_58[0xa4];
	be32 checksum; /* crc32c of the 1024 bytes with this as 0 */
	u8 skip_100[0x300];
} __packed;
static_assert(sizeof(struct jbd_super) == 1024, "on disk");
static_assert(offsetof(struct jbd_super, uuid) == 0x30, "on disk");
static_assert(offsetof(struct jbd_super, checksum) == 0xfc, "on disk");

/* A tag in the form of CSUM_V3; the older one is decoded by hand. */
struct jbd_tag3 {
	be32 block_lo;
	be32 flags;
	be32 block_hi;
	be32 checksum;
} __packed;
struct jbd_tag {
	be32 block_lo;
	be16 checksum;
	be16 flags;
	/* be32 block_hi with 64BIT */
} __packed;

struct jbd_revoke_header {
	struct jbd_header header;
	be32 bytes; /* in use, header included */
} __packed;

struct jbd_commit {
	struct jbd_header header;
	u8 checksum_type;
	u8 checksum_size;
	u8 pad[2];
	be32 checksum[8];
	be64 seconds;
	be32 nanoseconds;
} __packed;
static_assert(sizeof(struct jbd_commit) == 60, "on disk");
