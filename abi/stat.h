/* struct stat, struct statx, mode bits, directory records; Linux x86-64 layout. */
#pragma once

#include "kernel/compiler.h"

#define S_IFMT	    0170000
#define S_IFSOCK    0140000
#define S_IFLNK	    0120000
#define S_IFREG	    0100000
#define S_IFBLK	    0060000
#define S_IFDIR	    0040000
#define S_IFCHR	    0020000
#define S_IFIFO	    0010000
#define S_ISUID	    0004000
#define S_ISGID	    0002000
#define S_ISVTX	    0001000
#define S_ISDIR(m)  (((m)&S_IFMT) == S_IFDIR)
#define S_ISREG(m)  (((m)&S_IFMT) == S_IFREG)
#define S_ISLNK(m)  (((m)&S_IFMT) == S_IFLNK)
#define S_ISFIFO(m) (((m)&S_IFMT) == S_IFIFO)
#define S_ISCHR(m)  (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m)&S_IFMT) == S_IFBLK)

struct timespec64 {
	s64 sec, nsec;
};

struct stat {
	u64 st_dev, st_ino, st_nlink;
	u32 st_mode, st_uid, st_gid, pad0;
	u64 st_rdev;
	s64 st_size, st_blksize, st_blocks;
	struct timespec64 st_atim, st_mtim, st_ctim;
	s64 unused[3];
};
static_assert(sizeof(struct stat) == 144, "ABI");

struct statx_timestamp {
	s64 sec;
	u32 nsec;
	s32 pad;
};
struct statx {
	u32 stx_mask, stx_blksize;
	u64 stx_attributes;
	u32 stx_nlink, stx_uid, stx_gid;
	u16 stx_mode, pad0;
	u64 stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	u32 stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	u64 stx_mnt_id;
	u32 stx_dio_mem_align, stx_dio_offset_align;
	u64 spare[12];
};
static_assert(sizeof(struct statx) == 256, "ABI");

#define STATX_TYPE	      0x0001u
#define STATX_MODE	      0x0002u
#define STATX_NLINK	      0x0004u
#define STATX_UID	      0x0008u
#define STATX_GID	      0x0010u
#define STATX_ATIME	      0x0020u
#define STATX_MTIME	      0x0040u
#define STATX_CTIME	      0x0080u
#define STATX_INO	      0x0100u
#define STATX_SIZE	      0x0200u
#define STATX_BLOCKS	      0x0400u
#define STATX_BASIC_STATS     0x07ffu
#define STATX_BTIME	      0x0800u
#define STATX_MNT_ID	      0x1000u
#define STATX_RESERVED	      0x80000000u
#define STATX_ATTR_MOUNT_ROOT 0x2000u

#define DT_UNKNOWN 0
#define DT_FIFO	   1
#define DT_CHR	   2
#define DT_DIR	   4
#define DT_BLK	   6
#define DT_REG	   8
#define DT_LNK	   10
#define DT_SOCK	   12

struct dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};
#define DIRENT64_HEADER 19

struct statfs {
	u64 f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	u32 f_fsid[2];
	u64 f_namelen, f_frsize, f_flags, f_spare[4];
};
static_assert(sizeof(struct statfs) == 120, "ABI");
