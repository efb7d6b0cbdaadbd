/*
 * Contents of regular files: pages of the file's mapping are filled straight from the device, without
 * a copy in the device's own page cache.
 *
 *   read_pages(pages) -> for each block of each page: where it lies
 *                        next to the last one: the request grows; otherwise a new request
 *                     -> zeros for holes, unwritten space and what lies behind the end
 *
 * One call makes one struct read. A page ends its load when the last segment that belongs to it has
 * arrived; segments are counted in the page's slot. An error fails the pages of its request only.
 *
 * Locking: slots and the read's count are atomic; the rest is written before the first request goes
 * out. Requests complete in interrupts, on any CPU.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/generic.h"

struct slot {
	struct page *page;
	u32 pending; /* segments on their way, and the builder; atomic */
	int error;   /* any of the errors; racy stores of negative numbers */
};

struct read {
	struct ext4 *fs;
	u32 ino;
	u32 refs;  /* requests, and the builder; atomic */
	u64 first; /* page index of slots[0] */
	u64 size;  /* of the file, when the read began */
	struct slot slots[];
};

struct request {
	struct block_request rq;
	struct read *read;
	u64 next_sector; /* what would continue it */
	struct block_segment segments[BLOCK_MAX_SEGMENTS];
};

/* The builder's state: the request that grows, and what is known about the mapping. */
struct builder {
	struct read *read;
	struct ext4_file *file;
	struct request *open; /* NULL: none */
	struct ext4_run run;  /* count 0: none */
};

/* ---- Completion ---- */

static void read_put(struct read *r)
{
	if (atomic_sub_return(&r->refs, 1u) == 0)
		kfree(r);
}

/* One segment less, or the builder is done with the page. Context: any. */
static void slot_put(struct read *r, struct slot *s)
{
	u64 start;

	if (atomic_sub_return(&s->pending, 1u) != 0)
		return;
	start = s->page->index << PAGE_SHIFT;
	if (r->size < start + PAGE_SIZE && r->size > start) /* no stale bytes behind the end */
		memset((char *)page_address(s->page) + (r->size - start), 0,
			start + PAGE_SIZE - r->size);
	page_load_end(s->page, READ_ONCE(s->error));
}

static void slot_fail(struct slot *s, int error)
{
	WRITE_ONCE(s->error, error);
}

/* Context: interrupt, or the submitter. */
static void request_done(struct block_request *rq, int status)
{
	struct request *q = container_of(rq, struct request, rq);
	struct read *r = q->read;

	if (status)
		ext4_error(r->fs, status, r->ino, rq->sector >> (r->fs->block_bits - 9),
			"file contents cannot be read");
	for (u32 i = 0; i < rq->nr_segments; i++) {
		struct slot *s = &r->slots[rq->segments[i].page->index - r->first];

		if (status)
			slot_fail(s, status);
		slot_put(r, s);
	}
	kfree(q);
	read_put(r);
}

/* ---- Building ---- */

static void request_submit(struct builder *b)
{
	if (b->open)
		block_submit(&b->open->rq);
	b->open = NULL;
}

static struct request *request_begin(struct builder *b, u64 sector)
{
	struct request *q = kmalloc(sizeof(*q), ALLOC_WAIT);

	if (!q)
		return NULL;
	q->rq = (struct block_request){
		.op = BLOCK_READ,
		.sector = sector,
		.dev = b->read->fs->dev,
		.segments = q->segments,
		.done = request_done,
	};
	q->read = b->read;
	q->next_sector = sector;
	atomic_add(&b->read->refs, 1u);
	b->open = q;
	return q;
}

/* Read block_size bytes from block into the slot's page at offset. 0 or -ENOMEM. */
static int add_block(struct builder *b, struct slot *s, u32 offset, u64 block)
{
	struct ext4 *fs = b->read->fs;
	u64 sector = block << (fs->block_bits - BLOCK_SECTOR_SHIFT);
	struct request *q = b->open;

	if (q && q->next_sector == sector) {
		struct block_segment *last = &q->segments[q->rq.nr_segments - 1];

		if (last->page == s->page && last->offset + last->length == offset) {
			last->length += fs->block_size;
			q->next_sector += fs->block_size >> BLOCK_SECTOR_SHIFT;
			return 0;
		}
	}
	if (!q || q->next_sector != sector || q->rq.nr_segments == BLOCK_MAX_SEGMENTS) {
		request_submit(b);
		q = request_begin(b, sector);
		if (!q)
			return -ENOMEM;
	}
	q->segments[q->rq.nr_segments++] =
		(struct block_segment){.page = s->page, .offset = offset, .length = fs->block_size};
	q->next_sector += fs->block_size >> BLOCK_SECTOR_SHIFT;
	atomic_add(&s->pending, 1u);
	return 0;
}

/* The same for block lblk of the file, wherever it lies. */
static int add_file_block(struct builder *b, struct slot *s, u32 offset, u32 lblk)
{
	struct ext4 *fs = b->read->fs;
	char *to = (char *)page_address(s->page) + offset;
	const struct ext4_block_map_slot *copy;
	u64 block;

	if (lblk - b->run.first >= b->run.count) {
		int rc = ext4_map(fs, b->file, lblk, &b->run);

		if (rc) {
			b->run.count = 0;
			return rc;
		}
	}
	if (b->run.block == 0) {
		memset(to, 0, fs->block_size);
		return 0;
	}
	block = b->run.block + (lblk - b->run.first);
	copy = ext4_block_map_find(&fs->replay, block);
	if (copy && copy->copy) {
		memcpy(to, copy->copy, fs->block_size);
		return 0;
	}
	return add_block(b, s, offset, copy ? copy->value : block);
}

static void fill_page(struct builder *b, struct slot *s)
{
	struct read *r = b->read;
	u32 block_size = r->fs->block_size;
	u64 start = s->page->index << PAGE_SHIFT;

	for (u32 offset = 0; offset < PAGE_SIZE; offset += block_size) {
		if (start + offset >= r->size) {
			memset((char *)page_address(s->page) + offset, 0, PAGE_SIZE - offset);
			break;
		}
		int rc = add_file_block(b, s, offset, (u32)((start + offset) >> r->fs->block_bits));

		if (rc) {
			slot_fail(s, rc);
			break;
		}
	}
	slot_put(r, s);
}

static void ext4_read_pages(struct mapping *m, struct page **pages, unsigned n)
{
	struct ext4_inode *inode = ext4_inode_of(m->host);
	struct read *r = kmalloc(sizeof(*r) + n * sizeof(r->slots[0]), ALLOC_WAIT);
	struct builder b = {.read = r, .file = &inode->file};

	if (!r) {
		for (unsigned i = 0; i < n; i++)
			page_load_end(pages[i], -ENOMEM);
		return;
	}
	*r = (struct read){
		.fs = ext4_of(m->host->sb),
		.ino = inode->file.ino,
		.refs = 1,
		.first = pages[0]->index,
		.size = READ_ONCE(inode->vfs.size),
	};
	for (unsigned i = 0; i < n; i++)
		r->slots[i] = (struct slot){.page = pages[i], .pending = 1};
	block_plug();
	for (unsigned i = 0; i < n; i++)
		fill_page(&b, &r->slots[i]);
	request_submit(&b);
	block_unplug();
	read_put(r);
}

const struct mapping_ops ext4_mapping_ops = {.read_pages = ext4_read_pages};
const struct inode_ops ext4_file_inode_ops = {0};
const struct file_ops ext4_file_ops = {.read = generic_file_read};
