/* What a file is, field by field; the comparison goes field by field, too. */
#include "difftest.h"

/* Times not asked for may be there or not, and differ between versions of Linux. */
#define ONLY_IF_ASKED (STATX_BTIME | STATX_MTIME | STATX_CTIME)

static unsigned device(unsigned major, unsigned minor)
{
	return number_of(KIND_DEVICE, major, minor);
}

/* The same, of struct stat's number. */
static unsigned device_of(uint64_t dev)
{
	return device(
		(unsigned)(dev >> 8 & 0xfff), (unsigned)((dev & 0xff) | (dev >> 12 & 0xfff00)));
}

/*
 * A pipe, and no FIFO of the sequence's file system? All of Unlazy's pipes are one inode: what they say of it
 * means nothing, and is not compared.
 */
static bool is_pipe(unsigned mode, unsigned dev)
{
	struct stat root;

	return S_ISFIFO(mode) && CALL(fstat, sandbox_top, &root) == 0 &&
	       dev != device_of(root.st_dev);
}

bool is_pipe_descriptor(int fd)
{
	struct stat st;

	return CALL(fstat, fd, &st) == 0 && is_pipe(st.st_mode, device_of(st.st_dev));
}

void say_statx(const struct statx *st, unsigned asked)
{
	unsigned mask = st->stx_mask & (asked | ~ONLY_IF_ASKED);
	unsigned dev = device(st->stx_dev_major, st->stx_dev_minor);

	if (is_pipe(st->stx_mode, dev)) {
		say(" pipe");
		return;
	}
	say(" mask=%x mode=%06o nlink=%u uid=%u gid=%u", mask, st->stx_mode, st->stx_nlink,
		st->stx_uid, st->stx_gid);
	say(" size=%llu blocks=%llu blksize=%u", (unsigned long long)st->stx_size,
		(unsigned long long)st->stx_blocks, st->stx_blksize);
	say(" dev=d%u ino=i%u rdev=%u:%u", dev, number_of(KIND_INODE, dev, st->stx_ino),
		st->stx_rdev_major, st->stx_rdev_minor);
	say_time("atime", st->stx_atime.tv_sec, st->stx_atime.tv_nsec);
	if (mask & STATX_MTIME)
		say_time("mtime", st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec);
	if (mask & STATX_CTIME)
		say_time("ctime", st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec);
	if (mask & STATX_BTIME)
		say_time("btime", st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
	if (mask & STATX_MNT_ID)
		say(" mnt=m%u", number_of(KIND_MOUNT, st->stx_mnt_id, 0));
	say(" attributes=%llx/%llx", (unsigned long long)st->stx_attributes,
		(unsigned long long)st->stx_attributes_mask);
}

void say_stat(const struct stat *st)
{
	unsigned dev = device_of(st->st_dev);

	if (is_pipe(st->st_mode, dev)) {
		say(" pipe");
		return;
	}
	say(" mode=%06o nlink=%lu uid=%u gid=%u", st->st_mode, (unsigned long)st->st_nlink,
		st->st_uid, st->st_gid);
	say(" size=%lld blocks=%lld blksize=%ld", (long long)st->st_size, (long long)st->st_blocks,
		(long)st->st_blksize);
	say(" dev=d%u ino=i%u rdev=%llx", dev, number_of(KIND_INODE, dev, st->st_ino),
		(unsigned long long)st->st_rdev);
	say_time("atime", st->st_atim.tv_sec, (uint32_t)st->st_atim.tv_nsec);
	say_time("mtime", st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec);
	say_time("ctime", st->st_ctim.tv_sec, (uint32_t)st->st_ctim.tv_nsec);
}

void say_descriptor(int fd)
{
	struct stat st;

	if (CALL(fstat, fd, &st) < 0) {
		say(" no-stat");
		return;
	}
	unsigned dev = device_of(st.st_dev);

	if (is_pipe(st.st_mode, dev))
		say(" pipe");
	else
		say(" mode=%06o size=%lld ino=i%u", st.st_mode, (long long)st.st_size,
			number_of(KIND_INODE, dev, st.st_ino));
	say(" flags=%lo cloexec=%ld", CALL(fcntl, fd, F_GETFL), CALL(fcntl, fd, F_GETFD));
}
