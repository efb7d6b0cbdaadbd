/*
 * See image.h. A region is a structure with a checksum of its own, or a block without one. They are found
 * once, in the undamaged image, by the shortest reader that does: everything in a super block, a group
 * descriptor or an inode is believed here.
 *
 *	super block | descriptors | inodes in use, each with its blocks of extents, pointers and names |
 *	the first blocks of the journal
 */
#include "tests/fuzz/ext4/image.h"
#include "fs/ext4/internal.h"
#include "kernel/string.h"

#define BLOCK	1024u /* of every image */
#define REGIONS 1024
/* The first ones are enough. */
#define JOURNAL_BLOCKS	 16
#define DIRECTORY_BLOCKS 5
#define IMAGE_MAX	 (4u << 20)

enum kind { SUPER, GROUP, INODE, LEAF, TREE, EXTENTS, PLAIN };

struct region {
	u32 at, size;
	u32 number; /* of the group, or of the inode that it is or belongs to */
	enum kind kind;
	bool changed;
};

struct image {
	const char *name;
	const u8 *pristine;
	u64 size;
	u8 *bytes;
	struct region regions[REGIONS];
	u32 nr_regions;
	bool checksums;
	u8 dirty[IMAGE_MAX / BLOCK]; /* blocks that differ from pristine */
};

/* fuzz.mk puts them there. */
extern const u8 image_plain[], image_plain_end[], image_checked[], image_checked_end[],
	image_journal[], image_journal_end[], image_summed[], image_summed_end[];
extern u8 image_copy_plain[], image_copy_checked[], image_copy_journal[], image_copy_summed[];

static struct image images[IMAGES];

u8 *image_bytes(struct image *im)
{
	return im->bytes;
}

u64 image_size(const struct image *im)
{
	return im->size;
}

const char *image_name(const struct image *im)
{
	return im->name;
}

/* ---- Finding regions ---- */

static void add(struct image *im, u64 at, u32 size, u32 number, enum kind kind)
{
	if (im->nr_regions == REGIONS || at + size > im->size)
		fuzz_fail("%s: a region at %llu", im->name, (unsigned long long)at);
	im->regions[im->nr_regions++] = (struct region){(u32)at, size, number, kind, false};
}

static const struct ext4_disk_super *super_of(const struct image *im)
{
	return (const void *)(im->bytes + EXT4_SUPER_OFFSET);
}

static u32 group_size(const struct image *im)
{
	const struct ext4_disk_super *s = super_of(im);

	return le32_get(s->feature_incompat) & EXT4_INCOMPAT_64BIT ? le16_get(s->desc_size)
								   : EXT4_GROUP_SIZE_32BIT;
}

static u32 inode_place(const struct image *im, u32 ino)
{
	const struct ext4_disk_super *s = super_of(im);
	u32 per_group = le32_get(s->inodes_per_group);
	const struct ext4_disk_group *g =
		(const void *)(im->bytes + 2 * BLOCK + (ino - 1) / per_group * group_size(im));

	return le32_get(g->inode_table_lo) * BLOCK +
	       (ino - 1) % per_group * le16_get(s->inode_size);
}

static const struct ext4_disk_inode *inode_at(const struct image *im, u32 ino)
{
	return (const void *)(im->bytes + inode_place(im, ino));
}

/* A block that holds what belongs to the file: names, or the journal's. */
static void add_content(struct image *im, u32 ino, u32 lblk, u32 block)
{
	const struct ext4_disk_inode *d = inode_at(im, ino);
	bool tree = (le32_get(d->flags) & EXT4_INODE_INDEX) && lblk == 0;

	if (S_ISDIR(le16_get(d->mode)) && lblk < DIRECTORY_BLOCKS)
		add(im, block * BLOCK, BLOCK, ino, tree ? TREE : LEAF);
	else if (ino == le32_get(super_of(im)->journal_inum) && lblk < JOURNAL_BLOCKS)
		add(im, block * BLOCK, BLOCK, ino, PLAIN);
}

static void add_extents(struct image *im, u32 ino, const u8 *node)
{
	const struct ext4_disk_extent_header *h = (const void *)node;
	const struct ext4_disk_extent *e = (const void *)(h + 1);
	const struct ext4_disk_extent_index *x = (const void *)(h + 1);

	for (u32 i = 0; i < le16_get(h->entries); i++) {
		if (le16_get(h->depth)) {
			u32 block = le32_get(x[i].leaf_lo);

			add(im, block * BLOCK, BLOCK, ino, EXTENTS);
			add_extents(im, ino, im->bytes + block * BLOCK);
			continue;
		}
		for (u32 k = 0; k < le16_get(e[i].len); k++)
			add_content(im, ino, le32_get(e[i].block) + k, le32_get(e[i].start_lo) + k);
	}
}

/* Pointers below block, which maps the file from *lblk on. */
static void add_pointers(struct image *im, u32 ino, u32 block, unsigned levels, u32 *lblk)
{
	const le32 *pointers = (const void *)(im->bytes + block * BLOCK);

	if (levels == 0) {
		if (block)
			add_content(im, ino, *lblk, block);
		++*lblk;
		return;
	}
	if (!block) {
		*lblk += levels == 1 ? BLOCK / 4 : BLOCK / 4 * (BLOCK / 4);
		return;
	}
	add(im, block * BLOCK, BLOCK, ino, PLAIN);
	for (u32 i = 0; i < BLOCK / 4; i++)
		add_pointers(im, ino, le32_get(pointers[i]), levels - 1, lblk);
}

static void add_inode(struct image *im, u32 ino)
{
	const struct ext4_disk_inode *d = inode_at(im, ino);
	u32 mode = le16_get(d->mode), lblk = 0;

	if (!le16_get(d->links_count) || !(S_ISDIR(mode) || S_ISREG(mode) || S_ISLNK(mode)))
		return;
	add(im, inode_place(im, ino), le16_get(super_of(im)->inode_size), ino, INODE);
	if (S_ISLNK(mode) && le32_get(d->size_lo) < 60)
		return;
	if (le32_get(d->flags) & EXT4_INODE_EXTENTS) {
		add_extents(im, ino, (const u8 *)d->block);
		return;
	}
	for (u32 i = 0; i < EXT4_NR_BLOCK_WORDS - 1; i++)
		add_pointers(im, ino, le32_get(d->block[i]), i < 12 ? 0 : i - 11, &lblk);
}

static void find_regions(struct image *im)
{
	const struct ext4_disk_super *s = super_of(im);
	u32 groups = 1 + (le32_get(s->blocks_count_lo) - 2) / le32_get(s->blocks_per_group);

	add(im, EXT4_SUPER_OFFSET, sizeof(*s), 0, SUPER);
	for (u32 i = 0; i < groups; i++)
		add(im, 2 * BLOCK + i * group_size(im), group_size(im), i, GROUP);
	for (u32 ino = EXT4_ROOT_INO; ino <= le32_get(s->inodes_count); ino++)
		/* Empty files are all alike: the first few will do. */
		if (le32_get(inode_at(im, ino)->size_lo) || ino < 20)
			add_inode(im, ino);
	im->checksums = le32_get(s->feature_ro_compat) & EXT4_RO_COMPAT_METADATA_CSUM;
}

/* Making all checksums again must change nothing; otherwise damage would not get past them. */
static void check_repair(struct image *im)
{
	for (u32 i = 0; i < im->nr_regions; i++)
		im->regions[i].changed = true;
	image_repair(im);
	if (memcmp(im->bytes, im->pristine, im->size) != 0)
		fuzz_fail("%s: other checksums than mke2fs's", im->name);
}

void image_init(void)
{
	static const struct {
		const char *name;
		const u8 *from, *end;
		u8 *copy;
	} embedded[IMAGES] = {
		{"plain", image_plain, image_plain_end, image_copy_plain},
		{"checked", image_checked, image_checked_end, image_copy_checked},
		{"journal", image_journal, image_journal_end, image_copy_journal},
		{"summed", image_summed, image_summed_end, image_copy_summed},
	};

	ext4_checksum_init();
	for (unsigned i = 0; i < IMAGES; i++) {
		struct image *im = &images[i];

		im->name = embedded[i].name;
		im->pristine = embedded[i].from;
		im->size = (u64)(embedded[i].end - embedded[i].from);
		im->bytes = embedded[i].copy;
		memcpy(im->bytes, im->pristine, im->size);
		find_regions(im);
		check_repair(im);
	}
}

/* ---- Changing ---- */

struct image *image_choose(unsigned n)
{
	struct image *im = &images[n % IMAGES];

	for (u64 i = 0; i < im->size / BLOCK; i++) {
		if (im->dirty[i])
			memcpy(im->bytes + i * BLOCK, im->pristine + i * BLOCK, BLOCK);
		im->dirty[i] = 0;
	}
	for (u32 i = 0; i < im->nr_regions; i++)
		im->regions[i].changed = false;
	return im;
}

/* len bytes at offset of r become those at from. */
static void write_region(struct image *im, struct region *r, u32 offset, const void *from, u32 len)
{
	if (len > r->size)
		len = r->size;
	offset %= r->size - len + 1;
	memmove(im->bytes + r->at + offset, from, len);
	r->changed = true;
	im->dirty[r->at / BLOCK] = 1;
}

static struct region *region_at(struct image *im, u32 n)
{
	return &im->regions[n % im->nr_regions];
}

void image_change(struct image *im, u8 how, struct fuzz_input *in)
{
	static const u32 words[] = {0, 1, 2, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff, 0x8000,
		0x8001, 12, 1024, 255, 0x10000, 0xf30a, 0x41ed, 0xa1ff};
	u32 which = fuzz_u8(in) | (u32)(how >> 3 & 3) << 8, offset = fuzz_u16(in);
	u32 value = fuzz_u32(in), old;
	struct region *r = region_at(im, which), *other;

	if (how & 0x20) /* headers are where it counts */
		offset %= 64;
	switch (how & 7) {
	case 0:
		write_region(im, r, offset, &value, 1);
		break;
	case 1:
		write_region(im, r, offset & ~1u, &value, 2);
		break;
	case 2:
		write_region(im, r, offset & ~3u, &value, 4);
		break;
	case 3:
		write_region(im, r, offset & ~1u, &words[value % ARRAY_SIZE(words)], 2);
		break;
	case 4:
		write_region(im, r, offset & ~3u, &words[value % ARRAY_SIZE(words)], 4);
		break;
	case 5: /* a little more or less */
		offset &= ~3u;
		memcpy(&old, im->bytes + r->at + offset % (r->size - 3), 4);
		old += (u32)(s32)(s8)value;
		write_region(im, r, offset % (r->size - 3), &old, 4);
		break;
	case 6: /* what means something elsewhere */
		other = region_at(im, value & 0x3ff);
		write_region(im, r, offset & ~3u,
			im->bytes + other->at + (value >> 16 & ~3u) % (other->size - 15),
			value >> 12 & 1 ? 4 : 16);
		break;
	default: /* all of another structure */
		other = region_at(im, value & 0x3ff);
		write_region(im, r, 0, im->bytes + other->at, MIN(r->size, other->size));
	}
}

/* ---- Checksums ---- */

static u32 file_system_seed(const struct image *im)
{
	const struct ext4_disk_super *s = super_of(im);

	return le32_get(s->feature_incompat) & EXT4_INCOMPAT_CSUM_SEED
		       ? le32_get(s->checksum_seed)
		       : ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));
}

static u32 file_seed(const struct image *im, u32 ino)
{
	le32 number = le32_put(ino), generation;
	u32 place = 0; /* in the undamaged image */

	for (u32 i = 0; i < im->nr_regions && !place; i++)
		if (im->regions[i].kind == INODE && im->regions[i].number == ino)
			place = im->regions[i].at;
	memcpy(&generation, im->bytes + place + offsetof(struct ext4_disk_inode, generation), 4);
	return ext4_crc32c(
		ext4_crc32c(file_system_seed(im), &number, sizeof(number)), &generation, 4);
}

static void repair_inode(struct image *im, const struct region *r)
{
	struct ext4_disk_inode *d = (void *)(im->bytes + r->at);
	u32 crc;

	d->checksum_lo = le16_put(0);
	if (le16_get(d->extra_isize) >= 4)
		d->checksum_hi = le16_put(0);
	crc = ext4_crc32c(file_seed(im, r->number), d, r->size);
	d->checksum_lo = le16_put((u16)crc);
	if (le16_get(d->extra_isize) >= 4)
		d->checksum_hi = le16_put((u16)(crc >> 16));
}

static void repair_group(struct image *im, const struct region *r)
{
	struct ext4_disk_group *g = (void *)(im->bytes + r->at);
	le32 number = le32_put(r->number);

	g->checksum = le16_put(0);
	g->checksum = le16_put((u16)ext4_crc32c(
		ext4_crc32c(file_system_seed(im), &number, sizeof(number)), g, r->size));
}

static void repair_leaf(struct image *im, const struct region *r)
{
	u32 at = r->size - sizeof(struct ext4_disk_dirent_tail);
	struct ext4_disk_dirent_tail *tail = (void *)(im->bytes + r->at + at);

	*tail = (struct ext4_disk_dirent_tail){
		.rec_len = le16_put(sizeof(*tail)), .file_type = EXT4_DIRENT_TAIL_TYPE};
	tail->checksum = le32_put(ext4_crc32c(file_seed(im, r->number), im->bytes + r->at, at));
}

static void repair_tree(struct image *im, const struct region *r)
{
	const u32 entries = EXT4_DX_ROOT_INFO + sizeof(struct ext4_disk_dx_info);
	u8 *block = im->bytes + r->at;
	struct ext4_disk_dx_count *c = (void *)(block + entries);
	u32 at = entries + le16_get(c->limit) * (u32)sizeof(struct ext4_disk_dx_entry);
	struct ext4_disk_dx_tail *tail = (void *)(block + at);
	u32 crc;

	if (at + sizeof(*tail) > r->size || le16_get(c->count) > le16_get(c->limit))
		return;
	crc = ext4_crc32c(file_seed(im, r->number), block,
		entries + le16_get(c->count) * sizeof(struct ext4_disk_dx_entry));
	tail->checksum = le32_put(0);
	tail->checksum = le32_put(ext4_crc32c(crc, tail, sizeof(*tail)));
}

static void repair_extents(struct image *im, const struct region *r)
{
	struct ext4_disk_extent_header *h = (void *)(im->bytes + r->at);
	u32 tail = (le16_get(h->max) + 1u) * (u32)sizeof(struct ext4_disk_extent);
	le32 crc;

	if (tail + sizeof(crc) > r->size)
		return;
	crc = le32_put(ext4_crc32c(file_seed(im, r->number), h, tail));
	memcpy((u8 *)h + tail, &crc, sizeof(crc));
}

/* The journal's super block and, version 3, its descriptor, revocation and commit blocks. */
static void repair_journal(struct image *im, const struct region *r)
{
	struct jbd_header *h = (void *)(im->bytes + r->at);
	struct jbd_super *s = (void *)h;
	u32 seed = file_system_seed(im); /* the journal has the same UUID */
	u32 type = be32_get(h->block_type);
	be32 *tail = (void *)(im->bytes + r->at + r->size - sizeof(*tail));

	if (be32_get(h->magic) != JBD_MAGIC)
		return;
	if (type == JBD_SUPER_V2) {
		s->checksum = be32_put(0);
		s->checksum = be32_put(ext4_crc32c(~0u, s, sizeof(*s)));
	} else if (type == JBD_DESCRIPTOR || type == JBD_REVOKE) {
		*tail = be32_put(0);
		*tail = be32_put(ext4_crc32c(seed, h, r->size));
	} else if (type == JBD_COMMIT) {
		be32 *checksum = (void *)((u8 *)h + 16);

		*checksum = be32_put(0);
		*checksum = be32_put(ext4_crc32c(seed, h, r->size));
	}
}

static void repair_region(struct image *im, const struct region *r)
{
	struct ext4_disk_super *s = (void *)(im->bytes + EXT4_SUPER_OFFSET);

	im->dirty[r->at / BLOCK] = 1;
	switch (r->kind) {
	case SUPER:
		s->checksum =
			le32_put(ext4_crc32c(~0u, s, offsetof(struct ext4_disk_super, checksum)));
		break;
	case GROUP:
		repair_group(im, r);
		break;
	case INODE:
		repair_inode(im, r);
		break;
	case LEAF:
		repair_leaf(im, r);
		break;
	case TREE:
		repair_tree(im, r);
		break;
	case EXTENTS:
		repair_extents(im, r);
		break;
	case PLAIN:
		repair_journal(im, r);
		break;
	}
}

void image_repair(struct image *im)
{
	bool inodes[512] = {false};

	if (!im->checksums)
		return;
	/* The checksums of a file's blocks begin with its inode's generation. */
	for (u32 i = 0; i < im->nr_regions; i++) {
		struct region *r = &im->regions[i];
		u32 ino = r->kind == GROUP ? 0 : r->number % ARRAY_SIZE(inodes);

		if (r->kind == INODE && r->changed)
			inodes[ino] = true;
		if (r->changed || inodes[ino])
			repair_region(im, r);
		r->changed = false;
	}
}
