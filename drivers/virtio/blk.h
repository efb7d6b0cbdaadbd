/*
 * virtio-blk, shared by blk.c (finding out what the device is) and blk_queue.c (requests).
 * The only thing others call is virtio_blk_init, and virtio_blk_create in tests.
 */
#pragma once

#include "drivers/virtio/virtio.h"
#include "drivers/virtio/virtqueue.h"
#include "kernel/block.h"
#include "kernel/clock.h"
#include "kernel/spinlock.h"
#include "kernel/workqueue.h"

/* Feature bits (virtio 1.2, 5.2.3). */
#define VIRTIO_BLK_F_SIZE_MAX 1
#define VIRTIO_BLK_F_SEG_MAX  2
#define VIRTIO_BLK_F_RO	      5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH    9
#define VIRTIO_BLK_F_MQ	      12

/* Offsets in the device configuration (5.2.4). */
#define VIRTIO_BLK_CFG_CAPACITY	 0
#define VIRTIO_BLK_CFG_SIZE_MAX	 8
#define VIRTIO_BLK_CFG_SEG_MAX	 12
#define VIRTIO_BLK_CFG_BLK_SIZE	 20
#define VIRTIO_BLK_CFG_NR_QUEUES 34

/* Request types and status bytes (5.2.6). */
#define VIRTIO_BLK_T_IN	   0
#define VIRTIO_BLK_T_OUT   1
#define VIRTIO_BLK_T_FLUSH 4

#define VIRTIO_BLK_S_OK	    0
#define VIRTIO_BLK_S_IOERR  1
#define VIRTIO_BLK_S_UNSUPP 2
/* Ours: what the byte holds until the device writes it. */
#define BLK_STATUS_POISON 0xa5

struct virtio_blk_header {
	le32 type, reserved;
	le64 sector;
};
static_assert(sizeof(struct virtio_blk_header) == 16, "virtio 1.2, 5.2.6");

/* The part of a request in flight that the device reaches. */
struct blk_slot_dma {
	struct virtio_blk_header header;
	struct virtq_desc table[BLOCK_MAX_SEGMENTS + 2]; /* header, data, status */
	u8 status;
} __aligned(16);
#define BLK_SLOTS_PER_PAGE (PAGE_SIZE / sizeof(struct blk_slot_dma))
static_assert(sizeof(struct blk_slot_dma) <= PAGE_SIZE / 3, "three slots a page");

/* One request, or one part of a split request, in flight. Guarded by its queue's lock. */
struct blk_slot {
	struct blk_slot_dma *dma;
	struct block_request *rq;
	struct blk_slot *next_free;
	u64 posted_ns;
	u32 bytes;		       /* of data in this part */
	u32 next_segment, next_offset; /* where the part after this one begins */
};

struct blk_queue {
	struct spinlock lock; /* RANK_BLOCK_QUEUE: everything below; never held around done() */
	struct virtqueue vq;
	struct blk_slot *slots, *free_slots;
	struct list_head waiting; /* requests that found no room, oldest first */
	struct block_queue_stats stats;
	struct virtio_blk *blk;
	u16 index, nr_slots;
} __cacheline;

/* What an interrupt handler is given. */
struct blk_vector {
	struct virtio_blk *blk;
	unsigned index;
};

struct virtio_blk {
	struct block_device dev;
	char name[8];
	struct virtio_transport *transport;
	unsigned nr_queues;
	unsigned nr_vectors; /* routed to us; a queue uses the one of its index modulo nr_vectors */
	bool polled;	/* no interrupt can be relied on: the watchdog looks every millisecond */
	u32 max_pieces; /* data descriptors in one device request */
	u32 max_piece;	/* bytes in one of them; a multiple of 512 */
	struct blk_queue *queues;
	struct blk_vector *vectors;

	u32 broken; /* atomic; set once by blk_declare_broken, never cleared */
	struct work fail_work;

	struct timer watchdog;
	u32 watchdog_armed;	  /* atomic; see blk_queue.c */
	u64 watchdog_interval_ns; /* 0: no watchdog */
	u64 timeout_ns;		  /* 0: none */
	/* The watchdog's: which request is late by our clock, and since when by the RTC (seconds). */
	u64 suspect_posted, suspect_since;
};

/*
 * Bring up a device behind any transport and register it. NULL after one console line when it
 * cannot be used. Context: may sleep.
 */
struct virtio_blk *virtio_blk_create(struct virtio_transport *t);
/* Take every virtio-blk function on the PCI bus. Context: boot, after pci_init. */
void virtio_blk_init(void);

/* ---- blk_queue.c ---- */

extern const struct block_ops blk_ops;

/* Prepare one queue of size entries. 0, -EINVAL or -ENOMEM. */
int blk_queue_init(struct virtio_blk *blk, unsigned index, u16 size, bool event_idx, bool indirect);
/* Also for one that was never initialised. The device must be stopped. */
void blk_queue_destroy(struct blk_queue *q);
/* Interrupt handler; arg is a struct blk_vector. */
void blk_interrupt(void *arg);
void blk_watchdog(struct timer *t);
/* Stop believing the device: one line, then reset it and fail all it holds. Context: any. */
void blk_declare_broken(struct virtio_blk *blk, const char *what, u64 value);
void blk_fail_everything(struct work *w);
