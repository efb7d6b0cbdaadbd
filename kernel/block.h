/*
 * Block devices: where a driver and the page cache meet. A request names a run of bytes on the
 * device and the pages they go to; it completes in interrupt context by calling done once.
 *
 * Batching: between block_plug and block_unplug this thread's requests are collected and handed to
 * the device's queue with one kick. A thread that sleeps is unplugged first.
 */
#pragma once

#include "kernel/page.h"

#define BLOCK_SECTOR_SHIFT 9
#define BLOCK_MAX_SEGMENTS 64

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_segment {
	struct page *page; /* the submitter's reference; held until done */
	u32 offset, length; /* bytes within the page; multiples of 512 */
};

struct block_request {
	enum block_op op;
	u32 nr_segments;
	u64 sector; /* 512-byte units from the start of the device */
	struct block_device *dev;
	/* status: 0 or -errno (-EIO device error, -ENODEV gone, -EINVAL outside the device).
	 * Context: interrupt or the submitter itself; may not sleep. The request may be freed. */
	void (*done)(struct block_request *rq, int status);
	void *private_data;
	struct list_head node;	/* plug list, then the driver's */
	u64 driver_data;
	u64 submit_ns;
	struct block_segment *segments;
};

struct block_ops {
	/* Queue and, when kick is set, tell the device. Completes through rq->done, errors included.
	 * Never sleeps: a full queue keeps the request and sends it when there is room. */
	void (*submit)(struct block_device *dev, struct block_request *rq, bool kick);
};

struct block_stats {
	u64 reads, writes, flushes, read_bytes, write_bytes, errors, kicks, interrupts;
	u64 in_flight, max_in_flight; /* most ever at once */
};

struct block_device {
	const char *name;	 /* "vda", "ram0" */
	u64 sectors;		 /* capacity in 512-byte units */
	u32 logical_block;	 /* bytes; requests are multiples of it */
	u32 nr_queues;
	bool read_only, has_flush;
	const struct block_ops *ops;
	void *driver;
	struct list_head node;	 /* all devices; guarded by the list's lock */
	void *mapping_private;	 /* vfs: the page cache of the raw device */
};

void block_register(struct block_device *dev);
/* By name, or NULL. */
struct block_device *block_find(const char *name);
/* The i-th device in order of registration, or NULL. */
struct block_device *block_nth(unsigned i);
void block_get_stats(struct block_device *dev, struct block_stats *out);

/* Check the range and send it on its way. Never sleeps; errors arrive through done. */
void block_submit(struct block_request *rq);
/* Send and wait. 0 or -errno. Context: may sleep. */
int block_submit_wait(struct block_request *rq);
void block_plug(void);
void block_unplug(void);
/* Drivers call this for each finished request. */
void block_complete(struct block_request *rq, int status);
void block_init(void);
