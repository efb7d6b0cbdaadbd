/*
 * Virtio 1.2, modern devices only: the part that every transport and device type shares.
 *
 * A transport (drivers/virtio/transport_pci.c, or a fake one in tests) gives the operations below; they only
 * carry values and check ranges. What the values mean, and whether to believe them, is decided in
 * virtio.c and in the device's driver.
 */
#pragma once

#include "kernel/endian.h"

/* Device status (virtio 1.2, 2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01
#define VIRTIO_STATUS_DRIVER	  0x02
#define VIRTIO_STATUS_DRIVER_OK	  0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_NEEDS_RESET 0x40
#define VIRTIO_STATUS_FAILED	  0x80

/* Feature bits that belong to no device type (6). */
#define VIRTIO_F_INDIRECT_DESC	 28
#define VIRTIO_F_EVENT_IDX	 29
#define VIRTIO_F_VERSION_1	 32
#define VIRTIO_F_ACCESS_PLATFORM 33

#define VIRTIO_FEATURE(bit) (1ull << (bit))

/* "No interrupt" in a vector register (4.1.5.1.2). */
#define VIRTIO_NO_VECTOR 0xffff

struct virtio_transport;

/* Physical addresses of one queue's three parts. */
struct virtio_queue_setup {
	u16 size;
	u16 vector; /* or VIRTIO_NO_VECTOR */
	u64 descriptors, driver, device;
};

struct virtio_transport_ops {
	u8 (*get_status)(struct virtio_transport *t);
	void (*set_status)(struct virtio_transport *t, u8 status);
	u64 (*get_features)(struct virtio_transport *t);
	void (*set_features)(struct virtio_transport *t, u64 features);
	u16 (*nr_queues)(struct virtio_transport *t);
	/* Largest size the device takes for this queue; 0: no such queue. */
	u16 (*queue_size)(struct virtio_transport *t, u16 queue);
	/* 0, -ENOSPC when the device refused the vector, -EINVAL when the queue cannot be used. */
	int (*queue_enable)(
		struct virtio_transport *t, u16 queue, const struct virtio_queue_setup *setup);
	/* Context: any. */
	void (*notify)(struct virtio_transport *t, u16 queue);
	/* One read of the device configuration; -ERANGE when the device has no such bytes. */
	int (*config_read)(struct virtio_transport *t, u32 offset, void *buf, u32 length);
	u8 (*config_generation)(struct virtio_transport *t);
	/* Route an interrupt vector. 0, or -ENOSPC; vectors above the device's are -EINVAL. */
	int (*route)(struct virtio_transport *t, u16 vector, unsigned cpu, void (*fn)(void *arg),
		void *arg);
	/* Let routed interrupts through. */
	void (*interrupts_on)(struct virtio_transport *t);
	/* Take the device's access to memory away. Context: any. */
	void (*stop_dma)(struct virtio_transport *t);
};

struct virtio_transport {
	const struct virtio_transport_ops *ops;
	const char *name; /* for messages: "virtio 00:03.0" */
	unsigned vectors; /* interrupt vectors of the device; 0: none, it has to be polled */
};

/*
 * Reset and wait for it. 0, or -ETIMEDOUT when the device does not get there within a second.
 * Context: any, but waits without sleeping.
 */
int virtio_reset(struct virtio_transport *t);

/*
 * Reset, and agree on features: what the device offers of `wanted`, VERSION_1 always. On success
 * the device is at FEATURES_OK. -ENODEV after one console line when it refuses.
 */
int virtio_negotiate(struct virtio_transport *t, u64 wanted, u64 *features);
void virtio_driver_ok(struct virtio_transport *t);
/* Tell the device that we give up on it. */
void virtio_fail(struct virtio_transport *t);

/*
 * Read configuration bytes as of one moment, although the device may be changing them.
 * -ERANGE when outside, -EIO when the device never stops changing.
 */
int virtio_config_read(struct virtio_transport *t, u32 offset, void *buf, u32 length);
