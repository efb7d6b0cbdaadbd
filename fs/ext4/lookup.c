/*
 * Finding a name in a directory.
 *
 * A small directory is searched block by block. A large one has a hash tree, hidden in its blocks:
 *
 *   block 0: ".", "..", info, entries (hash -> block)      the root
 *   nodes:   an unused entry over all of it, entries       with indirect_levels > 0
 *   leaves:  ordinary blocks of entries, all of whose hashes lie in one range
 *
 * Entries are sorted by hash; the first covers everything below the second. Names with the same hash
 * may spread over several leaves; the low bit of an entry's hash then says that the leaf before it
 * ends with that hash, and the search goes on there.
 *
 * A path of one frame for each level is kept as (block, count, place) and blocks are read again from
 * the cache when it is stepped on, so no page stays referenced between steps. Levels are bounded by
 * the format, and leaves visited by the directory's size, whatever the tree says.
 *
 * ->lookup also sees to it that a directory is reached from one parent only. A damaged entry that
 * leads back to an ancestor would otherwise make the tree endless.
 */
#include "fs/ext4/internal.h"
#include "kernel/string.h"

#define LEVELS_MAX 3u

struct frame {
	u32 lblk;    /* block of the directory */
	u32 entries; /* offset of the entries in it */
	u32 count, at;
};

struct search {
	struct ext4 *fs;
	struct ext4_inode *dir;
	const char *name;
	u32 len, hash;
	u32 blocks; /* of the directory */
	u32 depth;  /* frames in use */
	struct frame frames[LEVELS_MAX];
};

/* ---- Entry by entry ---- */

static bool is_wanted(const struct search *s, const struct ext4_dirent *e)
{
	return e->ino && e->name_len == s->len && memcmp(e->name, s->name, s->len) == 0;
}

/* Are all entries of the block as they should be? Looked at once, as long as it stays in memory. */
static bool entries_good(const struct ext4 *fs, const struct ext4_block *b)
{
	struct ext4_dirent e;

	if (ext4_entries_verified(b))
		return true;
	for (u32 at = 0; at < fs->block_size; at += e.rec_len)
		if (!ext4_dirent_decode(fs, b, at, &e))
			return false;
	ext4_entries_set_verified(b);
	return true;
}

/* Nothing is wrong with the entries: look closer only at names of the right length. */
static int search_good(const struct search *s, const struct ext4_block *b, u32 *ino)
{
	u32 size = s->fs->block_size;
	struct ext4_disk_dirent d;

	for (u32 at = 0; at + sizeof(d) <= size; at += le16_get(d.rec_len)) {
		struct ext4_dirent e;

		ext4_copy(&d, b->data + at);
		if (d.name_len != (u8)s->len && le16_get(d.rec_len) >= EXT4_DIRENT_MIN)
			continue;
		int bad = ext4_dirent_read(s->fs, s->dir, b, at, &e);

		if (unlikely(bad))
			return bad;
		if (is_wanted(s, &e)) {
			*ino = e.ino;
			return 0;
		}
	}
	return -ENOENT;
}

/* One entry after the other: those before a damaged one are found. */
static int search_doubtful(const struct search *s, const struct ext4_block *b, u32 *ino)
{
	struct ext4_dirent e;

	for (u32 at = 0; at < s->fs->block_size; at += e.rec_len) {
		int bad = ext4_dirent_read(s->fs, s->dir, b, at, &e);

		if (bad)
			return bad;
		if (is_wanted(s, &e)) {
			*ino = e.ino;
			return 0;
		}
	}
	return -ENOENT;
}

static int search_block(const struct search *s, u32 lblk, u32 *ino)
{
	struct ext4_block b;
	int rc = ext4_dir_block(s->fs, s->dir, lblk, &b);

	if (rc)
		return rc;
	rc = entries_good(s->fs, &b) ? search_good(s, &b, ino) : search_doubtful(s, &b, ino);
	ext4_block_put(&b);
	return rc;
}

static int search_linear(const struct search *s, u32 *ino)
{
	int rc = -ENOENT;

	for (u32 lblk = 0; rc == -ENOENT && lblk < s->blocks; lblk++) {
		ext4_dir_readahead(s->fs, s->dir, lblk, lblk == 0);
		rc = search_block(s, lblk, ino);
	}
	return rc;
}

/* ---- By hash ---- */

static struct ext4_disk_dx_entry frame_entry(
	const struct ext4_block *b, const struct frame *f, u32 i)
{
	struct ext4_disk_dx_entry e;

	ext4_copy(&e, b->data + f->entries + i * sizeof(e));
	return e;
}

static int bad_tree(const struct search *s, const struct ext4_block *b)
{
	return ext4_error(s->fs, -EUCLEAN, s->dir->file.ino, b->nr, "a damaged hash tree");
}

/* Check the number of entries of the tree block b and make *f its frame, standing on entry 0. */
static int frame_open(
	const struct search *s, const struct ext4_block *b, u32 lblk, u32 entries, struct frame *f)
{
	struct ext4_disk_dx_count c;
	u32 room = (s->fs->block_size - entries) / sizeof(struct ext4_disk_dx_entry);

	ext4_copy(&c, b->data + entries);
	*f = (struct frame){.lblk = lblk, .entries = entries, .count = le16_get(c.count)};
	if (f->count == 0 || f->count > le16_get(c.limit) || le16_get(c.limit) > room)
		return bad_tree(s, b);
	return 0;
}

/* The block that the frame's current entry leads to. */
static int frame_child(
	const struct search *s, const struct ext4_block *b, const struct frame *f, u32 *lblk)
{
	struct ext4_disk_dx_entry e = frame_entry(b, f, f->at);

	*lblk = le32_get(e.block) & EXT4_DX_BLOCK_MASK;
	return *lblk < s->blocks ? 0 : bad_tree(s, b);
}

/* Stand on the last entry whose hash is not above the wanted one. */
static void frame_seek(const struct search *s, const struct ext4_block *b, struct frame *f)
{
	u32 lo = 1, hi = f->count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (le32_get(frame_entry(b, f, mid).hash) <= s->hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	f->at = lo - 1;
}

/* Read the tree's head: hash the name as it says. -EOPNOTSUPP: not by a tree that we know. */
static int root_open(struct search *s, const struct ext4_block *b, u32 *levels)
{
	struct ext4_disk_dx_info info;
	u32 version, levels_max = s->fs->incompat & EXT4_INCOMPAT_LARGEDIR ? 2 : 1;

	ext4_copy(&info, b->data + EXT4_DX_ROOT_INFO);
	version = info.hash_version;
	if (info.unused_flags & 1)
		return -EOPNOTSUPP;
	if (version < EXT4_HASH_UNSIGNED && s->fs->unsigned_hash)
		version += EXT4_HASH_UNSIGNED;
	if (!ext4_name_hash(version, s->fs->hash_seed, s->name, s->len, &s->hash))
		return -EOPNOTSUPP;
	if (info.info_length != sizeof(info) || info.indirect_levels > levels_max)
		return bad_tree(s, b);
	*levels = info.indirect_levels;
	return frame_open(s, b, 0, EXT4_DX_ROOT_INFO + info.info_length, &s->frames[0]);
}

/* Go down from the deepest frame's current entry to a leaf, always taking the first entry or, with
 * seek, the one for the hash. */
static int descend(struct search *s, u32 levels, bool seek, u32 *leaf)
{
	for (;;) {
		struct frame *f = &s->frames[s->depth - 1];
		struct ext4_block b;
		int rc = ext4_dir_block(s->fs, s->dir, f->lblk, &b);

		if (rc)
			return rc;
		if (seek)
			frame_seek(s, &b, f);
		rc = frame_child(s, &b, f, leaf);
		ext4_block_put(&b);
		if (rc || s->depth > levels)
			return rc;
		rc = ext4_dir_block(s->fs, s->dir, *leaf, &b);
		if (rc)
			return rc;
		rc = frame_open(s, &b, *leaf, EXT4_DX_NODE_HEAD, &s->frames[s->depth]);
		ext4_block_put(&b);
		if (rc)
			return rc;
		s->depth++;
	}
}

/* Step to the next leaf if it goes on with the same hash. -ENOENT when it does not. */
static int next_leaf(struct search *s, u32 levels, u32 *leaf)
{
	struct ext4_block b;
	struct frame *f;
	int rc;

	while (s->depth > 0 && s->frames[s->depth - 1].at + 1 >= s->frames[s->depth - 1].count)
		s->depth--;
	if (s->depth == 0)
		return -ENOENT;
	f = &s->frames[s->depth - 1];
	f->at++;
	rc = ext4_dir_block(s->fs, s->dir, f->lblk, &b);
	if (rc)
		return rc;

	u32 hash = le32_get(frame_entry(&b, f, f->at).hash);

	ext4_block_put(&b);
	if (hash != (s->hash | 1))
		return -ENOENT;
	return descend(s, levels, false, leaf);
}

static int search_tree(struct search *s, u32 *ino)
{
	struct ext4_block b;
	u32 levels = 0, leaf;
	int rc = ext4_dir_block(s->fs, s->dir, 0, &b);

	if (rc)
		return rc;
	rc = root_open(s, &b, &levels);
	ext4_block_put(&b);
	if (rc)
		return rc;
	s->depth = 1;
	rc = descend(s, levels, true, &leaf);
	for (u32 visited = 0; !rc && visited < s->blocks; visited++) {
		rc = search_block(s, leaf, ino);
		if (rc != -ENOENT)
			return rc;
		rc = next_leaf(s, levels, &leaf);
	}
	return rc ? rc : -EUCLEAN;
}

int ext4_dir_find(struct ext4 *fs, struct ext4_inode *dir, const char *name, u32 len, u32 *ino)
{
	struct search s = {
		.fs = fs,
		.dir = dir,
		.name = name,
		.len = len,
		.blocks = (u32)(dir->vfs.size >> fs->block_bits),
	};
	int rc = -EOPNOTSUPP;

	if ((dir->file.flags & EXT4_INODE_INDEX) && (fs->compat & EXT4_COMPAT_DIR_INDEX))
		rc = search_tree(&s, ino);
	if (rc == -EOPNOTSUPP)
		rc = search_linear(&s, ino);
	return rc;
}

/* ---- ->lookup ---- */

/*
 * May an entry of dir lead to inode? A directory belongs to the parent it was first reached from: while
 * it is cached, its ancestors are, so an entry that leads up again is always noticed.
 */
static int check_parent(struct ext4 *fs, struct ext4_inode *dir, struct ext4_inode *inode)
{
	u32 none = 0;

	if (!S_ISDIR(inode->vfs.mode))
		return 0;
	if (inode->file.ino == EXT4_ROOT_INO || inode->file.ino == dir->file.ino)
		return ext4_error(
			fs, -EUCLEAN, dir->file.ino, 0, "an entry leads back to its own ancestor");
	if (!atomic_cas(&inode->parent, &none, dir->file.ino) && none != dir->file.ino)
		return ext4_error(fs, -EUCLEAN, inode->file.ino, 0, "a directory with two parents");
	return 0;
}

static int dir_lookup(struct inode *dir, struct dentry *d)
{
	struct ext4 *fs = ext4_of(dir->sb);
	struct ext4_inode *e_dir = ext4_inode_of(dir);
	u32 len = (u32)d->hash_len, ino;
	int rc;

	if (len > EXT4_NAME_MAX)
		return -ENAMETOOLONG;
	rc = ext4_dir_find(fs, e_dir, d->name, len, &ino);
	if (rc == -ENOENT) {
		dcache_add(d, NULL);
		return 0;
	}
	if (rc)
		return rc;
	if (ino < fs->first_inode && ino != EXT4_ROOT_INO)
		return ext4_error(
			fs, -EUCLEAN, e_dir->file.ino, 0, "an entry leads to a reserved inode");

	struct inode *inode = ext4_iget(dir->sb, ino);

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	rc = check_parent(fs, e_dir, ext4_inode_of(inode));
	if (rc) {
		inode_put(inode);
		return rc;
	}
	dcache_add(d, inode);
	return 0;
}

const struct inode_ops ext4_dir_inode_ops = {.lookup = dir_lookup};
