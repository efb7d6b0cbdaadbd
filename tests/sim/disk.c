/*
 * The simulated disk in scenarios: late, with errors, and without power. The first two open files of the
 * standard image (tools/mkdisk), which the simulation mounts as its root.
 */
#include "arch/host/sim/control.h"
#include "tests/hosted/races.h"
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "abi/fcntl.h"

syscall_fn sys_openat, sys_close, sys_read;

/* ---- Opening what is on the disk, while nothing stays cached ---- */

static const char *const paths[] = {
	"/README",
	"/deep/d00/d01/d02/file",
	"/deep/d00/d01/../file",
	"/etc/motd",
	"/etc/../deep/file",
	"/cases/big",
};

static bool disk_fails;

static void open_and_read(u32 *seed)
{
	const char *path = paths[((*seed = *seed * 1664525 + 1013904223) >> 8) % ARRAY_SIZE(paths)];
	char buf[16];
	long fd = sys_openat(AT_FDCWD, (long)path, O_RDONLY, 0, 0, 0), n;

	if (fd < 0) {
		if (fd != -EIO || !disk_fails)
			ktest_fail(__FILE__, __LINE__, "%s: %ld", path, fd);
		return;
	}
	n = sys_read(fd, (long)buf, sizeof(buf), 0, 0, 0);
	if (n <= 0 && (n != -EIO || !disk_fails))
		ktest_fail(__FILE__, __LINE__, "read of %s: %ld", path, n);
	sys_close(fd, 0, 0, 0, 0, 0);
}

static void open_cold(void)
{
	struct race_actor actors[] = {
		{.fn = open_and_read, .rounds = 6},
		{.fn = open_and_read, .rounds = 6},
		{.fn = open_and_read},
		{.fn = race_evict},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(actors); i++)
		actors[i].seed = 1 + (u32)sim_draw(1u << 30);
	races_run(actors, ARRAY_SIZE(actors));
}

KTEST(sim_disk_late)
{
	if (!block_find("vda")) {
		ktest_skip("no disk");
		return;
	}
	open_cold();
}

/* Errors are answered, and forgotten: what is read again is read from the disk again. */
KTEST(sim_disk_errors)
{
	if (!block_find("vda")) {
		ktest_skip("no disk");
		return;
	}
	disk_fails = true;
	sim_disk_fail_one_in(2 + sim_draw(20));
	open_cold();
	sim_disk_fail_one_in(0);
	disk_fails = false;
	open_cold();
}

/* ---- Power loss ---- */

#define SECTORS 8u

/* Each sector of the run at the end of the disk holds a letter, 512 times. */
static int transfer(enum block_op op, u8 *letters, u32 first, u32 n)
{
	struct block_device *dev = block_find("vda");
	struct page *page = page_alloc(0, ALLOC_WAIT);
	struct block_segment segment = {.page = page, .length = n * BLOCK_SECTOR_SIZE};
	struct block_request rq = {.op = op,
		.nr_segments = op != BLOCK_FLUSH,
		.sector = op == BLOCK_FLUSH ? 0 : dev->sectors - SECTORS + first,
		.dev = dev,
		.segments = &segment};
	u8 *bytes = page_address(page);
	int err;

	for (u32 i = 0; op == BLOCK_WRITE && i < n; i++)
		memset(bytes + i * BLOCK_SECTOR_SIZE, letters[first + i], BLOCK_SECTOR_SIZE);
	err = block_submit_wait(&rq);
	for (u32 i = 0; op == BLOCK_READ && i < n; i++) {
		const u8 *sector = bytes + i * BLOCK_SECTOR_SIZE;

		letters[first + i] = sector[0];
		for (u32 at = 1; at < BLOCK_SECTOR_SIZE; at++)
			if (sector[at] != sector[0])
				letters[first + i] = 0; /* half of this, half of that */
	}
	page_put(page);
	return err;
}

/* After a power loss a sector is as it was written last or before, but never older than the last flush. */
KTEST(sim_power_loss)
{
	u8 flushed[SECTORS], written[SECTORS], later[SECTORS], found[SECTORS];
	u32 first = (u32)sim_draw(SECTORS);

	if (!block_find("vda")) {
		ktest_skip("no disk");
		return;
	}
	memset(flushed, 'f', SECTORS);
	memset(written, 'w', SECTORS);
	memset(later, 'l', SECTORS);
	KT_EQ(transfer(BLOCK_WRITE, flushed, 0, SECTORS), 0);
	KT_EQ(transfer(BLOCK_FLUSH, NULL, 0, 0), 0);
	KT_EQ(transfer(BLOCK_WRITE, written, 0, SECTORS), 0);
	KT_EQ(transfer(BLOCK_WRITE, later, first, SECTORS - first), 0);
	KT_EQ(transfer(BLOCK_READ, found, 0, SECTORS), 0);
	for (u32 i = 0; i < SECTORS; i++)
		KT_EQ(found[i], i < first ? 'w' : 'l');
	sim_disk_power_loss();
	KT_EQ(transfer(BLOCK_READ, found, 0, SECTORS), 0);
	for (u32 i = 0; i < SECTORS; i++)
		KT_CHECK(found[i] == 'f' || found[i] == 'w' || (i >= first && found[i] == 'l'));
}
