/* The virtqueue alone: what it posts, what it believes, and that a fault is final. */
#include "abi/errno.h"
#include "fake.h"
#include "kernel/string.h"

#define SIZE 16

static struct virtqueue vq;
static struct fake_queue dev;
static struct virtq_desc tables[SIZE * 2][3];
static u8 buffers[SIZE * 2][2];
static char tokens[SIZE * 2];

static void begin(bool event_idx, bool indirect)
{
	EQ(virtqueue_init(&vq, SIZE, event_idx, indirect), 0);
	fake_queue_attach(&dev, &vq);
}

/* Post chain i: two bytes out, then a writable one and another. */
static int post(unsigned i)
{
	tables[i][0] =
		(struct virtq_desc){.address = le64_put((u64)buffers[i]), .length = le32_put(2)};
	tables[i][1] = (struct virtq_desc){.address = le64_put((u64)buffers[i]),
		.length = le32_put(1),
		.flags = le16_put(VIRTQ_DESC_WRITE)};
	tables[i][2] = tables[i][1];
	return virtqueue_add(&vq, tables[i], 3, 2, &tokens[i]);
}

static void round_trip(bool indirect)
{
	struct virtqueue_done done;
	struct fake_chain chain;

	begin(true, indirect);
	EQ(post(0), 0);
	CHECK(!fake_take(&dev, &chain)); /* not shown yet */
	CHECK(virtqueue_publish(&vq));
	CHECK(!virtqueue_publish(&vq)); /* nothing new */
	CHECK(fake_take(&dev, &chain));
	EQ(chain.count, 3);
	CHECK(!chain.pieces[0].writable && chain.pieces[1].writable && chain.pieces[2].writable);
	EQ(virtqueue_get(&vq, &done), 0);
	fake_put_used(&dev, chain.head, 1);
	EQ(virtqueue_get(&vq, &done), 1);
	CHECK(done.token == &tokens[0]);
	EQ(done.length, 1);
	EQ(virtqueue_get(&vq, &done), 0);
	EQ(vq.nr_free, SIZE);
	virtqueue_destroy(&vq);
}

static void round_trip_indirect(void)
{
	round_trip(true);
}

static void round_trip_direct(void)
{
	round_trip(false);
}

static void fills_and_empties(void)
{
	struct virtqueue_done done;
	struct fake_chain chain;
	unsigned posted = 0, seen = 0;

	begin(true, false);
	while (post(posted) == 0)
		posted++;
	EQ(posted, SIZE / 3);
	virtqueue_publish(&vq);
	while (fake_take(&dev, &chain))
		fake_put_used(&dev, chain.head, 0);
	while (virtqueue_get(&vq, &done) > 0)
		seen++;
	EQ(seen, posted);
	EQ(vq.nr_free, SIZE);
	EQ(vq.in_flight, 0);
	virtqueue_destroy(&vq);
}

/* Chains complete in any order, and 16-bit indices wrap, without losing one. */
static void wraps_out_of_order(void)
{
	struct virtqueue_done done;
	struct fake_chain chains[4];

	for (int indirect = 0; indirect < 2; indirect++) {
		begin(true, indirect);
		for (unsigned round = 0; round < 20000; round++) {
			unsigned order = fake_random() % 4, got = 0;

			for (unsigned i = 0; i < 4; i++)
				EQ(post(i), 0);
			virtqueue_publish(&vq);
			for (unsigned i = 0; i < 4; i++)
				CHECK(fake_take(&dev, &chains[i]));
			for (unsigned i = 0; i < 4; i++)
				fake_put_used(&dev, chains[(i + order) % 4].head, 0);
			while (virtqueue_get(&vq, &done) > 0)
				CHECK(done.token == &tokens[(got++ + order) % 4]);
			EQ(got, 4);
		}
		EQ(vq.nr_free, SIZE);
		virtqueue_destroy(&vq);
	}
}

/* One chain in flight, then a lie: it must be called by its name, and be final. */
static void expect_fault(const char *what, u32 value)
{
	struct virtqueue_done done;

	EQ(virtqueue_get(&vq, &done), -EIO);
	CHECK(vq.fault && strcmp(vq.fault, what) == 0);
	EQ(vq.fault_value, value);
	fake_put_used(&dev, 0, 0);
	EQ(virtqueue_get(&vq, &done), -EIO);
	EQ(vq.fault_value, value);
	CHECK(!virtqueue_want_interrupt(&vq));
	EQ(vq.in_flight, 1);
	CHECK(virtqueue_take_back(&vq) == &tokens[0]);
	CHECK(virtqueue_take_back(&vq) == NULL);
	EQ(vq.nr_free, SIZE);
	virtqueue_destroy(&vq);
}

static void one_in_flight(struct fake_chain *chain)
{
	begin(true, true);
	EQ(post(0), 0);
	virtqueue_publish(&vq);
	CHECK(fake_take(&dev, chain));
}

static void used_id_out_of_range(void)
{
	struct fake_chain chain;

	one_in_flight(&chain);
	fake_put_used(&dev, SIZE, 0);
	expect_fault("used id outside the queue", SIZE);
	one_in_flight(&chain);
	fake_put_used(&dev, 0xffffffff, 0);
	expect_fault("used id outside the queue", 0xffffffff);
	/* A head with rubbish above its 16 bits is not that head. */
	one_in_flight(&chain);
	fake_put_used(&dev, 0x10000u | chain.head, 0);
	expect_fault("used id outside the queue", 0x10000u | chain.head);
}

static void used_id_not_in_flight(void)
{
	struct fake_chain chain;

	one_in_flight(&chain);
	fake_put_used(&dev, chain.head + 1u, 0);
	expect_fault("used id not in flight", chain.head + 1u);
}

static void used_id_inside_a_chain(void)
{
	struct fake_chain chain;

	begin(true, false);
	EQ(post(0), 0);
	virtqueue_publish(&vq);
	CHECK(fake_take(&dev, &chain));
	fake_put_used(&dev, le16_get(vq.desc[chain.head].next), 0);
	expect_fault("used id not in flight", le16_get(vq.desc[chain.head].next));
}

static void used_twice(void)
{
	struct virtqueue_done done;
	struct fake_chain chain;

	begin(true, true);
	EQ(post(1), 0);
	EQ(post(0), 0);
	virtqueue_publish(&vq);
	CHECK(fake_take(&dev, &chain));
	fake_put_used(&dev, chain.head, 0);
	fake_put_used(&dev, chain.head, 0);
	EQ(virtqueue_get(&vq, &done), 1);
	expect_fault("used id not in flight", chain.head);
}

static void used_index_jumps(void)
{
	static const u16 jumps[] = {2, SIZE, SIZE + 1, 0x8000, 0xffff};
	struct fake_chain chain;

	for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
		one_in_flight(&chain);
		vq.used->index = le16_put(jumps[i]);
		expect_fault("used index runs ahead of what is in flight by", jumps[i]);
	}
}

static void used_index_goes_back(void)
{
	struct virtqueue_done done;
	struct fake_chain chain;

	one_in_flight(&chain);
	fake_put_used(&dev, chain.head, 0);
	EQ(virtqueue_get(&vq, &done), 1);
	EQ(post(0), 0);
	vq.used->index = le16_put(0);
	expect_fault("used index runs ahead of what is in flight by", 0xffff);
}

static void used_length_too_large(void)
{
	struct fake_chain chain;

	one_in_flight(&chain);
	fake_put_used(&dev, chain.head, 3);
	expect_fault("used length above what was posted", 3);
}

/*
 * The device may scribble over everything it can reach, we never read it back: the queue can be filled
 * to the brim again and again, every chain is whole, and no descriptor is in two of them.
 */
static void scribbled_rings(void)
{
	struct fake_chain chains[SIZE / 3];
	struct virtqueue_done done;

	for (unsigned round = 0; round < 40; round++) {
		unsigned turn = fake_random() % ARRAY_SIZE(chains);

		if (round % 20 == 0)
			begin(true, round == 0);
		for (unsigned i = 0; i < ARRAY_SIZE(chains); i++)
			EQ(post(i), 0);
		virtqueue_publish(&vq);
		for (unsigned i = 0; i < ARRAY_SIZE(chains); i++) {
			CHECK(fake_take(&dev, &chains[i]));
			EQ(chains[i].count, 3);
			for (unsigned k = 0; k < chains[i].count; k++)
				CHECK(chains[i].pieces[k].bytes == buffers[i]);
		}
		memset(vq.desc, 0xff, SIZE * sizeof(*vq.desc));
		memset(vq.avail, 0xff, sizeof(*vq.avail) + SIZE * sizeof(le16));
		memset(tables, 0xff, sizeof(tables));
		for (unsigned i = 0; i < ARRAY_SIZE(chains); i++)
			fake_put_used(&dev, chains[(i + turn) % ARRAY_SIZE(chains)].head, 2);
		for (unsigned i = 0; i < ARRAY_SIZE(chains); i++) {
			EQ(virtqueue_get(&vq, &done), 1);
			CHECK(done.token == &tokens[(i + turn) % ARRAY_SIZE(chains)]);
		}
		EQ(vq.nr_free, SIZE);
		if (round % 20 == 19)
			virtqueue_destroy(&vq);
	}
}

/* A batch is one kick, and none while the device has not asked for more. */
static void kicks_are_suppressed(void)
{
	struct fake_chain chain;

	begin(true, true);
	for (unsigned i = 0; i < 5; i++)
		EQ(post(i), 0);
	CHECK(virtqueue_publish(&vq));
	EQ(post(5), 0);
	CHECK(!virtqueue_publish(&vq)); /* avail_event is still behind */
	while (fake_take(&dev, &chain))
		;
	EQ(post(6), 0);
	CHECK(virtqueue_publish(&vq));
	virtqueue_destroy(&vq);

	begin(false, true);
	EQ(post(0), 0);
	CHECK(virtqueue_publish(&vq));
	vq.used->flags = le16_put(VIRTQ_USED_NO_NOTIFY);
	EQ(post(1), 0);
	CHECK(!virtqueue_publish(&vq));
	virtqueue_destroy(&vq);
}

/* used_event says "tell me of the next one", and a completion in the gap is not slept through. */
static void interrupts_are_asked_for(void)
{
	struct virtqueue_done done;
	struct fake_chain chain;

	begin(true, true);
	EQ(post(0), 0);
	EQ(post(1), 0);
	virtqueue_publish(&vq);
	CHECK(fake_take(&dev, &chain));
	fake_put_used(&dev, chain.head, 0);
	EQ(virtqueue_get(&vq, &done), 1);
	EQ(le16_get(vq.avail->ring[SIZE]), 0);
	CHECK(!virtqueue_want_interrupt(&vq));
	EQ(le16_get(vq.avail->ring[SIZE]), 1);
	CHECK(fake_take(&dev, &chain));
	fake_put_used(&dev, chain.head, 0);
	CHECK(virtqueue_want_interrupt(&vq));
	virtqueue_destroy(&vq);
}

static void odd_sizes(void)
{
	static const u16 bad[] = {0, 1, 3, 12, 2048, 0xffff};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		EQ(virtqueue_init(&vq, bad[i], true, true), -EINVAL);
	for (u16 size = 2; size <= VIRTQUEUE_SIZE_MAX; size *= 2) {
		EQ(virtqueue_init(&vq, size, true, true), 0);
		virtqueue_destroy(&vq);
	}
}

/* Whatever a device writes into the used ring, a token comes back at most once. */
static void random_used_ring(void)
{
	for (u32 seed = 1; seed <= 3000; seed++) {
		bool out[SIZE] = {false};
		unsigned flying = 0;

		fake_seed = seed;
		begin(seed & 1, seed & 2);
		for (unsigned step = 0; step < 40; step++) {
			struct virtqueue_done done;
			unsigned i = fake_random() % SIZE;

			if (!out[i] && post(i) == 0) {
				out[i] = true;
				flying++;
			}
			virtqueue_publish(&vq);
			dev.used_index = (u16)(dev.used_index - (fake_random() % 64 == 0));
			if (fake_random() % 2)
				fake_put_used(&dev, fake_random() % (SIZE + 1), fake_random() % 4);
			while (virtqueue_get(&vq, &done) > 0) {
				long token = (char *)done.token - tokens;

				CHECK(token >= 0 && token < SIZE && out[token]);
				CHECK(done.length <= 2);
				out[token] = false;
				flying--;
			}
		}
		EQ(vq.in_flight, flying);
		while (virtqueue_take_back(&vq))
			flying--;
		EQ(flying, 0);
		EQ(vq.nr_free, SIZE);
		virtqueue_destroy(&vq);
	}
	EQ(fake_allocations(), 0);
}

const struct test queue_tests[] = {
	{"virtqueue_round_trip_indirect", round_trip_indirect},
	{"virtqueue_round_trip_direct", round_trip_direct},
	{"virtqueue_fills_and_empties", fills_and_empties},
	{"virtqueue_wraps_out_of_order", wraps_out_of_order},
	{"virtqueue_used_id_out_of_range", used_id_out_of_range},
	{"virtqueue_used_id_not_in_flight", used_id_not_in_flight},
	{"virtqueue_used_id_inside_a_chain", used_id_inside_a_chain},
	{"virtqueue_used_twice", used_twice},
	{"virtqueue_used_index_jumps", used_index_jumps},
	{"virtqueue_used_index_goes_back", used_index_goes_back},
	{"virtqueue_used_length_too_large", used_length_too_large},
	{"virtqueue_scribbled_rings", scribbled_rings},
	{"virtqueue_kicks_are_suppressed", kicks_are_suppressed},
	{"virtqueue_interrupts_are_asked_for", interrupts_are_asked_for},
	{"virtqueue_odd_sizes", odd_sizes},
	{"virtqueue_random_used_ring", random_used_ring},
	{NULL, NULL},
};
