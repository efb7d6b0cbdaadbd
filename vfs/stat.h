/* What stat(2), statx(2) and the ring's STATX tell about a path. */
#pragma once

#include "abi/stat.h"
#include "vfs/mount.h"

/*
 * Fill all of *out from p's inode and mount: STATX_BASIC_STATS, BTIME, MNT_ID; stx_mask says what is
 * there. mask is what the program asked for (a hint). 0. Context: never sleeps; p referenced.
 */
int vfs_statx(const struct path *p, u32 mask, struct statx *out);
