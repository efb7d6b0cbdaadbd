/*
 * File-system types and super blocks.
 *
 * A device is mounted once: mounting it again (bind-like, at another place) gives the same super block
 * with one more reference. The last reference shuts it down: dentries, inodes, then the file system
 * itself, each after what the one before left for a grace period is gone.
 *
 * Locking
 *	supers_mutex (RANK_SUPER)   the list, the step of a count to zero, mounting and shutdown
 *	file_systems_lock           the list of types
 */
#include "vfs/super.h"
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/file_internal.h"

struct super_entry {
	struct list_head node;
	struct super_block sb;
};

static struct mutex supers_mutex = MUTEX_INIT(supers_mutex, RANK_SUPER);
static struct list_head supers = LIST_HEAD_INIT(supers); /* of struct super_entry; supers_mutex */
static u32 next_minor = 1;				 /* supers_mutex */

static struct spinlock file_systems_lock = SPINLOCK_INIT(RANK_FS_SPIN);
static struct list_head file_systems = LIST_HEAD_INIT(file_systems); /* only ever grows */

void file_system_register(struct file_system *fs)
{
	spin_lock(&file_systems_lock);
	list_add_tail(&fs->node, &file_systems);
	spin_unlock(&file_systems_lock);
}

struct file_system *file_system_find(const char *name)
{
	struct file_system *fs, *found = NULL;

	spin_lock(&file_systems_lock);
	list_for_each_entry (fs, &file_systems, node)
		if (strcmp(fs->name, name) == 0)
			found = fs;
	spin_unlock(&file_systems_lock);
	return found;
}

/* st_dev as Linux encodes it: block devices have major 254 (as virtio disks there), the others 0. */
static u64 make_dev_id(const struct block_device *dev, u32 minor)
{
	u64 major = dev ? 254 : 0;

	return (minor & 0xff) | major << 8 | (u64)(minor & ~0xffu) << 12;
}

static struct super_entry *super_new(struct file_system *fs, struct block_device *dev, u32 flags)
{
	struct super_entry *entry = kzalloc(sizeof(*entry), ALLOC_WAIT);

	if (!entry)
		return NULL;
	struct super_block *sb = &entry->sb;

	sb->fs = fs;
	sb->dev = dev;
	sb->flags = flags;
	sb->block_size = PAGE_SIZE;
	sb->dev_id = make_dev_id(dev, next_minor++);
	sb->refs = 1;
	if (dev)
		snprintf(sb->name, sizeof(sb->name), "%s %s", fs->name, dev->name);
	else
		snprintf(sb->name, sizeof(sb->name), "%s", fs->name);
	mutex_init(&sb->rename_mutex, RANK_RENAME_SB);
	spin_lock_init(&sb->inodes_lock, RANK_INODE_STATE);
	list_init(&sb->inodes);
	return entry;
}

static void super_free_rcu(struct rcu_head *head)
{
	struct super_block *sb = container_of(head, struct super_block, rcu);

	kfree(container_of(sb, struct super_entry, sb));
}

/* Take everything down that fill_super and use have built. Context: supers_mutex held. */
static void super_shutdown(struct super_block *sb)
{
	if (sb->root)
		dcache_shutdown(sb->root);
	sb->root = NULL;
	inode_evict_all(sb);
	rcu_barrier(); /* free_inode may look at what put_super frees */
	if (sb->ops && sb->ops->put_super)
		sb->ops->put_super(sb);
	call_rcu(&sb->rcu, super_free_rcu);
}

/* Context: supers_mutex held. */
static struct super_block *find_mounted(
	const struct file_system *fs, const struct block_device *dev)
{
	struct super_entry *entry;

	list_for_each_entry (entry, &supers, node)
		if (entry->sb.dev == dev && entry->sb.fs == fs)
			return &entry->sb;
	return NULL;
}

static struct super_block *super_mount_locked(
	struct file_system *fs, struct block_device *dev, const char *options, u32 flags)
{
	struct super_block *sb = dev ? find_mounted(fs, dev) : NULL;

	if (sb) {
		atomic_add(&sb->refs, 1u);
		return sb;
	}
	struct super_entry *entry = super_new(fs, dev, flags);

	if (!entry)
		return ERR_PTR(-ENOMEM);
	int error = fs->fill_super(&entry->sb, options ? options : "");

	if (error) {
		super_shutdown(&entry->sb);
		return ERR_PTR(error);
	}
	list_add_tail(&entry->node, &supers);
	return &entry->sb;
}

struct super_block *super_mount(
	struct file_system *fs, struct block_device *dev, const char *options, u32 flags)
{
	if (fs->needs_device && !dev)
		return ERR_PTR(-ENODEV);
	mutex_lock(&supers_mutex);
	struct super_block *sb = super_mount_locked(fs, dev, options, flags);

	mutex_unlock(&supers_mutex);
	return sb;
}

void super_put(struct super_block *sb)
{
	u32 refs = READ_ONCE(sb->refs);

	might_sleep();
	while (refs > 1)
		if (atomic_cas(&sb->refs, &refs, refs - 1))
			return;
	mutex_lock(&supers_mutex);
	if (atomic_sub_return(&sb->refs, 1u) == 0) {
		list_del(&container_of(sb, struct super_entry, sb)->node);
		super_shutdown(sb);
	}
	mutex_unlock(&supers_mutex);
}
