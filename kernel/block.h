/*
 * Block devices: where a driver and the page cache meet. A request names a run of bytes on the
 * device and the pages they go to; it completes in interrupt context by calling done once.
 *
 * Batching: between block_plug and block_unplug this thread's requests are collected and handed to
 * the device's queue with one kick. A thread that sleeps is unplugged first (the scheduler calls
 * block_flush_plug). Requests from interrupt context are never collected.
 *
 * Flush: BLOCK_FLUSH completes after everything that had completed before it was submitted is on
 * stable storage. It orders nothing else; a device without a volatile cache completes it at once.
 */
#pragma once

#include "kernel/page.h"

#define BLOCK_SECTOR_SHIFT 9
#define BLOCK_SECTOR_SIZE  512u
#define BLOCK_MAX_SEGMENTS 64
/* A plug that holds this many requests is sent without waiting for block_unplug. */
#define BLOCK_PLUG_MAX 128

struct block_device;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_segment {
	struct page *page;  /* the submitter's reference; held until done */
	u32 offset, length; /* bytes within the page; multiples of 512 */
};

struct block_request {
	/* filled by the submitter; segments and what they point to stay until done */
	enum block_op op;
	u32 nr_segments; /* at most BLOCK_MAX_SEGMENTS; 0 for a flush */
	u64 sector;	 /* 512-byte units from the start of the device */
	struct block_device *dev;
	struct block_segment *segments;
	/* status: 0 or -errno (-EIO device error, -EINVAL outside the device or misaligned, -EROFS).
	 * Context: interrupt or the submitter itself; may not sleep. The request may be freed. */
	void (*done)(struct block_request *rq, int status);
	void *private_data;

	/* owned by the block layer and the driver from block_submit until done */
	struct list_head node; /* plug list, then the driver's */
	u64 submit_ns;
	u32 bytes;	    /* sum of the segments */
	u32 driver_segment; /* a driver that splits: first segment not sent yet ... */
	u32 driver_offset;  /* ... and bytes of it already sent */
	u32 driver_bytes;   /* bytes sent so far */
	int driver_status;  /* for block_complete, while the driver holds a lock */
	bool must_fail;	    /* kernel/faults.h */
};

/* Requests: counted by the block layer. Kicks and interrupts: the sum over the queues. */
struct block_stats {
	u64 reads, writes, flushes, read_bytes, write_bytes, errors, kicks, interrupts;
	u64 in_flight, max_in_flight; /* now, and most ever at once */
};

/* One hardware queue, as its driver counts. */
struct block_queue_stats {
	u64 submitted, completed;
	u64 kicks;	     /* notifications written to the device */
	u64 interrupts;	     /* taken for this queue */
	u64 idle_interrupts; /* of those, found nothing to do */
	u64 polled;	     /* completions found by looking, without an interrupt */
	u64 deferred;	     /* requests that found the queue full and waited in software */
	u32 in_flight, waiting;
};

struct block_ops {
	/*
	 * Take every request off batch, queue them and tell the device once. Completes each through
	 * block_complete, errors included. Never sleeps: a full queue keeps requests and sends them
	 * when there is room. Context: any; interrupts may be off.
	 */
	void (*submit)(struct block_device *dev, struct list_head *batch);
	/* NULL for a device without hardware queues. */
	void (*queue_stats)(
		struct block_device *dev, unsigned queue, struct block_queue_stats *out);
};

struct block_device {
	const char *name;  /* "vda", "ram0"; the driver's, never freed */
	u64 sectors;	   /* capacity in 512-byte units */
	u32 logical_block; /* bytes; requests are multiples of it */
	u32 nr_queues;
	bool read_only, has_flush;
	const struct block_ops *ops;
	void *driver;
	struct list_head node;	   /* all devices; guarded by the list's lock */
	void *mapping_private;	   /* vfs: the page cache of the raw device */
	struct block_stats counts; /* each word atomic; kicks and interrupts unused here */
};

/* Make dev visible. There is no way back: a broken device stays and fails its requests. */
void block_register(struct block_device *dev);
/* By name, or NULL. */
struct block_device *block_find(const char *name);
/* The i-th device in order of registration, or NULL. */
struct block_device *block_nth(unsigned i);
void block_get_stats(struct block_device *dev, struct block_stats *out);
/* False when dev has no such queue. */
bool block_get_queue_stats(struct block_device *dev, unsigned queue, struct block_queue_stats *out);

/* Check the range and send it on its way. Never sleeps; errors arrive through done. */
void block_submit(struct block_request *rq);
/* Send and wait; done and private_data are overwritten. 0 or -errno. Context: may sleep. */
int block_submit_wait(struct block_request *rq);
/* Begin and end collecting; pairs nest, the outermost end sends. Context: thread. */
void block_plug(void);
void block_unplug(void);
/* Send what this thread has collected. Context: thread; never sleeps. */
void block_flush_plug(void);
/* Drivers call this once for each finished request. Context: any; no lock that done might take. */
void block_complete(struct block_request *rq, int status);
