/*
 * The block layer: a thin, checked way from the page cache to a driver.
 *
 *	block_submit -> check -> plug list of the thread -> ops->submit(batch) -> device
 *	device -> interrupt -> block_complete -> rq->done
 *
 * There is no merging, no sorting and no allocation here: the page cache already asks in large
 * runs, and a queue as deep as the device's own leaves nothing for an elevator to gain.
 *
 * Locking:
 *	devices_lock	(RANK_BLOCK_QUEUE) the list of devices; never held around a driver call
 *	thread->plug	no lock: only its own thread touches it, and never from an interrupt
 *	dev->counts	atomic words
 *
 * Limits: devices are never unregistered.
 */
#include "kernel/block.h"
#include "kernel/clock.h"
#include "kernel/faults.h"
#include "kernel/string.h"
#include "kernel/trace.h"
#include "kernel/wait.h"

static struct list_head devices = LIST_HEAD_INIT(devices);
static struct spinlock devices_lock = SPINLOCK_INIT(RANK_BLOCK_QUEUE);

void block_register(struct block_device *dev)
{
	u64 flags;

	assert(dev->logical_block >= BLOCK_SECTOR_SIZE && dev->ops->submit);
	flags = spin_lock_irqsave(&devices_lock);
	list_add_tail(&dev->node, &devices);
	spin_unlock_irqrestore(&devices_lock, flags);
}

struct block_device *block_find(const char *name)
{
	struct block_device *dev, *found = NULL;
	u64 flags = spin_lock_irqsave(&devices_lock);

	list_for_each_entry (dev, &devices, node) {
		if (strcmp(dev->name, name) == 0) {
			found = dev;
			break;
		}
	}
	spin_unlock_irqrestore(&devices_lock, flags);
	return found;
}

struct block_device *block_nth(unsigned i)
{
	struct block_device *dev, *found = NULL;
	u64 flags = spin_lock_irqsave(&devices_lock);

	list_for_each_entry (dev, &devices, node) {
		if (i-- == 0) {
			found = dev;
			break;
		}
	}
	spin_unlock_irqrestore(&devices_lock, flags);
	return found;
}

bool block_get_queue_stats(struct block_device *dev, unsigned queue, struct block_queue_stats *out)
{
	if (queue >= dev->nr_queues || !dev->ops->queue_stats)
		return false;
	memset(out, 0, sizeof(*out));
	dev->ops->queue_stats(dev, queue, out);
	return true;
}

void block_get_stats(struct block_device *dev, struct block_stats *out)
{
	const struct block_stats *counts = &dev->counts;
	struct block_queue_stats queue;

	*out = (struct block_stats){
		.reads = READ_ONCE(counts->reads),
		.writes = READ_ONCE(counts->writes),
		.flushes = READ_ONCE(counts->flushes),
		.read_bytes = READ_ONCE(counts->read_bytes),
		.write_bytes = READ_ONCE(counts->write_bytes),
		.errors = READ_ONCE(counts->errors),
		.in_flight = READ_ONCE(counts->in_flight),
		.max_in_flight = READ_ONCE(counts->max_in_flight),
	};
	for (unsigned i = 0; block_get_queue_stats(dev, i, &queue); i++) {
		out->kicks += queue.kicks;
		out->interrupts += queue.interrupts;
	}
}

static void count_submit(struct block_request *rq)
{
	struct block_stats *counts = &rq->dev->counts;
	u64 now = atomic_add_return(&counts->in_flight, 1ull);
	u64 max = READ_ONCE(counts->max_in_flight);

	while (now > max && !atomic_cas(&counts->max_in_flight, &max, now))
		;
	switch (rq->op) {
	case BLOCK_READ:
		atomic_add(&counts->reads, 1ull);
		atomic_add(&counts->read_bytes, (u64)rq->bytes);
		break;
	case BLOCK_WRITE:
		atomic_add(&counts->writes, 1ull);
		atomic_add(&counts->write_bytes, (u64)rq->bytes);
		break;
	case BLOCK_FLUSH:
		atomic_add(&counts->flushes, 1ull);
		break;
	}
}

/*
 * Sum the segments into rq->bytes. Errors: -EINVAL for none, too many, or one that is empty,
 * misaligned or leaves its page.
 */
static int check_segments(struct block_request *rq)
{
	if (rq->nr_segments == 0 || rq->nr_segments > BLOCK_MAX_SEGMENTS)
		return -EINVAL;
	for (u32 i = 0; i < rq->nr_segments; i++) {
		const struct block_segment *seg = &rq->segments[i];

		if (seg->length == 0 || (seg->length | seg->offset) % BLOCK_SECTOR_SIZE)
			return -EINVAL;
		if (seg->offset >= PAGE_SIZE || seg->length > PAGE_SIZE - seg->offset)
			return -EINVAL;
		rq->bytes += seg->length;
	}
	return 0;
}

/* Errors: -EINVAL for a range outside the device or off its block size, -EROFS. */
static int check_request(struct block_request *rq)
{
	const struct block_device *dev = rq->dev;
	u64 sectors;
	int err;

	rq->bytes = 0;
	if (rq->op == BLOCK_FLUSH)
		return 0;
	err = check_segments(rq);
	if (err)
		return err;
	sectors = rq->bytes >> BLOCK_SECTOR_SHIFT;
	if (rq->sector >= dev->sectors || sectors > dev->sectors - rq->sector)
		return -EINVAL;
	if (rq->bytes % dev->logical_block ||
		(rq->sector << BLOCK_SECTOR_SHIFT) % dev->logical_block)
		return -EINVAL;
	if (rq->op == BLOCK_WRITE && dev->read_only)
		return -EROFS;
	return 0;
}

static void send_one(struct block_request *rq)
{
	struct list_head batch;

	list_init(&batch);
	list_add_tail(&rq->node, &batch);
	rq->dev->ops->submit(rq->dev, &batch);
}

/*
 * Context: any; never sleeps. The request belongs to the block layer until done is called, which
 * may happen before this returns.
 */
void block_submit(struct block_request *rq)
{
	int err = check_request(rq);
	struct thread *self;

	rq->submit_ns = clock_ns();
	rq->driver_segment = rq->driver_offset = rq->driver_bytes = 0;
	rq->must_fail = fault_hits(FAULT_BLOCK);
	trace(block_submit, rq->sector, rq->bytes);
	count_submit(rq);
	if (err || (rq->op == BLOCK_FLUSH && !rq->dev->has_flush)) {
		block_complete(rq, err);
		return;
	}
	if (in_interrupt()) {
		send_one(rq);
		return;
	}
	self = current;
	if (self->plug_depth == 0) {
		send_one(rq);
		return;
	}
	list_add_tail(&rq->node, &self->plug);
	if (++self->plug_count >= BLOCK_PLUG_MAX)
		block_flush_plug();
}

void block_plug(void)
{
	struct thread *self = current;

	if (self->plug_depth++ == 0) {
		list_init(&self->plug);
		self->plug_count = 0;
	}
}

void block_unplug(void)
{
	struct thread *self = current;

	debug_assert(self->plug_depth > 0);
	if (self->plug_depth == 1)
		block_flush_plug();
	self->plug_depth--;
}

/* One batch for each run of requests to the same device. */
void block_flush_plug(void)
{
	struct thread *self = current;
	struct list_head all, batch;

	if (self->plug_depth == 0 || self->plug_count == 0)
		return;
	list_init(&all);
	list_splice_tail(&self->plug, &all);
	self->plug_count = 0;
	while (!list_empty(&all)) {
		struct block_request *rq = list_first_entry(&all, struct block_request, node);
		struct block_device *dev = rq->dev;

		list_init(&batch);
		do {
			list_move_tail(&rq->node, &batch);
			rq = list_first_entry(&all, struct block_request, node);
		} while (!list_empty(&all) && rq->dev == dev);
		dev->ops->submit(dev, &batch);
	}
}

void block_complete(struct block_request *rq, int status)
{
	struct block_stats *counts = &rq->dev->counts;

	if (unlikely(rq->must_fail) && !status)
		status = -EIO;
	trace(block_complete, rq->sector, status);
	if (status)
		atomic_add(&counts->errors, 1ull);
	atomic_sub(&counts->in_flight, 1ull);
	rq->done(rq, status);
}

struct block_wait {
	struct completion finished;
	int status; /* written before complete(), read after the wait */
};

static void wake_submitter(struct block_request *rq, int status)
{
	struct block_wait *wait = rq->private_data;

	wait->status = status;
	complete(&wait->finished);
}

int block_submit_wait(struct block_request *rq)
{
	struct block_wait wait;

	might_sleep();
	completion_init(&wait.finished);
	rq->done = wake_submitter;
	rq->private_data = &wait;
	block_submit(rq);
	block_flush_plug();
	wait_for_completion(&wait.finished);
	return wait.status;
}
