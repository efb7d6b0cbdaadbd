/*
 * Disks as the guest finds them: contents, batches, queues, interrupts and errors, on the real
 * driver stack. Needs a disk written by tests/guest/make-pattern-disk, best several that differ
 * (read-only, with injected errors, fewer vectors); each test runs on all that suit it and skips
 * when there is none.
 */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/ktest.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/wait.h"

/* What sector 0 of a pattern disk says; every other sector holds its number 64 times. */
struct pattern_header {
	char magic[16];
	u64 sectors;
	u64 bad_sector;	    /* reading it fails (blkdebug), 0: none */
	u64 stalled_sector; /* reading it is never answered, 0: none */
};
static const char magic[16] = "unlazy pattern";

/* One read or write of up to one page. */
struct io {
	struct block_request rq;
	struct block_segment segment;
	u32 *left; /* atomic; requests of the group not done yet */
	struct completion *all_done;
	int status, times;
};

static void io_done(struct block_request *rq, int status)
{
	struct io *io = rq->private_data;

	io->status = status;
	io->times++;
	if (atomic_sub_return(io->left, 1u) == 0)
		complete(io->all_done);
}

static bool io_init(
	struct io *io, struct block_device *dev, enum block_op op, u64 sector, u32 bytes)
{
	*io = (struct io){.segment = {.page = page_alloc_zeroed(0, ALLOC_WAIT), .length = bytes}};
	io->rq = (struct block_request){
		.op = op,
		.nr_segments = 1,
		.sector = sector,
		.dev = dev,
		.segments = &io->segment,
		.done = io_done,
		.private_data = io,
	};
	return io->segment.page != NULL;
}

static u64 *io_words(struct io *io)
{
	return page_address(io->segment.page);
}

static bool io_right(struct io *io)
{
	for (u32 i = 0; i < io->segment.length / 8; i++)
		if (io_words(io)[i] != io->rq.sector + i / 64)
			return false;
	return true;
}

/* Submit n requests, plugged, and wait for all. */
static void io_run(struct io *ios, unsigned n)
{
	struct completion all_done;
	u32 left = n;

	completion_init(&all_done);
	block_plug();
	for (unsigned i = 0; i < n; i++) {
		ios[i].left = &left;
		ios[i].all_done = &all_done;
		block_submit(&ios[i].rq);
	}
	block_unplug();
	wait_for_completion(&all_done);
}

static int read_header(struct block_device *dev, struct pattern_header *header)
{
	struct io io;

	if (dev->sectors == 0 || !io_init(&io, dev, BLOCK_READ, 0, dev->logical_block))
		return -ENOMEM;
	io_run(&io, 1);
	memcpy(header, io_words(&io), sizeof(*header));
	page_put(io.segment.page);
	return io.status;
}

/* The next pattern disk at or after *index; NULL when there is none. */
static struct block_device *next_disk(unsigned *index, struct pattern_header *header)
{
	struct block_device *dev;

	while ((dev = block_nth((*index)++)) != NULL)
		if (read_header(dev, header) == 0 &&
			memcmp(header->magic, magic, sizeof(magic)) == 0 &&
			header->sectors == dev->sectors) /* not a RAM disk cut short */
			return dev;
	return NULL;
}

/* Run fn on every pattern disk; its result counts the disks it could use. */
static void on_disks(unsigned (*fn)(struct block_device *dev, const struct pattern_header *header))
{
	struct pattern_header header;
	struct block_device *dev;
	unsigned index = 0, used = 0;

	while ((dev = next_disk(&index, &header)) != NULL)
		used += fn(dev, &header);
	if (used == 0)
		ktest_skip("no pattern disk that suits");
}

#define CHECK_OR_0(c)                                                                              \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			ktest_fail(__FILE__, __LINE__, "%s: %s", dev->name, #c);                   \
			return 0;                                                                  \
		}                                                                                  \
	} while (0)

static unsigned known_sectors(struct block_device *dev, const struct pattern_header *header)
{
	u64 last = header->sectors - 8;
	u64 sectors[] = {8, 16, 800, last};

	for (unsigned i = 0; i < ARRAY_SIZE(sectors); i++) {
		struct io io;

		CHECK_OR_0(io_init(&io, dev, BLOCK_READ, sectors[i], PAGE_SIZE));
		io_run(&io, 1);
		CHECK_OR_0(io.status == 0 && io.times == 1);
		CHECK_OR_0(io_right(&io));
		page_put(io.segment.page);
	}
	return 1;
}

KTEST(block_reads_known_sectors)
{
	on_disks(known_sectors);
}

#define BATCH 32

/* One kick tells the device of the whole batch, and interrupts, not polling, bring it back. */
static unsigned batch(struct block_device *dev, const struct pattern_header *header)
{
	struct io *ios = kzalloc(BATCH * sizeof(*ios), ALLOC_WAIT);
	struct block_stats before, after;
	struct block_queue_stats queue;
	u64 polled = 0, deferred = 0;

	CHECK_OR_0(ios != NULL);
	for (unsigned i = 0; i < BATCH; i++)
		CHECK_OR_0(io_init(&ios[i], dev, BLOCK_READ, 8 + 8 * i, PAGE_SIZE));
	/* Earlier ones may have been polled: the watchdog looks while requests are out, however short. */
	for (unsigned i = 0; block_get_queue_stats(dev, i, &queue); i++) {
		deferred -= queue.deferred;
		polled -= queue.polled;
	}
	block_get_stats(dev, &before);
	io_run(ios, BATCH);
	block_get_stats(dev, &after);
	for (unsigned i = 0; i < BATCH; i++) {
		CHECK_OR_0(ios[i].status == 0 && ios[i].times == 1 && io_right(&ios[i]));
		page_put(ios[i].segment.page);
	}
	kfree(ios);
	CHECK_OR_0(after.reads - before.reads == BATCH);
	CHECK_OR_0(after.in_flight == 0 && header->sectors > 8 * BATCH);
	for (unsigned i = 0; block_get_queue_stats(dev, i, &queue); i++) {
		polled += queue.polled;
		deferred += queue.deferred;
	}
	if (after.interrupts == 0 || deferred)
		return 0; /* a RAM disk, no interrupts, or queues that are smaller than the batch */
	CHECK_OR_0(after.max_in_flight >= BATCH);
	CHECK_OR_0(after.kicks - before.kicks == 1);
	CHECK_OR_0(after.interrupts - before.interrupts >= 1);
	CHECK_OR_0(after.interrupts - before.interrupts <= BATCH);
	CHECK_OR_0(polled == 0);
	return 1;
}

KTEST(block_batch_is_one_kick_and_completes_by_interrupt)
{
	on_disks(batch);
}

#define MANY 600

/* More requests than any queue has slots for: the rest waits in software, all complete once. */
static unsigned many(struct block_device *dev, const struct pattern_header *header)
{
	struct block_queue_stats queue;
	unsigned wrong = 0;
	struct io *ios;

	if (header->bad_sector)
		return 0;
	ios = vzalloc(MANY * sizeof(*ios));
	CHECK_OR_0(ios != NULL);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_OR_0(io_init(&ios[i], dev, BLOCK_READ,
			8 + (i * 104729ull) % (header->sectors - 16) / 8 * 8, dev->logical_block));
	io_run(ios, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		wrong += ios[i].status != 0 || ios[i].times != 1 || !io_right(&ios[i]);
		page_put(ios[i].segment.page);
	}
	vfree(ios);
	CHECK_OR_0(wrong == 0);
	for (unsigned i = 0; block_get_queue_stats(dev, i, &queue); i++) {
		CHECK_OR_0(queue.in_flight == 0 && queue.waiting == 0);
		CHECK_OR_0(queue.submitted == queue.completed);
	}
	return 1;
}

KTEST(block_many_in_flight)
{
	on_disks(many);
}

/* A thread that sleeps with a plug is unplugged: the answer comes although nobody unplugs. */
static unsigned sleeping(struct block_device *dev, const struct pattern_header *header)
{
	struct completion all_done;
	struct io io;
	u32 left = 1;

	CHECK_OR_0(header->sectors > 16 && io_init(&io, dev, BLOCK_READ, 8, dev->logical_block));
	completion_init(&all_done);
	io.left = &left;
	io.all_done = &all_done;
	block_plug();
	block_submit(&io.rq);
	wait_for_completion(&all_done);
	block_unplug();
	page_put(io.segment.page);
	CHECK_OR_0(io.status == 0 && io.times == 1);
	return 1;
}

KTEST(block_sleeping_thread_is_unplugged)
{
	on_disks(sleeping);
}

static unsigned outside(struct block_device *dev, const struct pattern_header *header)
{
	const struct {
		u64 sector;
		u32 bytes;
	} cases[] = {{header->sectors, 512}, {header->sectors - 1, 1024}, {~0ull, 512},
		{1ull << 55, 512}, {8, 100}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct io io;

		CHECK_OR_0(io_init(&io, dev, BLOCK_READ, cases[i].sector, cases[i].bytes));
		io_run(&io, 1);
		page_put(io.segment.page);
		CHECK_OR_0(io.status == -EINVAL && io.times == 1);
	}
	return 1;
}

KTEST(block_outside_the_device)
{
	on_disks(outside);
}

static unsigned injected_error(struct block_device *dev, const struct pattern_header *header)
{
	struct io ios[3];

	if (header->bad_sector == 0)
		return 0;
	CHECK_OR_0(io_init(&ios[0], dev, BLOCK_READ, 8, 512));
	CHECK_OR_0(io_init(&ios[1], dev, BLOCK_READ, header->bad_sector, 512));
	CHECK_OR_0(io_init(&ios[2], dev, BLOCK_READ, 16, 512));
	io_run(ios, 3);
	for (unsigned i = 0; i < 3; i++)
		page_put(ios[i].segment.page);
	CHECK_OR_0(ios[0].status == 0 && ios[1].status == -EIO && ios[2].status == 0);
	return 1;
}

KTEST(block_read_error_is_eio_and_the_device_lives)
{
	on_disks(injected_error);
}

/* One unanswered request: all end with -EIO, once, and the device is given up. Kernel: blk_timeout=1. */
static unsigned stalled(struct block_device *dev, const struct pattern_header *header)
{
	struct io ios[3];

	if (header->stalled_sector == 0)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		CHECK_OR_0(io_init(&ios[i], dev, BLOCK_READ, header->stalled_sector, 512));
	io_run(ios, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_OR_0(ios[i].status == -EIO && ios[i].times == 1);
		ios[i].rq.sector = 8;
	}
	io_run(ios, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_OR_0(ios[i].status == -EIO && ios[i].times == 1 + 1);
		page_put(ios[i].segment.page);
	}
	return 1;
}

KTEST(block_stalled_device_is_given_up)
{
	on_disks(stalled);
}

static unsigned read_only(struct block_device *dev, const struct pattern_header *header)
{
	struct io io;

	if (!dev->read_only)
		return 0;
	CHECK_OR_0(io_init(&io, dev, BLOCK_WRITE, header->sectors - 8, 512));
	io_run(&io, 1);
	page_put(io.segment.page);
	CHECK_OR_0(io.status == -EROFS);
	return 1;
}

KTEST(block_read_only_refuses_writes)
{
	on_disks(read_only);
}

/* Writes what is there already, so that the disk is a pattern disk afterwards too. */
static unsigned writes(struct block_device *dev, const struct pattern_header *header)
{
	struct io io;

	if (dev->read_only || header->bad_sector || header->stalled_sector)
		return 0;
	CHECK_OR_0(io_init(&io, dev, BLOCK_WRITE, header->sectors - 8, PAGE_SIZE));
	for (unsigned value = 0; value < 2; value++) {
		for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
			io_words(&io)[i] = value ? io.rq.sector + i / 64 : ~0ull;
		io.rq.op = BLOCK_WRITE;
		io_run(&io, 1);
		CHECK_OR_0(io.status == 0);
		io.rq.op = BLOCK_FLUSH;
		io_run(&io, 1);
		CHECK_OR_0(io.status == 0);
		io.rq.op = BLOCK_READ;
		memset(io_words(&io), 0x11, PAGE_SIZE);
		io_run(&io, 1);
		CHECK_OR_0(io.status == 0);
		CHECK_OR_0(value ? io_right(&io) : io_words(&io)[511] == ~0ull);
	}
	page_put(io.segment.page);
	return 1;
}

KTEST(block_writes_are_read_back)
{
	on_disks(writes);
}

/* ---- One queue per CPU ---- */

struct reader {
	struct block_device *dev;
	u64 sectors;
	unsigned wrong;
	struct completion finished;
};

static void read_a_lot(void *arg)
{
	struct reader *r = arg;
	struct io *ios = vzalloc(BATCH * sizeof(*ios));

	for (unsigned round = 0; ios && round < 8; round++) {
		for (unsigned i = 0; i < BATCH; i++) {
			u64 sector = 8 + (round * 7919ull + i * 613 + this_cpu_id() * 31) % 500 * 8;

			if (!io_init(&ios[i], r->dev, BLOCK_READ, sector % (r->sectors - 8),
				    PAGE_SIZE))
				r->wrong++;
		}
		io_run(ios, BATCH);
		for (unsigned i = 0; i < BATCH; i++) {
			r->wrong += ios[i].status != 0 || ios[i].times != 1 || !io_right(&ios[i]);
			page_put(ios[i].segment.page);
		}
	}
	r->wrong += ios == NULL;
	vfree(ios);
	complete(&r->finished);
}

static u64 queue_submitted(struct block_device *dev, unsigned queue)
{
	struct block_queue_stats stats;

	return block_get_queue_stats(dev, queue, &stats) ? stats.submitted : 0;
}

static struct reader readers[MAX_CPUS];

static bool start_reader(struct block_device *dev, u64 sectors, unsigned cpu)
{
	struct thread *t = thread_create("block reader", read_a_lot, &readers[cpu]);

	readers[cpu] = (struct reader){.dev = dev, .sectors = sectors};
	completion_init(&readers[cpu].finished);
	if (!t)
		return false;
	thread_bind(t, cpu);
	thread_start(t);
	thread_put(t);
	return true;
}

/* Each CPU's requests are in the queue of its number; then all CPUs at once. */
static unsigned queue_per_cpu(struct block_device *dev, const struct pattern_header *header)
{
	unsigned cpu;

	if (dev->nr_queues == 0)
		return 0;
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		unsigned queue = cpu % dev->nr_queues;
		u64 before = queue_submitted(dev, queue);

		CHECK_OR_0(start_reader(dev, header->sectors, cpu));
		wait_for_completion(&readers[cpu].finished);
		CHECK_OR_0(readers[cpu].wrong == 0);
		CHECK_OR_0(queue_submitted(dev, queue) - before == 8 * BATCH);
	}
	for (cpu = 0; cpu < nr_cpus; cpu++)
		CHECK_OR_0(start_reader(dev, header->sectors, cpu));
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		wait_for_completion(&readers[cpu].finished);
		CHECK_OR_0(readers[cpu].wrong == 0);
	}
	return 1;
}

KTEST(block_queue_per_cpu)
{
	on_disks(queue_per_cpu);
}
