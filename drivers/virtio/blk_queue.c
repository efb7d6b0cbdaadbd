/*
 * virtio-blk requests: from a batch of the block layer to the device and back.
 *
 *	submit	    batch -> waiting list -> slots -> virtqueue, one kick
 *	interrupt   virtqueue -> finished list -> refill from waiting, one kick -> done()
 *
 * A slot is a request in flight: header, indirect table and status byte for the device, and beside
 * them, out of its reach, what we need to know again. A request that is too large for the device
 * (SEG_MAX, SIZE_MAX) goes in consecutive parts, one at a time: when a part completes the rest goes
 * back to the head of the waiting list.
 *
 * A CPU uses the queue of its own number (modulo the queues there are), whose vector interrupts that
 * same CPU, so that submission, completion and the woken thread share a cache.
 *
 * Distrust. The virtqueue judges what the device says about the ring; here the status byte starts
 * as poison, and garbage, or a read that is shorter than its request, is -EIO for that request.
 * A device that lies about the ring is broken: marked so at once, and a work item then resets it,
 * takes its memory access away and only after that fails everything in flight with -EIO, because
 * until then it could still write into the pages.
 *
 * The watchdog runs while anything is in flight. It first looks at the used rings itself, so that a
 * lost interrupt costs latency and nothing else; only then does it judge a request's age, by two clocks
 * (is_late). A device without usable interrupts is driven by
 * the same timer every millisecond.
 *
 * Locking:
 *	q->lock	 slots, virtqueue, waiting list and counts of one queue; interrupts off
 *	broken	 atomic; set before fail_work takes each q->lock, tested under it: a request either
 *		 comes before and is failed by the work, or comes after and fails itself
 *	watchdog_armed	atomic; cleared before the watchdog takes each q->lock, tested by submit under it,
 *		 so either the watchdog sees the request or submit sees the cleared word
 *
 * Limits: no discard, no zoned devices; a broken device stays broken until the next boot.
 */
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/virtio/blk.h"
#include "kernel/console.h"
#include "kernel/slab.h"
#include "kernel/wait.h"

/* ---- Setting up ---- */

static int alloc_slots(struct blk_queue *q, u16 size)
{
	struct blk_slot_dma *dma = NULL;
	struct page *page;

	q->slots = kzalloc(size * sizeof(*q->slots), ALLOC_WAIT);
	if (!q->slots)
		return -ENOMEM;
	for (q->nr_slots = 0; q->nr_slots < size; q->nr_slots++) {
		struct blk_slot *slot = &q->slots[q->nr_slots];

		if (q->nr_slots % BLK_SLOTS_PER_PAGE == 0) {
			page = page_alloc(0, ALLOC_WAIT);
			if (!page)
				return -ENOMEM;
			dma = page_address(page);
		}
		slot->dma = dma++;
		slot->next_free = q->free_slots;
		q->free_slots = slot;
	}
	return 0;
}

int blk_queue_init(struct virtio_blk *blk, unsigned index, u16 size, bool event_idx, bool indirect)
{
	struct blk_queue *q = &blk->queues[index];
	int err;

	spin_lock_init(&q->lock, RANK_BLOCK_QUEUE);
	list_init(&q->waiting);
	q->blk = blk;
	q->index = (u16)index;
	err = virtqueue_init(&q->vq, size, event_idx, indirect);
	if (!err)
		err = alloc_slots(q, size);
	return err;
}

void blk_queue_destroy(struct blk_queue *q)
{
	virtqueue_destroy(&q->vq);
	for (unsigned i = 0; i < q->nr_slots; i += BLK_SLOTS_PER_PAGE)
		page_put(page_of_address(q->slots[i].dma));
	kfree(q->slots);
	q->slots = NULL;
	q->nr_slots = 0;
}

/* ---- Towards the device ---- */

static struct virtq_desc describe(const void *memory, u32 length, u16 flags)
{
	return (struct virtq_desc){
		.address = le64_put(arch_virt_to_phys(memory)),
		.length = le32_put(length),
		.flags = le16_put(flags),
	};
}

/* Take the bytes beyond the last whole logical block back off the end of a part. */
static unsigned trim_to_block(const struct virtio_blk *blk, struct blk_slot *slot, unsigned count)
{
	u32 excess = slot->bytes % blk->dev.logical_block;

	slot->bytes -= excess;
	while (excess) {
		struct virtq_desc *last = &slot->dma->table[count - 1];
		u32 length = le32_get(last->length), cut = MIN(excess, length);

		last->length = le32_put(length - cut);
		count -= cut == length;
		excess -= cut;
	}
	return count;
}

/*
 * Describe as much of the request's rest as the device takes at once, from table[1] on. Sets
 * slot->bytes; returns the number of descriptors used so far.
 */
static unsigned describe_data(struct virtio_blk *blk, struct blk_slot *slot, u16 flags)
{
	const struct block_request *rq = slot->rq;
	u32 segment = rq->driver_segment, offset = rq->driver_offset;
	unsigned count = 1;

	slot->bytes = 0;
	while (segment < rq->nr_segments && count <= blk->max_pieces) {
		const struct block_segment *seg = &rq->segments[segment];
		char *memory = (char *)page_address(seg->page) + seg->offset + offset;
		u32 length = MIN(seg->length - offset, blk->max_piece);

		slot->dma->table[count++] = describe(memory, length, flags);
		slot->bytes += length;
		offset += length;
		if (offset == seg->length) {
			segment++;
			offset = 0;
		}
	}
	return segment == rq->nr_segments ? count : trim_to_block(blk, slot, count);
}

/* Move the request's cursor past a part that was posted. */
static void advance(struct block_request *rq, u32 bytes)
{
	rq->driver_bytes += bytes;
	while (bytes) {
		u32 left = rq->segments[rq->driver_segment].length - rq->driver_offset;
		u32 step = MIN(bytes, left);

		bytes -= step;
		rq->driver_offset += step;
		if (step == left) {
			rq->driver_segment++;
			rq->driver_offset = 0;
		}
	}
}

/* Post the next part of rq in slot. 0, -ENOSPC (no room now) or -EIO (cannot be expressed). */
static int post(struct blk_queue *q, struct blk_slot *slot, struct block_request *rq)
{
	static const u32 types[] = {
		[BLOCK_READ] = VIRTIO_BLK_T_IN,
		[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
		[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	};
	struct blk_slot_dma *dma = slot->dma;
	bool read = rq->op == BLOCK_READ;
	unsigned count = 1;
	int err;

	slot->rq = rq;
	slot->bytes = 0;
	dma->header = (struct virtio_blk_header){.type = le32_put(types[rq->op])};
	dma->table[0] = describe(&dma->header, sizeof(dma->header), 0);
	if (rq->op != BLOCK_FLUSH) {
		dma->header.sector =
			le64_put(rq->sector + (rq->driver_bytes >> BLOCK_SECTOR_SHIFT));
		count = describe_data(q->blk, slot, read ? VIRTQ_DESC_WRITE : 0);
	}
	WRITE_ONCE(dma->status, BLK_STATUS_POISON);
	dma->table[count++] = describe(&dma->status, 1, VIRTQ_DESC_WRITE);
	if (rq->op != BLOCK_FLUSH && slot->bytes == 0)
		err = -EIO;
	else
		err = virtqueue_add(&q->vq, dma->table, count, 1 + (read ? slot->bytes : 0), slot);
	if (err) {
		slot->rq = NULL;
		return err;
	}
	slot->posted_ns = clock_ns();
	advance(rq, slot->bytes);
	return 0;
}

/*
 * Post waiting requests while there is room. Those that cannot be sent at all go to failed.
 * Context: q->lock held.
 */
static void send_waiting(struct blk_queue *q, struct list_head *failed)
{
	while (q->free_slots && !list_empty(&q->waiting)) {
		struct block_request *rq =
			list_first_entry(&q->waiting, struct block_request, node);
		struct blk_slot *slot = q->free_slots;
		int err = post(q, slot, rq);

		if (err == -ENOSPC)
			return;
		list_del(&rq->node);
		q->stats.waiting--;
		if (err) {
			rq->driver_status = err;
			list_add_tail(&rq->node, failed);
			continue;
		}
		q->free_slots = slot->next_free;
		q->stats.submitted++;
	}
}

static void complete_all_of(struct list_head *finished)
{
	while (!list_empty(finished)) {
		struct block_request *rq = list_first_entry(finished, struct block_request, node);

		list_del(&rq->node);
		block_complete(rq, rq->driver_status);
	}
}

/* One doorbell for everything posted since the last. Context: q->lock held. */
static void kick(struct blk_queue *q)
{
	struct virtio_transport *t = q->blk->transport;

	if (!virtqueue_publish(&q->vq))
		return;
	q->stats.kicks++;
	t->ops->notify(t, q->index);
}

/* Start the watchdog unless it is running. Context: any. */
static void arm_watchdog(struct virtio_blk *blk)
{
	if (blk->watchdog_interval_ns && !READ_ONCE(blk->watchdog_armed) &&
		!atomic_xchg(&blk->watchdog_armed, 1u))
		timer_arm(&blk->watchdog, clock_ns() + blk->watchdog_interval_ns);
}

static void blk_submit(struct block_device *dev, struct list_head *batch)
{
	struct virtio_blk *blk = dev->driver;
	struct blk_queue *q = &blk->queues[this_cpu_id() % blk->nr_queues];
	struct list_head failed;
	unsigned added = 0;
	u64 flags;

	list_init(&failed);
	flags = spin_lock_irqsave(&q->lock);
	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);

		rq->driver_status = -EIO; /* counts only if the device is broken already */
		list_move_tail(&rq->node, READ_ONCE(blk->broken) ? &failed : &q->waiting);
		added++;
	}
	if (!list_empty(&q->waiting)) {
		q->stats.waiting += added;
		send_waiting(q, &failed);
		q->stats.deferred += MIN(added, q->stats.waiting);
		kick(q);
		arm_watchdog(blk);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	complete_all_of(&failed);
}

static void blk_queue_stats(struct block_device *dev, unsigned queue, struct block_queue_stats *out)
{
	struct virtio_blk *blk = dev->driver;
	struct blk_queue *q = &blk->queues[queue];
	u64 flags = spin_lock_irqsave(&q->lock);

	*out = q->stats;
	out->in_flight = q->vq.in_flight;
	spin_unlock_irqrestore(&q->lock, flags);
}

const struct block_ops blk_ops = {.submit = blk_submit, .queue_stats = blk_queue_stats};

/* ---- Back from the device ---- */

/* What a completed part means: 0 or -EIO. written: bytes the device says it wrote. */
static int judge(struct blk_queue *q, const struct blk_slot *slot, u32 written)
{
	static const char *const verbs[] = {
		[BLOCK_READ] = "read", [BLOCK_WRITE] = "write", [BLOCK_FLUSH] = "flush"};
	const struct block_request *rq = slot->rq;
	u8 status = READ_ONCE(slot->dma->status);

	if (status == VIRTIO_BLK_S_OK && (rq->op != BLOCK_READ || written > slot->bytes))
		return 0;
	if (status == VIRTIO_BLK_S_OK)
		printk_ratelimited("%s: read at sector %llu: device wrote %u bytes of %u",
			q->blk->name, (unsigned long long)rq->sector, written, slot->bytes);
	else if (status == BLK_STATUS_POISON)
		printk_ratelimited("%s: %s at sector %llu: completed without a status",
			q->blk->name, verbs[rq->op], (unsigned long long)rq->sector);
	else
		printk_ratelimited("%s: %s at sector %llu failed, status %u", q->blk->name,
			verbs[rq->op], (unsigned long long)rq->sector, status);
	return -EIO;
}

/* Context: q->lock held. A request that is complete goes to finished, a part's rest to waiting. */
static void finish_slot(
	struct blk_queue *q, struct blk_slot *slot, u32 written, struct list_head *finished)
{
	struct block_request *rq = slot->rq;
	int err = judge(q, slot, written);

	slot->rq = NULL;
	slot->next_free = q->free_slots;
	q->free_slots = slot;
	q->stats.completed++;
	if (!err && rq->driver_bytes < rq->bytes) {
		list_add(&rq->node, &q->waiting);
		q->stats.waiting++;
		return;
	}
	rq->driver_status = err;
	list_add_tail(&rq->node, finished);
}

/*
 * Take what the device has finished, refill the queue and ask for the next interrupt, until there
 * is nothing new. Returns the number of completions. Context: any.
 */
static unsigned service(struct blk_queue *q)
{
	struct virtio_blk *blk = q->blk;
	struct virtqueue_done done;
	struct list_head finished;
	unsigned total = 0;
	bool more;
	int got;

	list_init(&finished);
	do {
		u64 flags = spin_lock_irqsave(&q->lock);

		if (READ_ONCE(blk->broken)) {
			spin_unlock_irqrestore(&q->lock, flags);
			return total;
		}
		while ((got = virtqueue_get(&q->vq, &done)) > 0) {
			finish_slot(q, done.token, done.length, &finished);
			total++;
		}
		if (got == 0) {
			send_waiting(q, &finished);
			kick(q);
		}
		more = virtqueue_want_interrupt(&q->vq);
		spin_unlock_irqrestore(&q->lock, flags);
		complete_all_of(&finished);
	} while (more);
	if (got < 0)
		blk_declare_broken(blk, q->vq.fault, q->vq.fault_value);
	return total;
}

void blk_interrupt(void *arg)
{
	struct blk_vector *vector = arg;
	struct virtio_blk *blk = vector->blk;

	for (unsigned i = vector->index; i < blk->nr_queues; i += blk->nr_vectors) {
		struct blk_queue *q = &blk->queues[i];
		unsigned completions = service(q);
		u64 flags = spin_lock_irqsave(&q->lock);

		q->stats.interrupts++;
		q->stats.idle_interrupts += completions == 0;
		spin_unlock_irqrestore(&q->lock, flags);
	}
}

/* ---- When the device does not answer, or lies ---- */

/* When the oldest request in flight was posted; DEADLINE_NEVER when there is none. */
static u64 oldest_posted(struct blk_queue *q)
{
	u64 oldest = DEADLINE_NEVER;
	u64 flags = spin_lock_irqsave(&q->lock);

	for (unsigned i = 0; i < q->nr_slots && q->vq.in_flight; i++)
		if (q->slots[i].rq)
			oldest = MIN(oldest, q->slots[i].posted_ns);
	spin_unlock_irqrestore(&q->lock, flags);
	return oldest;
}

/*
 * Has the request posted then been out for too long? Our clock alone does not tell: under QEMU's
 * icount with sleep=off it jumps to the next timer, this one, while the host's disk works. So a
 * request that is late by it must then be out for as long again by the real-time clock.
 */
static bool is_late(struct virtio_blk *blk, u64 posted)
{
	u64 now = clock_ns(), seconds;

	if (!blk->timeout_ns || posted >= now || now - posted <= blk->timeout_ns)
		return false;
	seconds = arch_rtc_seconds();
	if (blk->suspect_posted != posted) {
		blk->suspect_posted = posted;
		blk->suspect_since = seconds;
	}
	return (seconds - blk->suspect_since) * NSEC_PER_SEC >= blk->timeout_ns;
}

void blk_watchdog(struct timer *timer)
{
	struct virtio_blk *blk = container_of(timer, struct virtio_blk, watchdog);
	bool busy = false;
	u64 oldest = DEADLINE_NEVER;

	atomic_xchg(&blk->watchdog_armed, 0u);
	for (unsigned i = 0; i < blk->nr_queues && !READ_ONCE(blk->broken); i++) {
		struct blk_queue *q = &blk->queues[i];
		unsigned found = service(q);
		u64 posted = oldest_posted(q);
		u64 flags = spin_lock_irqsave(&q->lock);

		q->stats.polled += found;
		busy = busy || q->vq.in_flight;
		spin_unlock_irqrestore(&q->lock, flags);
		oldest = MIN(oldest, posted);
	}
	if (READ_ONCE(blk->broken))
		return;
	if (busy && (blk->transport->ops->get_status(blk->transport) & VIRTIO_STATUS_NEEDS_RESET))
		blk_declare_broken(blk, "it asks for a reset, queues", blk->nr_queues);
	else if (is_late(blk, oldest))
		blk_declare_broken(
			blk, "no answer for milliseconds", (clock_ns() - oldest) / NSEC_PER_MSEC);
	else if (busy)
		arm_watchdog(blk);
}

void blk_declare_broken(struct virtio_blk *blk, const char *what, u64 value)
{
	if (atomic_xchg(&blk->broken, 1u))
		return;
	printk("%s: device is broken: %s %llu; failing its requests", blk->name, what,
		(unsigned long long)value);
	work_queue(&blk->fail_work);
}

/* Everything q holds, posted or waiting, each once. */
static void take_everything(struct blk_queue *q, struct list_head *taken)
{
	struct block_request *rq;
	struct blk_slot *slot;
	u64 flags = spin_lock_irqsave(&q->lock);

	while ((slot = virtqueue_take_back(&q->vq)) != NULL) {
		list_add_tail(&slot->rq->node, taken);
		slot->rq = NULL;
		slot->next_free = q->free_slots;
		q->free_slots = slot;
	}
	list_splice_tail(&q->waiting, taken);
	q->stats.waiting = 0;
	spin_unlock_irqrestore(&q->lock, flags);
	list_for_each_entry (rq, taken, node)
		rq->driver_status = -EIO;
}

void blk_fail_everything(struct work *w)
{
	struct virtio_blk *blk = container_of(w, struct virtio_blk, fail_work);
	struct list_head taken;

	if (virtio_reset(blk->transport))
		printk("%s: does not finish its reset; taken off the bus", blk->name);
	blk->transport->ops->stop_dma(blk->transport);
	for (unsigned i = 0; i < blk->nr_queues; i++) {
		list_init(&taken);
		take_everything(&blk->queues[i], &taken);
		complete_all_of(&taken);
	}
}
