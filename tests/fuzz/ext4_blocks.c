/*
 * The same damaged disks as ext4.c's, read by fs/ext4 alone over the shim of tests/host/ext4: every block
 * that comes in is an object of exactly its size, so that one byte read beyond it is seen. Everything is
 * walked; nothing may be left afterwards.
 *
 *	head	  which image; checksums made again (1), all believed (2), which read fails
 *	a record  a change of the image
 */
#include "fs/ext4/ext4.h"
#include "kernel/string.h"
#include "tests/fuzz/ext4/image.h"
#include "tests/host/ext4/walk.h"

#define BUDGET 300

static void run(const u8 *data, size_t size)
{
	static struct walk walk;
	struct fuzz_input in = {data, data + size};
	struct image *image = image_choose(fuzz_u8(&in));
	u8 choices = fuzz_u8(&in);
	struct super_block *sb;
	int error;

	shim_device = (struct shim_device){.bytes = image_bytes(image),
		.size = image_size(image),
		.believe = choices & 2,
		.fail_after = fuzz_u8(&in)};
	while (fuzz_more(&in)) {
		u8 how = fuzz_u8(&in);

		image_change(image, how, &in);
	}
	if (choices & 1)
		image_repair(image);
	sb = shim_mount("ext4", "", &error);
	if (error > 0)
		fuzz_fail("mount answers %d", error);
	if (sb) {
		walk = (struct walk){.budget = BUDGET};
		walk_all(&walk, sb);
		shim_umount(sb);
	}
	expect_nothing_left();
}

static void setup(void)
{
	ext4_init();
	image_init();
}

const struct fuzz_target fuzz_target = {
	.name = "ext4_blocks", .head = 3, .record = 8, .setup = setup, .run = run};
