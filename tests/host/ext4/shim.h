/*
 * The least of a kernel that fs/ext4 needs, in an ordinary process: memory from malloc, so that
 * AddressSanitizer sees every block read as an object of exactly its size, and no caches, so that
 * whatever is wrong shows at once. One thread.
 */
#pragma once

#include "vfs/file.h"
#include "vfs/super.h"

/* What the block "device" is and how it misbehaves; set before shim_mount. */
struct shim_device {
	const u8 *bytes;
	u64 size;
	bool believe; /* say of every block that it has been verified: no checksum protects the parser */
	u64 fail_after; /* block reads until one fails with -EIO; 0: never */
	u64 reads;	/* counted */
};
extern struct shim_device shim_device;

/* The console: the last line, and how many. Printed as well when shim_verbose. */
extern char shim_console[512];
extern u64 shim_console_lines;
extern bool shim_verbose;

/* Things alive right now; all 0 once everything is put back. */
struct shim_counts {
	u64 pages, inodes, allocations;
};
extern struct shim_counts shim_counts;

/* Register the file systems once, then mount by name. NULL and *error on failure. */
void shim_init(void);
struct super_block *shim_mount(const char *fs_name, const char *options, int *error);
void shim_umount(struct super_block *sb);
/* ->lookup of one name: 0 with *out referenced or NULL (no such name), or -errno. */
int shim_lookup(struct inode *dir, const char *name, u32 len, struct inode **out);
/* ->read_pages of n pages (at most 64) from index on into data (n pages of PAGE_SIZE); 0 or an error. */
int shim_read(struct inode *inode, u64 index, unsigned n, u8 *data);
/* ->iterate from pos on. 0 or -errno; *pos is where it stopped. */
int shim_iterate(struct inode *dir, u64 *pos,
	bool (*emit)(struct dir_context *c, const char *name, u32 len, u64 ino, unsigned type));
