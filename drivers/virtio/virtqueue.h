/*
 * Split virtqueue (virtio 1.2, 2.7), driver's side, towards a device that is not trusted.
 *
 *	virtqueue_add ...            post buffers; several times
 *	if (virtqueue_publish(vq))   one release of the available index for all of them
 *		notify               only when the device asked for it
 *
 *	while (virtqueue_get(vq, &done) > 0)
 *		...                  a completed buffer, once each
 *	virtqueue_want_interrupt     and look again when it says so
 *
 * The queue knows nothing of PCI or of what the buffers mean.
 * Locking: all calls for one queue under one lock of the caller's.
 */
#pragma once

#include "kernel/endian.h"

/* ---- As the device sees it ---- */

#define VIRTQ_DESC_NEXT	    1
#define VIRTQ_DESC_WRITE    2
#define VIRTQ_DESC_INDIRECT 4

struct virtq_desc {
	le64 address;
	le32 length;
	le16 flags;
	le16 next;
};
static_assert(sizeof(struct virtq_desc) == 16, "virtio 1.2, 2.7.5");

#define VIRTQ_AVAIL_NO_INTERRUPT 1
#define VIRTQ_USED_NO_NOTIFY	 1

struct virtq_avail {
	le16 flags;
	le16 index;
	le16 ring[]; /* size entries, then le16 used_event */
};

struct virtq_used_element {
	le32 id;
	le32 length;
};

struct virtq_used {
	le16 flags;
	le16 index;
	struct virtq_used_element ring[]; /* size entries, then le16 avail_event */
};

/* ---- The driver's own ---- */

#define VIRTQUEUE_SIZE_MAX 1024

/* What we posted, per descriptor; the device cannot reach this. */
struct virtqueue_shadow {
	void *token;  /* of the chain that begins here */
	u32 writable; /* bytes the device may write in that chain */
	u16 count;    /* descriptors of the chain that begins here; 0: not a chain in flight */
	u16 next;     /* chain in flight, or free list */
};

struct virtqueue {
	u16 size; /* power of two */
	bool event_idx, indirect;
	u16 free_head, nr_free;
	u16 avail_index;     /* next to post; the ring's own copy is only ever written */
	u16 published_index; /* what the device has been shown */
	u16 used_index;	     /* next to look at */
	u16 in_flight;	     /* chains posted and not completed */
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	struct virtqueue_shadow *shadow;
	/* Set once when the device lied; from then on virtqueue_get returns -EIO. */
	const char *fault;
	u32 fault_value;
	unsigned memory_order;
};

struct virtqueue_done {
	void *token;
	u32 length; /* bytes the device says it wrote; not above what was posted as writable */
};

/*
 * Allocate the rings of a queue of size entries (a power of two, 2..VIRTQUEUE_SIZE_MAX).
 * 0, -EINVAL or -ENOMEM. Context: may sleep.
 */
int virtqueue_init(struct virtqueue *vq, u16 size, bool event_idx, bool indirect);
/* The device must have been reset, or kept from memory, before. */
void virtqueue_destroy(struct virtqueue *vq);

/*
 * Post one chain of count descriptors given in table: address, length and the WRITE flag are the
 * caller's, links are filled in here. With indirect descriptors the device reads table itself, so
 * it stays the queue's until the chain completes; otherwise it is copied. writable is the number of
 * bytes the device may write, token comes back with the completion.
 * 0, or -ENOSPC when the queue has no room.
 */
int virtqueue_add(
	struct virtqueue *vq, struct virtq_desc *table, unsigned count, u32 writable, void *token);

/* Show the device everything added. True when it wants to be notified. */
bool virtqueue_publish(struct virtqueue *vq);

/*
 * Take one completion. 1 with *done filled, 0 when there is none, -EIO when the device lied:
 * vq->fault and vq->fault_value say how, and nothing it says counts any more.
 */
int virtqueue_get(struct virtqueue *vq, struct virtqueue_done *done);

/* Ask for an interrupt at the next completion. True: there is one already, look again. */
bool virtqueue_want_interrupt(struct virtqueue *vq);

/* Give back chains in flight, in no order, after the device was stopped. NULL: no more. */
void *virtqueue_take_back(struct virtqueue *vq);
