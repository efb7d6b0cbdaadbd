/*
 * The simulated disk, vda: an image in memory with a volatile cache.
 *
 *	submit -> under_way, each with a time drawn from the seed -> sim_disk_events -> finished -> interrupt
 *
 * A request takes effect when it is finished, so that what overlaps is ordered as the seed says. A write
 * leaves what was there before as a version of the sector; a flush forgets the versions; a power loss
 * (control.h) puts any of them back, sector by sector, which is both reordering and tearing.
 *
 * Each process that simulates a seed has its own copy of the image, by copy on write; the file is never
 * written.
 *
 * Locking: none, there is one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/host/sim/sim.h"
#include "arch/host/sim/control.h"
#include "kernel/block.h"

/* What a sector held before a write that is not flushed. */
struct version {
	struct version *next; /* newer first */
	u64 sector;
	u8 bytes[BLOCK_SECTOR_SIZE];
};

static struct block_device disk;
static u8 *image;
static struct version *versions;

static struct list_head under_way; /* by rq->node */
static struct list_head finished[SIM_MAX_CPUS];

static struct sim_random stream;
static u64 mean_latency_ns, fail_one_in;

/* ---- Sectors ---- */

static void remember(u64 sector)
{
	struct version *v = malloc(sizeof(*v));

	if (!v)
		abort();
	v->sector = sector;
	sim_copy(v->bytes, image + sector * BLOCK_SECTOR_SIZE, BLOCK_SECTOR_SIZE);
	v->next = versions;
	versions = v;
}

static void forget_versions(void)
{
	while (versions) {
		struct version *next = versions->next;

		free(versions);
		versions = next;
	}
}

/* Copy between rq's pages and the image; of a torn write only the sectors the seed chooses. */
static void transfer(struct block_request *rq, bool torn)
{
	u64 sector = rq->sector;

	for (u32 i = 0; i < rq->nr_segments; i++) {
		const struct block_segment *s = &rq->segments[i];
		u8 *memory = (u8 *)page_address(s->page) + s->offset;

		for (u32 at = 0; at < s->length; at += BLOCK_SECTOR_SIZE, sector++) {
			u8 *there = image + sector * BLOCK_SECTOR_SIZE;

			if (rq->op == BLOCK_READ) {
				sim_copy(memory + at, there, BLOCK_SECTOR_SIZE);
			} else if (!torn || sim_below(&stream, 2)) {
				remember(sector);
				sim_copy(there, memory + at, BLOCK_SECTOR_SIZE);
			}
		}
		if (rq->op == BLOCK_READ)
			sim_weak_forget(memory, s->length);
	}
}

/* ---- Requests ---- */

static void submit(struct block_device *dev, struct list_head *batch)
{
	(void)dev;
	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);
		u64 at = arch_clock_ns() + sim_below(&stream, 2 * mean_latency_ns);

		rq->driver_segment = host_cpu()->index;
		rq->submit_ns = at;
		list_move_tail(&rq->node, &under_way);
		sim_trace(SIM_DISK_SENT, rq->sector, rq->op, 0);
		sim_wake_at(at);
	}
}

static void finish(struct block_request *rq, int status)
{
	rq->driver_status = status;
	list_move_tail(&rq->node, &finished[rq->driver_segment]);
	sim_trace(SIM_DISK_DONE, rq->sector, (u64)-status, 0);
	host_raise(&host_cpus[rq->driver_segment], HOST_IRQ_DEVICE);
}

static void serve(struct block_request *rq)
{
	if (sim_one_in(&stream, fail_one_in)) {
		finish(rq, -EIO);
		return;
	}
	if (rq->op == BLOCK_FLUSH)
		forget_versions();
	else
		transfer(rq, false);
	finish(rq, 0);
}

void sim_disk_events(u64 now)
{
	struct block_request *rq, *next;

	list_for_each_entry_safe (rq, next, &under_way, node) {
		if (rq->submit_ns <= now)
			serve(rq);
		else
			sim_wake_at(rq->submit_ns);
	}
}

/* Context: interrupt. */
static void interrupt(void)
{
	struct list_head *mine = &finished[host_cpu()->index];

	while (!list_empty(mine)) {
		struct block_request *rq = list_first_entry(mine, struct block_request, node);

		list_del(&rq->node);
		block_complete(rq, rq->driver_status);
	}
}

/* ---- What scenarios ask for ---- */

void sim_disk_fail_one_in(u64 n)
{
	fail_one_in = n;
}

/* Newest version first: going on to the next one back is a coin each time. */
void sim_disk_power_loss(void)
{
	struct block_request *rq, *next;

	list_for_each_entry_safe (rq, next, &under_way, node) {
		if (rq->op == BLOCK_WRITE)
			transfer(rq, true);
		finish(rq, -EIO);
	}
	for (struct version *v = versions; v; v = v->next)
		if (sim_below(&stream, 2))
			sim_copy(
				image + v->sector * BLOCK_SECTOR_SIZE, v->bytes, BLOCK_SECTOR_SIZE);
	forget_versions();
}

/* ---- Start ---- */

bool sim_disk_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		fprintf(stderr, "%s: %s\n", path, fd < 0 ? strerror(errno) : "no file");
		return false;
	}
	image = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	disk.sectors = (u64)st.st_size >> BLOCK_SECTOR_SHIFT;
	return image != MAP_FAILED;
}

void arch_devices_init(void)
{
	static const struct block_ops ops = {.submit = submit};

	if (!image)
		return;
	sim_random_init(&stream, 3);
	/* In points, or somebody who never sleeps does millions of them for each request. */
	mean_latency_ns = sim_duration(16ull << sim_below(&stream, 12));
	list_init(&under_way);
	for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
		list_init(&finished[i]);
	host_device_register(interrupt);
	disk.name = "vda";
	disk.logical_block = BLOCK_SECTOR_SIZE;
	disk.nr_queues = 1;
	disk.has_flush = true;
	disk.ops = &ops;
	block_register(&disk);
}
