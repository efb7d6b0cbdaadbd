/* statvfs(): what POSIX takes from statfs(2). */
#ifndef _SYS_STATVFS_H
#define _SYS_STATVFS_H

#include <_ansi.h>

#define ST_RDONLY 1
#define ST_NOSUID 2

struct statvfs {
	unsigned long f_bsize;
	unsigned long f_frsize;
	unsigned long f_blocks;
	unsigned long f_bfree;
	unsigned long f_bavail;
	unsigned long f_files;
	unsigned long f_ffree;
	unsigned long f_favail;
	unsigned long f_fsid;
	unsigned long f_flag; /* ST_* */
	unsigned long f_namemax;
};

_BEGIN_STD_C

int statvfs(const char *, struct statvfs *);
int fstatvfs(int, struct statvfs *);

_END_STD_C

#endif
