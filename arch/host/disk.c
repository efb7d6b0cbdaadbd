/*
 * Block devices over files: vda, vdb, ... in the order of the command line.
 *
 *	submit -> waiting -> a helper: pread or pwrite -> finished -> interrupt -> block_complete
 *
 * Helpers are Linux threads, not CPUs: several, so that requests run side by side as a real disk's do. A
 * finished request is handed back by an interrupt of the CPU that submitted it, because completing one
 * wakes threads, which only a CPU can do.
 *
 * Locking: disk.lock is Linux's and guards `waiting`; never held while the kernel is called. `finished` of
 * a CPU is a stack that helpers push on and its interrupt takes as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/sched.h"

#define NR_HELPERS 4
#define MAX_DISKS  8

struct host_disk {
	struct block_device dev;
	char name[4];
	const char *path;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list_head waiting; /* lock */
};

/* A request between helper and interrupt; rq->node links it, the status is in driver_status. */
static struct block_request *finished[MAX_CPUS];

static struct host_disk disks[MAX_DISKS];
static unsigned nr_disks;

static int transfer(struct host_disk *d, struct block_request *rq)
{
	struct iovec vec[BLOCK_MAX_SEGMENTS];
	off_t at = (off_t)(rq->sector << BLOCK_SECTOR_SHIFT);
	ssize_t n;

	for (u32 i = 0; i < rq->nr_segments; i++) {
		const struct block_segment *s = &rq->segments[i];

		vec[i] = (struct iovec){(char *)page_address(s->page) + s->offset, s->length};
	}
	n = rq->op == BLOCK_READ ? preadv(d->fd, vec, (int)rq->nr_segments, at)
				 : pwritev(d->fd, vec, (int)rq->nr_segments, at);
	return n == (ssize_t)rq->bytes ? 0 : -EIO;
}

static int serve(struct host_disk *d, struct block_request *rq)
{
	if (rq->op == BLOCK_FLUSH)
		return fdatasync(d->fd) ? -EIO : 0;
	return transfer(d, rq);
}

/* Hand rq back to the CPU that submitted it. */
static void finish(struct block_request *rq, int status)
{
	u32 cpu = rq->driver_segment;
	struct block_request *first = READ_ONCE(finished[cpu]);

	rq->driver_status = status;
	do
		rq->node.next = (struct list_head *)first;
	while (!atomic_cas(&finished[cpu], &first, rq));
	host_raise(&host_cpus[cpu], HOST_IRQ_DEVICE);
}

static void *helper_main(void *arg)
{
	struct host_disk *d = arg;

	for (;;) {
		struct block_request *rq;

		pthread_mutex_lock(&d->lock);
		while (list_empty(&d->waiting))
			pthread_cond_wait(&d->work, &d->lock);
		rq = list_first_entry(&d->waiting, struct block_request, node);
		list_del(&rq->node);
		pthread_mutex_unlock(&d->lock);
		finish(rq, serve(d, rq));
	}
	return NULL;
}

static void disk_submit(struct block_device *dev, struct list_head *batch)
{
	struct host_disk *d = dev->driver;
	unsigned n = 0;

	pthread_mutex_lock(&d->lock);
	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);

		rq->driver_segment = this_cpu_id();
		list_move_tail(&rq->node, &d->waiting);
		n++;
	}
	pthread_mutex_unlock(&d->lock);
	while (n--)
		pthread_cond_signal(&d->work);
}

/* Context: interrupt. */
static void disk_interrupt(void)
{
	struct block_request *rq =
		atomic_xchg(&finished[this_cpu_id()], (struct block_request *)NULL);

	while (rq) {
		struct block_request *next = (struct block_request *)rq->node.next;

		block_complete(rq, rq->driver_status);
		rq = next;
	}
}

static const struct block_ops disk_ops = {.submit = disk_submit};

bool host_disk_add(const char *path)
{
	struct host_disk *d = &disks[nr_disks];
	struct stat st;

	if (nr_disks == MAX_DISKS) {
		fprintf(stderr, "%s: more than %u disks\n", path, MAX_DISKS);
		return false;
	}
	d->path = path;
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0) {
		d->dev.read_only = true;
		d->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d->fd < 0 || fstat(d->fd, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	d->dev.sectors = (u64)lseek(d->fd, 0, SEEK_END) >> BLOCK_SECTOR_SHIFT;
	nr_disks++;
	return true;
}

static void disk_start(struct host_disk *d)
{
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	list_init(&d->waiting);
	for (unsigned i = 0; i < NR_HELPERS; i++)
		if (!host_start_pthread(helper_main, d))
			abort();
	d->name[0] = 'v';
	d->name[1] = 'd';
	d->name[2] = (char)('a' + (d - disks));
	d->dev.name = d->name;
	d->dev.logical_block = BLOCK_SECTOR_SIZE;
	d->dev.nr_queues = 1;
	d->dev.has_flush = true;
	d->dev.ops = &disk_ops;
	d->dev.driver = d;
	block_register(&d->dev);
	printk("%s: %s, %llu KiB%s", d->name, d->path, (unsigned long long)(d->dev.sectors / 2),
		d->dev.read_only ? ", read-only" : "");
}

void arch_devices_init(void)
{
	if (!nr_disks)
		return;
	host_expects_events = true;
	host_device_register(disk_interrupt);
	for (unsigned i = 0; i < nr_disks; i++)
		disk_start(&disks[i]);
}
