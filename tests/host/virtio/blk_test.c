/* virtio-blk and the block layer against a device in memory, good and bad. */
#include "abi/errno.h"
#include "fake.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define REQUESTS 300

static struct fake_device *d;
static struct virtio_blk *blk;

static struct {
	struct block_request rq;
	struct block_segment segments[BLOCK_MAX_SEGMENTS];
	int done, status;
	bool dma_stopped; /* when it was done */
} io[REQUESTS];

static void on_done(struct block_request *rq, int status)
{
	unsigned i = (unsigned)(long)rq->private_data;

	io[i].done++;
	io[i].status = status;
	io[i].dma_stopped = d->dma_stopped;
}

/* Ready request i: nr segments of length bytes, each in a page of its own. */
static struct block_request *prepare(
	unsigned i, enum block_op op, u64 sector, unsigned nr, u32 length)
{
	memset(&io[i], 0, sizeof(io[i]));
	for (unsigned s = 0; s < nr; s++)
		io[i].segments[s] =
			(struct block_segment){.page = page_alloc(0, ALLOC_WAIT), .length = length};
	io[i].rq = (struct block_request){
		.op = op,
		.nr_segments = nr,
		.sector = sector,
		.dev = &blk->dev,
		.segments = io[i].segments,
		.done = on_done,
		.private_data = (void *)(long)i,
	};
	return &io[i].rq;
}

static void release(unsigned i)
{
	for (unsigned s = 0; s < io[i].rq.nr_segments; s++)
		page_put(io[i].segments[s].page);
}

/* Every byte of request i is what fake_device_new put on the disk. */
static bool contents_right(unsigned i)
{
	u64 at = io[i].rq.sector * 512;

	for (unsigned s = 0; s < io[i].rq.nr_segments; s++) {
		const struct block_segment *seg = &io[i].segments[s];
		const u8 *bytes = (const u8 *)page_address(seg->page) + seg->offset;

		for (u32 b = 0; b < seg->length; b++, at++)
			if (bytes[b] != (u8)(at / 512))
				return false;
	}
	return true;
}

static void begin(void)
{
	d = fake_device_new();
}

static void create(void)
{
	blk = virtio_blk_create(&d->transport);
	CHECK(blk != NULL);
}

/* The device stays registered for the life of the process, as on the metal. */
static void end(void)
{
	struct block_stats stats;

	block_get_stats(&blk->dev, &stats);
	EQ(stats.in_flight, 0);
	while (fake_run_timer())
		; /* with nothing in flight each watchdog stops by itself */
}

static void serve_until_quiet(void)
{
	while (fake_serve(d))
		;
}

static void read_ok(unsigned i, u64 sector, unsigned nr, u32 length)
{
	block_submit(prepare(i, BLOCK_READ, sector, nr, length));
	serve_until_quiet();
	EQ(io[i].done, 1);
	EQ(io[i].status, 0);
	CHECK(contents_right(i));
	release(i);
}

static void reads_writes_flushes(void)
{
	struct block_stats stats;

	begin();
	create();
	read_ok(0, 3, 1, 512);
	read_ok(0, 8, 4, 4096);
	read_ok(0, 0, 32, 4096);
	block_submit(prepare(0, BLOCK_WRITE, 7, 1, 1024));
	memset(page_address(io[0].segments[0].page), 0x77, 1024);
	block_submit(prepare(1, BLOCK_FLUSH, 0, 0, 0));
	serve_until_quiet();
	EQ(io[0].done + io[1].done, 2);
	EQ(io[0].status | io[1].status, 0);
	EQ(d->disk[7 * 512], 0x77);
	EQ(d->disk[9 * 512 - 1], 0x77);
	EQ(d->disk[9 * 512], 9);
	release(0);
	block_get_stats(&blk->dev, &stats);
	EQ(stats.reads, 3);
	EQ(stats.read_bytes, 512 + 4 * 4096 + 32 * 4096);
	EQ(stats.writes, 1);
	EQ(stats.flushes, 1);
	EQ(stats.errors, 0);
	end();
}

/* 32 plugged requests: one kick; served together: one interrupt. */
static void batch_is_one_kick(void)
{
	struct block_stats stats;

	begin();
	create();
	block_plug();
	block_plug();
	for (unsigned i = 0; i < 32; i++)
		block_submit(prepare(i, BLOCK_READ, i, 1, 512));
	block_unplug();
	EQ(d->queues[0].notifies, 0);
	block_unplug();
	EQ(d->queues[0].notifies, 1);
	EQ(fake_serve(d), 32);
	EQ(d->interrupts, 1);
	for (unsigned i = 0; i < 32; i++) {
		EQ(io[i].done, 1);
		CHECK(contents_right(i));
		release(i);
	}
	block_get_stats(&blk->dev, &stats);
	EQ(stats.kicks, 1);
	EQ(stats.interrupts, 1);
	EQ(stats.max_in_flight, 32);
	end();
}

/* A thread about to sleep is unplugged; a batch for two devices reaches both. */
static void plug_and_sleep(void)
{
	struct fake_device *first;
	struct virtio_blk *first_blk;

	begin();
	create();
	first = d;
	first_blk = blk;
	begin();
	create();
	block_plug();
	block_submit(prepare(0, BLOCK_READ, 0, 1, 512));
	blk = first_blk;
	block_submit(prepare(1, BLOCK_READ, 1, 1, 512));
	block_submit(prepare(2, BLOCK_READ, 2, 1, 512));
	EQ(first->queues[0].notifies + d->queues[0].notifies, 0);
	block_flush_plug();
	EQ(first->queues[0].notifies, 1);
	EQ(d->queues[0].notifies, 1);
	block_unplug();
	EQ(fake_serve(first), 2);
	EQ(fake_serve(d), 1);
	for (unsigned i = 0; i < 3; i++) {
		EQ(io[i].done, 1);
		release(i);
	}
}

/* More requests than the queue holds wait in software, and all complete once. */
static void full_queue(void)
{
	struct block_queue_stats stats;

	for (int indirect = 0; indirect < 2; indirect++) {
		begin();
		d->queue_entries = 16;
		if (!indirect)
			d->features &= ~VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC);
		create();
		for (unsigned i = 0; i < REQUESTS; i++)
			block_submit(prepare(i, BLOCK_READ, i % 240, 2, 1024));
		block_get_queue_stats(&blk->dev, 0, &stats);
		EQ(stats.in_flight, indirect ? 16 : 4);
		EQ(stats.deferred, REQUESTS - stats.in_flight);
		EQ(stats.waiting, stats.deferred);
		serve_until_quiet();
		for (unsigned i = 0; i < REQUESTS; i++) {
			EQ(io[i].done, 1);
			EQ(io[i].status, 0);
			CHECK(contents_right(i));
			release(i);
		}
		block_get_queue_stats(&blk->dev, 0, &stats);
		EQ(stats.completed, REQUESTS);
		EQ(stats.waiting, 0);
		end();
	}
}

static void old_rings(void)
{
	begin();
	d->features &=
		~(VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX));
	create();
	for (unsigned i = 0; i < 100; i++)
		read_ok(0, i, 3, 512);
	end();
}

/* Small SEG_MAX and SIZE_MAX: parts, each whole blocks, one after the other. */
static void split_requests(void)
{
	static const struct {
		u32 segments, size, block;
	} limits[] = {{2, 512, 512}, {1, 4096, 512}, {3, 1000, 1024}, {2, 1536, 2048},
		{62, 0xffffffff, 4096}, {0, 4096, 512}};

	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		begin();
		d->features |= VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX);
		fake_config(d, VIRTIO_BLK_CFG_SEG_MAX, limits[i].segments, 4);
		fake_config(d, VIRTIO_BLK_CFG_SIZE_MAX, limits[i].size, 4);
		fake_config(d, VIRTIO_BLK_CFG_BLK_SIZE, limits[i].block, 4);
		create();
		read_ok(0, 16, 5, 4096);
		block_submit(prepare(0, BLOCK_WRITE, 64, 3, 4096));
		for (unsigned s = 0; s < 3; s++)
			memset(page_address(io[0].segments[s].page), (int)(0x80 + s), 4096);
		serve_until_quiet();
		EQ(io[0].done, 1);
		for (unsigned b = 0; b < 3 * 4096; b++)
			EQ(d->disk[64 * 512 + b], 0x80 + b / 4096);
		release(0);
		end();
	}
}

static void refuses(const char *line)
{
	long before = fake_allocations();

	CHECK(virtio_blk_create(&d->transport) == NULL);
	EQ(fake_log_count(line), 1);
	EQ(fake_allocations(), before);
	CHECK(d->dma_stopped);
	fake_device_free(d);
	fake_kernel_reset();
}

static void bad_limits(void)
{
	begin();
	d->features |= VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX);
	fake_config(d, VIRTIO_BLK_CFG_SIZE_MAX, 511, 4);
	refuses("less than a block");
	begin();
	d->features |= VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX);
	fake_config(d, VIRTIO_BLK_CFG_SIZE_MAX, 0, 4);
	refuses("less than a block");
}

static void bad_capacity(void)
{
	begin();
	fake_config(d, VIRTIO_BLK_CFG_CAPACITY, ~0ull, 8);
	refuses("impossible capacity of 0xffffffffffffffff sectors");
	begin();
	d->config_length = 4;
	refuses("capacity cannot be read");
	begin();
	fake_config(d, VIRTIO_BLK_CFG_CAPACITY, 0, 8);
	create();
	EQ(fake_log_count("capacity is zero"), 1);
	block_submit(prepare(0, BLOCK_READ, 0, 1, 512));
	EQ(io[0].done, 1);
	EQ(io[0].status, -EINVAL);
	release(0);
	end();
	begin();
	d->config_length = VIRTIO_BLK_CFG_BLK_SIZE; /* claims BLK_SIZE, does not have it */
	refuses("left alone");
	begin();
	d->keeps_changing = true;
	refuses("configuration keeps changing");
}

static void odd_block_size(void)
{
	static const u32 sizes[] = {0, 1, 513, 3000, 8192, 0x80000000, 0xffffffff};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		fake_config(d, VIRTIO_BLK_CFG_BLK_SIZE, sizes[i], 4);
		create();
		EQ(blk->dev.logical_block, 512);
		read_ok(0, 9, 1, 512);
		end();
	}
	EQ(fake_log_count("odd block size"), ARRAY_SIZE(sizes));
}

static void bad_queues(void)
{
	begin();
	d->nr_queues = 0;
	refuses("has no queues");
	begin();
	fake_config(d, VIRTIO_BLK_CFG_NR_QUEUES, 0, 2);
	refuses("has no queues");
	begin();
	d->queue_entries = 0;
	refuses("queue 0 has 0 entries");
	begin();
	d->queue_entries = 3;
	refuses("queue 0 has 3 entries");
}

static void queue_counts(void)
{
	static const struct {
		u16 configured, existing, entries, queues, size;
	} cases[] = {{0xffff, 0xffff, 0xffff, 4, 256}, {4, 2, 100, 2, 64}, {1, 4, 4, 1, 4},
		{3, 8, 256, 3, 256}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		fake_config(d, VIRTIO_BLK_CFG_NR_QUEUES, cases[i].configured, 2);
		d->nr_queues = cases[i].existing;
		d->queue_entries = cases[i].entries;
		create();
		EQ(blk->nr_queues, cases[i].queues);
		EQ(blk->queues[0].vq.size, cases[i].size);
		for (cpu_number = 0; cpu_number < 4; cpu_number++) {
			unsigned before = d->queues[cpu_number % blk->nr_queues].notifies;

			read_ok(0, 1, 2, 4096);
			EQ(d->queues[cpu_number % blk->nr_queues].notifies, before + 1);
		}
		cpu_number = 0;
		end();
	}
}

static void fewer_vectors_than_queues(void)
{
	begin();
	d->transport.vectors = 3;
	d->routes_left = 2;
	create();
	EQ(blk->nr_queues, 4);
	EQ(blk->nr_vectors, 2);
	EQ(d->queues[3].vector, 1);
	EQ(d->vectors[1].cpu, 1);
	for (cpu_number = 0; cpu_number < 4; cpu_number++)
		read_ok(0, 5, 1, 512);
	cpu_number = 0;
	CHECK(!blk->polled);
	end();
}

/* No vectors, or a device that refuses them: polled by the timer, once a millisecond. */
static void no_vectors(void)
{
	for (int refused = 0; refused < 2; refused++) {
		u64 start;

		begin();
		d->refuses_vectors = refused;
		if (!refused)
			d->transport.vectors = 0;
		create();
		CHECK(blk->polled);
		start = fake_now;
		block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
		EQ(fake_serve(d), 1);
		EQ(io[0].done, 0);
		CHECK(fake_run_timer());
		EQ(io[0].done, 1);
		EQ(fake_now - start, NSEC_PER_MSEC);
		CHECK(!fake_run_timer()); /* nothing in flight: it rests */
		release(0);
		end();
	}
	EQ(fake_log_count("polling every millisecond"), 2);
}

/* An interrupt that never comes costs a second, not the request. */
static void lost_interrupt(void)
{
	struct block_queue_stats stats;

	begin();
	create();
	d->silent = true;
	block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
	fake_serve(d);
	EQ(io[0].done, 0);
	CHECK(fake_run_timer());
	EQ(io[0].done, 1);
	EQ(io[0].status, 0);
	block_get_queue_stats(&blk->dev, 0, &stats);
	EQ(stats.polled, 1);
	release(0);
	end();
}

static void idle_interrupt(void)
{
	struct block_queue_stats stats;

	begin();
	create();
	fake_interrupt(d, 0);
	block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
	fake_interrupt(d, 0);
	EQ(io[0].done, 0);
	block_get_queue_stats(&blk->dev, 0, &stats);
	EQ(stats.interrupts, 2);
	EQ(stats.idle_interrupts, 2);
	serve_until_quiet();
	EQ(io[0].done, 1);
	release(0);
	end();
}

/* The watchdog looks at the ring before it judges; then everything fails once. */
static void time_out(void)
{
	unsigned ticks = 0;

	begin();
	create();
	for (unsigned i = 0; i < 100; i++)
		block_submit(prepare(i, BLOCK_READ, 4, 1, 512));
	while (fake_run_timer() && !fake_log_count("broken"))
		ticks++;
	/* 30 s by our clock, and then 30 s by the RTC. */
	EQ(ticks, 60);
	EQ(fake_log_count("device is broken: no answer for milliseconds 61000"), 1);
	EQ(io[0].done, 0); /* not before the device is off */
	EQ(d->resets, 1);
	CHECK(fake_run_work());
	EQ(d->resets, 2);
	CHECK(d->dma_stopped);
	for (unsigned i = 0; i < 100; i++) {
		EQ(io[i].done, 1);
		EQ(io[i].status, -EIO);
		release(i);
	}
	CHECK(!fake_run_timer());
	end();
}

static void time_jumps(void)
{
	begin();
	create();
	block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
	d->silent = true;
	fake_serve(d);
	fake_now += 3600 * NSEC_PER_SEC;
	CHECK(fake_run_timer());
	EQ(io[0].done, 1);
	EQ(io[0].status, 0);
	EQ(fake_log_count("broken"), 0);
	release(0);
	end();
}

/* Our clock runs away with every look, as under icount: hours of it are no reason. */
static void time_runs_away(void)
{
	begin();
	create();
	for (unsigned i = 0; i < 100; i++)
		block_submit(prepare(i, BLOCK_READ, 4, 1, 512));
	for (unsigned i = 0; i < 3600; i++) {
		fake_rtc_behind += NSEC_PER_SEC - NSEC_PER_MSEC;
		CHECK(fake_run_timer());
	}
	EQ(fake_log_count("broken"), 0);
	serve_until_quiet();
	for (unsigned i = 0; i < 100; i++) {
		EQ(io[i].done, 1);
		EQ(io[i].status, 0);
		release(i);
	}
	end();
}

static void time_out_off(void)
{
	static const char *const keys[] = {"blk_timeout", "icount"};

	for (unsigned i = 0; i < 2; i++) {
		begin();
		fake_cmdline_key = keys[i];
		fake_cmdline_value = 0;
		create();
		block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
		CHECK(!fake_run_timer());
		fake_now += 3600 * NSEC_PER_SEC;
		serve_until_quiet();
		EQ(io[0].status, 0);
		release(0);
		end();
	}
}

/* Play one lie on a device with 20 requests out and 200 waiting; it must end as "broken". */
static void lie(
	void (*tell)(struct fake_queue *q, const struct fake_chain *chain), const char *line)
{
	struct fake_chain chain;
	unsigned good = 0;

	begin();
	d->queue_entries = 16;
	create();
	for (unsigned i = 0; i < 220; i++)
		block_submit(prepare(i, BLOCK_READ, i % 200, 1, 512));
	CHECK(fake_take(&d->queues[0], &chain));
	tell(&d->queues[0], &chain);
	fake_interrupt(d, 0);
	EQ(fake_log_count(line), 1);
	EQ(fake_log_count("device is broken"), 1);
	block_submit(prepare(220, BLOCK_READ, 0, 1, 512)); /* after the verdict, before the reset */
	EQ(io[220].done, 1);
	EQ(io[220].status, -EIO);
	fake_interrupt(d, 0);
	CHECK(fake_run_work());
	EQ(d->resets, 2);
	for (unsigned i = 0; i <= 220; i++) {
		EQ(io[i].done, 1);
		/* Those the device knew of end only when it cannot write into their pages any more. */
		CHECK(io[i].status == 0 || io[i].dma_stopped || i == 220);
		good += io[i].status == 0;
		CHECK(io[i].status == 0 || io[i].status == -EIO);
		release(i);
	}
	CHECK(good <= 1);
	fake_run_timer();
	CHECK(!fake_run_timer());
	end();
	fake_kernel_reset();
}

static void tell_wild_id(struct fake_queue *q, const struct fake_chain *chain)
{
	(void)chain;
	fake_put_used(q, 77, 1);
}

static void tell_idle_id(struct fake_queue *q, const struct fake_chain *chain)
{
	fake_put_used(q, chain->head, fake_serve_chain(d, chain));
	fake_put_used(q, chain->head, 1);
}

static void tell_jump(struct fake_queue *q, const struct fake_chain *chain)
{
	(void)chain;
	q->used->index = le16_put(17);
}

static void tell_length(struct fake_queue *q, const struct fake_chain *chain)
{
	fake_put_used(q, chain->head, 514);
}

static void lies(void)
{
	lie(tell_wild_id, "device is broken: used id outside the queue 77;");
	/* The head was refilled by then or not: either way it is not to be completed twice. */
	lie(tell_jump, "device is broken: used index runs ahead of what is in flight by 17;");
	lie(tell_length, "device is broken: used length above what was posted 514;");
	lie(tell_idle_id, "device is broken: used id not in flight");
}

static void never_resets(void)
{
	begin();
	create();
	block_submit(prepare(0, BLOCK_READ, 0, 1, 512));
	fake_put_used(&d->queues[0], 9999, 0);
	fake_interrupt(d, 0);
	d->never_resets = true;
	fake_step = NSEC_PER_MSEC;
	CHECK(fake_run_work());
	EQ(fake_log_count("does not finish its reset; taken off the bus"), 1);
	CHECK(d->dma_stopped);
	EQ(io[0].status, -EIO);
	release(0);
	end();
}

static void needs_reset(void)
{
	begin();
	create();
	block_submit(prepare(0, BLOCK_READ, 0, 1, 512));
	d->status |= VIRTIO_STATUS_NEEDS_RESET;
	CHECK(fake_run_timer());
	EQ(fake_log_count("asks for a reset"), 1);
	CHECK(fake_run_work());
	EQ(io[0].done, 1);
	EQ(io[0].status, -EIO);
	release(0);
	end();
}

/* Statuses and lengths that condemn one request and not the device. */
static void bad_status(void)
{
	static const struct {
		u8 status;
		bool write_it;
		u32 length;
		const char *line;
	} cases[] = {
		{VIRTIO_BLK_S_IOERR, true, 513, "read at sector 4 failed, status 1"},
		{VIRTIO_BLK_S_UNSUPP, true, 513, "read at sector 4 failed, status 2"},
		{0x5a, true, 513, "read at sector 4 failed, status 90"},
		{0, false, 513, "read at sector 4: completed without a status"},
		{0, true, 512, "read at sector 4: device wrote 512 bytes of 512"},
		{0, true, 0, "read at sector 4: device wrote 0 bytes of 512"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_chain chain;
		struct block_stats stats;

		begin();
		create();
		block_submit(prepare(0, BLOCK_READ, 4, 1, 512));
		CHECK(fake_take(&d->queues[0], &chain));
		if (cases[i].write_it)
			*chain.pieces[chain.count - 1].bytes = cases[i].status;
		fake_put_used(&d->queues[0], chain.head, cases[i].length);
		fake_interrupt(d, 0);
		EQ(io[0].done, 1);
		EQ(io[0].status, -EIO);
		EQ(fake_log_count(cases[i].line), 1);
		release(0);
		read_ok(1, 7, 1, 512);
		block_get_stats(&blk->dev, &stats);
		EQ(stats.errors, 1);
		end();
	}
}

static void handshake(void)
{
	begin();
	d->refuses_features = true;
	refuses("refuses features");
	begin();
	d->features &= ~VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
	refuses("not a virtio 1 device");
	begin();
	d->never_resets = true;
	fake_step = NSEC_PER_MSEC;
	refuses("does not finish its reset, status 0x40");
}

static void bad_requests(void)
{
	static const struct {
		enum block_op op;
		u64 sector;
		unsigned nr;
		u32 offset, length;
		int status;
	} cases[] = {
		{BLOCK_READ, FAKE_SECTORS, 1, 0, 512, -EINVAL},
		{BLOCK_READ, FAKE_SECTORS - 1, 1, 0, 1024, -EINVAL},
		{BLOCK_READ, ~0ull, 1, 0, 512, -EINVAL},
		{BLOCK_READ, 1ull << 55, 1, 0, 512, -EINVAL},
		{BLOCK_READ, 0, 0, 0, 0, -EINVAL},
		{BLOCK_READ, 0, 1, 0, 0, -EINVAL},
		{BLOCK_READ, 0, 1, 0, 100, -EINVAL},
		{BLOCK_READ, 0, 1, 100, 512, -EINVAL},
		{BLOCK_READ, 0, 1, 3584, 1024, -EINVAL},
		{BLOCK_READ, 0, 1, 4096, 512, -EINVAL},
		{BLOCK_READ, 0, 1, 0xfffffe00, 1024, -EINVAL},
		{BLOCK_WRITE, 0, 1, 0, 512, -EROFS},
	};

	begin();
	d->features |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
	create();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		prepare(0, cases[i].op, cases[i].sector, cases[i].nr, cases[i].length);
		io[0].segments[0].offset = cases[i].offset;
		block_submit(&io[0].rq);
		EQ(io[0].done, 1);
		EQ(io[0].status, cases[i].status);
		release(0);
	}
	prepare(0, BLOCK_READ, 0, 1, 512)->nr_segments = BLOCK_MAX_SEGMENTS + 1;
	block_submit(&io[0].rq);
	EQ(io[0].status, -EINVAL);
	page_put(io[0].segments[0].page);
	EQ(d->queues[0].notifies, 0);
	end();
}

static void flush_without_cache(void)
{
	begin();
	d->features &= ~VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH);
	create();
	block_submit(prepare(0, BLOCK_FLUSH, 0, 0, 0));
	EQ(io[0].done, 1);
	EQ(io[0].status, 0);
	EQ(d->queues[0].notifies, 0);
	end();
}

/* A device that lies at random, in every way it can: each request ends exactly once. */
static void random_device(void)
{
	for (u32 seed = 1; seed <= 400; seed++) {
		unsigned n = 40;

		fake_kernel_reset();
		fake_seed = seed;
		begin();
		d->queue_entries = 8;
		nr_cpus = 2;
		create();
		for (unsigned i = 0; i < n; i++) {
			struct fake_queue *q = &d->queues[fake_random() % 2];
			struct fake_chain chain;

			cpu_number = fake_random() % 2;
			block_submit(prepare(i, fake_random() % 2, i, 1 + i % 3, 512));
			if (fake_random() % 3 || !q->size || !fake_take(q, &chain))
				continue;
			*chain.pieces[chain.count - 1].bytes = (u8)(fake_random() % 4);
			if (fake_random() % 8 == 0)
				chain.head = (u16)(fake_random() % 10);
			if (fake_random() % 16 == 0)
				q->used_index = (u16)(q->used_index + fake_random() % 5);
			fake_put_used(q, chain.head, fake_random() % 1540);
			fake_interrupt(d, fake_random() % 2);
			if (fake_random() % 4 == 0)
				fake_run_work();
		}
		cpu_number = 0;
		for (unsigned i = 0; i < 100 && (fake_run_timer() || fake_run_work()); i++)
			;
		for (unsigned i = 0; i < n; i++) {
			EQ(io[i].done, 1);
			release(i);
		}
		end();
	}
}

const struct test blk_tests[] = {
	{"blk_reads_writes_flushes", reads_writes_flushes},
	{"blk_batch_is_one_kick", batch_is_one_kick},
	{"blk_plug_and_sleep", plug_and_sleep},
	{"blk_full_queue", full_queue},
	{"blk_old_rings", old_rings},
	{"blk_split_requests", split_requests},
	{"blk_bad_limits", bad_limits},
	{"blk_bad_capacity", bad_capacity},
	{"blk_odd_block_size", odd_block_size},
	{"blk_bad_queues", bad_queues},
	{"blk_queue_counts", queue_counts},
	{"blk_fewer_vectors_than_queues", fewer_vectors_than_queues},
	{"blk_no_vectors", no_vectors},
	{"blk_lost_interrupt", lost_interrupt},
	{"blk_idle_interrupt", idle_interrupt},
	{"blk_time_out", time_out},
	{"blk_time_jumps", time_jumps},
	{"blk_time_runs_away", time_runs_away},
	{"blk_time_out_off", time_out_off},
	{"blk_lies", lies},
	{"blk_never_resets", never_resets},
	{"blk_needs_reset", needs_reset},
	{"blk_bad_status", bad_status},
	{"blk_handshake", handshake},
	{"blk_bad_requests", bad_requests},
	{"blk_flush_without_cache", flush_without_cache},
	{"blk_random_device", random_device},
	{NULL, NULL},
};
