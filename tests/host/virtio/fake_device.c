/* A virtio block device in memory, and the knobs that make it misbehave. */
#include "abi/errno.h"
#include "fake.h"
#include "kernel/slab.h"
#include "kernel/string.h"

static struct fake_device *of(struct virtio_transport *t)
{
	return container_of(t, struct fake_device, transport);
}

static u8 get_status(struct virtio_transport *t)
{
	return of(t)->status;
}

static void set_status(struct virtio_transport *t, u8 status)
{
	struct fake_device *d = of(t);

	if (status == 0) {
		d->resets++;
		d->status = d->never_resets ? VIRTIO_STATUS_NEEDS_RESET : 0;
		memset(d->queues, 0, sizeof(d->queues));
		return;
	}
	if (d->refuses_features)
		status &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	d->status = status;
}

static u64 get_features(struct virtio_transport *t)
{
	return of(t)->features;
}

static void set_features(struct virtio_transport *t, u64 features)
{
	CHECK((features & ~of(t)->features) == 0);
	of(t)->driver_features = features;
}

static u16 nr_queues(struct virtio_transport *t)
{
	return of(t)->nr_queues;
}

static u16 queue_size(struct virtio_transport *t, u16 queue)
{
	return queue < of(t)->nr_queues ? of(t)->queue_entries : 0;
}

static int queue_enable(
	struct virtio_transport *t, u16 queue, const struct virtio_queue_setup *setup)
{
	struct fake_device *d = of(t);

	if (d->refuses_vectors && setup->vector != VIRTIO_NO_VECTOR)
		return -ENOSPC;
	CHECK(queue < FAKE_QUEUES && setup->size <= d->queue_entries);
	d->queues[queue] = (struct fake_queue){
		.size = setup->size,
		.vector = setup->vector,
		.desc = (void *)setup->descriptors,
		.avail = (void *)setup->driver,
		.used = (void *)setup->device,
	};
	return 0;
}

static void notify(struct virtio_transport *t, u16 queue)
{
	of(t)->queues[queue].notifies++;
}

static int config_read(struct virtio_transport *t, u32 offset, void *buf, u32 length)
{
	struct fake_device *d = of(t);

	if (length > d->config_length || offset > d->config_length - length)
		return -ERANGE;
	memcpy(buf, d->config + offset, length);
	return 0;
}

static u8 config_generation(struct virtio_transport *t)
{
	of(t)->generation += of(t)->keeps_changing;
	return of(t)->generation;
}

static int route(
	struct virtio_transport *t, u16 vector, unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct fake_device *d = of(t);

	if (d->routes_left == 0)
		return -ENOSPC;
	d->routes_left--;
	d->vectors[vector].fn = fn;
	d->vectors[vector].arg = arg;
	d->vectors[vector].cpu = cpu;
	return 0;
}

static void interrupts_on(struct virtio_transport *t)
{
	of(t)->on = true;
}

static void stop_dma(struct virtio_transport *t)
{
	of(t)->dma_stopped = true;
}

static const struct virtio_transport_ops fake_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.nr_queues = nr_queues,
	.queue_size = queue_size,
	.queue_enable = queue_enable,
	.notify = notify,
	.config_read = config_read,
	.config_generation = config_generation,
	.route = route,
	.interrupts_on = interrupts_on,
	.stop_dma = stop_dma,
};

void fake_config(struct fake_device *d, u32 offset, u64 value, unsigned length)
{
	memcpy(d->config + offset, &value, length);
}

struct fake_device *fake_device_new(void)
{
	struct fake_device *d = kzalloc(sizeof(*d), ALLOC_WAIT);

	d->transport = (struct virtio_transport){.ops = &fake_ops, .name = "fake", .vectors = 4};
	d->features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |
		      VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_BLK_F_MQ) |
		      VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) |
		      VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE);
	d->config_length = 60;
	fake_config(d, VIRTIO_BLK_CFG_CAPACITY, FAKE_SECTORS, 8);
	fake_config(d, VIRTIO_BLK_CFG_SEG_MAX, 62, 4);
	fake_config(d, VIRTIO_BLK_CFG_BLK_SIZE, 512, 4);
	fake_config(d, VIRTIO_BLK_CFG_NR_QUEUES, 4, 2);
	d->nr_queues = 4;
	d->queue_entries = 64;
	d->routes_left = 4;
	d->disk = kzalloc(FAKE_SECTORS * 512, ALLOC_WAIT);
	for (unsigned i = 0; i < FAKE_SECTORS; i++)
		memset(d->disk + i * 512, (int)i, 512);
	return d;
}

void fake_device_free(struct fake_device *d)
{
	kfree(d->disk);
	kfree(d);
}

void fake_queue_attach(struct fake_queue *q, const struct virtqueue *vq)
{
	*q = (struct fake_queue){
		.size = vq->size, .desc = vq->desc, .avail = vq->avail, .used = vq->used};
}

static void add_piece(struct fake_chain *chain, const struct virtq_desc *desc)
{
	CHECK(chain->count < FAKE_PIECES);
	chain->pieces[chain->count++] = (struct fake_piece){
		.bytes = (u8 *)le64_get(desc->address),
		.length = le32_get(desc->length),
		.writable = le16_get(desc->flags) & VIRTQ_DESC_WRITE,
	};
}

bool fake_take(struct fake_queue *q, struct fake_chain *chain)
{
	const struct virtq_desc *table = q->desc, *desc;
	u16 id;

	if (q->avail_seen == le16_get(q->avail->index))
		return false;
	*chain = (struct fake_chain){0};
	chain->head = id = le16_get(q->avail->ring[q->avail_seen++ % q->size]);
	CHECK(id < q->size);
	/* Ask to be told of the next one (virtio 1.2, 2.7.10). */
	*(le16 *)(void *)&q->used->ring[q->size] = le16_put(q->avail_seen);
	if (le16_get(table[id].flags) & VIRTQ_DESC_INDIRECT) {
		CHECK(le32_get(table[id].length) <= q->size * sizeof(*table));
		table = (const void *)le64_get(table[id].address);
		id = 0;
	}
	do {
		desc = &table[id];
		add_piece(chain, desc);
		id = le16_get(desc->next);
	} while (le16_get(desc->flags) & VIRTQ_DESC_NEXT);
	return true;
}

void fake_put_used(struct fake_queue *q, u32 id, u32 length)
{
	q->used->ring[q->used_index % q->size] =
		(struct virtq_used_element){le32_put(id), le32_put(length)};
	q->used_index++;
	store_release(&q->used->index.raw, q->used_index);
}

u32 fake_serve_chain(struct fake_device *d, const struct fake_chain *chain)
{
	const struct virtio_blk_header *header = (const void *)chain->pieces[0].bytes;
	u32 type = le32_get(header->type), written = 0, data = 0;
	u8 *at = d->disk + le64_get(header->sector) * 512;

	EQ(chain->pieces[0].length, sizeof(*header));
	for (unsigned i = 1; i + 1 < chain->count; i++) {
		const struct fake_piece *p = &chain->pieces[i];

		CHECK(p->writable == (type == VIRTIO_BLK_T_IN));
		CHECK(at + p->length <= d->disk + FAKE_SECTORS * 512);
		if (p->writable)
			memcpy(p->bytes, at, p->length);
		else
			memcpy(at, p->bytes, p->length);
		written += p->writable ? p->length : 0;
		data += p->length;
		at += p->length;
	}
	EQ(data % 512, 0);
	CHECK(chain->pieces[chain->count - 1].writable);
	EQ(chain->pieces[chain->count - 1].length, 1);
	*chain->pieces[chain->count - 1].bytes = VIRTIO_BLK_S_OK;
	return written + 1;
}

void fake_interrupt(struct fake_device *d, unsigned vector)
{
	d->interrupts++;
	if (d->on && d->vectors[vector].fn)
		d->vectors[vector].fn(d->vectors[vector].arg);
}

/* Has the driver asked to hear of what happened since it was last told? (2.7.7.2) */
static bool wants_interrupt(struct fake_device *d, struct fake_queue *q)
{
	u16 event = le16_get(q->avail->ring[q->size]), old = q->used_told;

	q->used_told = q->used_index;
	if (!(d->driver_features & VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)))
		return q->used_index != old;
	return (u16)(q->used_index - event - 1) < (u16)(q->used_index - old);
}

unsigned fake_serve(struct fake_device *d)
{
	unsigned served = 0;

	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		struct fake_queue *q = &d->queues[i];
		struct fake_chain chain;

		while (q->size && fake_take(q, &chain)) {
			fake_put_used(q, chain.head, fake_serve_chain(d, &chain));
			served++;
		}
		if (q->size && wants_interrupt(d, q) && !d->silent && q->vector != VIRTIO_NO_VECTOR)
			fake_interrupt(d, q->vector);
	}
	return served;
}
