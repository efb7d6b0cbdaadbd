/* The PCI bus and virtio's PCI transport on a made-up configuration space that may be nonsense. */
#include "abi/errno.h"
#include "arch/arch.h"
#include "drivers/virtio/transport_pci.h"
#include "fake.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define BAR_BYTES 0x4000u

static struct function {
	u16 bdf;
	u8 config[256];
	u64 bar_size[PCI_BARS]; /* 0: not implemented */
} functions[8];
static unsigned nr_functions;
static u8 *bar_memory;
static bool no_vectors_left;

static struct function *function_at(u16 bdf)
{
	for (unsigned i = 0; i < nr_functions; i++)
		if (functions[i].bdf == bdf)
			return &functions[i];
	return NULL;
}

u32 arch_pci_read(u16 bdf, u16 offset, unsigned size)
{
	const struct function *f = function_at(bdf);
	u32 value = ~0u;

	CHECK(offset + size <= 256 && offset % size == 0);
	if (f)
		memcpy(&value, f->config + offset, size);
	return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

void arch_pci_write(u16 bdf, u16 offset, unsigned size, u32 value)
{
	struct function *f = function_at(bdf);
	unsigned bar = (offset - 0x10u) / 4;

	CHECK(f && offset + size <= 256);
	if (!f)
		return;
	if (offset >= 0x10 && offset < 0x28 && value == ~0u) {
		u32 old;

		/* Sized only while the device does not decode. */
		EQ(f->config[4] & 3, 0);
		memcpy(&old, f->config + offset, 4);
		if (f->bar_size[bar])
			value = (u32) ~(f->bar_size[bar] - 1) | (old & 0xf);
		else if (bar > 0 && (f->config[0x10 + 4 * (bar - 1)] & 6) == 4)
			value = (u32)(~(f->bar_size[bar - 1] - 1) >> 32);
		else
			value = 0;
	}
	memcpy(f->config + offset, &value, size);
}

void *arch_map_device(u64 phys, size_t size)
{
	CHECK(phys >= (u64)bar_memory && phys + size <= (u64)bar_memory + BAR_BYTES);
	return (void *)phys;
}

int arch_msi_alloc(unsigned cpu, void (*fn)(void *arg), void *arg, u64 *address, u32 *data)
{
	(void)fn, (void)arg;
	*address = 0x1fee00000 + cpu * 0x1000;
	*data = 0x40 + cpu;
	return no_vectors_left ? -ENOSPC : 0;
}

static void put(struct function *f, unsigned offset, unsigned size, u64 value)
{
	memcpy(f->config + offset, &value, size);
}

static struct function *add_function(u16 bdf, u16 vendor, u16 device)
{
	struct function *f = &functions[nr_functions++];

	memset(f, 0, sizeof(*f));
	f->bdf = bdf;
	put(f, 0, 2, vendor);
	put(f, 2, 2, device);
	return f;
}

/* A virtio function with BAR 4 (64 bits) over bar_memory, and well-formed capabilities. */
static struct function *virtio_function(void)
{
	static const u8 types[] = {1, 2, 3, 4, 5};
	struct function *f;

	if (!bar_memory)
		bar_memory = aligned_alloc(BAR_BYTES, BAR_BYTES);
	memset(bar_memory, 0, BAR_BYTES);
	nr_functions = 0;
	f = add_function(0x0018, VIRTIO_PCI_VENDOR, VIRTIO_PCI_MODERN(2));
	put(f, 0x04, 2, 3);
	put(f, 0x06, 2, 0x10);
	put(f, 0x20, 8, (u64)bar_memory | 4);
	f->bar_size[4] = BAR_BYTES;
	put(f, 0x34, 1, 0x40);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		unsigned cap = 0x40 + 0x14 * i;

		put(f, cap, 1, 9);
		put(f, cap + 1, 1, cap + 0x14);
		put(f, cap + 2, 1, 0x14);
		put(f, cap + 3, 1, types[i]);
		put(f, cap + 4, 1, types[i] == 5 ? 0 : 4);
		put(f, cap + 8, 4, 0x1000 * i % BAR_BYTES);
		put(f, cap + 12, 4, 0x1000);
	}
	put(f, 0x54 + 16, 4, 4); /* notify multiplier */
	put(f, 0xa4, 1, 0x11);	 /* MSI-X: 5 vectors at 0x3800 */
	put(f, 0xa6, 2, 4);
	put(f, 0xa8, 4, 0x3800 | 4);
	return f;
}

#define CAP_COMMON 0x40
#define CAP_NOTIFY 0x54
#define CAP_DEVICE 0x7c
#define CAP_MSIX   0xa4

/* What pci_init would have found; the real list is checked by finds_functions alone. */
static struct pci_device pci;

static struct virtio_transport *open_it(const struct function *f)
{
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	return virtio_pci_open(&pci);
}

static void finds_functions(void)
{
	static const u16 expected[] = {0x0000, 0x0018, 0x001d, 0xc8f8};
	struct pci_device *dev;

	nr_functions = 0;
	add_function(0x0000, 0x8086, 1);
	put(add_function(0x0018, 0x8086, 2), 0x0e, 1, 0x80);
	add_function(0x001d, 0x8086, 3);
	add_function(0x0001, 0x8086, 4); /* function 1 of a device that says it has only one */
	add_function(0xc8f8, 0x8086, 5); /* a root bus that no bridge leads to */
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
	struct function *f = virtio_function();

	put(f, 0x10, 4, 0xc001);     /* I/O */
	put(f, 0x14, 4, 0xfebd0000); /* 32 bits */
	f->bar_size[1] = 0x1000;
	put(f, 0x18, 4, 0xfebd0800); /* base not aligned to size */
	f->bar_size[2] = 0x1000;
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	EQ(pci.bars[0].phys, 0);
	EQ(pci.bars[1].phys, 0xfebd0000);
	EQ(pci.bars[1].size, 0x1000);
	EQ(pci.bars[2].phys, 0);
	EQ(pci.bars[4].phys, (u64)bar_memory);
	EQ(pci.bars[4].size, BAR_BYTES);
	EQ(arch_pci_read(f->bdf, 0x14, 4), 0xfebd0000);
	EQ(arch_pci_read(f->bdf, 0x20, 4), (u32)(u64)bar_memory | 4);
	EQ(arch_pci_read(f->bdf, 4, 2), 0x407);
	put(f, 0x24, 4, 0xfebe0004); /* 64 bits in the last BAR */
	put(f, 0x20, 8, 0xfebe000400000000);
	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	EQ(pci.bars[5].phys, 0);
	EQ(fake_log_count("has no room for its upper half"), 1);
}

static void maps_inside_bars_only(void)
{
	struct function *f = virtio_function();

	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	pci_enable(&pci);
	CHECK(pci_map(&pci, 4, 0, BAR_BYTES) == bar_memory);
	CHECK(pci_map(&pci, 4, BAR_BYTES - 1, 1) == bar_memory + BAR_BYTES - 1);
	CHECK(!pci_map(&pci, 4, BAR_BYTES - 1, 2));
	CHECK(!pci_map(&pci, 4, BAR_BYTES, 1));
	CHECK(!pci_map(&pci, 4, ~0ull, 2));
	CHECK(!pci_map(&pci, 4, 0, 0));
	CHECK(!pci_map(&pci, 0, 0, 1));
	CHECK(!pci_map(&pci, 6, 0, 1));
	CHECK(!pci_map(&pci, 255, 0, 1));
}

static void capability_lists(void)
{
	struct function *f = virtio_function();

	pci = (struct pci_device){.bdf = f->bdf, .name = "00:03.0"};
	EQ(pci_find_capability(&pci, 9, 0), 0x40);
	EQ(pci_find_capability(&pci, 9, 1), 0x54);
	EQ(pci_find_capability(&pci, 0x11, 0), CAP_MSIX);
	EQ(pci_find_capability(&pci, 5, 0), 0);
	put(f, CAP_MSIX + 1, 1, 0x40); /* a loop */
	EQ(pci_find_capability(&pci, 5, 0), 0);
	EQ(pci_find_capability(&pci, 9, 100), 0);
	EQ(fake_log_count("capability list does not end"), 2);
	put(f, 0x34, 1, 0x10);
	EQ(pci_find_capability(&pci, 9, 0), 0);
	put(f, 0x34, 1, 0xff); /* the two low bits are reserved: 0xfc */
	EQ(pci_find_capability(&pci, 9, 0), 0);
	put(f, 0x34, 1, 0x40);
	put(f, 0x06, 2, 0);
	EQ(pci_find_capability(&pci, 9, 0), 0);
}

static void msix(void)
{
	struct function *f = virtio_function();
	struct virtio_transport *t = open_it(f);
	u32 entry[4];

	CHECK(t && t->vectors == 5);
	EQ(arch_pci_read(f->bdf, CAP_MSIX + 2, 2) & 0xc000, 0xc000);
	memcpy(entry, bar_memory + 0x3800 + 16 * 4, 16);
	EQ(entry[3], 1);
	EQ(t->ops->route(t, 5, 0, NULL, NULL), -EINVAL);
	EQ(t->ops->route(t, 4, 2, NULL, NULL), 0);
	memcpy(entry, bar_memory + 0x3800 + 16 * 4, 16);
	EQ(entry[0], 0xfee02000);
	EQ(entry[1], 1);
	EQ(entry[2], 0x42);
	EQ(entry[3], 0);
	no_vectors_left = true;
	EQ(t->ops->route(t, 3, 2, NULL, NULL), -ENOSPC);
	no_vectors_left = false;
	t->ops->interrupts_on(t);
	EQ(arch_pci_read(f->bdf, CAP_MSIX + 2, 2), 0x8000);
	kfree(t);
	/* A table outside its BAR: no vectors, and the device can still be polled. */
	f = virtio_function();
	put(f, CAP_MSIX + 2, 2, 0x7ff);
	t = open_it(f);
	CHECK(t && t->vectors == 0);
	EQ(fake_log_count("MSI-X table of 2048 entries at 0x3800 is outside BAR 4"), 1);
	kfree(t);
	f = virtio_function();
	put(f, CAP_MSIX + 4, 4, 0x3800 | 7);
	t = open_it(f);
	CHECK(t && t->vectors == 0);
	kfree(t);
}

static void opens(void)
{
	struct virtio_transport *t = open_it(virtio_function());
	u64 value;

	CHECK(t != NULL);
	bar_memory[0x3000] = 0x55;
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
		{CAP_COMMON, 4, 1, 6},
		{CAP_COMMON, 4, 1, 0},
		{CAP_COMMON, 8, 4, 0x4000},
		{CAP_COMMON, 8, 4, 0xfffff000},
		{CAP_COMMON, 12, 4, 0x4001},
		{CAP_COMMON, 12, 4, 0xffffffff},
		{CAP_COMMON, 12, 4, 55},
		{CAP_COMMON, 3, 1, 9},
		{CAP_NOTIFY, 8, 4, 0x3fff},
		{CAP_NOTIFY, 12, 4, 1},
		{CAP_NOTIFY, 12, 4, 0x5000},
	};
	long before = fake_allocations();

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct function *f = virtio_function();

		put(f, cases[i].cap + cases[i].field, cases[i].size, cases[i].value);
		CHECK(open_it(f) == NULL);
		EQ(fake_log_count("no modern virtio registers"), i + 1);
		EQ(arch_pci_read(f->bdf, 4, 2) & 4, 0); /* off the bus again */
	}
	EQ(fake_allocations(), before);
}

static void first_usable_region(void)
{
	struct function *f = virtio_function();
	struct virtio_transport *t;

	put(f, CAP_COMMON + 8, 4, 0x4000);
	put(f, 0x68 + 3, 1, 1); /* the ISR capability becomes a second common one */
	t = open_it(f);
	CHECK(t != NULL);
	bar_memory[0x2000 + 20] = 0x0f;
	EQ(t->ops->get_status(t), 0x0f);
	kfree(t);
}

static void doorbells(void)
{
	struct virtio_queue_setup setup = {.size = 16, .vector = VIRTIO_NO_VECTOR};
	struct virtio_transport *t = open_it(virtio_function());
	u16 offset = 0x3ff;

	CHECK(t != NULL);
	memcpy(bar_memory + 30, &offset, 2);
	EQ(t->ops->queue_enable(t, 3, &setup), 0);
	t->ops->notify(t, 3);
	EQ(bar_memory[0x1000 + 0x3ff * 4], 3);
	offset = 0x400;
	memcpy(bar_memory + 30, &offset, 2);
	EQ(t->ops->queue_enable(t, 3, &setup), -EINVAL);
	EQ(fake_log_count("doorbell of queue 3 at 0x1000 is outside its region"), 1);
	EQ(t->ops->queue_enable(t, MAX_CPUS, &setup), -EINVAL);
	kfree(t);
}

/* Configuration space of random bytes: opened or refused, never more. */
static void random_config(void)
{
	for (u32 seed = 1; seed <= 2000; seed++) {
		struct function *f = virtio_function();
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
