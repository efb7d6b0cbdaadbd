/*
 * A hostile program and its ring: submission entries of any content, in chains or not, queued or inline;
 * garbage in the heads, tails and indices it shares with the kernel; registrations; and workers that get to
 * run in between or not. Afterwards the ring is closed, the process ends, and nothing may be left.
 *
 *	head	  entries, completion entries and flags of the ring
 *	a record  a step; most fill in one submission entry
 *
 * Entries of one thread are answered in an order that depends on nothing but the input.
 */
#include "kernel/string.h"
#include "ring/internal.h"
#include "tests/fuzz/world/world.h"

#define STEPS 64

static int ring_fd;
static struct ring *ring;
static u32 sq_tail, cq_head;

/* What descriptors of a record mean; the first few exist. */
static const char *const opened[] = {"/f", "/d", "/p", "/dev", "/d/f", "/l"};

static void plant_descriptors(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(opened); i++)
		sys_openat(
			AT_FDCWD, (long)opened[i], i == 1 || i == 5 ? O_RDONLY : O_RDWR, 0, 0, 0);
}

/* What is in memory to begin with: paths at 64 i, an open_how at 4096, descriptors at 8192. */
static void plant_memory(void)
{
	static const char *const paths[] = {"/f", "/d/f", "l/e/f", "/nothing", "/d/m/out", "p", "o",
		"d/new", "", ".", "..", "/d/../d/./e//f", "f/", "x", "/s"};
	static const s32 fds[] = {0, 1, -1, 2, -2, 99, 3, 4};
	char *at = (char *)world_memory;
	struct open_how how = {.flags = O_CREAT | O_RDWR, .mode = 0644};

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
		strlcpy(at + 64 * i, paths[i], 64);
	memset(at + 1024, 'n', 300);
	memcpy(at + 4096, &how, sizeof(how));
	memcpy(at + 8192, fds, sizeof(fds));
}

/* ---- One submission entry ---- */

static const u8 opcodes[] = {IORING_OP_NOP, IORING_OP_FSYNC, IORING_OP_ASYNC_CANCEL,
	IORING_OP_OPENAT, IORING_OP_OPENAT, IORING_OP_CLOSE, IORING_OP_FILES_UPDATE,
	IORING_OP_STATX, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_OPENAT2, IORING_OP_OPENAT2};

static s32 descriptor(u8 n)
{
	if (n < 16)
		return n; /* the files above, the ring, and what has been opened meanwhile */
	if (n < 160)
		return AT_FDCWD;
	return n < 250 ? n % 16 : (s32)(n * 0x81000001u);
}

/* Small numbers are themselves, larger ones are addresses, and some of no program. */
static u64 address(u16 n)
{
	if (n < 256)
		return world_address(n % 17 * 64); /* the last one is too long */
	if (n >= 0xff00)
		return 1ull << 63 | n;
	return world_address(n * 2u);
}

static u64 offset(u16 n)
{
	if (n < 0x4000)
		return n;
	if (n < 0x8000)
		return address((u16)(n << 1));
	return (u64)(s64)(s16)n << (n & 0x3f);
}

static void fill_entry(struct fuzz_input *in, u8 which)
{
	u32 index = sq_tail++ & (ring->sq_entries - 1);
	struct io_uring_sqe *sqe = &ring->sqes[index];
	u8 opcode = fuzz_u8(in), flags = fuzz_u8(in), fd = fuzz_u8(in);
	u16 addr = fuzz_u16(in), off = fuzz_u16(in), len = fuzz_u16(in);
	u32 op_flags = fuzz_u32(in);

	*sqe = (struct io_uring_sqe){
		.opcode = opcode < 240 ? opcodes[opcode % ARRAY_SIZE(opcodes)] : opcode << 2,
		.flags = flags,
		.fd = descriptor(fd),
		.addr = address(addr),
		.off = offset(off),
		.len = len,
		.op_flags = op_flags,
		.user_data = which,
	};
	/* Of the rare fields one at a time. */
	if (which & 0x80)
		sqe->file_index = which & 7 ? which & 7 : IORING_FILE_INDEX_ALLOC;
	else if (which & 0x40)
		sqe->personality = which & 3;
	else if (which & 0x20)
		sqe->words[which & 7] = ~(u64)which << (which & 31);
	ring->sq_array[index] = index;
}

/* ---- Other steps ---- */

static void enter(u32 submit, u32 wait, u32 flags)
{
	struct timespec64 end = {.nsec = 1000};
	struct io_uring_getevents_arg arg = {.ts = (u64)&end};
	long taken;

	if (wait) /* for something that may not come: with an end */
		flags |= IORING_ENTER_GETEVENTS;
	if (flags & IORING_ENTER_GETEVENTS)
		taken = sys_io_uring_enter(ring_fd, submit, wait, flags | IORING_ENTER_EXT_ARG,
			(long)&arg, sizeof(arg));
	else
		taken = sys_io_uring_enter(
			ring_fd, submit, wait, flags, (long)world_address(submit), wait);
	if (taken > (long)MIN(submit, ring->sq_entries))
		fuzz_fail("%ld entries of %u taken, asked for %u", taken, ring->sq_entries, submit);
}

/* Words that belong to the program, and others that it can write all the same. */
static void write_shared(u8 which, u32 value)
{
	u32 *const words = (u32 *)ring->rings;

	switch (which % 8) {
	case 0:
		sq_tail = value;
		break;
	case 1:
		store_release(&ring->rings->cq_head, value);
		break;
	case 2:
		ring->sq_array[which / 8 % ring->sq_entries] = value;
		return;
	case 3:
		cq_head = load_acquire(&ring->rings->cq_tail);
		store_release(&ring->rings->cq_head, cq_head);
		return;
	default:
		words[which / 8 % 16] = value;
		return;
	}
	store_release(&ring->rings->sq_tail, sq_tail);
}

static void step(struct fuzz_input *in)
{
	u8 op = fuzz_u8(in), which = fuzz_u8(in);
	struct fuzz_input rest = {in->at, MIN(in->at + 13, in->end)};

	in->at = rest.end;
	switch (op % 16) {
	default:
		fill_entry(&rest, which);
		return;
	case 8:
	case 9:
		store_release(&ring->rings->sq_tail, sq_tail);
		enter(which, fuzz_u8(&rest) % 4, fuzz_u8(&rest));
		return;
	case 10:
		write_shared(which, fuzz_u32(&rest));
		return;
	case 11: {
		u32 at = fuzz_u16(&rest) % (WORLD_MEMORY - 8);
		u64 value = fuzz_u64(&rest);

		memcpy(world_memory + at, &value, 8);
		return;
	}
	case 12: {
		u16 addr = fuzz_u16(&rest);

		sys_io_uring_register(ring_fd, which, addr ? (long)address(addr) : 0,
			(long)fuzz_u16(&rest), 0, 0);
		return;
	}
	case 13:
		sys_close(which % 16, 0, 0, 0, 0, 0);
		return;
	case 14:
		for (unsigned i = 0; i <= which % 8u; i++)
			yield();
		return;
	}
}

/* Closing the ring's descriptor is a step, too; the ring itself must stay for ours. */
static bool make_ring(struct fuzz_input *in)
{
	struct io_uring_params params = {0};
	u32 entries = fuzz_u8(in);

	params.cq_entries = fuzz_u8(in);
	params.flags = fuzz_u16(in);
	ring_fd = (int)sys_io_uring_setup(entries, (long)&params, 0, 0, 0, 0);
	if (ring_fd < 0)
		return false;
	ring = file_lookup_fd_rcu(world_process.files, ring_fd)->private_data;
	sq_tail = cq_head = 0;
	return true;
}

static void run(const u8 *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	struct file *held;

	if (world_begin("tmpfs", "fuzz"))
		fuzz_fail("no tmpfs");
	world_plant();
	plant_memory();
	plant_descriptors();
	if (make_ring(&in)) {
		held = file_lookup_fd_rcu(world_process.files, ring_fd);
		file_get(held);
		for (unsigned i = 0; i < STEPS && fuzz_more(&in); i++)
			step(&in);
		file_put(held);
	}
	world_end();
}

static void setup(void)
{
	static const u8 some_ring[64] = {8};

	world_init();
	world_warm_up(some_ring, sizeof(some_ring));
}

const struct fuzz_target fuzz_target = {
	.name = "sqe", .head = 4, .record = 15, .setup = setup, .run = run};
