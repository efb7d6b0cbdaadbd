/* /proc: what the kernel says about itself, and what it can be told, as files. */
#pragma once

/* Make the type "proc" known and register what kernel, block devices and vfs show. Context: boot. */
void procfs_init(void);
