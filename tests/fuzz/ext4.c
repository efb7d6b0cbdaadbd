/*
 * A damaged ext4 disk below the whole file layer: mounted, used through system calls, damaged further while
 * it is used, with reads that fail, walked from end to end, unmounted. Errors are expected; a crash, a
 * loop without end, a directory that never ends, and anything left behind are not.
 *
 *	head	  which image; whether checksums are made again after each change
 *	a record  a change of the image (ext4/image.h), or with the top bit set a step; the changes before
 *		  the first step happen before the mount
 */
#include "abi/stat.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "tests/fuzz/ext4/image.h"
#include "tests/fuzz/world/world.h"

#define STEPS	   64
#define DEPTH	   24
#define BUDGET	   200 /* names and reads of the last walk */
#define NAMES_SIZE 8192

static struct image *image;
static bool repairs;
static u32 fail_after; /* requests until one fails; 0: none */

/* ---- The disk ---- */

static void disk_submit(struct block_device *dev, struct list_head *batch)
{
	while (!list_empty(batch)) {
		struct block_request *rq = list_first_entry(batch, struct block_request, node);
		u8 *at = image_bytes(image) + (rq->sector << BLOCK_SECTOR_SHIFT);

		list_del(&rq->node);
		for (u32 i = 0; i < rq->nr_segments; i++) {
			const struct block_segment *s = &rq->segments[i];

			memcpy((u8 *)page_address(s->page) + s->offset, at, s->length);
			at += s->length;
		}
		block_complete(rq, fail_after && --fail_after == 0 ? -EIO : 0);
	}
	(void)dev;
}

static const struct block_ops disk_ops = {.submit = disk_submit};

static void setup(void)
{
	static struct block_device disks[IMAGES];

	image_init();
	for (unsigned i = 0; i < IMAGES; i++) {
		struct image *im = image_choose(i);

		disks[i] = (struct block_device){.name = image_name(im),
			.sectors = image_size(im) >> BLOCK_SECTOR_SHIFT,
			.logical_block = BLOCK_SECTOR_SIZE,
			.read_only = true,
			.ops = &disk_ops};
		block_register(&disks[i]);
	}
	world_init();
	for (u8 i = 0; i < IMAGES; i++)
		world_warm_up((const u8[]){i, 0}, 2);
}

/* ---- Steps ---- */

static const char *const paths[] = {"/", "small", "blocks", "tree", "hole", "many", "d", "d/e/f",
	"fast", "slow", "d/up/f", "loop", "fifo", "d/hard", "lost+found", "nothing", "many/nothing",
	"d/e/../..", "small/x", "d/e", "d/up/../hard", "many/"};

static u64 choose_path(u16 n)
{
	char *at = (char *)world_memory;

	if (n & 0x8000) /* one of many, or none of them */
		snprintf(at, 128, "many/name-%03u-%.*s", n % 40, (int)(n % 40 + 24),
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	else
		strlcpy(at, paths[n % ARRAY_SIZE(paths)], 64);
	return (u64)at;
}

#define BUFFER ((long)world_memory + 4096)
#define ROOM   (WORLD_MEMORY - 4096)

static void read_at(long fd, u32 where, u32 len)
{
	u64 offset = where & 0x80000000 ? (u64)(where & 0xffff) << (where >> 16 & 31) : where;

	sys_pread64(fd, BUFFER, len % ROOM, (long)offset, 0, 0);
}

static void list(long fd, u32 size)
{
	for (unsigned i = 0; i < 40 && sys_getdents64(fd, BUFFER, size, 0, 0, 0) > 0; i++)
		;
}

static void step(u8 op, struct fuzz_input *in)
{
	u8 more = fuzz_u8(in);
	u64 path = choose_path(fuzz_u16(in));
	u32 number = fuzz_u32(in);
	struct open_how *how = (void *)(world_memory + 1024);
	long fd;

	switch (op % 8) {
	case 0:
	case 1:
		fd = sys_openat(AT_FDCWD, (long)path,
			O_RDONLY | O_NONBLOCK | (more & 1 ? O_PATH : 0), 0, 0, 0);
		read_at(fd, number, more << 8 | 1);
		list(fd, more + 24u);
		sys_lseek(fd, number, more % 6, 0, 0, 0);
		list(fd, ROOM);
		sys_close(fd, 0, 0, 0, 0, 0);
		break;
	case 2:
		sys_statx(AT_FDCWD, (long)path, more & 1 ? AT_SYMLINK_NOFOLLOW : 0, number, BUFFER,
			0);
		break;
	case 3:
		sys_readlinkat(AT_FDCWD, (long)path, BUFFER, number % 5000, 0, 0);
		break;
	case 4:
		*how = (struct open_how){.flags = O_NONBLOCK, .resolve = more & 0x3f};
		fd = sys_openat2(AT_FDCWD, (long)path, (long)how, sizeof(*how), 0, 0);
		sys_close(fd, 0, 0, 0, 0, 0);
		break;
	case 5:
		drop_caches(more & 3);
		break;
	case 6:
		fail_after = more;
		break;
	case 7:
		sys_statfs((long)path, BUFFER, 0, 0, 0, 0);
		sys_openat(AT_FDCWD, (long)path, O_RDONLY | O_NONBLOCK, 0, 0, 0); /* stays open */
		break;
	}
}

/* ---- From end to end ---- */

static unsigned budget;

static void look_at(int dirfd, const char *name, unsigned depth);

static void walk_directory(long fd, unsigned depth)
{
	/* One buffer for each level would be large: the names of the first calls are kept. */
	char *names = kmalloc(NAMES_SIZE, ALLOC_WAIT);
	long len = sys_getdents64(fd, (long)names, NAMES_SIZE, 0, 0, 0);

	list(fd, 512);
	for (long at = 0; at < len && budget > 0;) {
		const u8 *entry = (const u8 *)names + at;
		u16 size;

		memcpy(&size, entry + 16, sizeof(size));
		if (size < 20 || size > len - at)
			fuzz_fail("an entry of %u bytes at %ld of %ld", size, at, len);
		look_at((int)fd, (const char *)entry + 19, depth + 1);
		at += size;
	}
	kfree(names);
}

static void look_at(int dirfd, const char *name, unsigned depth)
{
	struct statx *to = (void *)(world_memory + 2048);
	long fd;

	if (budget == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	budget--;
	if (strlen(name) > NAME_MAX)
		fuzz_fail("a name of %llu bytes", (unsigned long long)strlen(name));
	sys_statx(dirfd, (long)name, AT_SYMLINK_NOFOLLOW, 0x7ff, (long)to, 0);
	sys_readlinkat(dirfd, (long)name, BUFFER, 4096, 0, 0);
	fd = sys_openat(dirfd, (long)name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, 0, 0);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		sys_read(fd, BUFFER, ROOM, 0, 0, 0);
	if (depth < DEPTH)
		walk_directory(fd, depth);
	sys_close(fd, 0, 0, 0, 0, 0);
}

static void run(const u8 *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	bool mounted = false;
	u8 op;

	fail_after = 0;
	image = image_choose(fuzz_u8(&in));
	repairs = !(fuzz_u8(&in) & 1);
	for (unsigned i = 0; i < STEPS && fuzz_more(&in); i++) {
		struct fuzz_input record = {in.at + 1, MIN(in.at + 8, in.end)};

		op = *in.at;
		in.at = record.end;
		if (!(op & 0x80)) {
			image_change(image, op, &record);
			continue;
		}
		if (repairs)
			image_repair(image);
		if (!mounted && world_begin("ext4", image_name(image)))
			return;
		mounted = true;
		step(op, &record);
	}
	if (repairs)
		image_repair(image);
	if (!mounted && world_begin("ext4", image_name(image)))
		return;
	budget = BUDGET;
	look_at(AT_FDCWD, "/", 0);
	world_end();
}

const struct fuzz_target fuzz_target = {
	.name = "ext4", .head = 2, .record = 8, .setup = setup, .run = run};
