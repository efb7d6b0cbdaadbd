/* The PCI bus and virtio's PCI transport on a made-up configuration space that may be nonsense. */
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/virtio/transport_pci.h"
#include "fake.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* What pci_init would have found; the real list is checked by finds_functions alone. */
static struct pci_device pci;

static struct virtio_transport *open_it(const struct fake_function *f)
{
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	return virtio_pci_open(&pci);
}

static void finds_functions(void)
{
	static const u16 expected[] = {0x0000, 0x0018, 0x001d, 0xc8f8};
	struct pci_device *dev;

	fake_pci_clear();
	fake_pci_add(0x0000, 0x8086, 1);
	fake_pci_put(fake_pci_add(0x0018, 0x8086, 2), 0x0e, 1, 0x80);
	fake_pci_add(0x001d, 0x8086, 3);
	fake_pci_add(0x0001, 0x8086, 4); /* function 1 of a device that says it has only one */
	fake_pci_add(0xc8f8, 0x8086, 5); /* a root bus that no bridge leads to */
	pci_init();
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		dev = pci_nth(i);
		CHECK(dev && dev->bdf == expected[i]);
	}
	CHECK(pci_nth(ARRAY_SIZE(expected)) == NULL);
	CHECK(strcmp(pci_nth(3)->name, "c8:1f.0") == 0);
}

static void sizes_bars(void)
{
	struct fake_function *f = fake_pci_virtio();

	fake_pci_put(f, 0x10, 4, 0xc001);     /* I/O */
	fake_pci_put(f, 0x14, 4, 0xfebd0000); /* 32 bits */
	f->bar_size[1] = 0x1000;
	fake_pci_put(f, 0x18, 4, 0xfebd0800); /* base not aligned to size */
	f->bar_size[2] = 0x1000;
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	EQ(pci.bars[0].phys, 0);
	EQ(pci.bars[1].phys, 0xfebd0000);
	EQ(pci.bars[1].size, 0x1000);
	EQ(pci.bars[2].phys, 0);
	EQ(pci.bars[4].phys, (u64)fake_bar_memory);
	EQ(pci.bars[4].size, FAKE_BAR_BYTES);
	EQ(arch_pci_read(f->bdf, 0x14, 4), 0xfebd0000);
	EQ(arch_pci_read(f->bdf, 0x20, 4), (u32)(u64)fake_bar_memory | 4);
	EQ(arch_pci_read(f->bdf, 4, 2), 0x407);
	fake_pci_put(f, 0x24, 4, 0xfebe0004); /* 64 bits in the last BAR */
	fake_pci_put(f, 0x20, 8, 0xfebe000400000000);
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	EQ(pci.bars[5].phys, 0);
	EQ(fake_log_count("has no room for its upper half"), 1);
}

static void maps_inside_bars_only(void)
{
	struct fake_function *f = fake_pci_virtio();

	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	CHECK(pci_map(&pci, 4, 0, FAKE_BAR_BYTES) == fake_bar_memory);
	CHECK(pci_map(&pci, 4, FAKE_BAR_BYTES - 1, 1) == fake_bar_memory + FAKE_BAR_BYTES - 1);
	CHECK(!pci_map(&pci, 4, FAKE_BAR_BYTES - 1, 2));
	CHECK(!pci_map(&pci, 4, FAKE_BAR_BYTES, 1));
	CHECK(!pci_map(&pci, 4, ~0ull, 2));
	CHECK(!pci_map(&pci, 4, 0, 0));
	CHECK(!pci_map(&pci, 0, 0, 1));
	CHECK(!pci_map(&pci, 6, 0, 1));
	CHECK(!pci_map(&pci, 255, 0, 1));
}

static void capability_lists(void)
{
	struct fake_function *f = fake_pci_virtio();

	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	EQ(pci_find_capability(&pci, 9, 0), 0x40);
	EQ(pci_find_capability(&pci, 9, 1), 0x54);
	EQ(pci_find_capability(&pci, 0x11, 0), FAKE_CAP_MSIX);
	EQ(pci_find_capability(&pci, 5, 0), 0);
	fake_pci_put(f, FAKE_CAP_MSIX + 1, 1, 0x40); /* a loop */
	EQ(pci_find_capability(&pci, 5, 0), 0);
	EQ(pci_find_capability(&pci, 9, 100), 0);
	EQ(fake_log_count("capability list does not end"), 2);
	fake_pci_put(f, 0x34, 1, 0x10);
	EQ(pci_find_capability(&pci, 9, 0), 0);
	fake_pci_put(f, 0x34, 1, 0xff); /* the two low bits are reserved: 0xfc */
	EQ(pci_find_capability(&pci, 9, 0), 0);
	fake_pci_put(f, 0x34, 1, 0x40);
	fake_pci_put(f, 0x06, 2, 0);
	EQ(pci_find_capability(&pci, 9, 0), 0);
}

static void msix(void)
{
	struct fake_function *f = fake_pci_virtio();
	struct virtio_transport *t = open_it(f);
	u32 entry[4];

	CHECK(t && t->vectors == 5);
	EQ(arch_pci_read(f->bdf, FAKE_CAP_MSIX + 2, 2) & 0xc000, 0xc000);
	memcpy(entry, fake_bar_memory + 0x3800 + 16 * 4, 16);
	EQ(entry[3], 1);
	EQ(t->ops->route(t, 5, 0, NULL, NULL), -EINVAL);
	EQ(t->ops->route(t, 4, 2, NULL, NULL), 0);
	memcpy(entry, fake_bar_memory + 0x3800 + 16 * 4, 16);
	EQ(entry[0], 0xfee02000);
	EQ(entry[1], 1);
	EQ(entry[2], 0x42);
	EQ(entry[3], 0);
	fake_no_vectors_left = true;
	EQ(t->ops->route(t, 3, 2, NULL, NULL), -ENOSPC);
	fake_no_vectors_left = false;
	t->ops->interrupts_on(t);
	EQ(arch_pci_read(f->bdf, FAKE_CAP_MSIX + 2, 2), 0x8000);
	kfree(t);
	/* A table outside its BAR: no vectors, and the device can still be polled. */
	f = fake_pci_virtio();
	fake_pci_put(f, FAKE_CAP_MSIX + 2, 2, 0x7ff);
	t = open_it(f);
	CHECK(t && t->vectors == 0);
	EQ(fake_log_count("MSI-X table of 2048 entries at 0x3800 is outside BAR 4"), 1);
	kfree(t);
	f = fake_pci_virtio();
	fake_pci_put(f, FAKE_CAP_MSIX + 4, 4, 0x3800 | 7);
	t = open_it(f);
	CHECK(t && t->vectors == 0);
	kfree(t);
}

static void opens(void)
{
	struct virtio_transport *t = open_it(fake_pci_virtio());
	u64 value;

	CHECK(t != NULL);
	fake_bar_memory[0x3000] = 0x55;
	EQ(t->ops->config_read(t, 0, &value, 8), 0);
	EQ(value, 0x55);
	EQ(t->ops->config_read(t, 0xffc, &value, 4), 0);
	EQ(t->ops->config_read(t, 0xffd, &value, 4), -ERANGE);
	EQ(t->ops->config_read(t, 0xffffffff, &value, 4), -ERANGE);
	kfree(t);
}

/* Each of these is one field of one capability gone wrong. */
static void regions_outside_bars(void)
{
	static const struct {
		unsigned cap, field, size;
		u64 value;
	} cases[] = {
		{FAKE_CAP_COMMON, 4, 1, 6},
		{FAKE_CAP_COMMON, 4, 1, 0},
		{FAKE_CAP_COMMON, 8, 4, 0x4000},
		{FAKE_CAP_COMMON, 8, 4, 0xfffff000},
		{FAKE_CAP_COMMON, 12, 4, 0x4001},
		{FAKE_CAP_COMMON, 12, 4, 0xffffffff},
		{FAKE_CAP_COMMON, 12, 4, 55},
		{FAKE_CAP_COMMON, 3, 1, 9},
		{FAKE_CAP_NOTIFY, 8, 4, 0x3fff},
		{FAKE_CAP_NOTIFY, 12, 4, 1},
		{FAKE_CAP_NOTIFY, 12, 4, 0x5000},
	};
	long before = fake_allocations();

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_function *f = fake_pci_virtio();

		fake_pci_put(f, cases[i].cap + cases[i].field, cases[i].size, cases[i].value);
		CHECK(open_it(f) == NULL);
		EQ(fake_log_count("no modern virtio registers"), i + 1);
		EQ(arch_pci_read(f->bdf, 4, 2) & 4, 0); /* off the bus again */
	}
	EQ(fake_allocations(), before);
}

static void first_usable_region(void)
{
	struct fake_function *f = fake_pci_virtio();
	struct virtio_transport *t;

	fake_pci_put(f, FAKE_CAP_COMMON + 8, 4, 0x4000);
	fake_pci_put(f, 0x68 + 3, 1, 1); /* the ISR capability becomes a second common one */
	t = open_it(f);
	CHECK(t != NULL);
	fake_bar_memory[0x2000 + 20] = 0x0f;
	EQ(t->ops->get_status(t), 0x0f);
	kfree(t);
}

static void doorbells(void)
{
	struct virtio_queue_setup setup = {.size = 16, .vector = VIRTIO_NO_VECTOR};
	struct virtio_transport *t = open_it(fake_pci_virtio());
	u16 offset = 0x3ff;

	CHECK(t != NULL);
	memcpy(fake_bar_memory + 30, &offset, 2);
	EQ(t->ops->queue_enable(t, 3, &setup), 0);
	t->ops->notify(t, 3);
	EQ(fake_bar_memory[0x1000 + 0x3ff * 4], 3);
	offset = 0x400;
	memcpy(fake_bar_memory + 30, &offset, 2);
	EQ(t->ops->queue_enable(t, 3, &setup), -EINVAL);
	EQ(fake_log_count("doorbell of queue 3 at 0x1000 is outside its region"), 1);
	EQ(t->ops->queue_enable(t, MAX_CPUS, &setup), -EINVAL);
	kfree(t);
}

/* Configuration space of random bytes: opened or refused, never more. */
static void random_config(void)
{
	for (u32 seed = 1; seed <= 2000; seed++) {
		struct fake_function *f = fake_pci_virtio();
		struct virtio_transport *t;

		fake_kernel_reset();
		fake_seed = seed;
		for (unsigned i = fake_random() % 8; i > 0; i--)
			f->config[0x34 + fake_random() % (256 - 0x34)] = (u8)fake_random();
		t = open_it(f);
		kfree(t);
	}
	EQ(fake_log_count("FAIL"), 0);
}

const struct test pci_tests[] = {
	{"pci_finds_functions", finds_functions},
	{"pci_sizes_bars", sizes_bars},
	{"pci_maps_inside_bars_only", maps_inside_bars_only},
	{"pci_capability_lists", capability_lists},
	{"pci_msix", msix},
	{"virtio_pci_opens", opens},
	{"virtio_pci_regions_outside_bars", regions_outside_bars},
	{"virtio_pci_first_usable_region", first_usable_region},
	{"virtio_pci_doorbells", doorbells},
	{"virtio_pci_random_config", random_config},
	{NULL, NULL},
};
