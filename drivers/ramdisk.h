/* Block devices in memory: boot modules on the metal, buffers in host tests. */
#pragma once

#include "kernel/block.h"

/*
 * Register a device called name (copied) over memory, which stays the caller's and must outlive
 * everything: block devices never go away. A tail of size that is no whole sector is ignored.
 * Returns NULL when short of memory. Context: may sleep.
 */
struct block_device *ramdisk_create(const char *name, void *memory, size_t size);
/* Register boot module i as "ram<i>", for every module there is. Context: boot, may sleep. */
void ramdisk_init(void);
