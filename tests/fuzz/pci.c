/*
 * A virtio function whose PCI configuration space and registers are nonsense: opened or refused, and when
 * it is opened, a block device that never answers. Whatever the capabilities say, nothing outside the BAR
 * may be mapped, and the driver must come to an end.
 *
 *	a record	where: configuration space or registers; offset; value
 *
 * On the fake bus of tests/host/virtio. Where the BAR lies is the firmware's word and not the device's.
 */
#include "arch/arch.h"
#include "drivers/virtio/transport_pci.h"
#include "kernel/string.h"
#include "tests/fuzz/fuzz.h"
#include "tests/host/virtio/fake.h"

#define CAPABILITIES 0x34
#define LAST_TICKS   200

static int done;

void check_failed(const char *file, int line, const char *what, long long a, long long b)
{
	fuzz_fail("%s:%d: %s (%lld, %lld)", file, line, what, a, b);
}

static void change(struct fake_function *f, struct fuzz_input *in)
{
	u8 where = fuzz_u8(in), width = fuzz_u8(in);
	u16 at = fuzz_u16(in);
	u32 value = fuzz_u32(in);

	width = 1u << (width & 1 ? 0 : width % 3);
	if (where & 1)
		memcpy(fake_bar_memory + at % (FAKE_BAR_BYTES - 3), &value, width);
	else if (where & 2)
		fake_pci_put(f, CAPABILITIES + at % (0x100 - CAPABILITIES - 3), width, value);
	else if (where & 4)
		f->bar_size[4] = 16u << at % 11;
	else
		fake_pci_put(f, 0x06, 2, value);
}

static void on_done(struct block_request *rq, int status)
{
	(void)rq, (void)status;
	done++;
}

static void use(struct virtio_blk *blk)
{
	struct block_segment segment = {.page = page_alloc(0, ALLOC_WAIT), .length = PAGE_SIZE};
	struct block_request rq = {.op = BLOCK_READ,
		.nr_segments = 1,
		.dev = &blk->dev,
		.segments = &segment,
		.done = on_done};

	done = 0;
	block_submit(&rq);
	for (unsigned i = 0; i < LAST_TICKS && (fake_run_timer() || fake_run_work()); i++) {
		fake_run_work();
		fake_now += NSEC_PER_SEC;
	}
	fake_run_work();
	EQ(done, 1);
	page_put(segment.page);
}

static void run(const u8 *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	struct pci_device pci;
	struct fake_function *f;
	struct virtio_transport *t;
	struct virtio_blk *blk;

	fake_kernel_reset();
	/* The device waits for nobody: status, once it is not 0, stays so for a while. */
	fake_step = NSEC_PER_MSEC;
	f = fake_pci_virtio();
	while (fuzz_more(&in))
		change(f, &in);
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	t = virtio_pci_open(&pci);
	blk = t ? virtio_blk_create(t) : NULL;
	if (blk)
		use(blk);
	else
		EQ(arch_pci_read(f->bdf, 4, 2) & 4, 0); /* off the bus */
	fake_kernel_end();
}

static void setup(void)
{
}

const struct fuzz_target fuzz_target = {
	.name = "pci", .head = 0, .record = 8, .setup = setup, .run = run};
