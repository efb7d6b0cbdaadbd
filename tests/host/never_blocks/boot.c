/* Brings the vfs up for tests/torture/never_blocks.c, which elsewhere runs in a kernel that has. */
#include "fs/tmpfs/tmpfs.h"
#include "kernel/panic.h"
#include "ring/ring.h"
#include "vfs/generic.h"
#include "vfs/internal.h"

void test_boot_vfs(void);

void test_boot_vfs(void)
{
	int err;

	ring_init();
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	fs_context_init();
	devfs_init();
	tmpfs_init();
	err = mount_root(super_mount(file_system_find("tmpfs"), NULL, "", 0), "test", 0);
	if (!err)
		err = devfs_start();
	if (!err)
		err = mount_at("tmpfs", "tmpfs", "/tmp\0       ", "", 0);
	assert(!err);
}
