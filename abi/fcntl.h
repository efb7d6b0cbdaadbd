/* open flags, *at constants and struct open_how, Linux x86-64 values (CONTRACT 2). */
#pragma once

#include "kernel/types.h"

#define O_ACCMODE     00000003
#define O_RDONLY      00000000
#define O_WRONLY      00000001
#define O_RDWR	      00000002
#define O_CREAT	      00000100
#define O_EXCL	      00000200
#define O_NOCTTY      00000400
#define O_TRUNC	      00001000
#define O_APPEND      00002000
#define O_NONBLOCK    00004000
#define O_DSYNC	      00010000
#define O_ASYNC	      00020000
#define O_DIRECT      00040000
#define O_LARGEFILE   00100000
#define O_DIRECTORY   00200000
#define O_NOFOLLOW    00400000
#define O_NOATIME     01000000
#define O_CLOEXEC     02000000
#define O_SYNC_BIT    04000000
#define O_SYNC	      (O_SYNC_BIT | O_DSYNC)
#define O_PATH	      010000000
#define O_TMPFILE_BIT 020000000
#define O_TMPFILE     (O_TMPFILE_BIT | O_DIRECTORY)

#define AT_FDCWD	    (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS	    0x200
#define AT_REMOVEDIR	    0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT	    0x800
#define AT_EMPTY_PATH	    0x1000
#define AT_STATX_SYNC_TYPE  0x6000

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2
#define RENAME_WHITEOUT	 4

#define RESOLVE_NO_XDEV	      0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH	      0x08
#define RESOLVE_IN_ROOT	      0x10
#define RESOLVE_CACHED	      0x20

struct open_how {
	u64 flags, mode, resolve;
};
#define OPEN_HOW_SIZE_VER0 24

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#define PATH_MAX 4096
#define NAME_MAX 255

#define F_DUPFD		0
#define F_GETFD		1
#define F_SETFD		2
#define F_GETFL		3
#define F_SETFL		4
#define F_DUPFD_CLOEXEC 1030
#define FD_CLOEXEC	1
