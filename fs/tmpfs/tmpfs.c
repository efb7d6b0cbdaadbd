/*
 * tmpfs: names live in the dcache (pinned, so that the shrinker leaves them alone), file contents in a
 * page cache without a disk behind it. What is added here is the order of a directory's entries, which
 * getdents needs and the dcache does not keep.
 *
 *   tmpfs_inode (directory)
 *     entries -> entry -> entry            oldest first; cookies only grow
 *                  |
 *                  dentry, whose fs_data points back
 *
 * A lookup only ever comes here for a name that is not in the dcache, and that is a name that does not
 * exist.
 *
 * Locking: entries, cookies and links of a directory are changed under its rwsem held exclusively, which
 * the vfs takes around every operation below; iterate holds it shared.
 *
 * Limits: all files together get half of the machine's memory (vfs/pagecache.c); names and inodes are
 * not limited. Inodes go when their last name and last user go.
 */
#include "fs/tmpfs/tmpfs.h"

#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/cred.h"
#include "vfs/fifo.h"
#include "vfs/generic.h"
#include "vfs/super.h"

#define TMPFS_MAGIC  0x01021994
#define FIRST_COOKIE 2 /* 0 and 1 are the vfs' dots */

struct tmpfs_entry {
	struct list_head node;
	u64 cookie;
	struct dentry *dentry; /* pinned: lives as long as the entry */
};

struct tmpfs_inode {
	struct inode inode;
	struct list_head entries;
	u64 next_cookie;
};

static struct slab_cache *tmpfs_inode_cache, *tmpfs_entry_cache;
static const struct inode_ops dir_ops, file_ops, other_ops;
static const struct file_ops dir_file_ops, tmpfs_file_ops;

static struct tmpfs_inode *tmpfs_of(struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, inode);
}

static void touch(struct inode *dir)
{
	dir->mtime = dir->ctime = inode_now();
}

/* ---- Entries ---- */

static void entry_append(struct inode *dir, struct tmpfs_entry *e)
{
	struct tmpfs_inode *t = tmpfs_of(dir);

	e->cookie = t->next_cookie++;
	list_add_tail(&e->node, &t->entries);
	WRITE_ONCE(dir->size, dir->size + 1);
	touch(dir);
}

static void entry_remove(struct inode *dir, struct tmpfs_entry *e)
{
	list_del(&e->node);
	WRITE_ONCE(dir->size, dir->size - 1);
	touch(dir);
}

static void entry_delete(struct inode *dir, struct dentry *d)
{
	struct tmpfs_entry *e = d->fs_data;

	entry_remove(dir, e);
	d->fs_data = NULL;
	slab_free(tmpfs_entry_cache, e);
}

/* d becomes a name for inode, whose reference is consumed in any case. */
static int entry_create(struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct tmpfs_entry *e = inode ? slab_alloc(tmpfs_entry_cache, ALLOC_WAIT) : NULL;

	if (!e) {
		inode_put(inode);
		return -ENOMEM;
	}
	e->dentry = d;
	d->fs_data = e;
	entry_append(dir, e);
	atomic_fetch_or(&d->flags, DENTRY_PINNED);
	dcache_instantiate(d, inode);
	return 0;
}

/* ---- Inodes ---- */

static struct inode *new_inode(struct super_block *sb, const struct inode *dir, u32 mode)
{
	u64 *next_ino = sb->private_data;
	struct inode *inode = inode_alloc(sb);

	if (!inode)
		return NULL;
	inode->ino = atomic_fetch_add(next_ino, 1ull);
	inode->mode = mode;
	inode->uid = current_cred()->fsuid;
	inode->gid = current_cred()->fsgid;
	if (dir && (dir->mode & S_ISGID)) {
		inode->gid = dir->gid;
		if (S_ISDIR(mode))
			inode->mode |= S_ISGID;
	}
	inode->ops = S_ISDIR(mode) ? &dir_ops : S_ISREG(mode) ? &file_ops : &other_ops;
	if (S_ISDIR(mode)) {
		inode->fops = &dir_file_ops;
		inode->nlink = 2;
	} else if (S_ISREG(mode)) {
		inode->fops = &tmpfs_file_ops;
	} else if (S_ISFIFO(mode)) {
		inode->fops = &fifo_file_ops;
	}
	return inode;
}

static struct inode *tmpfs_alloc_inode(struct super_block *sb)
{
	struct tmpfs_inode *t = slab_alloc(tmpfs_inode_cache, ALLOC_WAIT);

	(void)sb;
	if (!t)
		return NULL;
	list_init(&t->entries);
	t->next_cookie = FIRST_COOKIE;
	return &t->inode;
}

static void tmpfs_free_inode(struct inode *inode)
{
	slab_free(tmpfs_inode_cache, tmpfs_of(inode));
}

/* At unmount a directory may still have entries; their dentries are gone already. */
static void tmpfs_evict_inode(struct inode *inode)
{
	struct tmpfs_entry *e, *next;

	list_for_each_entry_safe (e, next, &tmpfs_of(inode)->entries, node)
		slab_free(tmpfs_entry_cache, e);
	list_init(&tmpfs_of(inode)->entries);
}

/* ---- Directory operations ---- */

static int tmpfs_lookup(struct inode *dir, struct dentry *d)
{
	(void)dir;
	dcache_add(d, NULL);
	return 0;
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u64 rdev)
{
	struct inode *inode = new_inode(dir->sb, dir, mode);

	if (inode)
		inode->rdev = rdev;
	return entry_create(dir, d, inode);
}

static int tmpfs_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return tmpfs_mknod(dir, d, mode, 0);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	int err = tmpfs_mknod(dir, d, mode, 0);

	if (!err)
		inode_set_nlink(dir, dir->nlink + 1);
	return err;
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *body)
{
	size_t len = strlen(body);
	struct inode *inode = new_inode(dir->sb, dir, S_IFLNK | 0777);
	char *copy = kzalloc(len + 1 + NAME_SLACK, ALLOC_WAIT);

	if (!inode || !copy) {
		kfree(copy);
		inode_put(inode);
		return -ENOMEM;
	}
	memcpy(copy, body, len);
	inode->size = len;
	inode_set_link(inode, copy);
	return entry_create(dir, d, inode);
}

static int tmpfs_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	int err;

	inode_get(target);
	err = entry_create(dir, d, target);
	if (!err) {
		inode_set_nlink(target, target->nlink + 1);
		target->ctime = inode_now();
	}
	return err;
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	entry_delete(dir, d);
	inode_set_nlink(d->inode, d->inode->nlink - 1);
	d->inode->ctime = inode_now();
	return 0;
}

static bool dir_is_empty(struct inode *dir)
{
	return list_empty(&tmpfs_of(dir)->entries);
}

static int tmpfs_rmdir(struct inode *dir, struct dentry *d)
{
	if (!dir_is_empty(d->inode))
		return -ENOTEMPTY;
	entry_delete(dir, d);
	inode_set_nlink(d->inode, 0);
	inode_set_nlink(dir, dir->nlink - 1);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	*out = new_inode(dir->sb, dir, mode);
	if (!*out)
		return -ENOMEM;
	inode_set_nlink(*out, 0);
	return 0;
}

/* The directory inode moved from one parent to the other: their `..` links. */
static void move_dotdot(const struct inode *moved, struct inode *from_dir, struct inode *to_dir)
{
	if (!S_ISDIR(moved->mode) || from_dir == to_dir)
		return;
	inode_set_nlink(from_dir, from_dir->nlink - 1);
	inode_set_nlink(to_dir, to_dir->nlink + 1);
}

static void exchange(
	struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to)
{
	struct tmpfs_entry *a = from->fs_data, *b = to->fs_data;

	a->dentry = to;
	b->dentry = from;
	from->fs_data = b;
	to->fs_data = a;
	move_dotdot(from->inode, from_dir, to_dir);
	move_dotdot(to->inode, to_dir, from_dir);
	touch(from_dir);
	touch(to_dir);
}

static int tmpfs_rename(struct inode *from_dir, struct dentry *from, struct inode *to_dir,
	struct dentry *to, unsigned flags)
{
	struct inode *replaced = to->inode;
	struct tmpfs_entry *e = from->fs_data;

	if (flags & RENAME_EXCHANGE) {
		exchange(from_dir, from, to_dir, to);
		return 0;
	}
	if (replaced) {
		int err = S_ISDIR(replaced->mode) ? tmpfs_rmdir(to_dir, to)
						  : tmpfs_unlink(to_dir, to);

		if (err)
			return err;
	}
	entry_remove(from_dir, e);
	entry_append(to_dir, e);
	move_dotdot(from->inode, from_dir, to_dir);
	from->inode->ctime = inode_now();
	return 0;
}

static unsigned entry_type(const struct dentry *d)
{
	return (d->inode->mode & S_IFMT) >> 12; /* DT_* are the file type bits, shifted */
}

static int tmpfs_iterate(struct file *f, struct dir_context *c)
{
	struct tmpfs_entry *e;

	list_for_each_entry (e, &tmpfs_of(f->inode)->entries, node) {
		const struct dentry *d = e->dentry;

		if (e->cookie < c->pos)
			continue;
		c->pos = e->cookie;
		if (!c->emit(c, d->name, (u32)d->hash_len, d->inode->ino, entry_type(d)))
			return 0;
		c->pos = e->cookie + 1;
	}
	return 0;
}

/* ---- The file system ---- */

static int tmpfs_statfs(struct super_block *sb, struct statfs_info *out)
{
	struct page_stats pages;
	u64 used, most;

	(void)sb;
	page_get_stats(&pages);
	page_cache_memory_files(&used, &most);
	*out = (struct statfs_info){
		.type = TMPFS_MAGIC,
		.block_size = PAGE_SIZE,
		.blocks = most,
		.blocks_free = used < most ? MIN(pages.free, most - used) : 0,
		.name_max = NAME_MAX,
	};
	return 0;
}

static void tmpfs_put_super(struct super_block *sb)
{
	kfree(sb->private_data);
}

static const struct super_ops super_ops = {
	.alloc_inode = tmpfs_alloc_inode,
	.free_inode = tmpfs_free_inode,
	.evict_inode = tmpfs_evict_inode,
	.put_super = tmpfs_put_super,
	.statfs = tmpfs_statfs,
};

static int tmpfs_fill_super(struct super_block *sb, const char *options)
{
	u64 *next_ino = kmalloc(sizeof(*next_ino), ALLOC_WAIT);
	struct inode *root;

	if (*options) {
		printk("tmpfs: unknown mount options '%s'", options);
		kfree(next_ino);
		return -EINVAL;
	}
	if (!next_ino)
		return -ENOMEM;
	*next_ino = 1;
	sb->private_data = next_ino;
	sb->ops = &super_ops;
	root = new_inode(sb, NULL, S_IFDIR | S_ISVTX | 0777);
	if (root)
		sb->root = dentry_alloc_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static const struct inode_ops dir_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.mknod = tmpfs_mknod,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
};
static const struct inode_ops file_ops = {.truncate = memory_truncate};
static const struct inode_ops other_ops;
static const struct file_ops dir_file_ops = {.iterate = tmpfs_iterate};
static const struct file_ops tmpfs_file_ops = {
	.read = generic_file_read, .write = memory_file_write};

static struct file_system tmpfs = {.name = "tmpfs", .fill_super = tmpfs_fill_super};

void tmpfs_init(void)
{
	tmpfs_inode_cache =
		slab_cache_create("tmpfs inode", sizeof(struct tmpfs_inode), 0, 0, NULL);
	tmpfs_entry_cache =
		slab_cache_create("tmpfs entry", sizeof(struct tmpfs_entry), 0, 0, NULL);
	if (!tmpfs_inode_cache || !tmpfs_entry_cache)
		panic("tmpfs: no memory");
	file_system_register(&tmpfs);
}
