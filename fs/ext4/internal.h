/*
 * What the files of fs/ext4 share. From the bottom up:
 *
 *   checksum   crc32c, crc16, crc32: pure functions
 *   hash       directory name hashes: pure functions
 *   block      a metadata block, through the replayed journal
 *   group      where each group's inode table lies
 *   extent, indirect, map   block of a file -> block of the device
 *   inode      struct ext4_inode from the inode table
 *   dir, lookup, symlink, file   what the vfs asks for
 *   journal    replay into memory
 *   super      checks, mounting
 *
 * Locking: a mounted file system is read-only, so everything in struct ext4 is constant once
 * fill_super has returned. ext4_file.lock guards the one remembered run of an inode.
 *
 * Errors: -EIO comes from the device, -EUCLEAN means that what was read makes no sense, -EBADMSG that
 * its checksum is wrong. ext4_error says so on the console, rate-limited.
 */
#pragma once

#include "abi/errno.h"
#include "fs/ext4/format.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/spinlock.h"
#include "vfs/super.h"

/* Take a private copy of the structure at from, which may lie at any address. Inline: the kernel's
 * memcpy is a call. */
#define ext4_copy(to, from) ((void)__builtin_memcpy((to), (from), sizeof(*(to))))

/* ---- In memory ---- */

/* count blocks of a file from first on lie at block; 0: they read as zeros. */
struct ext4_run {
	u32 first, count;
	u64 block;
};

/* What mapping a file's blocks needs; also used for the journal, which has no struct inode. */
struct ext4_file {
	u32 ino;
	u32 flags; /* EXT4_INODE_* */
	le32 generation;
	struct spinlock lock;
	struct ext4_run last;		/* guarded by lock; count 0: none */
	u32 words[EXT4_NR_BLOCK_WORDS]; /* i_block, as it lay on the disk */
};

struct ext4_inode {
	struct inode vfs;
	struct ext4_file file;
	u32 parent; /* directories: the one it was first reached from; 0 not yet; atomic */
};
static_assert(sizeof(struct ext4_inode) <= 512, "PERFORMANCE: bytes a cached inode");

struct ext4_group {
	u64 inode_table; /* block */
	u32 used_inodes; /* the rest of the table was never written */
	u32 free_inodes;
	u64 free_blocks;
};

/* Blocks by number: the journal's latest copies, and its revocations. Open addressing. */
struct ext4_block_map {
	struct ext4_block_map_slot {
		u64 key;    /* block + 1; 0: free */
		u64 value;  /* where its latest copy lies; or the revoking transaction */
		void *copy; /* the contents themselves, when they differ from those at value */
	} * slots;
	u32 bits; /* 1 << bits slots */
	u64 used, limit;
};

struct ext4 {
	struct super_block *sb;
	struct block_device *dev;
	char name[32]; /* for messages */
	u32 compat, incompat, ro_compat;
	bool checksums; /* metadata_csum */
	u32 block_size, block_bits;
	u64 blocks;
	u32 first_data_block;
	u32 groups, blocks_per_group, inodes_per_group;
	u32 inodes, first_inode, inode_size;
	u32 inode_table_blocks; /* of a group */
	u32 desc_size, first_meta_bg, backup_groups[2];
	u32 checksum_seed;
	u32 hash_seed[4];
	bool unsigned_hash;
	u32 journal_ino;
	u32 overhead;
	u8 uuid[16];
	struct ext4_group *group;     /* groups of them; NULL until loaded */
	struct ext4_block_map replay; /* slots NULL: nothing was replayed */
	struct ratelimit errors;
};

static inline struct ext4_inode *ext4_inode_of(const struct inode *inode)
{
	return container_of(inode, struct ext4_inode, vfs);
}
static inline struct ext4 *ext4_of(const struct super_block *sb)
{
	return sb->private_data;
}
/* May the file system's own data lie at [block, block + count)? */
static inline bool ext4_blocks_valid(const struct ext4 *fs, u64 block, u64 count)
{
	return block >= fs->first_data_block && block > 0 && block < fs->blocks &&
	       count <= fs->blocks - block;
}
static inline u64 ext4_file_blocks(const struct ext4 *fs, u64 size)
{
	return (size + fs->block_size - 1) >> fs->block_bits;
}

/* ---- checksum.c: pure ---- */

void ext4_checksum_init(void);
/* crc32c, reflected, not inverted: start with ~0 or with a former result. */
u32 ext4_crc32c(u32 crc, const void *data, size_t len);
u16 ext4_crc16(u16 crc, const void *data, size_t len);
/* The old journal checksum: crc32, most significant bit first. */
u32 ext4_crc32_be(u32 crc, const void *data, size_t len);

/* ---- hash.c: pure ---- */

/* The hash of a name in a dx tree; false: unknown version. seed all zero: the built-in one. */
bool ext4_name_hash(u32 version, const u32 seed[4], const char *name, u32 len, u32 *hash);

/* ---- block.c ---- */

/* A block of metadata in memory; ext4_block_put when done. data is readable for block_size bytes. */
struct ext4_block {
	struct page *page; /* NULL: data belongs to the journal's replay */
	const u8 *data;
	u64 nr;
};
/* Read block nr as the journal left it. 0, -EIO, -ENOMEM; -EUCLEAN outside the file system.
 * ino is for the message. May sleep. */
int ext4_block_get(struct ext4 *fs, u32 ino, u64 nr, struct ext4_block *b);
void ext4_block_put(struct ext4_block *b);
/* Block nr is about to be read, and those around it, inside [first, first + count), probably soon after:
 * unless it is in memory, start reading the 32 KiB around it. May sleep. */
void ext4_block_neighbours(struct ext4 *fs, u64 nr, u64 first, u64 count);
/* Has the checksum of a block in memory been verified, have the entries of a directory's, has that of
 * the inode at raw in it? A replayed copy is verified every time. */
bool ext4_block_verified(const struct ext4_block *b);
void ext4_block_set_verified(const struct ext4_block *b);
bool ext4_entries_verified(const struct ext4_block *b);
void ext4_entries_set_verified(const struct ext4_block *b);
bool ext4_inode_verified(const struct ext4_block *b, const u8 *raw);
void ext4_inode_set_verified(const struct ext4_block *b, const u8 *raw);
/* Say on the console that something is wrong with inode ino (0: none) at block nr (0: none), as
 * often as the rate limit lets it. Returns error. Context: any. */
int ext4_error(struct ext4 *fs, int error, u32 ino, u64 nr, const char *what);

/* Room for nr blocks. 0 or -ENOMEM. May sleep. */
int ext4_block_map_init(struct ext4_block_map *m, u64 nr);
void ext4_block_map_release(struct ext4_block_map *m);
struct ext4_block_map_slot *ext4_block_map_find(const struct ext4_block_map *m, u64 block);
/* The slot of block, made when missing. NULL: there are nr others already. */
struct ext4_block_map_slot *ext4_block_map_add(struct ext4_block_map *m, u64 block);

/* ---- group.c ---- */

/* Decode one group's descriptor from the disk. 0, -EIO, -EUCLEAN, -EBADMSG. May sleep. */
int ext4_group_read(struct ext4 *fs, u32 nr, struct ext4_group *out);
/* All of them into fs->group. */
int ext4_groups_load(struct ext4 *fs);

/* ---- map.c, extent.c, indirect.c ---- */

void ext4_file_init(struct ext4_file *file, u32 ino, const struct ext4_disk_inode *raw);
/* What the checksums of the file's blocks begin with. */
u32 ext4_file_seed(const struct ext4 *fs, const struct ext4_file *file);
/*
 * The run of equal mapping that begins at block lblk of the file. run->first is lblk, run->count at
 * least 1; run->block 0 for a hole or unwritten space. May sleep. 0 or -errno.
 */
int ext4_map(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run);
int ext4_map_extents(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run);
int ext4_map_indirect(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run);
/* Check the extent root inside the inode. 0 or -EUCLEAN. */
int ext4_extent_check_root(struct ext4 *fs, struct ext4_file *file);

/* ---- inode.c ---- */

int ext4_inode_read(struct ext4 *fs, u32 ino, struct ext4_disk_inode *out);
/* The inode, referenced, or ERR_PTR. May sleep. */
struct inode *ext4_iget(struct super_block *sb, u32 ino);
struct inode *ext4_alloc_inode(struct super_block *sb);
void ext4_free_inode(struct inode *inode);
int ext4_inode_init(void);

/* ---- dir.c, lookup.c, symlink.c, file.c ---- */

/* One entry, decoded and checked. name points into the block. */
struct ext4_dirent {
	u32 ino; /* 0: unused */
	u32 rec_len, name_len;
	u8 type; /* EXT4 file type, 0 unknown */
	const char *name;
};
/* Say what is wrong with the entry at offset. Returns -EUCLEAN. */
int ext4_dirent_bad(struct ext4 *fs, const struct ext4_inode *dir, const struct ext4_block *b,
	const struct ext4_dirent *e, u32 offset);
/* Decode the entry at offset of a directory block. False: it is none. Inline: a search reads many. */
static inline bool ext4_dirent_decode(
	const struct ext4 *fs, const struct ext4_block *b, u32 offset, struct ext4_dirent *out)
{
	struct ext4_disk_dirent d;
	bool has_type = fs->incompat & EXT4_INCOMPAT_FILETYPE;

	if (unlikely(fs->block_size - offset < sizeof(d))) {
		*out = (struct ext4_dirent){.rec_len = 0};
		return false;
	}
	ext4_copy(&d, b->data + offset);
	out->ino = le32_get(d.inode);
	out->rec_len = le16_get(d.rec_len);
	out->name_len = d.name_len | (has_type ? 0 : (u32)d.file_type << 8);
	out->type = has_type ? d.file_type : 0;
	out->name = (const char *)b->data + offset + sizeof(d);
	if (unlikely(out->rec_len < EXT4_DIRENT_MIN || out->rec_len % 4 ||
		     out->rec_len > fs->block_size - offset))
		return false;
	if (out->ino == 0) /* free space; the rest is left over from what was there */
		return true;
	return likely(out->ino <= fs->inodes && out->name_len != 0 &&
		      out->name_len <= EXT4_NAME_MAX && sizeof(d) + out->name_len <= out->rec_len);
}
/* The same, and say what is wrong. 0 or -EUCLEAN. */
static inline int ext4_dirent_read(struct ext4 *fs, const struct ext4_inode *dir,
	const struct ext4_block *b, u32 offset, struct ext4_dirent *out)
{
	return likely(ext4_dirent_decode(fs, b, offset, out))
		       ? 0
		       : ext4_dirent_bad(fs, dir, b, out, offset);
}
/* Block lblk of a directory, its checksum verified. */
int ext4_dir_block(struct ext4 *fs, struct ext4_inode *dir, u32 lblk, struct ext4_block *b);
/* At the start of each window of blocks (or first) start reading all of it that lies together. */
void ext4_dir_readahead(struct ext4 *fs, struct ext4_inode *dir, u32 lblk, bool first);
/* The inode number behind a name: 0, -ENOENT or another -errno. */
int ext4_dir_find(struct ext4 *fs, struct ext4_inode *dir, const char *name, u32 len, u32 *ino);

extern const struct inode_ops ext4_dir_inode_ops, ext4_symlink_inode_ops, ext4_file_inode_ops;
extern const struct file_ops ext4_dir_file_ops, ext4_file_ops;
extern const struct mapping_ops ext4_mapping_ops;
/* Cache a fast symlink's body. 0, -ENOMEM, -EUCLEAN. */
int ext4_symlink_load_fast(struct ext4 *fs, struct ext4_inode *inode);

/* ---- journal.c ---- */

/* Replay a journal that needs it into fs->replay. 0, or -errno after saying why. May sleep. */
int ext4_journal_replay(struct ext4 *fs);
