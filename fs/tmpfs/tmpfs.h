/* A file system in memory: names live in the dcache, contents in the page cache. */
#pragma once

/* Register "tmpfs". */
void tmpfs_init(void);
