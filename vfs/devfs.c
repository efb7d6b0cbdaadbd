/*
 * The devices programs expect by name: /dev/console, tty, null, zero, full, random, urandom. A fixed
 * list, one instance, whose dentries are kept for good, so that the system can open them without a
 * walk: the first process' descriptors, and the path that files without a name (rings) carry.
 *
 * Locking: everything is made by the first mount and constant afterwards.
 */
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"

#define ROOT_INO 1

/* ---- null, zero, full, random ---- */

static ssize null_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	(void)f, (void)buf, (void)len, (void)pos, (void)call_flags;
	return 0;
}

static ssize null_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	(void)f, (void)buf, (void)pos, (void)call_flags;
	return (ssize)len;
}

static ssize zero_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	(void)f, (void)pos, (void)call_flags;
	return clear_user(buf, len) ? -EFAULT : (ssize)len;
}

static ssize full_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	(void)f, (void)buf, (void)len, (void)pos, (void)call_flags;
	return -ENOSPC;
}

/* splitmix64 over a state that takes in the time-stamp counter: good for tests, not for keys. */
static u64 random_word(void)
{
	static u64 state;
	u64 z = atomic_add_return(&state, 0x9e3779b97f4a7c15ull) ^ arch_cycles();

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static ssize random_read(
	struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	size_t done = 0;

	(void)f, (void)pos, (void)call_flags;
	while (done < len) {
		u64 word = random_word();
		size_t n = MIN(len - done, sizeof(word));

		if (copy_to_user((char __user *)buf + done, &word, n))
			return done ? (ssize)done : -EFAULT;
		done += n;
	}
	return (ssize)done;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .no_seek = true};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .no_seek = true};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .no_seek = true};
static const struct file_ops random_ops = {
	.read = random_read, .write = null_write, .no_seek = true};
static const struct file_ops no_ops;

/* ---- The list ---- */

#define RDEV(major, minor) ((u64)(major) << 8 | (minor))

static struct device {
	const char *name;
	const struct file_ops *ops;
	u32 mode;
	u64 rdev;
	struct dentry *dentry; /* referenced for good */
} devices[] = {
	{.name = "console", .ops = &console_file_ops, .mode = S_IFCHR | 0600, .rdev = RDEV(5, 1)},
	{.name = "full", .ops = &full_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(1, 7)},
	{.name = "null", .ops = &null_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(1, 3)},
	{.name = "random", .ops = &random_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(1, 8)},
	{.name = "tty", .ops = &console_file_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(5, 0)},
	{.name = "urandom", .ops = &random_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(1, 9)},
	{.name = "zero", .ops = &zero_ops, .mode = S_IFCHR | 0666, .rdev = RDEV(1, 5)},
};
#define DEVICE_CONSOLE (&devices[0])

static struct mutex anonymous_mutex = MUTEX_INIT(anonymous_mutex, RANK_FS_MUTEX);

static struct mount *devfs_mount; /* referenced from devfs_start to devfs_stop */

/* All names there are have a dentry already. */
static int devfs_lookup(struct inode *dir, struct dentry *d)
{
	(void)dir;
	dcache_add(d, NULL);
	return 0;
}

static int devfs_iterate(struct file *f, struct dir_context *c)
{
	(void)f;
	for (; c->pos - 2 < ARRAY_SIZE(devices); c->pos++) {
		const struct device *dev = &devices[c->pos - 2];

		if (!c->emit(c, dev->name, (u32)strlen(dev->name), ROOT_INO + c->pos - 1, DT_CHR))
			break;
	}
	return 0;
}

static const struct inode_ops devfs_dir_ops = {.lookup = devfs_lookup};
static const struct file_ops devfs_dir_file_ops = {.iterate = devfs_iterate};
static const struct inode_ops devfs_node_ops;
static const struct super_ops devfs_super_ops;

static struct dentry *devfs_add(
	struct super_block *sb, const struct qstr *name, u64 ino, const struct device *dev)
{
	struct dentry *d = dentry_alloc(sb->root, name);
	struct inode *inode = d ? inode_alloc(sb) : NULL;

	if (!inode) {
		if (d)
			dentry_put(d);
		return NULL;
	}
	inode->ino = ino;
	inode->mode = dev->mode;
	inode->rdev = dev->rdev;
	inode->ops = &devfs_node_ops;
	inode->fops = dev->ops;
	dcache_add(d, inode);
	return d;
}

static struct qstr devfs_name(const struct super_block *sb, const char *name)
{
	return (struct qstr){
		.name = name, .hash_len = name_hash_len(sb->root, name, (u32)strlen(name))};
}

static int devfs_fill_super(struct super_block *sb, const char *options)
{
	(void)options;
	if (DEVICE_CONSOLE->dentry)
		return -EBUSY;
	sb->ops = &devfs_super_ops;
	struct inode *root = inode_alloc(sb);

	if (!root)
		return -ENOMEM;
	root->ino = ROOT_INO;
	root->mode = S_IFDIR | 0755;
	root->nlink = 2;
	root->ops = &devfs_dir_ops;
	root->fops = &devfs_dir_file_ops;
	sb->root = dentry_alloc_root(sb, root);
	if (!sb->root)
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		struct qstr name = devfs_name(sb, devices[i].name);

		devices[i].dentry = devfs_add(sb, &name, ROOT_INO + 1 + i, &devices[i]);
		if (!devices[i].dentry)
			return -ENOMEM;
	}
	return 0;
}

static struct file_system devfs = {.name = "devfs", .fill_super = devfs_fill_super};

/* ---- Files without a walk ---- */

/* dentry's reference is consumed. */
static struct file *devfs_file(struct dentry *dentry, u32 flags)
{
	struct path path = {.mnt = devfs_mount, .dentry = dentry};

	mount_get(path.mnt);
	struct file *f = file_alloc(&path, dentry->inode, flags, ALLOC_WAIT);

	if (!f)
		path_put(&path);
	return f;
}

struct file *console_file_open(void)
{
	if (!devfs_mount)
		return ERR_PTR(-ENODEV);
	dentry_get(DEVICE_CONSOLE->dentry);
	struct file *f = devfs_file(DEVICE_CONSOLE->dentry, O_RDWR);

	if (!f)
		return ERR_PTR(-ENOMEM);
	(void)file_open(f); /* it has no ->open that could fail */
	return f;
}

/* The entry anonymous files of this name share: found by its name, but in no listing. */
static struct dentry *anonymous_dentry(const char *name, u32 mode)
{
	const struct device anonymous = {.ops = &no_ops, .mode = mode};
	struct super_block *sb = devfs_mount->sb;
	/* Names that are looked up are read by words. */
	char padded[DENTRY_INLINE_NAME] __aligned(8) = "";

	strlcpy(padded, name, sizeof(padded));
	struct qstr q = devfs_name(sb, padded);

	mutex_lock(&anonymous_mutex);
	struct dentry *d = dcache_lookup(sb->root, &q);

	if (!d)
		d = devfs_add(sb, &q, ROOT_INO + 1 + ARRAY_SIZE(devices), &anonymous);
	mutex_unlock(&anonymous_mutex);
	return d;
}

struct file *file_alloc_anon(
	const char *name, u32 mode, const struct file_ops *ops, void *private_data, u32 open_flags)
{
	struct dentry *d = devfs_mount ? anonymous_dentry(name, mode) : NULL;
	struct file *f = d ? devfs_file(d, open_flags) : NULL;

	if (!f)
		return NULL;
	f->ops = ops;
	f->private_data = private_data;
	f->mode = (f->mode & ~FILE_SEEKABLE) | FILE_OPENED;
	return f;
}

static void remember_mount(struct mount *m, void *arg)
{
	(void)arg;
	if (m->sb->fs == &devfs && !devfs_mount) {
		mount_get(m);
		devfs_mount = m;
	}
}

int devfs_start(void)
{
	int error = mount_at("devfs", "devfs", "/dev", "", 0);

	if (!error)
		mount_for_each(remember_mount, NULL);
	return error;
}

void devfs_stop(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		if (devices[i].dentry)
			dentry_put(devices[i].dentry);
		devices[i].dentry = NULL;
	}
	if (devfs_mount)
		mount_put(devfs_mount);
	devfs_mount = NULL;
}

void devfs_init(void)
{
	console_file_init();
	file_system_register(&devfs);
}
