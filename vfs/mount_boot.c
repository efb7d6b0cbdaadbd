/*
 * The tree the system starts with:
 *
 *	/	root=NAME on the command line, otherwise the first block device: ext4 (or ext3, ext2),
 *		read-only. Without a usable device: an empty tmpfs, and the console says why.
 *	/dev	devfs
 *	/proc	procfs
 *	/tmp	tmpfs
 *
 * None of the last three needs a directory on the disk (mount_by_name.c).
 */
#include "vfs/internal.h"

#include "kernel/block.h"
#include "kernel/cmdline.h"
#include "vfs/generic.h"

static struct super_block *root_from_device(struct block_device *dev)
{
	struct file_system *ext4 = file_system_find("ext4");
	struct super_block *sb = ext4 ? super_mount(ext4, dev, "", SB_RDONLY) : ERR_PTR(-ENODEV);

	if (IS_ERR(sb))
		printk("root: cannot mount %s (error %ld); the root is an empty tmpfs", dev->name,
			-PTR_ERR(sb));
	return sb;
}

static struct super_block *root_in_memory(void)
{
	struct super_block *sb = super_mount(file_system_find("tmpfs"), NULL, "", 0);

	if (IS_ERR(sb))
		panic("root: no tmpfs (error %ld)", -PTR_ERR(sb));
	return sb;
}

static void must_mount(const char *path, int err)
{
	if (err)
		printk("mount: %s: error %d", path, -err);
}

void mount_boot(void)
{
	char name[32] = "";
	bool named = cmdline_get("root", name, sizeof(name));
	struct block_device *dev = named ? block_find(name) : block_nth(0);
	struct super_block *sb = ERR_PTR(-ENODEV);
	int err;

	if (dev)
		sb = root_from_device(dev);
	else if (named)
		printk("root: no block device '%s'; the root is an empty tmpfs", name);
	else
		printk("root: no block device; the root is an empty tmpfs");
	err = IS_ERR(sb) ? mount_root(root_in_memory(), "tmpfs", 0)
			 : mount_root(sb, dev->name, MOUNT_RDONLY);
	if (err)
		panic("root: error %d", -err);
	must_mount("/dev", devfs_start());
	must_mount("/proc", mount_at("proc", "proc", "/proc", "", 0));
	must_mount("/tmp", mount_at("tmpfs", "tmpfs", "/tmp", "", 0));
}

void mount_shutdown(void)
{
	devfs_stop();
	mount_remove_all();
}
