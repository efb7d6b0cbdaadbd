/*
 * Directories as a sequence of blocks of entries, and getdents over them.
 *
 *   | inode | rec_len | name_len | type | name ... | inode | rec_len | ... | checksum tail |
 *
 * Entries lie back to back and fill their block; rec_len leads to the next. An entry with inode 0 is
 * free space. Blocks of the hash tree (lookup.c) begin with entries whose rec_len spans the rest, so
 * that reading a directory in linear order passes them by, and the tail that holds a block's checksum
 * is dressed as a free entry.
 *
 * Positions: a getdents cookie is the byte offset of the next entry, so it stays valid as long as the
 * directory's block does. "." and ".." are the vfs' (positions 0 and 1); real entries begin at offset 24.
 *
 * Most directories are one block, and both mke2fs and Linux keep the blocks of directories together: where
 * one is missing its neighbours come with it, which are likely to be the next ones needed.
 *
 * Every entry's head is copied, then checked against its block: aligned, inside, long enough for its
 * name, a possible inode number. A rec_len of at least 12 bounds the walk through a block.
 */
#include "abi/stat.h"
#include "fs/ext4/internal.h"
#include "kernel/string.h"
#include "vfs/file.h"

/* Blocks of a directory started at once. */
#define READAHEAD_BLOCKS 16u

int ext4_dirent_bad(struct ext4 *fs, const struct ext4_inode *dir, const struct ext4_block *b,
	const struct ext4_dirent *e, u32 offset)
{
	const char *what = "an entry whose name does not fit";

	if (e->rec_len < EXT4_DIRENT_MIN || e->rec_len % 4 || e->rec_len > fs->block_size - offset)
		what = "an entry of impossible length";
	else if (e->ino > fs->inodes)
		what = "an entry with an impossible inode";
	return ext4_error(fs, -EUCLEAN, dir->file.ino, b->nr, what);
}

/* ---- Checksums ---- */

static int leaf_verify(struct ext4 *fs, const struct ext4_inode *dir, const struct ext4_block *b)
{
	struct ext4_disk_dirent_tail tail;
	u32 at = fs->block_size - sizeof(tail);

	ext4_copy(&tail, b->data + at);
	if (le32_get(tail.zero) || le16_get(tail.rec_len) != sizeof(tail) || tail.zero_name_len ||
		tail.file_type != EXT4_DIRENT_TAIL_TYPE)
		return ext4_error(fs, -EUCLEAN, dir->file.ino, b->nr,
			"a directory block without its checksum");
	if (ext4_crc32c(ext4_file_seed(fs, &dir->file), b->data, at) != le32_get(tail.checksum))
		return ext4_error(
			fs, -EBADMSG, dir->file.ino, b->nr, "wrong checksum of a directory block");
	return 0;
}

/* A block of the hash tree whose count lies at offset entries. */
static int dx_verify(
	struct ext4 *fs, const struct ext4_inode *dir, const struct ext4_block *b, u32 entries)
{
	struct ext4_disk_dx_count c;
	struct ext4_disk_dx_tail tail;
	le32 zero = le32_put(0);

	ext4_copy(&c, b->data + entries);

	u32 limit = le16_get(c.limit), count = le16_get(c.count);
	u32 at = entries + limit * (u32)sizeof(struct ext4_disk_dx_entry);

	if (count > limit || at + sizeof(tail) > fs->block_size)
		return ext4_error(fs, -EUCLEAN, dir->file.ino, b->nr,
			"a hash tree block with too many entries");
	ext4_copy(&tail, b->data + at);

	u32 crc = ext4_crc32c(ext4_file_seed(fs, &dir->file), b->data,
		entries + count * sizeof(struct ext4_disk_dx_entry));

	crc = ext4_crc32c(crc, &tail.reserved, sizeof(tail.reserved));
	crc = ext4_crc32c(crc, &zero, sizeof(zero));
	if (crc != le32_get(tail.checksum))
		return ext4_error(
			fs, -EBADMSG, dir->file.ino, b->nr, "wrong checksum of a hash tree block");
	return 0;
}

static int block_verify(
	struct ext4 *fs, const struct ext4_inode *dir, u32 lblk, const struct ext4_block *b)
{
	struct ext4_disk_dirent first;
	int rc;

	if (!fs->checksums || ext4_block_verified(b))
		return 0;
	ext4_copy(&first, b->data);

	bool indexed = (dir->file.flags & EXT4_INODE_INDEX) && (fs->compat & EXT4_COMPAT_DIR_INDEX);

	if (indexed && lblk == 0)
		rc = dx_verify(fs, dir, b, EXT4_DX_ROOT_INFO + sizeof(struct ext4_disk_dx_info));
	else if (indexed && le32_get(first.inode) == 0 && le16_get(first.rec_len) == fs->block_size)
		rc = dx_verify(fs, dir, b, EXT4_DX_NODE_HEAD);
	else
		rc = leaf_verify(fs, dir, b);
	if (!rc)
		ext4_block_set_verified(b);
	return rc;
}

int ext4_dir_block(struct ext4 *fs, struct ext4_inode *dir, u32 lblk, struct ext4_block *b)
{
	struct ext4_run run;
	int rc = ext4_map(fs, &dir->file, lblk, &run);

	*b = (struct ext4_block){.page = NULL};
	if (rc)
		return rc;
	if (run.block == 0)
		return ext4_error(fs, -EUCLEAN, dir->file.ino, 0, "a hole in a directory");
	if (dir->vfs.size == fs->block_size)
		ext4_block_neighbours(fs, run.block, 0, fs->blocks);
	rc = ext4_block_get(fs, dir->file.ino, run.block, b);
	if (rc)
		return rc;
	rc = block_verify(fs, dir, lblk, b);
	if (rc)
		ext4_block_put(b);
	return rc;
}

/* ---- getdents ---- */

static unsigned dirent_type(u8 type)
{
	static const u8 types[] = {
		DT_UNKNOWN, DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK, DT_LNK};

	return type < ARRAY_SIZE(types) ? types[type] : DT_UNKNOWN;
}

static bool is_dot_or_dotdot(const struct ext4_dirent *e)
{
	return e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.'));
}

/* Hand one entry to the caller. 1: there was no room. 0 or -EUCLEAN. */
static int emit_one(struct ext4 *fs, struct ext4_inode *dir, const struct ext4_block *b,
	const struct ext4_dirent *e, struct dir_context *c)
{
	char name[EXT4_NAME_MAX];

	memcpy(name, e->name, e->name_len);
	if (memchr(name, '/', e->name_len) || memchr(name, 0, e->name_len))
		return ext4_error(fs, -EUCLEAN, dir->file.ino, b->nr,
			"an entry with a slash or NUL in its name");
	return c->emit(c, name, e->name_len, e->ino, dirent_type(e->type)) ? 0 : 1;
}

/*
 * Emit what block lblk holds from c->pos on. 0: to the end of the block, c->pos is the next one's
 * beginning; 1: no more room; or -EUCLEAN.
 */
static int emit_block(struct ext4 *fs, struct ext4_inode *dir, const struct ext4_block *b, u32 lblk,
	struct dir_context *c)
{
	u64 start = (u64)lblk << fs->block_bits;
	struct ext4_dirent e;
	int rc = 0;

	for (u32 at = 0; at < fs->block_size; at += e.rec_len) {
		rc = ext4_dirent_read(fs, dir, b, at, &e);
		if (rc)
			return rc;
		if (start + at < c->pos) /* seen before; or a position inside the entry */
			continue;
		if (e.ino && !is_dot_or_dotdot(&e)) {
			c->pos = start + at;
			rc = emit_one(fs, dir, b, &e, c);
			if (rc)
				return rc;
		}
		c->pos = start + at + e.rec_len;
	}
	c->pos = start + fs->block_size;
	return 0;
}

void ext4_dir_readahead(struct ext4 *fs, struct ext4_inode *dir, u32 lblk, bool first)
{
	u32 blocks = (u32)(dir->vfs.size >> fs->block_bits);
	u32 most = MIN(blocks - lblk, READAHEAD_BLOCKS);
	struct ext4_run run;

	if ((!first && lblk % READAHEAD_BLOCKS) || most < 2)
		return;
	if (ext4_map(fs, &dir->file, lblk, &run) == 0 && run.block != 0 && run.count > 1)
		bdev_readahead(fs->dev, run.block, fs->block_size, MIN(run.count, most));
}

static int dir_iterate(struct file *f, struct dir_context *c)
{
	struct ext4_inode *dir = ext4_inode_of(f->inode);
	struct ext4 *fs = ext4_of(f->inode->sb);
	u32 blocks = (u32)(dir->vfs.size >> fs->block_bits);
	bool first = true;
	int rc = 0;

	while (!rc && c->pos >> fs->block_bits < blocks) {
		u32 lblk = (u32)(c->pos >> fs->block_bits);
		struct ext4_block b;

		ext4_dir_readahead(fs, dir, lblk, first);
		first = false;
		rc = ext4_dir_block(fs, dir, lblk, &b);
		if (!rc)
			rc = emit_block(fs, dir, &b, lblk, c);
		ext4_block_put(&b);
		if (rc < 0 && !c->emitted) /* reported; the rest may still be read */
			c->pos = (u64)(lblk + 1) << fs->block_bits;
	}
	return rc < 0 ? rc : 0;
}

const struct file_ops ext4_dir_file_ops = {.iterate = dir_iterate};
