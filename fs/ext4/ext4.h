/* ext4, ext3 and ext2, read-only: docs/ext4.md. */
#pragma once

/* Register the three names with the vfs. Context: boot, may sleep. */
void ext4_init(void);
