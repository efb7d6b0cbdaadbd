/*
 * ext4 on the host: the driver that reads images for images.py and corrupts them.
 *
 *   ext4_host units                            checksums, hashes, maps (prints ok and FAIL lines)
 *   ext4_host mount IMAGE [OPTIONS]            mount and umount; the console's lines after "#"
 *   ext4_host dump IMAGE FOLDER                a line for each name; contents of files to FOLDER/INO
 *   ext4_host read IMAGE INO OFFSET LENGTH     bytes of a file in hexadecimal
 *   ext4_host faults IMAGE COUNT               the whole tree, COUNT times (0: as often as there are
 *                                              reads), each time with another single read failing
 *   ext4_host fuzz IMAGE SEED COUNT            COUNT times: damage seeded bytes of the metadata, mount,
 *                                              walk everything. Every second time no checksum protects.
 *
 * Exit status 0: what was asked for worked (for mount: 1 when refused).
 */
#include "abi/errno.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/internal.h"
#include "kernel/string.h"
#include "tests/host/ext4/host.h"
#include "tests/host/ext4/shim.h"
#include "tests/host/ext4/units.h"
#include "tests/host/ext4/walk.h"

#define DUMP_BUDGET (1u << 20)

/* ---- Commands ---- */

static struct walk the_walk;

static int command_mount(const char *options)
{
	int error;
	struct super_block *sb;

	shim_verbose = true;
	sb = shim_mount("ext4", options, &error);
	if (!sb && shim_console_lines == 0)
		host_die("refused without a word");
	host_print("mount %d\n", error);
	if (sb)
		shim_umount(sb);
	expect_nothing_left();
	return error ? 1 : 0;
}

static int command_dump(const char *folder)
{
	struct walk *w = &the_walk;
	int error;
	struct super_block *sb;

	shim_verbose = true;
	sb = shim_mount("ext4", "", &error);
	if (!sb)
		return 1;
	*w = (struct walk){.folder = folder, .print = true, .budget = DUMP_BUDGET};
	walk_all(w, sb);
	shim_umount(sb);
	expect_nothing_left();
	host_print("# %llu names, %llu errors, %llu block reads\n", (unsigned long long)w->names,
		(unsigned long long)w->errors, (unsigned long long)shim_device.reads);
	return w->errors || w->budget == 0 ? 1 : 0;
}

static int command_read(u64 ino, u64 offset, u64 length)
{
	static u8 data[PAGE_SIZE];
	int error;
	struct super_block *sb = shim_mount("ext4", "", &error);
	struct inode *inode;

	if (!sb)
		return 1;
	inode = ext4_iget(sb, (u32)ino);
	if (IS_ERR(inode))
		return 1;
	for (u64 at = offset; at < offset + length; at++) {
		if (at == offset || at % PAGE_SIZE == 0)
			error |= shim_read(inode, at / PAGE_SIZE, 1, data);
		host_print("%02x", data[at % PAGE_SIZE]);
	}
	host_print("\n");
	inode_put(inode);
	shim_umount(sb);
	return error ? 1 : 0;
}

/* Mount and walk once, quietly. */
static void walk_once(u64 budget)
{
	struct walk *w = &the_walk;
	int error;
	struct super_block *sb = shim_mount("ext4", "", &error);

	if (error > 0)
		host_die("mount answers nonsense");
	if (sb) {
		*w = (struct walk){.budget = budget};
		walk_all(w, sb);
		shim_umount(sb);
	}
	expect_nothing_left();
}

static int command_faults(u64 count)
{
	u64 reads, step;

	walk_once(UINT64_MAX);
	reads = shim_device.reads;
	step = count ? MAX(reads / count, 1ull) : 1;
	for (u64 n = 1; n <= reads; n += n < 64 ? 1 : step) {
		host_watchdog(60);
		shim_device.reads = 0;
		shim_device.fail_after = n;
		walk_once(UINT64_MAX);
	}
	host_print("ok faults: every %llu-th of %llu reads failed\n", (unsigned long long)step,
		(unsigned long long)reads);
	return 0;
}

static u64 random_state;

static u64 random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull;
}

/* Blocks worth damaging: those which are not empty, the first ones three times. */
static u64 pick_place(u64 size)
{
	for (;;) {
		u64 at = random_next() % size;

		if (random_next() % 4 == 0)
			at %= MIN(size, 262144ull);
		if (random_next() % 16 == 0)
			at = 1024 + random_next() % 1024;
		for (u64 i = at & ~255ull; i < (at & ~255ull) + 256 && i < size; i++)
			if (shim_device.bytes[i])
				return at;
	}
}

static void damage(u8 *bytes, u64 size)
{
	static const u32 words[] = {
		0, 1, 2, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff, 0x8000, 12};
	u64 at = pick_place(size - 8);

	switch (random_next() % 5) {
	case 0:
		bytes[at] ^= (u8)(1u << random_next() % 8);
		break;
	case 1:
		bytes[at] = (u8)random_next();
		break;
	case 2:
		memcpy(bytes + (at & ~3ull), &words[random_next() % ARRAY_SIZE(words)], 4);
		break;
	case 3:
		memcpy(bytes + (at & ~1ull), &words[random_next() % ARRAY_SIZE(words)], 2);
		break;
	default: /* a copy of something else, often meaningful in the wrong place */
		memcpy(bytes + (at & ~3ull), bytes + (pick_place(size - 8) & ~3ull), 4);
		break;
	}
}

static int command_fuzz(const char *image, u64 seed, u64 count)
{
	for (u64 i = 0; i < count; i++) {
		u8 *bytes = host_load(image, &shim_device.size);
		u32 wounds;

		random_state = (seed + i) * 0x9e3779b97f4a7c15ull + 1;
		shim_device.bytes = bytes;
		shim_device.believe = i % 2;
		wounds = 1 + (u32)(random_next() % 40);
		for (u32 k = 0; k < wounds; k++)
			damage(bytes, shim_device.size);
		host_watchdog(120);
		host_print("seed %llu\r", (unsigned long long)(seed + i));
		walk_once(30000);
		host_unload(bytes, shim_device.size);
	}
	host_print("ok fuzz: %llu damaged images from seed %llu\n", (unsigned long long)count,
		(unsigned long long)seed);
	return 0;
}

static u64 number(const char *s)
{
	u64 n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (u64)(*s - '0');
	return n;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	ext4_init();
	if (strcmp(command, "units") == 0)
		return units_run();
	if (argc < 3)
		return 2;
	shim_device.bytes = host_load(argv[2], &shim_device.size);
	if (strcmp(command, "mount") == 0)
		return command_mount(argc > 3 ? argv[3] : "");
	if (strcmp(command, "dump") == 0 && argc == 4)
		return command_dump(argv[3]);
	if (strcmp(command, "read") == 0 && argc == 6)
		return command_read(number(argv[3]), number(argv[4]), number(argv[5]));
	if (strcmp(command, "faults") == 0 && argc == 4)
		return command_faults(number(argv[3]));
	if (strcmp(command, "fuzz") == 0 && argc == 5)
		return command_fuzz(argv[2], number(argv[3]), number(argv[4]));
	return 2;
}
