/*
 * Bringing a virtio device up and down: reset, feature negotiation and consistent reads of the
 * configuration (virtio 1.2, 2.1, 2.2, 2.5 and 3.1), over any transport.
 *
 * Every wait for the device is bounded; a device that does not answer is given up with one line.
 *
 * Locking: none; a device's driver calls these from its probe, or after it has declared the device
 * broken, and never from two CPUs at once.
 */
#include "drivers/virtio/virtio.h"
#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.h"

#define RESET_WAIT_NS	  NSEC_PER_SEC
#define CONFIG_READ_TRIES 16

int virtio_reset(struct virtio_transport *t)
{
	u64 deadline = clock_ns() + RESET_WAIT_NS;

	t->ops->set_status(t, 0);
	while (t->ops->get_status(t) != 0) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		arch_cpu_relax();
	}
	return 0;
}

static void add_status(struct virtio_transport *t, u8 bits)
{
	t->ops->set_status(t, t->ops->get_status(t) | bits);
}

void virtio_driver_ok(struct virtio_transport *t)
{
	add_status(t, VIRTIO_STATUS_DRIVER_OK);
}

void virtio_fail(struct virtio_transport *t)
{
	add_status(t, VIRTIO_STATUS_FAILED);
}

int virtio_negotiate(struct virtio_transport *t, u64 wanted, u64 *features)
{
	u64 offered;

	if (virtio_reset(t)) {
		printk("%s: does not finish its reset, status %#x", t->name, t->ops->get_status(t));
		return -ENODEV;
	}
	add_status(t, VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(t, VIRTIO_STATUS_DRIVER);
	offered = t->ops->get_features(t);
	if (!(offered & VIRTIO_FEATURE(VIRTIO_F_VERSION_1))) {
		printk("%s: not a virtio 1 device, features %#llx", t->name,
			(unsigned long long)offered);
		virtio_fail(t);
		return -ENODEV;
	}
	*features = offered & (wanted | VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
	t->ops->set_features(t, *features);
	add_status(t, VIRTIO_STATUS_FEATURES_OK);
	if (!(t->ops->get_status(t) & VIRTIO_STATUS_FEATURES_OK)) {
		printk("%s: refuses features %#llx of its own %#llx", t->name,
			(unsigned long long)*features, (unsigned long long)offered);
		virtio_fail(t);
		return -ENODEV;
	}
	return 0;
}

int virtio_config_read(struct virtio_transport *t, u32 offset, void *buf, u32 length)
{
	for (unsigned i = 0; i < CONFIG_READ_TRIES; i++) {
		u8 before = t->ops->config_generation(t);
		int err = t->ops->config_read(t, offset, buf, length);

		if (err)
			return err;
		if (t->ops->config_generation(t) == before)
			return 0;
	}
	printk("%s: configuration keeps changing", t->name);
	return -EIO;
}
