/*
 * Inodes: from the inode table into memory.
 *
 *   number -> group, slot -> block of the group's inode table -> 128 bytes or more
 *
 * The files of a directory mostly have neighbouring inodes, so a miss brings in a window of the table
 * around the wanted block, as far as the table was ever used.
 *
 * The fields are copied before they are looked at. A symlink short enough to lie in the inode gets its
 * body cached here, so that RCU walks can follow it from the first time on.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/fifo.h"

static struct slab_cache *inode_cache;

int ext4_inode_init(void)
{
	inode_cache = slab_cache_create("ext4-inode", sizeof(struct ext4_inode), 0, 0, NULL);
	return inode_cache ? 0 : -ENOMEM;
}

struct inode *ext4_alloc_inode(struct super_block *sb)
{
	struct ext4_inode *inode = slab_alloc(inode_cache, ALLOC_WAIT);

	(void)sb;
	if (!inode)
		return NULL;
	inode->parent = 0; /* file is set up with the inode's contents, vfs by the vfs */
	return &inode->vfs;
}

void ext4_free_inode(struct inode *inode)
{
	slab_free(inode_cache, ext4_inode_of(inode));
}

/* ---- The inode table ---- */

/* The checksum of inode ino at raw (inode_size bytes), of which *d is a copy of the beginning. */
static bool inode_checksum_ok(
	const struct ext4 *fs, u32 ino, const u8 *raw, const struct ext4_disk_inode *d)
{
	struct ext4_disk_inode head = *d;
	u32 size = MIN(fs->inode_size, (u32)sizeof(head));
	le32 number = le32_put(ino);
	bool has_high = fs->inode_size > EXT4_INODE_SIZE_OLD && le16_get(d->extra_isize) >= 4;
	u32 stored = le16_get(d->checksum_lo);

	head.checksum_lo = le16_put(0);
	if (has_high) {
		stored |= (u32)le16_get(d->checksum_hi) << 16;
		head.checksum_hi = le16_put(0);
	}
	u32 crc = ext4_crc32c(fs->checksum_seed, &number, sizeof(number));

	crc = ext4_crc32c(crc, &d->generation, sizeof(d->generation));
	crc = ext4_crc32c(crc, &head, size);
	crc = ext4_crc32c(crc, raw + size, fs->inode_size - size);
	return stored == (has_high ? crc : crc & 0xffff);
}

/* Once, as long as its block stays in memory. */
static int inode_verify(struct ext4 *fs, u32 ino, const struct ext4_block *b, const u8 *raw,
	const struct ext4_disk_inode *d)
{
	if (!fs->checksums || ext4_inode_verified(b, raw))
		return 0;
	if (!inode_checksum_ok(fs, ino, raw, d))
		return ext4_error(fs, -EBADMSG, ino, b->nr, "wrong checksum of the inode");
	ext4_inode_set_verified(b, raw);
	return 0;
}

int ext4_inode_read(struct ext4 *fs, u32 ino, struct ext4_disk_inode *out)
{
	struct ext4_group direct, *g = &direct;
	struct ext4_block b;
	int rc = 0;

	if (ino == 0 || ino > fs->inodes)
		return ext4_error(fs, -EUCLEAN, ino, 0, "no such inode number");

	u32 group = (ino - 1) / fs->inodes_per_group, slot = (ino - 1) % fs->inodes_per_group;
	u32 per_block = fs->block_size / fs->inode_size;

	if (fs->group)
		g = &fs->group[group];
	else
		rc = ext4_group_read(fs, group, &direct);
	if (rc)
		return rc;
	ext4_block_neighbours(fs, g->inode_table + slot / per_block, g->inode_table,
		DIV_ROUND_UP(g->used_inodes, per_block));
	rc = ext4_block_get(fs, ino, g->inode_table + slot / per_block, &b);
	if (rc)
		return rc;

	const u8 *raw = b.data + slot % per_block * fs->inode_size;

	if (fs->inode_size >= sizeof(*out)) {
		ext4_copy(out, raw);
	} else {
		memset(out, 0, sizeof(*out));
		memcpy(out, raw, fs->inode_size);
	}
	rc = inode_verify(fs, ino, &b, raw, out);
	ext4_block_put(&b);
	return rc;
}

/* ---- Decoding ---- */

static struct timespec64 decode_time(le32 seconds, le32 extra, bool has_extra)
{
	struct timespec64 t = {.sec = (s32)le32_get(seconds)};

	if (has_extra) {
		t.sec += (s64)(le32_get(extra) & 3) << 32;
		t.nsec = MIN(le32_get(extra) >> 2, 999999999u);
	}
	return t;
}

static void decode_times(struct inode *inode, const struct ext4_disk_inode *d, u32 extra)
{
	inode->atime = decode_time(d->atime, d->atime_extra, EXT4_INODE_HAS(extra, atime_extra));
	inode->mtime = decode_time(d->mtime, d->mtime_extra, EXT4_INODE_HAS(extra, mtime_extra));
	inode->ctime = decode_time(d->ctime, d->ctime_extra, EXT4_INODE_HAS(extra, ctime_extra));
	inode->btime = (struct timespec64){0};
	if (EXT4_INODE_HAS(extra, crtime))
		inode->btime = decode_time(
			d->crtime, d->crtime_extra, EXT4_INODE_HAS(extra, crtime_extra));
}

/* Space used, in 512-byte units. */
static u64 decode_blocks(const struct ext4 *fs, const struct ext4_disk_inode *d)
{
	u64 n = le32_get(d->blocks_lo);

	if (!(fs->ro_compat & EXT4_RO_COMPAT_HUGE_FILE))
		return n;
	n |= (u64)le16_get(d->blocks_high) << 32;
	if (le32_get(d->flags) & EXT4_INODE_HUGE_FILE)
		n <<= fs->block_bits - BLOCK_SECTOR_SHIFT;
	return n;
}

static u64 decode_size(const struct ext4 *fs, const struct ext4_disk_inode *d)
{
	u64 size = le32_get(d->size_lo);

	if (S_ISREG(le16_get(d->mode)) || (fs->incompat & EXT4_INCOMPAT_LARGEDIR))
		size |= (u64)le32_get(d->size_high) << 32;
	return size;
}

/* Device numbers: 16 bits in the first word as ext2 had them, or 32 bits in the second. */
static u64 decode_device(const struct ext4_file *file)
{
	return file->words[0] ? file->words[0] & 0xffff : file->words[1];
}

/* Every block of it lies on the device, so it cannot be larger; and it is whole blocks. */
static bool directory_size_ok(const struct ext4 *fs, u64 size)
{
	return size > 0 && size % fs->block_size == 0 && size >> fs->block_bits <= fs->blocks;
}

/* Stored in the inode rather than in a block of its own? */
static bool symlink_is_fast(
	const struct ext4 *fs, const struct ext4_inode *inode, const struct ext4_disk_inode *d)
{
	u64 attributes = le32_get(d->file_acl_lo) | le16_get(d->file_acl_high);
	u64 blocks = attributes ? fs->block_size >> BLOCK_SECTOR_SHIFT : 0;

	return !(inode->file.flags & EXT4_INODE_EXTENTS) && inode->vfs.blocks == blocks &&
	       inode->vfs.size < sizeof(inode->file.words);
}

/* What depends on the type. 0, -EUCLEAN, -ENOMEM. */
static int fill_type(struct ext4 *fs, struct ext4_inode *inode, const struct ext4_disk_inode *d)
{
	struct inode *v = &inode->vfs;
	bool has_blocks = true;
	int rc = 0;

	switch (v->mode & S_IFMT) {
	case S_IFDIR:
		v->ops = &ext4_dir_inode_ops;
		v->fops = &ext4_dir_file_ops;
		if (!directory_size_ok(fs, v->size))
			return ext4_error(
				fs, -EUCLEAN, inode->file.ino, 0, "a directory of impossible size");
		break;
	case S_IFREG:
		v->ops = &ext4_file_inode_ops;
		v->fops = &ext4_file_ops;
		v->mapping.ops = &ext4_mapping_ops;
		if (v->size >> 63 || ext4_file_blocks(fs, v->size) > UINT32_MAX)
			return ext4_error(
				fs, -EUCLEAN, inode->file.ino, 0, "a file of impossible size");
		break;
	case S_IFLNK:
		v->ops = &ext4_symlink_inode_ops;
		has_blocks = !symlink_is_fast(fs, inode, d);
		if (!has_blocks)
			rc = ext4_symlink_load_fast(fs, inode);
		else if (v->size == 0 || v->size >= fs->block_size)
			rc = ext4_error(
				fs, -EUCLEAN, inode->file.ino, 0, "a link of impossible size");
		break;
	case S_IFCHR:
	case S_IFBLK:
		v->rdev = decode_device(&inode->file);
		has_blocks = false;
		break;
	case S_IFIFO:
		v->fops = &fifo_file_ops;
		has_blocks = false;
		break;
	case S_IFSOCK:
		has_blocks = false;
		break;
	default:
		return ext4_error(fs, -EUCLEAN, inode->file.ino, 0, "an inode of no known type");
	}
	if (!rc && has_blocks && (inode->file.flags & EXT4_INODE_EXTENTS))
		rc = ext4_extent_check_root(fs, &inode->file);
	return rc;
}

static int inode_fill(struct ext4 *fs, struct ext4_inode *inode, u32 ino)
{
	struct inode *v = &inode->vfs;
	struct ext4_disk_inode d;
	u32 extra = 0;
	int rc = ext4_inode_read(fs, ino, &d);

	if (rc)
		return rc;
	if (fs->inode_size > EXT4_INODE_SIZE_OLD)
		extra = le16_get(d.extra_isize);
	if (extra % 4 || EXT4_INODE_SIZE_OLD + extra > fs->inode_size)
		return ext4_error(fs, -EUCLEAN, ino, 0, "more extra fields than fit");
	if (le16_get(d.links_count) == 0)
		return ext4_error(fs, -EUCLEAN, ino, 0, "a name leads to a deleted inode");
	ext4_file_init(&inode->file, ino, &d);
	if (inode->file.flags & (EXT4_INODE_INLINE | EXT4_INODE_ENCRYPT | EXT4_INODE_CASEFOLD))
		return ext4_error(fs, -EUCLEAN, ino, 0,
			"inline, encrypted or casefolded without the feature");
	v->mode = le16_get(d.mode);
	v->uid = le16_get(d.uid) | (u32)le16_get(d.uid_high) << 16;
	v->gid = le16_get(d.gid) | (u32)le16_get(d.gid_high) << 16;
	v->size = decode_size(fs, &d);
	v->blocks = decode_blocks(fs, &d);
	v->generation = le32_get(d.generation);
	decode_times(v, &d, extra);
	inode_set_nlink(v, le16_get(d.links_count));
	return fill_type(fs, inode, &d);
}

struct inode *ext4_iget(struct super_block *sb, u32 ino)
{
	bool is_new;
	struct inode *inode = inode_get_locked(sb, ino, &is_new);
	int rc;

	if (IS_ERR(inode) || !is_new)
		return inode;
	rc = inode_fill(ext4_of(sb), ext4_inode_of(inode), ino);
	inode_new_done(inode, rc);
	return rc ? ERR_PTR(rc) : inode;
}
