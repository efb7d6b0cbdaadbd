/*
 * Metadata blocks: from the device's page cache, except that blocks which a replayed journal holds a
 * newer version of come from there. The file system itself is never written, so the journal's copies
 * stay where they are and only a map (block -> where the copy lies) is kept in memory. A copy that
 * differs in its first word from what the journal holds (an escaped block) is kept whole.
 *
 *   ext4_block_get -> replay map -> bdev_read_block
 *
 * The map is an open-addressing hash table, at most half full, built once by the replay.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"

/* Bytes read at once where one block of many alike is wanted. */
#define WINDOW (8 * PAGE_SIZE)

int ext4_error(struct ext4 *fs, int error, u32 ino, u64 nr, const char *what)
{
	if (!ratelimit_ok(&fs->errors))
		return error;
	if (ino && nr)
		printk("%s: inode %u, block %llu: %s", fs->name, ino, (unsigned long long)nr, what);
	else if (ino)
		printk("%s: inode %u: %s", fs->name, ino, what);
	else
		printk("%s: block %llu: %s", fs->name, (unsigned long long)nr, what);
	return error;
}

int ext4_block_get(struct ext4 *fs, u32 ino, u64 nr, struct ext4_block *b)
{
	const struct ext4_block_map_slot *copy = ext4_block_map_find(&fs->replay, nr);
	void *data;
	int rc;

	*b = (struct ext4_block){.nr = nr};
	if (nr >= fs->blocks)
		return ext4_error(fs, -EUCLEAN, ino, nr, "a block outside the file system");
	if (copy && copy->copy) {
		b->data = copy->copy;
		return 0;
	}
	rc = bdev_read_block(fs->dev, copy ? copy->value : nr, fs->block_size, &b->page, &data);
	if (rc) {
		b->page = NULL;
		/* Short of memory is not the disk's doing. */
		return rc == -ENOMEM ? rc : ext4_error(fs, rc, ino, nr, "cannot be read");
	}
	b->data = data;
	return 0;
}

void ext4_block_neighbours(struct ext4 *fs, u64 nr, u64 first, u64 count)
{
	struct mapping *m = bdev_mapping(fs->dev);
	u64 window = WINDOW >> fs->block_bits, start = ALIGN_DOWN(nr - first, window);
	struct page *present;

	if (IS_ERR(m) || nr < first || nr - first >= count)
		return;
	present = page_cache_get(m, nr << fs->block_bits >> PAGE_SHIFT);
	if (present)
		page_put(present);
	else
		bdev_readahead(
			fs->dev, first + start, fs->block_size, (u32)MIN(window, count - start));
}

void ext4_block_put(struct ext4_block *b)
{
	if (b->page)
		page_put(b->page);
	*b = (struct ext4_block){.page = NULL};
}

bool ext4_block_verified(const struct ext4_block *b)
{
	return b->page && page_part_verified(b->page, b->data);
}

void ext4_block_set_verified(const struct ext4_block *b)
{
	if (b->page)
		page_part_set_verified(b->page, b->data);
}

/* The block's third unit stands for its entries. */
bool ext4_entries_verified(const struct ext4_block *b)
{
	return b->page && page_part_verified(b->page, b->data + 2 * PAGE_VERIFIED_UNIT);
}

void ext4_entries_set_verified(const struct ext4_block *b)
{
	if (b->page)
		page_part_set_verified(b->page, b->data + 2 * PAGE_VERIFIED_UNIT);
}

/*
 * Inodes are 128 bytes or more, and the second unit of each stands for it: an odd one of the block,
 * should something else take the block for its own.
 */
bool ext4_inode_verified(const struct ext4_block *b, const u8 *raw)
{
	return b->page && page_part_verified(b->page, raw + PAGE_VERIFIED_UNIT);
}

void ext4_inode_set_verified(const struct ext4_block *b, const u8 *raw)
{
	if (b->page)
		page_part_set_verified(b->page, raw + PAGE_VERIFIED_UNIT);
}
static_assert(EXT4_INODE_SIZE_OLD >= 2 * PAGE_VERIFIED_UNIT, "an inode has a second unit");

/* ---- The map ---- */

int ext4_block_map_init(struct ext4_block_map *m, u64 nr)
{
	*m = (struct ext4_block_map){.bits = 4, .limit = nr};
	while (1ull << m->bits < 2 * nr)
		m->bits++;
	m->slots = vzalloc(sizeof(*m->slots) << m->bits);
	return m->slots ? 0 : -ENOMEM;
}

void ext4_block_map_release(struct ext4_block_map *m)
{
	if (!m->slots)
		return;
	for (u64 i = 0; i < 1ull << m->bits; i++)
		kfree(m->slots[i].copy);
	vfree(m->slots);
	*m = (struct ext4_block_map){.slots = NULL};
}

/* The slot that holds key, or the free one where it belongs. */
static struct ext4_block_map_slot *map_slot(const struct ext4_block_map *m, u64 key)
{
	u64 mask = (1ull << m->bits) - 1;
	u64 i = (key * 0x9e3779b97f4a7c15ull) >> (64 - m->bits);

	while (m->slots[i].key != 0 && m->slots[i].key != key)
		i = (i + 1) & mask;
	return &m->slots[i];
}

struct ext4_block_map_slot *ext4_block_map_find(const struct ext4_block_map *m, u64 block)
{
	if (likely(!m->slots))
		return NULL;

	struct ext4_block_map_slot *slot = map_slot(m, block + 1);

	return slot->key ? slot : NULL;
}

struct ext4_block_map_slot *ext4_block_map_add(struct ext4_block_map *m, u64 block)
{
	struct ext4_block_map_slot *slot = map_slot(m, block + 1);

	if (!slot->key && m->used++ >= m->limit)
		return NULL;
	slot->key = block + 1;
	return slot;
}
