/*
 * Mounting by name: the kernel's own mounts at boot, and mount(2) and umount2(2).
 *
 * A mount point that is missing on a read-only file system is made in memory only: a DENTRY_KERNEL_ONLY
 * directory, pinned in the dcache, that walks find and getdents does not show. That is how /proc and
 * /tmp appear on any disk; also on one whose root directory cannot be read, where somebody has to find
 * out why.
 */
#include "vfs/internal.h"

#include "kernel/block.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

#define MS_RDONLY	1u
#define MS_NOATIME	1024u /* reading changes no access time in any case */
#define MS_BIND		4096u
#define MNT_DETACH	2
#define UMOUNT_NOFOLLOW 8

/* Inode numbers of kernel-only mount points, out of any real file system's range. */
#define KERNEL_ONLY_INO 0xffffffff00000000ull

/* ---- Kernel-only directories ---- */

static int empty_lookup(struct inode *dir, struct dentry *d)
{
	(void)dir;
	dcache_add(d, NULL);
	return 0;
}

static int empty_iterate(struct file *f, struct dir_context *c)
{
	(void)f, (void)c;
	return 0;
}

static const struct inode_ops empty_dir_ops = {.lookup = empty_lookup};
static const struct file_ops empty_dir_file_ops = {.iterate = empty_iterate};

static int instantiate_empty_dir(struct dentry *d)
{
	static u64 ino = KERNEL_ONLY_INO;
	struct inode *inode = inode_alloc(d->sb);

	if (!inode)
		return -ENOMEM;
	inode->mode = S_IFDIR | 0555;
	inode->flags |= INODE_NO_LRU;
	inode->ino = atomic_fetch_add(&ino, 1ull);
	inode->nlink = 2;
	inode->ops = &empty_dir_ops;
	inode->fops = &empty_dir_file_ops;
	atomic_fetch_or(&d->flags, DENTRY_KERNEL_ONLY | DENTRY_PINNED);
	dcache_instantiate(d, inode);
	return 0;
}

/* What a disk says of a directory that it has, but cannot give us. */
static bool is_damage(int err)
{
	return err == -EIO || err == -EUCLEAN || err == -EBADMSG;
}

/* The entry name of parent; one that a read-only disk cannot read counts as missing. */
static struct dentry *lookup_mountpoint(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = walk_lookup_one(parent, name);
	bool ours;
	int err;

	if (!IS_ERR(d) || !is_damage((int)PTR_ERR(d)) || !(parent->sb->flags & SB_RDONLY))
		return d;
	err = dcache_lookup_begin(parent, name, NULL, &d, &ours);
	if (err)
		return ERR_PTR(err);
	if (ours) {
		dcache_add(d, NULL);
		dcache_lookup_end(d);
	}
	return d;
}

/* Make the missing directory path: on the disk where that can be written, otherwise in memory. */
static int make_mountpoint(const struct walk_start *start)
{
	struct walk_parent parent;
	struct inode *dir;
	struct dentry *d;
	int err = walk_parent(start, &parent);

	if (err)
		return err;
	if (parent.last_type != WALK_LAST_NORMAL) {
		path_put(&parent.path);
		return -EINVAL;
	}
	dir = parent.path.dentry->inode;
	rwsem_down_write(&dir->rwsem);
	d = lookup_mountpoint(parent.path.dentry, &parent.last);
	if (IS_ERR(d)) {
		err = (int)PTR_ERR(d);
	} else {
		if (!d->inode && !(parent.path.mnt->sb->flags & SB_RDONLY) && dir->ops->mkdir)
			err = dir->ops->mkdir(dir, d, S_IFDIR | 0755);
		else if (!d->inode)
			err = instantiate_empty_dir(d);
		dentry_put(d);
	}
	rwsem_up_write(&dir->rwsem);
	path_put(&parent.path);
	return err;
}

/* ---- Mounting ---- */

/* "vda" or "/dev/vda". */
static struct block_device *find_device(const char *source)
{
	return block_find(strncmp(source, "/dev/", 5) == 0 ? source + 5 : source);
}

static struct super_block *make_super(
	const char *fs_name, const char *source, const char *options, u32 flags)
{
	struct file_system *fs = file_system_find(fs_name);
	struct block_device *dev = NULL;

	if (!fs) {
		printk("mount: unknown file system '%s'\n", fs_name);
		return ERR_PTR(-ENODEV);
	}
	if (fs->needs_device) {
		dev = find_device(source);
		if (!dev) {
			printk("mount: no block device '%s'\n", source);
			return ERR_PTR(-ENOTBLK);
		}
	}
	return super_mount(fs, dev, options, flags & MOUNT_RDONLY ? SB_RDONLY : 0);
}

int mount_at(
	const char *fs_name, const char *source, const char *path, const char *options, u32 flags)
{
	char name[256 + NAME_SLACK];
	struct walk_start start = {
		.dirfd = AT_FDCWD, .flags = WALK_FOLLOW | WALK_DIRECTORY, .name = name};
	struct super_block *sb;
	struct path where;
	int err;

	if (strlcpy(name, path, 256) >= 256)
		return -ENAMETOOLONG;
	err = walk_path(&start, &where);
	if (err == -ENOENT || is_damage(err)) {
		err = make_mountpoint(&start);
		if (!err)
			err = walk_path(&start, &where);
	}
	if (err)
		return err;
	sb = make_super(fs_name, source, options, flags);
	err = IS_ERR(sb) ? (int)PTR_ERR(sb) : mount_add(sb, &where, source, flags);
	path_put(&where);
	return err;
}

/* ---- System calls ---- */

static int walk_user(const char __user *path, unsigned flags, struct path *out)
{
	struct walk_start start = {.dirfd = AT_FDCWD, .flags = flags};
	struct path_name name;
	int err = path_name_copy(&name, path, false, ALLOC_WAIT);

	if (err)
		return err;
	start.name = name.name;
	err = walk_path(&start, out);
	path_name_release(&name);
	return err;
}

static long bind_user(const char *source, const struct path *where)
{
	const struct walk_start start = {.dirfd = AT_FDCWD, .flags = WALK_FOLLOW, .name = source};
	struct path from;
	int err = *source ? walk_path(&start, &from) : -EINVAL;

	if (err)
		return err;
	err = mount_bind(&from, where);
	path_put(&from);
	return err;
}

static long mount_user(const char *source, const struct path *where, const char __user *type,
	u32 flags, const char __user *data)
{
	char source_name[64], type_name[32], options[256] = "";
	struct super_block *sb;

	strlcpy(source_name, *source ? source : "none", sizeof(source_name));
	if (!type)
		return -EINVAL;
	if (strncpy_from_user(type_name, type, sizeof(type_name)) < 0)
		return -EFAULT;
	if (data && strncpy_from_user(options, data, sizeof(options)) < 0)
		return -EFAULT;
	sb = make_super(type_name, source_name, options, flags);
	return IS_ERR(sb) ? PTR_ERR(sb) : mount_add(sb, where, source_name, flags);
}

/* source is "" where the program gave none. */
static long mount_named(const char *source, const char __user *target, const char __user *type,
	u64 ms_flags, const char __user *data)
{
	struct path where;
	long err = walk_user(target, WALK_FOLLOW, &where);

	if (err)
		return err;
	if (current_cred()->euid != 0)
		err = -EPERM;
	else if (ms_flags & ~(u64)(MS_RDONLY | MS_NOATIME | MS_BIND))
		err = -EINVAL;
	else if (ms_flags & MS_BIND)
		err = bind_user(source, &where);
	else
		err = mount_user(
			source, &where, type, ms_flags & MS_RDONLY ? MOUNT_RDONLY : 0, data);
	path_put(&where);
	return err;
}

SYSCALL5(mount, const char __user *, source, const char __user *, target, const char __user *, type,
	u64, ms_flags, const char __user *, data)
{
	struct path_name copy;
	long err;

	if (!source)
		return mount_named("", target, type, ms_flags, data);
	err = path_name_copy(&copy, source, true, ALLOC_WAIT);
	if (err)
		return err == -ENAMETOOLONG ? -EINVAL : err;
	err = mount_named(copy.name, target, type, ms_flags, data);
	path_name_release(&copy);
	return err;
}

SYSCALL2(umount2, const char __user *, target, int, flags)
{
	struct path where;
	int err;

	if (flags & ~(MNT_DETACH | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = walk_user(target, flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW, &where);
	if (err)
		return err;
	if (current_cred()->euid == 0)
		return mount_remove(&where, flags & MNT_DETACH);
	path_put(&where);
	return -EPERM;
}
