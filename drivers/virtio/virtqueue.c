/*
 * Split virtqueue (virtio 1.2, 2.7). Three parts in memory shared with the device:
 *
 *	descriptors   written here, read by the device: what and where the buffers are
 *	available     written here: ring of chain heads, and an index that only grows
 *	used          written by the device: ring of (head, bytes written), and its index
 *
 * Trust. The first two are write-only for us: links, free list, lengths and indices live in the
 * shadow array and in struct virtqueue, out of the device's reach. The used index and each used
 * element are read once into a private copy, and an element must name a chain that is in flight, by
 * its head, with a length not above what the chain lets the device write. The index may not run
 * ahead of what is in flight. Anything else is a fault: recorded once, and the queue is dead.
 *
 * Ordering (A and B are partners; the device's halves are its own):
 *	publish	  A store-release of avail index after descriptors and ring entry
 *		  B device loads the index, then the entry
 *	kick	  A avail index stored, full barrier, avail_event loaded
 *		  B device stores avail_event, full barrier, loads avail index: one of us sees the other
 *	take	  A load-acquire of used index before the element and the buffers
 *		  B device stores element and buffers, then the index
 *	interrupt A used_event stored, full barrier, used index loaded
 *		  B device stores used index, full barrier, loads used_event
 *
 * Locking: the caller's, one lock per queue.
 *
 * Limits: no packed ring, no in-order completion feature.
 */
#include "drivers/virtio/virtqueue.h"
#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/slab.h"

/* used_event lies behind the available ring, avail_event behind the used ring (2.7.7.1, 2.7.9). */
static le16 *used_event(struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static le16 *avail_event(struct virtqueue *vq)
{
	return (le16 *)(void *)&vq->used->ring[vq->size];
}

static size_t used_offset(u16 size)
{
	size_t driver_part = size * sizeof(struct virtq_desc) + sizeof(struct virtq_avail) +
			     (size + 1u) * sizeof(le16);

	/* On a cache line of its own: the device writes there. */
	return ALIGN_UP(driver_part, CACHE_LINE);
}

static unsigned rings_order(u16 size)
{
	size_t bytes = used_offset(size) + sizeof(struct virtq_used) +
		       size * sizeof(struct virtq_used_element) + sizeof(le16);
	unsigned order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

int virtqueue_init(struct virtqueue *vq, u16 size, bool event_idx, bool indirect)
{
	struct page *rings;
	char *memory;

	if (size < 2 || size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)))
		return -EINVAL;
	*vq = (struct virtqueue){.size = size, .event_idx = event_idx, .indirect = indirect};
	vq->memory_order = rings_order(size);
	vq->shadow = kzalloc(size * sizeof(*vq->shadow), ALLOC_WAIT);
	rings = page_alloc_zeroed(vq->memory_order, ALLOC_WAIT);
	if (!vq->shadow || !rings) {
		kfree(vq->shadow);
		if (rings)
			page_put(rings);
		return -ENOMEM;
	}
	memory = page_address(rings);
	vq->desc = (struct virtq_desc *)(void *)memory;
	vq->avail = (struct virtq_avail *)(void *)(memory + size * sizeof(struct virtq_desc));
	vq->used = (struct virtq_used *)(void *)(memory + used_offset(size));
	for (u16 i = 0; i < size; i++)
		vq->shadow[i].next = (u16)(i + 1);
	vq->nr_free = size;
	return 0;
}

void virtqueue_destroy(struct virtqueue *vq)
{
	if (!vq->desc)
		return;
	page_put(page_of_address(vq->desc));
	kfree(vq->shadow);
	vq->desc = NULL;
}

static u16 take_descriptor(struct virtqueue *vq)
{
	u16 id = vq->free_head;

	vq->free_head = vq->shadow[id].next;
	vq->nr_free--;
	return id;
}

/* One descriptor that points at table; table's own entries are linked in order. */
static u16 post_indirect(struct virtqueue *vq, struct virtq_desc *table, unsigned count)
{
	u16 head = take_descriptor(vq);

	for (unsigned i = 0; i + 1 < count; i++) {
		table[i].flags = le16_put(le16_get(table[i].flags) | VIRTQ_DESC_NEXT);
		table[i].next = le16_put((u16)(i + 1));
	}
	vq->desc[head] = (struct virtq_desc){
		.address = le64_put(arch_virt_to_phys(table)),
		.length = le32_put(count * (u32)sizeof(*table)),
		.flags = le16_put(VIRTQ_DESC_INDIRECT),
	};
	vq->shadow[head].count = 1;
	return head;
}

/* count descriptors of the ring itself, linked in the shadow and in the ring. */
static u16 post_direct(struct virtqueue *vq, const struct virtq_desc *table, unsigned count)
{
	u16 head = vq->free_head;

	for (unsigned i = 0; i < count; i++) {
		u16 id = take_descriptor(vq);
		u16 flags = le16_get(table[i].flags);

		vq->desc[id] = table[i];
		if (i + 1 < count) {
			vq->desc[id].flags = le16_put(flags | VIRTQ_DESC_NEXT);
			vq->desc[id].next = le16_put(vq->free_head);
		}
	}
	vq->shadow[head].count = (u16)count;
	return head;
}

int virtqueue_add(
	struct virtqueue *vq, struct virtq_desc *table, unsigned count, u32 writable, void *token)
{
	bool indirect = vq->indirect && count > 1;
	u16 head;

	assert(count > 0 && count <= vq->size && token);
	if (vq->nr_free < (indirect ? 1 : count))
		return -ENOSPC;
	head = indirect ? post_indirect(vq, table, count) : post_direct(vq, table, count);
	vq->shadow[head].token = token;
	vq->shadow[head].writable = writable;
	vq->avail->ring[vq->avail_index & (vq->size - 1)] = le16_put(head);
	vq->avail_index++;
	vq->in_flight++;
	return 0;
}

bool virtqueue_publish(struct virtqueue *vq)
{
	u16 before = vq->published_index, now = vq->avail_index, event;

	if (now == before)
		return false;
	store_release(&vq->avail->index.raw, now); /* "publish" in the head comment */
	vq->published_index = now;
	smp_mb(); /* "kick" in the head comment */
	if (!vq->event_idx)
		return !(READ_ONCE(vq->used->flags.raw) & VIRTQ_USED_NO_NOTIFY);
	/* Did the index pass avail_event? Whatever the device wrote there, the worst is no kick. */
	event = READ_ONCE(avail_event(vq)->raw);
	return (u16)(now - event - 1) < (u16)(now - before);
}

static int declare_fault(struct virtqueue *vq, const char *what, u32 value)
{
	if (!vq->fault) {
		vq->fault = what;
		vq->fault_value = value;
	}
	return -EIO;
}

/* Return the descriptors of the chain at head to the free list. */
static void release_chain(struct virtqueue *vq, u16 head)
{
	struct virtqueue_shadow *first = &vq->shadow[head];
	u16 last = head;

	for (u16 i = 1; i < first->count; i++)
		last = vq->shadow[last].next;
	vq->shadow[last].next = vq->free_head;
	vq->free_head = head;
	vq->nr_free += first->count;
	first->count = 0;
	first->token = NULL;
	vq->in_flight--;
}

int virtqueue_get(struct virtqueue *vq, struct virtqueue_done *done)
{
	const struct virtq_used_element *element;
	u16 index, ahead;
	u32 id, length;

	if (vq->fault)
		return -EIO;
	index = load_acquire(&vq->used->index.raw); /* "take" in the head comment */
	ahead = (u16)(index - vq->used_index);
	if (ahead == 0)
		return 0;
	if (ahead > vq->in_flight)
		return declare_fault(vq, "used index runs ahead of what is in flight by", ahead);
	element = &vq->used->ring[vq->used_index & (vq->size - 1)];
	id = READ_ONCE(element->id.raw);
	length = READ_ONCE(element->length.raw);
	if (id >= vq->size)
		return declare_fault(vq, "used id outside the queue", id);
	if (vq->shadow[id].count == 0)
		return declare_fault(vq, "used id not in flight", id);
	if (length > vq->shadow[id].writable)
		return declare_fault(vq, "used length above what was posted", length);
	*done = (struct virtqueue_done){vq->shadow[id].token, length};
	release_chain(vq, (u16)id);
	vq->used_index++;
	return 1;
}

bool virtqueue_want_interrupt(struct virtqueue *vq)
{
	if (vq->fault)
		return false;
	if (vq->event_idx)
		WRITE_ONCE(used_event(vq)->raw, vq->used_index);
	smp_mb(); /* "interrupt" in the head comment */
	return READ_ONCE(vq->used->index.raw) != vq->used_index;
}

void *virtqueue_take_back(struct virtqueue *vq)
{
	for (u16 i = 0; i < vq->size; i++) {
		void *token = vq->shadow[i].token;

		if (vq->shadow[i].count == 0)
			continue;
		release_chain(vq, i);
		return token;
	}
	return NULL;
}
