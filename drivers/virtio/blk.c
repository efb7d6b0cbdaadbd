/*
 * virtio-blk (virtio 1.2, 5.2): finding out what the device is, before the first request.
 *
 *	negotiate -> read configuration -> queues -> vectors -> DRIVER_OK -> block_register
 *
 * Every number the device gives is bounded here: what is merely odd is replaced by a safe value and
 * said so, what makes the device unusable refuses it with one line.
 *
 *	capacity	  zero is a disk without sectors; above 2^54 sectors is refused
 *	block size	  a power of two, 512 to 4096; anything else counts as 512
 *	SEG_MAX, SIZE_MAX bound the parts a request is cut into; less than a sector is refused
 *	queues		  one per CPU, as far as the device has them
 *	vectors		  one per queue; with fewer, queues share them; with none, or when the device
 *			  refuses one, the watchdog polls every millisecond
 *
 * Command line: blk_timeout=SECONDS (30; 0 for none). Under `icount` there is none, and no watchdog that
 * would add instructions to what is being counted.
 *
 * Locking: none; nobody else knows the device until block_register.
 *
 * Limits: a change of capacity while running is not noticed.
 */
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/virtio/blk.h"
#include "drivers/virtio/transport_pci.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/slab.h"

#define MAX_SECTORS	  (1ull << 54)
#define TIMEOUT_DEFAULT	  30
#define WATCHDOG_NS	  NSEC_PER_SEC
#define POLL_NS		  NSEC_PER_MSEC
#define QUEUE_ENTRIES	  256u
#define QUEUE_ENTRIES_MIN 4u
/* Slots over all queues, so that many CPUs do not take much memory; but at least this many each. */
#define QUEUE_ENTRIES_SHARE 64u
#define TOTAL_SLOTS	    1024u

#define WANTED_FEATURES                                                                            \
	(VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX) | VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) |            \
		VIRTIO_FEATURE(VIRTIO_BLK_F_RO) | VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) |          \
		VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_MQ) |             \
		VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |      \
		VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM))

/* Devices found so far, for their names. */
static unsigned nr_disks;

static bool has(u64 features, unsigned bit)
{
	return features & VIRTIO_FEATURE(bit);
}

static int read_capacity(struct virtio_blk *blk)
{
	u64 capacity;
	int err = virtio_config_read(
		blk->transport, VIRTIO_BLK_CFG_CAPACITY, &capacity, sizeof(capacity));

	if (err) {
		printk("%s: capacity cannot be read (%d)", blk->name, err);
		return err;
	}
	if (capacity > MAX_SECTORS) {
		printk("%s: impossible capacity of %#llx sectors", blk->name,
			(unsigned long long)capacity);
		return -EINVAL;
	}
	if (capacity == 0)
		printk("%s: capacity is zero", blk->name);
	blk->dev.sectors = capacity;
	return 0;
}

static int read_block_size(struct virtio_blk *blk, u64 features)
{
	u32 size = BLOCK_SECTOR_SIZE;
	int err = 0;

	if (has(features, VIRTIO_BLK_F_BLK_SIZE))
		err = virtio_config_read(
			blk->transport, VIRTIO_BLK_CFG_BLK_SIZE, &size, sizeof(size));
	if (size < BLOCK_SECTOR_SIZE || size > PAGE_SIZE || (size & (size - 1))) {
		printk("%s: odd block size %u, using %u", blk->name, size, BLOCK_SECTOR_SIZE);
		size = BLOCK_SECTOR_SIZE;
	}
	blk->dev.logical_block = size;
	return err;
}

static int read_limits(struct virtio_blk *blk, u64 features)
{
	u32 segments = 1, segment_size = PAGE_SIZE;
	int err = 0;

	if (has(features, VIRTIO_BLK_F_SEG_MAX))
		err = virtio_config_read(
			blk->transport, VIRTIO_BLK_CFG_SEG_MAX, &segments, sizeof(segments));
	if (!err && has(features, VIRTIO_BLK_F_SIZE_MAX))
		err = virtio_config_read(blk->transport, VIRTIO_BLK_CFG_SIZE_MAX, &segment_size,
			sizeof(segment_size));
	if (err)
		return err;
	if (segments == 0) {
		printk("%s: segment limit of 0, using 1", blk->name);
		segments = 1;
	}
	blk->max_pieces = MIN(segments, (u32)BLOCK_MAX_SEGMENTS);
	blk->max_piece = ALIGN_DOWN(MIN(segment_size, (u32)PAGE_SIZE), BLOCK_SECTOR_SIZE);
	if (blk->max_pieces * blk->max_piece < blk->dev.logical_block) {
		printk("%s: takes at most %u x %u bytes, less than a block", blk->name, segments,
			segment_size);
		return -EINVAL;
	}
	return 0;
}

/* One queue per CPU, or what there is. */
static int choose_queues(struct virtio_blk *blk, u64 features)
{
	u16 configured = 1, existing = blk->transport->ops->nr_queues(blk->transport), most;
	int err = 0;

	if (has(features, VIRTIO_BLK_F_MQ))
		err = virtio_config_read(
			blk->transport, VIRTIO_BLK_CFG_NR_QUEUES, &configured, sizeof(configured));
	if (err)
		return err;
	most = MIN(configured, existing);
	blk->nr_queues = MIN((unsigned)most, nr_cpus);
	if (blk->nr_queues == 0) {
		printk("%s: has no queues (%u configured, %u there)", blk->name, configured,
			existing);
		return -EINVAL;
	}
	return 0;
}

static int read_config(struct virtio_blk *blk, u64 features)
{
	int err = read_capacity(blk);

	if (!err)
		err = read_block_size(blk, features);
	if (!err)
		err = read_limits(blk, features);
	if (!err)
		err = choose_queues(blk, features);
	blk->dev.read_only = has(features, VIRTIO_BLK_F_RO);
	blk->dev.has_flush = has(features, VIRTIO_BLK_F_FLUSH);
	return err;
}

static u16 round_down_to_power(unsigned n)
{
	unsigned power = 1;

	while (power * 2 <= n)
		power *= 2;
	return (u16)power;
}

/* Allocate the queues; fewer than chosen when the device turns out to lack some. */
static int make_queues(struct virtio_blk *blk, u64 features)
{
	u32 share = MAX(TOTAL_SLOTS / blk->nr_queues, QUEUE_ENTRIES_SHARE);
	u32 limit = MIN(share, QUEUE_ENTRIES);

	blk->queues = kzalloc(blk->nr_queues * sizeof(*blk->queues), ALLOC_WAIT);
	if (!blk->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < blk->nr_queues; i++) {
		unsigned largest = blk->transport->ops->queue_size(blk->transport, (u16)i);
		u16 size = round_down_to_power(MIN(largest, limit));
		int err;

		if (largest < QUEUE_ENTRIES_MIN) {
			printk("%s: queue %u has %u entries", blk->name, i, largest);
			blk->nr_queues = i;
			return i > 0 ? 0 : -EINVAL;
		}
		/* A chain, indirect or not, is no longer than the queue (2.7.5.3.1). */
		blk->max_pieces = MIN(blk->max_pieces, size - 2u);
		err = blk_queue_init(blk, i, size, has(features, VIRTIO_F_EVENT_IDX),
			has(features, VIRTIO_F_INDIRECT_DESC));
		if (err)
			return err;
	}
	return 0;
}

/* Vector i serves queue i, on CPU i, and the queues that share it. */
static int route_vectors(struct virtio_blk *blk)
{
	struct virtio_transport *t = blk->transport;
	unsigned want = MIN(blk->nr_queues, t->vectors);

	blk->vectors = kzalloc(blk->nr_queues * sizeof(*blk->vectors), ALLOC_WAIT);
	if (!blk->vectors)
		return -ENOMEM;
	for (unsigned i = 0; i < want; i++) {
		blk->vectors[i] = (struct blk_vector){blk, i};
		if (t->ops->route(t, (u16)i, i, blk_interrupt, &blk->vectors[i]))
			break;
		blk->nr_vectors++;
	}
	blk->polled = blk->nr_vectors == 0;
	if (!blk->polled)
		t->ops->interrupts_on(t);
	return 0;
}

static int enable_queue(struct virtio_blk *blk, struct blk_queue *q)
{
	struct virtio_transport *t = blk->transport;
	struct virtio_queue_setup setup = {
		.size = q->vq.size,
		.vector = blk->polled ? VIRTIO_NO_VECTOR : q->index % blk->nr_vectors,
		.descriptors = arch_virt_to_phys(q->vq.desc),
		.driver = arch_virt_to_phys(q->vq.avail),
		.device = arch_virt_to_phys(q->vq.used),
	};
	int err = t->ops->queue_enable(t, q->index, &setup);

	if (err != -ENOSPC)
		return err;
	printk("%s: device has no resources for vector %u", blk->name, setup.vector);
	blk->polled = true;
	setup.vector = VIRTIO_NO_VECTOR;
	return t->ops->queue_enable(t, q->index, &setup);
}

static int start_queues(struct virtio_blk *blk)
{
	for (unsigned i = 0; i < blk->nr_queues; i++) {
		int err = enable_queue(blk, &blk->queues[i]);

		if (err)
			return err;
	}
	return 0;
}

static void set_watchdog(struct virtio_blk *blk)
{
	char unused[8];
	bool icount = cmdline_get("icount", unused, sizeof(unused));

	blk->timeout_ns =
		cmdline_get_u64("blk_timeout", icount ? 0 : TIMEOUT_DEFAULT) * NSEC_PER_SEC;
	if (blk->polled) {
		printk("%s: no usable interrupts, polling every millisecond", blk->name);
		blk->watchdog_interval_ns = POLL_NS;
	} else if (blk->timeout_ns) {
		blk->watchdog_interval_ns = MIN(WATCHDOG_NS, blk->timeout_ns);
	}
}

static int set_up(struct virtio_blk *blk)
{
	u64 features;
	int err = virtio_negotiate(blk->transport, WANTED_FEATURES, &features);

	if (!err)
		err = read_config(blk, features);
	if (!err)
		err = make_queues(blk, features);
	if (!err)
		err = route_vectors(blk);
	if (!err)
		err = start_queues(blk);
	return err;
}

/* Undo whatever part of set_up happened; the device is reset first. */
static void tear_down(struct virtio_blk *blk)
{
	virtio_fail(blk->transport);
	virtio_reset(blk->transport);
	blk->transport->ops->stop_dma(blk->transport);
	for (unsigned i = 0; blk->queues && i < blk->nr_queues; i++)
		blk_queue_destroy(&blk->queues[i]);
	kfree(blk->queues);
	kfree(blk->vectors);
	kfree(blk);
}

static void announce(const struct virtio_blk *blk)
{
	printk("%s: %llu sectors (%llu MiB), %u queues of %u, %u vectors%s%s", blk->name,
		(unsigned long long)blk->dev.sectors, (unsigned long long)blk->dev.sectors >> 11,
		blk->nr_queues, blk->queues[0].vq.size, blk->nr_vectors,
		blk->dev.read_only ? ", read-only" : "", blk->dev.has_flush ? ", flush" : "");
}

/* vda .. vdz, vdaa .. vdzz. A machine has fewer than 702 of them. */
static void name_disk(struct virtio_blk *blk)
{
	unsigned n = nr_disks;

	if (n < 26)
		snprintf(blk->name, sizeof(blk->name), "vd%c", 'a' + n);
	else
		snprintf(blk->name, sizeof(blk->name), "vd%c%c", 'a' + n / 26 - 1, 'a' + n % 26);
}

struct virtio_blk *virtio_blk_create(struct virtio_transport *t)
{
	struct virtio_blk *blk;
	int err;

	blk = kzalloc(sizeof(*blk), ALLOC_WAIT);
	if (!blk)
		return NULL;
	name_disk(blk);
	blk->transport = t;
	work_init(&blk->fail_work, blk_fail_everything);
	timer_setup(&blk->watchdog, blk_watchdog);
	err = set_up(blk);
	if (err) {
		printk("%s: left alone (error %d)", t->name, err);
		tear_down(blk);
		return NULL;
	}
	blk->dev.name = blk->name;
	blk->dev.nr_queues = blk->nr_queues;
	blk->dev.ops = &blk_ops;
	blk->dev.driver = blk;
	set_watchdog(blk);
	virtio_driver_ok(t);
	nr_disks++;
	announce(blk);
	block_register(&blk->dev);
	return blk;
}

static int probe(struct pci_device *pci)
{
	struct virtio_transport *t = virtio_pci_open(pci);

	return t && virtio_blk_create(t) ? 0 : -ENODEV;
}

void virtio_blk_init(void)
{
	static const struct pci_id ids[] = {
		{VIRTIO_PCI_VENDOR, VIRTIO_PCI_MODERN(2)},
		{VIRTIO_PCI_VENDOR, 0x1001}, /* transitional */
	};
	static const struct pci_driver driver = {
		.name = "virtio-blk", .ids = ids, .nr_ids = ARRAY_SIZE(ids), .probe = probe};

	pci_bind(&driver);
}
