/* The tests' file system: treefs.h says what it is for. */
#include "tests/torture/treefs.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/file.h"

struct tree_entry {
	struct list_head node;
	struct tree_node *target;
	u32 len;
	char name[];
};

struct tree {
	struct spinlock lock;
	struct list_head nodes; /* lock */
};

static u64 last_ino, asked; /* atomic */

u64 tree_asked(void)
{
	return READ_ONCE(asked);
}

/* ---- Nodes and entries ---- */

static struct tree_node *node_new(u32 mode, const char *body)
{
	struct tree_node *n = kzalloc(sizeof(*n), ALLOC_WAIT);

	if (!n)
		return NULL;
	n->ino = atomic_add_return(&last_ino, 1ull);
	n->mode = mode;
	n->nlink = S_ISDIR(mode) ? 2 : 1;
	list_init(&n->entries);
	list_init(&n->all_node);
	if (body) {
		n->body = kmalloc(strlen(body) + 1, ALLOC_WAIT);
		assert(n->body);
		memcpy(n->body, body, strlen(body) + 1);
	}
	return n;
}

static void node_free(struct tree_node *n)
{
	struct tree_entry *e, *next;

	list_for_each_entry_safe (e, next, &n->entries, node)
		kfree(e);
	kfree(n->body);
	kfree(n);
}

static void node_register(struct super_block *sb, struct tree_node *n)
{
	struct tree *t = sb->private_data;

	spin_lock(&t->lock);
	list_add(&n->all_node, &t->nodes);
	spin_unlock(&t->lock);
}

static struct tree_entry *entry_find(const struct tree_node *dir, const char *name, u32 len)
{
	struct tree_entry *e;

	list_for_each_entry (e, &dir->entries, node)
		if (e->len == len && memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

static int entry_add(struct tree_node *dir, const char *name, u32 len, struct tree_node *target)
{
	struct tree_entry *e = kmalloc(sizeof(*e) + len, ALLOC_WAIT);

	if (!e)
		return -ENOSPC;
	e->target = target;
	e->len = len;
	memcpy(e->name, name, len);
	list_add_tail(&e->node, &dir->entries);
	return 0;
}

static void entry_remove(struct tree_node *dir, const struct dentry *d)
{
	struct tree_entry *e = entry_find(dir, d->name, (u32)d->hash_len);

	assert(e);
	list_del(&e->node);
	kfree(e);
}

struct tree_node *tree_add(struct tree_node *dir, const char *name, u32 mode, const char *body)
{
	struct tree_node *n = node_new(mode, body);

	assert(n && entry_add(dir, name, (u32)strlen(name), n) == 0);
	return n;
}

/* ---- Inodes ---- */

static const struct inode_ops tree_ops;
/* Nothing can be done with them but to be open. */
static const struct file_ops tree_file_ops;

static struct tree_node *node_of(const struct inode *inode)
{
	return inode->private_data;
}

static struct inode *node_inode(struct super_block *sb, struct tree_node *n)
{
	bool is_new;
	struct inode *inode = inode_get_locked(sb, n->ino, &is_new);

	if (IS_ERR(inode) || !is_new)
		return inode;
	inode->mode = n->mode;
	inode->ops = &tree_ops;
	inode->fops = &tree_file_ops;
	inode->private_data = n;
	inode->nlink = n->nlink;
	inode_new_done(inode, 0);
	return inode;
}

static void set_nlink(struct inode *inode, u32 nlink)
{
	node_of(inode)->nlink = nlink;
	inode_set_nlink(inode, nlink);
}

static void tree_evict_inode(struct inode *inode)
{
	struct tree *t = inode->sb->private_data;
	struct tree_node *n = node_of(inode);

	if (!n || READ_ONCE(inode->nlink))
		return;
	spin_lock(&t->lock);
	list_del(&n->all_node);
	spin_unlock(&t->lock);
	node_free(n);
}

/* ---- Directories ---- */

static const struct dentry_ops revalidated_ops;

static int tree_revalidate(struct dentry *d, bool rcu)
{
	(void)d;
	return rcu ? -ECHILD : 1;
}

static const struct dentry_ops revalidated_ops = {.revalidate = tree_revalidate};

static const struct tree_kind *kind_of(const struct inode *inode)
{
	return container_of(inode->sb->fs, struct tree_kind, fs);
}

static int tree_lookup(struct inode *dir, struct dentry *d)
{
	const struct tree_entry *e;
	struct inode *inode;

	might_sleep();
	atomic_add(&asked, 1ull);
	if (kind_of(dir)->looking)
		kind_of(dir)->looking(dir, d);
	e = entry_find(node_of(dir), d->name, (u32)d->hash_len);
	inode = e ? node_inode(dir->sb, e->target) : NULL;
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	if (e && e->target->revalidate) {
		d->ops = &revalidated_ops;
		atomic_fetch_or(&d->flags, DENTRY_REVALIDATE);
	}
	dcache_add(d, inode);
	return 0;
}

static int tree_read_link(struct inode *inode)
{
	const char *from = node_of(inode)->body;
	char *body = kzalloc(strlen(from) + 1 + NAME_SLACK, ALLOC_WAIT);

	might_sleep();
	atomic_add(&asked, 1ull);
	if (!body)
		return -ENOMEM;
	memcpy(body, from, strlen(from));
	inode_set_link(inode, body);
	return 0;
}

static int make(struct inode *dir, struct dentry *d, u32 mode, const char *body)
{
	struct tree_node *n = node_new(mode, body);
	struct inode *inode;

	might_sleep();
	if (!n)
		return -ENOSPC;
	inode = node_inode(dir->sb, n);
	if (IS_ERR(inode) || entry_add(node_of(dir), d->name, (u32)d->hash_len, n)) {
		if (!IS_ERR(inode)) {
			inode->private_data = NULL;
			inode_set_nlink(inode, 0);
			inode_put(inode);
		}
		node_free(n);
		return -ENOSPC;
	}
	node_register(dir->sb, n);
	if (S_ISDIR(mode))
		set_nlink(dir, dir->nlink + 1);
	dcache_instantiate(d, inode);
	return 0;
}

static int tree_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return make(dir, d, mode, NULL);
}

static int tree_mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	return make(dir, d, mode, NULL);
}

static int tree_symlink(struct inode *dir, struct dentry *d, const char *body)
{
	return make(dir, d, S_IFLNK | 0777, body);
}

static int tree_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	int err = entry_add(node_of(dir), d->name, (u32)d->hash_len, node_of(target));

	if (err)
		return err;
	set_nlink(target, target->nlink + 1);
	inode_get(target);
	dcache_instantiate(d, target);
	return 0;
}

static int tree_unlink(struct inode *dir, struct dentry *d)
{
	might_sleep();
	entry_remove(node_of(dir), d);
	set_nlink(d->inode, d->inode->nlink - 1);
	return 0;
}

static int tree_rmdir(struct inode *dir, struct dentry *d)
{
	if (!list_empty(&node_of(d->inode)->entries))
		return -ENOTEMPTY;
	entry_remove(node_of(dir), d);
	set_nlink(d->inode, 0);
	set_nlink(dir, dir->nlink - 1);
	return 0;
}

static void move_dotdot(const struct inode *moved, struct inode *from_dir, struct inode *to_dir)
{
	if (!S_ISDIR(moved->mode) || from_dir == to_dir)
		return;
	set_nlink(from_dir, from_dir->nlink - 1);
	set_nlink(to_dir, to_dir->nlink + 1);
}

static int tree_rename(struct inode *from_dir, struct dentry *from, struct inode *to_dir,
	struct dentry *to, unsigned flags)
{
	struct tree_node *from_node = node_of(from_dir), *to_node = node_of(to_dir);
	struct inode *replaced = to->inode;
	struct tree_entry *a = entry_find(from_node, from->name, (u32)from->hash_len), *b;
	int err;

	might_sleep();
	if (kind_of(from_dir)->renaming)
		kind_of(from_dir)->renaming(from_dir, from);
	if (flags & RENAME_EXCHANGE) {
		b = entry_find(to_node, to->name, (u32)to->hash_len);
		a->target = node_of(to->inode);
		b->target = node_of(from->inode);
		move_dotdot(from->inode, from_dir, to_dir);
		move_dotdot(to->inode, to_dir, from_dir);
		return 0;
	}
	if (replaced) {
		err = S_ISDIR(replaced->mode) ? tree_rmdir(to_dir, to) : tree_unlink(to_dir, to);
		if (err)
			return err;
	}
	err = entry_add(to_node, to->name, (u32)to->hash_len, a->target);
	if (err)
		return err;
	entry_remove(from_node, from);
	move_dotdot(from->inode, from_dir, to_dir);
	return 0;
}

static const struct inode_ops tree_ops = {
	.lookup = tree_lookup,
	.read_link = tree_read_link,
	.create = tree_create,
	.mkdir = tree_mkdir,
	.symlink = tree_symlink,
	.link = tree_link,
	.unlink = tree_unlink,
	.rmdir = tree_rmdir,
	.rename = tree_rename,
};

/* ---- Instances ---- */

static void tree_put_super(struct super_block *sb)
{
	struct tree *t = sb->private_data;
	struct tree_node *n, *next;

	list_for_each_entry_safe (n, next, &t->nodes, all_node)
		node_free(n);
	kfree(t);
}

static const struct super_ops tree_super_ops = {
	.evict_inode = tree_evict_inode, .put_super = tree_put_super};

/* Everything that populate has made, from dir downwards. */
static void register_below(struct super_block *sb, struct tree_node *dir)
{
	struct tree_entry *e;

	node_register(sb, dir);
	list_for_each_entry (e, &dir->entries, node) {
		if (S_ISDIR(e->target->mode)) {
			dir->nlink++;
			register_below(sb, e->target);
		} else {
			node_register(sb, e->target);
		}
	}
}

static int tree_fill_super(struct super_block *sb, const char *options)
{
	const struct tree_kind *kind = container_of(sb->fs, struct tree_kind, fs);
	struct tree *t = kzalloc(sizeof(*t), ALLOC_WAIT);
	struct tree_node *root = node_new(S_IFDIR | 0755, NULL);
	struct inode *inode;

	(void)options;
	if (!t || !root) {
		kfree(t);
		kfree(root);
		return -ENOMEM;
	}
	spin_lock_init(&t->lock, RANK_FS_SPIN);
	list_init(&t->nodes);
	sb->private_data = t;
	sb->ops = &tree_super_ops;
	if (kind->populate)
		kind->populate(root);
	register_below(sb, root);
	inode = node_inode(sb, root);
	if (!IS_ERR(inode))
		sb->root = dentry_alloc_root(sb, inode);
	return sb->root ? 0 : -ENOMEM;
}

void tree_register(struct tree_kind *kind, const char *name)
{
	if (kind->fs.name)
		return;
	kind->fs.name = name;
	kind->fs.fill_super = tree_fill_super;
	file_system_register(&kind->fs);
}
