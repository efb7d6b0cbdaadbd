/*
 * A block device that lies: what it offers, what its configuration says, and then steps of the driver's
 * life and of the device's, in any order. The driver may refuse the device or call it broken. It may not
 * leave a request unfinished, finish one twice, nor crash.
 *
 *	head	  bits of struct choices, how many queues of what size, config space
 *	a record  step, queue or request, and two numbers
 *
 * On the fake kernel and device of tests/host/virtio.
 */
#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/string.h"
#include "tests/fuzz/fuzz.h"
#include "tests/host/virtio/fake.h"

#define REQUESTS 48
#define TAKEN	 16
#define STEPS	 400
/* Enough for a request that has to wait for its time-out, at a second each. */
#define LAST_TICKS 200

static struct fake_device *d;
static struct virtio_blk *blk;

static struct {
	struct block_request rq;
	struct block_segment segments[BLOCK_MAX_SEGMENTS];
	unsigned done;
} io[REQUESTS];
static unsigned nr_io;

/* Chains that the device has taken and may answer, also twice or never. */
static struct fake_chain taken[TAKEN];
static unsigned nr_taken;
static bool scribbled; /* the rings' own memory: nothing there can be believed by the device */
static bool honest;    /* it has the sectors that it says it has: fake_serve can serve them */

void check_failed(const char *file, int line, const char *what, long long a, long long b)
{
	fuzz_fail("%s:%d: %s (%lld, %lld)", file, line, what, a, b);
}

/* ---- Requests ---- */

static void on_done(struct block_request *rq, int status)
{
	unsigned i = (unsigned)(long)rq->private_data;

	EQ(io[i].done++, 0);
	CHECK(status <= 0 && status != -EAGAIN);
}

static void submit(u8 kind, u16 sector, u16 shape)
{
	unsigned nr = shape % 8, i = nr_io;

	if (nr_io == REQUESTS)
		return;
	nr_io++;
	memset(&io[i], 0, sizeof(io[i]));
	for (unsigned s = 0; s < nr; s++)
		io[i].segments[s] = (struct block_segment){.page = page_alloc(0, ALLOC_WAIT),
			.offset = (shape >> 3 & 3) * 512u,
			.length = 512u << (shape >> 5 & 3)};
	io[i].rq = (struct block_request){.op = kind % 3,
		.nr_segments = nr,
		.sector = sector % (FAKE_SECTORS + 8),
		.dev = &blk->dev,
		.segments = io[i].segments,
		.done = on_done,
		.private_data = (void *)(long)i};
	block_submit(&io[i].rq);
}

/* ---- What the device does ---- */

static void take(struct fake_queue *q)
{
	if (q->size && !scribbled && nr_taken < TAKEN && fake_take(q, &taken[nr_taken]))
		nr_taken++;
}

static void put_used(struct fake_queue *q, u32 id, u32 length)
{
	if (q->size)
		fake_put_used(q, id, length);
}

/* Anywhere in what the device may write: its own ring. A device can also reach the two others. */
static void scribble(struct fake_queue *q, u16 at, u32 value)
{
	size_t used = sizeof(*q->used) + q->size * sizeof(struct virtq_used_element) + 2;

	if (!q->size)
		return;
	switch (at >> 14) {
	case 0:
		scribbled = true;
		memcpy((u8 *)q->desc + at % (q->size * sizeof(*q->desc) - 3), &value, 4);
		break;
	case 1:
		scribbled = true;
		memcpy((u8 *)q->avail + at % (q->size * 2u + 4), &value, 2);
		break;
	default:
		memcpy((u8 *)q->used + at % (used - 3), &value, 4);
	}
}

/* Write wherever the chain lets the device, perhaps long after the driver has used it for something else:
 * what is written is the driver's to distrust, the memory is there as long as the device. */
static u32 write_blindly(const struct fake_chain *chain, u8 byte)
{
	u32 written = 0;

	for (unsigned i = 0; i < chain->count; i++)
		if (chain->pieces[i].writable) {
			memset(chain->pieces[i].bytes, byte, chain->pieces[i].length);
			written += chain->pieces[i].length;
		}
	return written;
}

static void answer(struct fake_queue *q, u16 which, u8 how, u32 value)
{
	struct fake_chain *chain = &taken[which % TAKEN];

	if (which % TAKEN >= nr_taken || scribbled)
		return;
	switch (how % 4) {
	case 0:
		put_used(q, chain->head, write_blindly(chain, (u8)value));
		break;
	case 1:
		*chain->pieces[chain->count - 1].bytes = (u8)value;
		break;
	default:
		put_used(q, chain->head, value);
	}
	if (how & 4) /* believed answered: it will not be again */
		*chain = taken[--nr_taken];
}

static void change_mind(u8 what)
{
	switch (what % 6) {
	case 0:
		d->silent = !d->silent;
		break;
	case 1:
		d->never_resets = !d->never_resets;
		break;
	case 2:
		d->keeps_changing = !d->keeps_changing;
		break;
	case 3:
		d->status |= VIRTIO_STATUS_NEEDS_RESET;
		break;
	case 4:
		d->status = what;
		break;
	case 5:
		cpu_number = what / 6 % nr_cpus;
		break;
	}
}

static void step(struct fuzz_input *in)
{
	u8 op = fuzz_u8(in), a = fuzz_u8(in);
	u16 b = fuzz_u16(in);
	u32 c = fuzz_u32(in);
	struct fake_queue *q = &d->queues[a % FAKE_QUEUES];

	switch (op % 13) {
	case 0:
	case 1:
		submit(a, b, (u16)c);
		break;
	case 2:
		take(q);
		break;
	case 3:
	case 4:
		answer(q, b, op / 13, c);
		break;
	case 5:
		put_used(q, c, b);
		break;
	case 6:
		q->used_index = (u16)(q->used_index + b);
		put_used(q, c % 64, b);
		break;
	case 7:
		fake_interrupt(d, b % FAKE_QUEUES);
		break;
	case 8:
		fake_run_timer();
		fake_run_work();
		break;
	case 9:
		scribble(q, b, c);
		break;
	case 10:
		change_mind(a);
		break;
	case 11:
		if (!scribbled && !nr_taken && honest)
			fake_serve(d);
		break;
	case 12:
		fake_now += (u64)c * NSEC_PER_MSEC;
		fake_rtc_behind += a & 1 ? (u64)b * NSEC_PER_MSEC : 0;
		break;
	}
}

/* ---- One device ---- */

static void make_device(struct fuzz_input *in)
{
	u32 choices = fuzz_u32(in);

	d = fake_device_new();
	d->features ^= choices & 0xffff;
	d->features ^= (u64)(choices >> 16 & 7) << VIRTIO_F_INDIRECT_DESC;
	d->refuses_features = choices >> 19 & 1;
	d->refuses_vectors = choices >> 20 & 1;
	d->transport.vectors = choices >> 21 & 7;
	d->routes_left = choices >> 24 & 7;
	nr_cpus = 1 + (choices >> 27 & 3);
	/* Time passes with every look at it: a device that never resets is waited for. */
	fake_step = NSEC_PER_MSEC;
	d->config_length = choices >> 30 & 1 ? fuzz_u8(in) % 65 : 60;
	d->nr_queues = fuzz_u8(in);
	/* Large queues cost time and show little. */
	d->queue_entries = fuzz_u16(in);
	if (!(choices >> 29 & 1))
		d->queue_entries %= 17;
	/* What the configuration says, a word at a time. */
	for (unsigned n = fuzz_u8(in) % 8; n > 0; n--) {
		unsigned at = fuzz_u8(in) % 61;
		u32 value = fuzz_u32(in);

		memcpy(d->config + at, &value, n & 1 ? 4 : 1);
		honest &= at >= VIRTIO_BLK_CFG_CAPACITY + sizeof(u64);
	}
}

/* Whatever the device did, everything ends: it answers, or somebody stops believing it. */
static void end_everything(void)
{
	unsigned ticks = 0;

	cpu_number = 0;
	d->never_resets = false;
	for (; ticks < LAST_TICKS && (fake_run_timer() || fake_run_work()); ticks++) {
		fake_run_work();
		fake_now += NSEC_PER_SEC;
	}
	fake_run_work();
	for (unsigned i = 0; i < nr_io; i++) {
		EQ(io[i].done, 1);
		for (unsigned s = 0; s < io[i].rq.nr_segments; s++)
			page_put(io[i].segments[s].page);
	}
}

static void run(const u8 *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	long before = fake_allocations();

	fake_kernel_reset();
	nr_io = nr_taken = 0;
	scribbled = false;
	honest = true;
	make_device(&in);
	blk = virtio_blk_create(&d->transport);
	if (blk) {
		for (unsigned i = 0; i < STEPS && fuzz_more(&in); i++)
			step(&in);
		end_everything();
	} else {
		CHECK(d->dma_stopped);
		fake_device_free(d);
		EQ(fake_allocations(), before);
	}
	fake_kernel_end();
}

static void setup(void)
{
}

const struct fuzz_target fuzz_target = {
	.name = "virtio", .head = 8, .record = 8, .setup = setup, .run = run};
