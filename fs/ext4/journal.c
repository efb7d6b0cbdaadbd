/*
 * The journal (jbd2), replayed into memory.
 *
 * A file system that was not unmounted has its newest metadata only in the journal, a circular log:
 *
 *   descriptor | block | block | ... | revoke | descriptor | block | ... | commit | descriptor ...
 *              <- one for each tag ->
 *   <------------------------------- transaction n --------------------------------> <- n + 1 ...
 *
 * A transaction counts once its commit block is there. Since this file system is only read, nothing is
 * written back: fs->replay says for each block where in the journal its newest copy lies, and every
 * later read goes there (block.c, file.c). Three passes over the log, as a writing replay has them:
 *
 *   scan     find the last committed transaction, count what the maps must hold
 *   revoke   a block revoked by transaction n keeps no copy from n or before (it was freed; a newer use
 *            of it as file data is not in the journal)
 *   replay   fill the map; later copies replace earlier ones
 *
 * Damage: a torn tail is what a crash leaves, and ends the log. A block that fails its checksum inside a
 * transaction whose commit block follows is damage; the mount is refused, because half a replay is worse
 * than none.
 *
 * Untrusted: the log is walked at most once around (max_len blocks a pass), tags and revocations are
 * bounded by their block, and every block number is checked against the file system.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define JBD_INCOMPAT_KNOWN                                                                         \
	(JBD_INCOMPAT_REVOKE | JBD_INCOMPAT_64BIT | JBD_INCOMPAT_ASYNC_COMMIT |                    \
		JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3)
#define READAHEAD_BLOCKS 32u

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

struct journal {
	struct ext4 *fs;
	struct ext4_file file; /* the journal's inode */
	u32 first, max_len;    /* the log is [first, max_len) */
	u32 start, sequence;   /* where it begins, with which transaction */
	u32 compat, incompat;
	u32 seed;
	u32 end;		 /* first transaction that is not committed; known after the scan */
	u64 nr_tags, nr_revokes; /* of committed transactions */
	struct ext4_block_map revoked, newest;
	/* while walking the log */
	enum pass pass;
	u32 at, steps;
	u32 read_ahead;	   /* blocks still covered by the last readahead */
	u64 tags, revokes; /* of the transaction being scanned */
	bool damaged;	   /* it failed a checksum */
	u32 commit_crc;	   /* COMPAT_CHECKSUM: over its blocks so far */
};

/* One tag, of either format. */
struct tag {
	u64 block;
	u32 flags, checksum;
	u32 bytes; /* in the descriptor, UUID included */
};

static bool has_checksums(const struct journal *j)
{
	return j->incompat & (JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3);
}

static int refuse(const struct journal *j, int error, const char *why)
{
	printk("%s: not mounted: its journal needs recovery and %s (run e2fsck)", j->fs->name, why);
	return error;
}

/* ---- Reading the log ---- */

/* Where block lblk of the journal lies, and how many follow it. */
static int journal_map(struct journal *j, u32 lblk, u64 *block, u32 *count)
{
	struct ext4_run run;
	int rc = ext4_map(j->fs, &j->file, lblk, &run);

	if (rc)
		return rc;
	*block = run.block;
	*count = run.count;
	return run.block ? 0 : refuse(j, -EUCLEAN, "has a hole");
}

/* Read the block at j->at and step over it. -ENOENT: once around already. */
static int log_next(struct journal *j, struct ext4_block *b)
{
	u64 block;
	u32 count;
	int rc;

	*b = (struct ext4_block){.page = NULL};
	if (j->steps++ >= j->max_len - j->first)
		return -ENOENT;
	rc = journal_map(j, j->at, &block, &count);
	if (rc)
		return rc;
	if (j->read_ahead == 0) {
		j->read_ahead = MIN(count, READAHEAD_BLOCKS);
		bdev_readahead(j->fs->dev, block, j->fs->block_size, j->read_ahead);
	}
	j->read_ahead--;
	if (++j->at == j->max_len) {
		j->at = j->first;
		j->read_ahead = 0;
	}
	return ext4_block_get(j->fs, j->file.ino, block, b);
}

/* ---- Checksums ---- */

/* The checksum at the end of descriptor and revoke blocks. */
static bool tail_ok(const struct journal *j, const struct ext4_block *b)
{
	u32 at = j->fs->block_size - sizeof(be32);
	be32 zero = be32_put(0), stored;

	if (!has_checksums(j))
		return true;
	ext4_copy(&stored, b->data + at);
	return be32_get(stored) ==
	       ext4_crc32c(ext4_crc32c(j->seed, b->data, at), &zero, sizeof(zero));
}

static bool tag_ok(
	const struct journal *j, const struct tag *t, u32 sequence, const struct ext4_block *b)
{
	be32 number = be32_put(sequence);
	u32 crc;

	if (!has_checksums(j))
		return true;
	crc = ext4_crc32c(j->seed, &number, sizeof(number));
	crc = ext4_crc32c(crc, b->data, j->fs->block_size);
	if (!(j->incompat & JBD_INCOMPAT_CSUM_V3))
		crc &= 0xffff;
	return crc == t->checksum;
}

static bool commit_ok(const struct journal *j, const struct ext4_block *b)
{
	const u32 at = offsetof(struct jbd_commit, checksum), after = at + sizeof(be32);
	struct jbd_commit c;
	be32 zero = be32_put(0);
	u32 stored;

	ext4_copy(&c, b->data);
	stored = be32_get(c.checksum[0]);
	if (has_checksums(j)) {
		u32 crc = ext4_crc32c(j->seed, b->data, at);

		crc = ext4_crc32c(crc, &zero, sizeof(zero));
		crc = ext4_crc32c(crc, b->data + after, j->fs->block_size - after);
		return crc == stored;
	}
	if (!(j->compat & JBD_COMPAT_CHECKSUM) || (c.checksum_type == 0 && stored == 0))
		return true;
	return c.checksum_type == JBD_CHECKSUM_CRC32 && c.checksum_size == sizeof(be32) &&
	       stored == j->commit_crc;
}

/* ---- Descriptor blocks ---- */

/* Decode the tag at offset; false: it does not fit. */
static bool tag_read(const struct journal *j, const struct ext4_block *b, u32 offset, struct tag *t)
{
	u32 end = j->fs->block_size - (has_checksums(j) ? (u32)sizeof(be32) : 0);
	struct jbd_tag3 v3 = {0};
	struct jbd_tag old;

	if (j->incompat & JBD_INCOMPAT_CSUM_V3)
		t->bytes = sizeof(v3);
	else /* CSUM_V2 puts two bytes in between, by mistake, which is why there is a V3 */
		t->bytes = sizeof(old) + (j->incompat & JBD_INCOMPAT_CSUM_V2 ? 2 : 0) +
			   (j->incompat & JBD_INCOMPAT_64BIT ? sizeof(be32) : 0);
	if (offset + t->bytes > end)
		return false;
	if (j->incompat & JBD_INCOMPAT_CSUM_V3) {
		ext4_copy(&v3, b->data + offset);
		t->flags = be32_get(v3.flags);
		t->checksum = be32_get(v3.checksum);
	} else {
		ext4_copy(&old, b->data + offset);
		v3.block_lo = old.block_lo;
		t->flags = be16_get(old.flags);
		t->checksum = be16_get(old.checksum);
		if (j->incompat & JBD_INCOMPAT_64BIT)
			memcpy(&v3.block_hi, b->data + offset + sizeof(old), sizeof(be32));
	}
	t->block = be32_get(v3.block_lo);
	if (j->incompat & JBD_INCOMPAT_64BIT)
		t->block |= (u64)be32_get(v3.block_hi) << 32;
	if (!(t->flags & JBD_TAG_SAME_UUID))
		t->bytes += 16;
	return true;
}

static bool is_revoked(const struct journal *j, u64 block, u32 sequence)
{
	const struct ext4_block_map_slot *slot = ext4_block_map_find(&j->revoked, block);

	return slot && (s32)((u32)slot->value - sequence) >= 0;
}

/* The newest copy of t->block so far is journal block b. */
static int replay_tag(
	struct journal *j, const struct tag *t, u32 sequence, const struct ext4_block *b)
{
	struct ext4_block_map_slot *slot;
	be32 magic = be32_put(JBD_MAGIC);

	if (!tag_ok(j, t, sequence, b))
		return refuse(j, -EBADMSG, "a block in it has the wrong checksum");
	if (is_revoked(j, t->block, sequence))
		return 0;
	if (t->block >= j->fs->blocks)
		return refuse(j, -EUCLEAN, "names a block outside the file system");
	slot = ext4_block_map_add(&j->newest, t->block);
	if (!slot)
		return refuse(j, -EUCLEAN, "changes while it is read");
	kfree(slot->copy);
	slot->copy = NULL;
	slot->value = b->nr;
	if (t->flags & JBD_TAG_ESCAPED) {
		slot->copy = kmalloc(j->fs->block_size, ALLOC_WAIT);
		if (!slot->copy)
			return refuse(j, -ENOMEM, "memory is short");
		memcpy(slot->copy, b->data, j->fs->block_size);
		memcpy(slot->copy, &magic, sizeof(magic));
	}
	return 0;
}

/* A descriptor block and the blocks that its tags name. -ENOENT: the log ends here. */
static int walk_descriptor(struct journal *j, const struct ext4_block *descriptor, u32 sequence)
{
	bool crc = j->pass == PASS_SCAN && (j->compat & JBD_COMPAT_CHECKSUM) && !has_checksums(j);
	struct tag t = {0};

	if (!tail_ok(j, descriptor))
		j->damaged = true;
	if (crc)
		j->commit_crc = ext4_crc32_be(j->commit_crc, descriptor->data, j->fs->block_size);
	for (u32 at = sizeof(struct jbd_header); !(t.flags & JBD_TAG_LAST); at += t.bytes) {
		struct ext4_block b;
		int rc;

		if (!tag_read(j, descriptor, at, &t))
			return 0; /* full: the last tag need not say so */
		if (j->pass != PASS_REPLAY && !crc) {
			if (j->steps++ >= j->max_len - j->first)
				return -ENOENT;
			if (++j->at == j->max_len)
				j->at = j->first;
			j->read_ahead = 0;
			j->tags++;
			continue;
		}
		rc = log_next(j, &b);
		if (!rc && j->pass == PASS_REPLAY)
			rc = replay_tag(j, &t, sequence, &b);
		if (!rc && crc)
			j->commit_crc = ext4_crc32_be(j->commit_crc, b.data, j->fs->block_size);
		ext4_block_put(&b);
		j->tags++;
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- Revoke blocks ---- */

static int walk_revoke(struct journal *j, const struct ext4_block *b, u32 sequence)
{
	u32 size = j->incompat & JBD_INCOMPAT_64BIT ? sizeof(be64) : sizeof(be32);
	u32 room = j->fs->block_size - (has_checksums(j) ? (u32)sizeof(be32) : 0);
	struct jbd_revoke_header h;

	ext4_copy(&h, b->data);
	if (!tail_ok(j, b) || be32_get(h.bytes) > room)
		j->damaged = true;
	for (u32 at = sizeof(h); at + size <= MIN(be32_get(h.bytes), room); at += size) {
		struct ext4_block_map_slot *slot;
		be64 wide;
		be32 narrow;

		j->revokes++;
		if (j->pass != PASS_REVOKE)
			continue;
		memcpy(&wide, b->data + at, size);
		ext4_copy(&narrow, b->data + at);
		slot = ext4_block_map_add(
			&j->revoked, size == sizeof(wide) ? be64_get(wide) : be32_get(narrow));
		if (!slot)
			return refuse(j, -EUCLEAN, "changes while it is read");
		slot->value = sequence;
	}
	return 0;
}

/* ---- The passes ---- */

/*
 * The commit block of transaction sequence is damaged. The next transaction begins only after a commit
 * has reached the disk: when there is one, this is no torn write. Otherwise the log ends here.
 */
static int torn_commit(struct journal *j, u32 sequence)
{
	struct jbd_header h;
	struct ext4_block b;
	int rc = log_next(j, &b);

	if (rc)
		return rc;
	ext4_copy(&h, b.data);
	ext4_block_put(&b);
	if (be32_get(h.magic) != JBD_MAGIC || be32_get(h.sequence) != sequence + 1)
		return -ENOENT;
	return refuse(j, -EBADMSG, "a commit block in it is damaged");
}

/* A commit block ends transaction sequence. -ENOENT: it is not committed after all. */
static int walk_commit(struct journal *j, const struct ext4_block *b, u32 sequence)
{
	if (j->pass == PASS_SCAN) {
		if (!commit_ok(j, b))
			return torn_commit(j, sequence);
		if (j->damaged)
			return refuse(j, -EBADMSG, "a committed transaction in it is damaged");
	}
	j->nr_tags += j->tags;
	j->nr_revokes += j->revokes;
	j->tags = j->revokes = 0;
	j->commit_crc = ~0u;
	return 0;
}

/* One walk over the log. In the scan, to wherever it ends; later to j->end. */
static int walk_log(struct journal *j, enum pass pass)
{
	u32 sequence = j->sequence;
	int rc = 0;

	j->pass = pass;
	j->at = j->start;
	j->steps = j->read_ahead = 0;
	j->tags = j->revokes = j->nr_tags = j->nr_revokes = 0;
	j->damaged = false;
	j->commit_crc = ~0u;
	while (!rc && (pass == PASS_SCAN || sequence != j->end)) {
		struct jbd_header h;
		struct ext4_block b;

		rc = log_next(j, &b);
		if (rc)
			break;
		ext4_copy(&h, b.data);
		if (be32_get(h.magic) != JBD_MAGIC || be32_get(h.sequence) != sequence)
			rc = -ENOENT;
		else if (be32_get(h.block_type) == JBD_DESCRIPTOR)
			rc = walk_descriptor(j, &b, sequence);
		else if (be32_get(h.block_type) == JBD_REVOKE)
			rc = walk_revoke(j, &b, sequence);
		else if (be32_get(h.block_type) == JBD_COMMIT)
			rc = walk_commit(j, &b, sequence);
		else
			rc = -ENOENT;
		if (!rc && be32_get(h.block_type) == JBD_COMMIT)
			sequence++;
		ext4_block_put(&b);
	}
	if (pass == PASS_SCAN)
		j->end = sequence;
	return rc == -ENOENT && pass == PASS_SCAN ? 0 : rc;
}

/* ---- The journal's own super block ---- */

static int check_super(struct journal *j, const struct jbd_super *s, u64 file_blocks)
{
	u32 type = be32_get(s->header.block_type), at = offsetof(struct jbd_super, checksum);

	if (be32_get(s->header.magic) != JBD_MAGIC ||
		(type != JBD_SUPER_V1 && type != JBD_SUPER_V2))
		return refuse(j, -EUCLEAN, "has no super block");
	if (type == JBD_SUPER_V2) {
		j->compat = be32_get(s->feature_compat);
		j->incompat = be32_get(s->feature_incompat);
	}
	if (j->incompat & JBD_INCOMPAT_FAST_COMMIT)
		return refuse(j, -EOPNOTSUPP, "uses fast commits, which are not supported");
	if (j->incompat & ~JBD_INCOMPAT_KNOWN)
		return refuse(j, -EOPNOTSUPP, "uses an unknown feature");
	if (has_checksums(j)) {
		be32 zero = be32_put(0);
		u32 crc = ext4_crc32c(~0u, s, at);

		crc = ext4_crc32c(crc, &zero, sizeof(zero));
		crc = ext4_crc32c(crc, s->skip_100, sizeof(*s) - at - sizeof(zero));
		if (s->checksum_type != JBD_CHECKSUM_CRC32C)
			return refuse(j, -EOPNOTSUPP, "uses an unknown checksum");
		if (crc != be32_get(s->checksum))
			return refuse(j, -EBADMSG, "its super block has the wrong checksum");
		j->seed = ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));
	}
	j->first = be32_get(s->first);
	j->max_len = be32_get(s->max_len);
	j->start = be32_get(s->start);
	j->sequence = be32_get(s->sequence);
	if (be32_get(s->block_size) != j->fs->block_size)
		return refuse(j, -EUCLEAN, "has another block size");
	if (j->first == 0 || j->first >= j->max_len || j->max_len > file_blocks)
		return refuse(j, -EUCLEAN, "is shorter than it says");
	if (j->start && (j->start < j->first || j->start >= j->max_len))
		return refuse(j, -EUCLEAN, "begins outside itself");
	return 0;
}

static int journal_open(struct journal *j)
{
	struct ext4 *fs = j->fs;
	struct ext4_disk_inode d;
	struct jbd_super s;
	struct ext4_block b;
	u64 block, blocks;
	u32 count;
	int rc;

	if (fs->journal_ino == 0)
		return refuse(j, -EOPNOTSUPP, "lies on another device");
	rc = ext4_inode_read(fs, fs->journal_ino, &d);
	if (rc)
		return refuse(j, rc, "its inode cannot be used");
	ext4_file_init(&j->file, fs->journal_ino, &d);
	if ((le16_get(d.mode) & S_IFMT) != S_IFREG)
		return refuse(j, -EUCLEAN, "is no file");
	blocks = (le32_get(d.size_lo) | (u64)le32_get(d.size_high) << 32) >> fs->block_bits;
	if (blocks > fs->blocks || blocks > UINT32_MAX)
		return refuse(j, -EUCLEAN, "is larger than the file system");
	rc = journal_map(j, 0, &block, &count);
	if (!rc)
		rc = ext4_block_get(fs, fs->journal_ino, block, &b);
	if (rc)
		return rc;
	ext4_copy(&s, b.data);
	ext4_block_put(&b);
	return check_super(j, &s, blocks);
}

int ext4_journal_replay(struct ext4 *fs)
{
	struct journal j = {.fs = fs};
	int rc = journal_open(&j);

	if (rc || j.start == 0)
		return rc;
	rc = walk_log(&j, PASS_SCAN);
	if (!rc)
		rc = ext4_block_map_init(&j.revoked, j.nr_revokes);
	if (!rc)
		rc = walk_log(&j, PASS_REVOKE);
	if (!rc)
		rc = ext4_block_map_init(&j.newest, j.nr_tags);
	if (!rc)
		rc = walk_log(&j, PASS_REPLAY);
	ext4_block_map_release(&j.revoked);
	if (rc) {
		ext4_block_map_release(&j.newest);
		return rc;
	}
	fs->replay = j.newest; /* only now: until here the journal itself was read as it lies */
	printk("%s: not cleanly unmounted; %u transactions of the journal replayed into memory "
	       "(%llu "
	       "blocks)",
		fs->name, j.end - j.sequence, (unsigned long long)j.nr_tags);
	return 0;
}
