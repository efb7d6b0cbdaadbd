/* See shim.h. */
#include "tests/host/ext4/shim.h"
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/console.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/fifo.h"
#include "vfs/generic.h"
#include "tests/host/ext4/host.h"

#include "vfs/fifo.h"

/* FIFOs are only looked at, never opened. */
const struct file_ops fifo_file_ops;

struct shim_device shim_device;
char shim_console[512];
u64 shim_console_lines;
bool shim_verbose;
struct shim_counts shim_counts;

/* ---- Preemption, console ---- */

u32 preempt_word;

void host_preempt_point(void)
{
}

void host_interrupts(void)
{
}

void arch_cpu_relax(void)
{
}

void raw_lock_wait(const u32 *word)
{
	(void)word;
	host_die("a spinlock is taken twice");
}

void panic(const char *fmt, ...)
{
	host_die(fmt);
}

bool ratelimit_ok(struct ratelimit *rl)
{
	(void)rl;
	return true;
}

void printk(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(shim_console, sizeof(shim_console), fmt, ap);
	__builtin_va_end(ap);
	shim_console_lines++;
	if (shim_verbose)
		host_print("# %s\n", shim_console);
}

#ifdef CONFIG_DEBUG
void lock_rank_acquire(const void *lock, unsigned rank, bool trylock)
{
	(void)lock, (void)rank, (void)trylock;
}

void lock_rank_release(const void *lock)
{
	(void)lock;
}
#endif

/* ---- Memory ---- */

#define ALLOCATION_MAX (1ull << 30)

void *kmalloc(size_t size, enum alloc_mode mode)
{
	(void)mode;
	if (size > ALLOCATION_MAX)
		return NULL;
	shim_counts.allocations++;
	return host_alloc(size, 0xa5);
}

void *kzalloc(size_t size, enum alloc_mode mode)
{
	void *p = kmalloc(size, mode);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	if (!p)
		return;
	shim_counts.allocations--;
	host_free(p);
}

void *vzalloc(size_t size)
{
	return kzalloc(size, ALLOC_WAIT);
}

void vfree(void *p)
{
	kfree(p);
}

struct slab_cache {
	size_t size;
};

struct slab_cache *slab_cache_create(
	const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *object))
{
	static struct slab_cache cache;

	(void)name, (void)align, (void)flags, (void)ctor;
	cache.size = size;
	return &cache;
}

void *slab_alloc(struct slab_cache *c, enum alloc_mode mode)
{
	return kmalloc(c->size, mode);
}

void slab_free(struct slab_cache *c, void *object)
{
	(void)c;
	kfree(object);
}

/* ---- Pages and blocks: private_data points to the bytes ---- */

static struct page *page_make(u32 size)
{
	struct page *p = host_alloc(sizeof(*p), 0);

	p->private_data = host_alloc(size, 0xa5);
	p->refs = 1;
	shim_counts.pages++;
	return p;
}

void page_put(struct page *p)
{
	if (atomic_sub_return(&p->refs, 1u) != 0)
		return;
	host_free(p->private_data);
	host_free(p);
	shim_counts.pages--;
}

void *page_address(const struct page *p)
{
	return p->private_data;
}

struct mapping *bdev_mapping(struct block_device *dev)
{
	(void)dev;
	return ERR_PTR(-ENOMEM);
}

struct page *page_cache_get(struct mapping *m, u64 index)
{
	(void)m, (void)index;
	return NULL;
}

void bdev_readahead(struct block_device *dev, u64 nr, u32 size, u32 count)
{
	(void)dev, (void)nr, (void)size;
	if (count == 0)
		host_die("readahead of nothing");
}

static bool device_fails(void)
{
	return ++shim_device.reads == shim_device.fail_after;
}

int bdev_read_block(struct block_device *dev, u64 nr, u32 size, struct page **page, void **data)
{
	if (nr >= (dev->sectors << BLOCK_SECTOR_SHIFT) / size)
		return -EINVAL;
	if (device_fails())
		return -EIO;
	*page = page_make(size);
	*data = (*page)->private_data;
	memcpy(*data, shim_device.bytes + nr * size, size);
	return 0;
}

bool page_part_verified(const struct page *p, const void *data)
{
	(void)p, (void)data;
	return shim_device.believe;
}

void page_part_set_verified(struct page *p, const void *data)
{
	(void)p, (void)data;
}

void block_plug(void)
{
}

void block_unplug(void)
{
}

void block_submit(struct block_request *rq)
{
	u64 at = rq->sector << BLOCK_SECTOR_SHIFT;

	if (rq->nr_segments == 0 || rq->nr_segments > BLOCK_MAX_SEGMENTS)
		host_die("a request without segments, or with too many");
	for (u32 i = 0; i < rq->nr_segments; i++) {
		const struct block_segment *s = &rq->segments[i];

		if (s->length == 0 || s->offset + s->length > PAGE_SIZE)
			host_die("a segment that is no part of its page");
		if (at + s->length > shim_device.size)
			host_die("a request outside the device");
		memcpy((u8 *)page_address(s->page) + s->offset, shim_device.bytes + at, s->length);
		at += s->length;
	}
	rq->done(rq, device_fails() ? -EIO : 0);
}

void page_load_end(struct page *p, int error)
{
	if (!(p->flags & PAGE_LOADING))
		host_die("a page's load ends twice");
	p->flags &= ~PAGE_LOADING;
	p->error = (u16)-error;
}

/* ---- Inodes ---- */

static struct inode *inodes[4096]; /* chains through inode->private_data */

static struct inode **inode_chain(u64 ino)
{
	return &inodes[ino % ARRAY_SIZE(inodes)];
}

struct inode *inode_get_locked(struct super_block *sb, u64 ino, bool *is_new)
{
	struct inode *inode;

	for (inode = *inode_chain(ino); inode; inode = inode->private_data) {
		if (inode->ino != ino)
			continue;
		inode->refs++;
		*is_new = false;
		return inode;
	}
	inode = sb->ops->alloc_inode(sb);
	memset(inode, 0, sizeof(*inode));
	inode->sb = sb;
	inode->ino = ino;
	inode->refs = 1;
	inode->mapping.host = inode;
	inode->private_data = *inode_chain(ino);
	*inode_chain(ino) = inode;
	shim_counts.inodes++;
	*is_new = true;
	return inode;
}

void inode_put(struct inode *inode)
{
	struct inode **link;

	if (!inode || --inode->refs > 0)
		return;
	for (link = inode_chain(inode->ino); *link != inode;)
		link = (struct inode **)&(*link)->private_data;
	*link = inode->private_data;
	kfree((void *)inode->link);
	inode->sb->ops->free_inode(inode);
	shim_counts.inodes--;
}

void inode_new_done(struct inode *inode, int error)
{
	if (error)
		inode_put(inode);
}

void inode_set_link(struct inode *inode, char *body)
{
	if (inode->link)
		kfree(body);
	else
		inode->link = body;
}

void inode_set_nlink(struct inode *inode, u32 nlink)
{
	inode->nlink = nlink;
}

/* ---- Names ---- */

/* No image of the tests is opened for its FIFOs. */
const struct file_ops fifo_file_ops;

ssize generic_file_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	(void)f, (void)buf, (void)len, (void)pos, (void)call_flags;
	return -EIO;
}

struct dentry *dentry_alloc_root(struct super_block *sb, struct inode *inode)
{
	struct dentry *d = kzalloc(sizeof(*d), ALLOC_WAIT);

	d->sb = sb;
	d->inode = inode;
	return d;
}

void dcache_add(struct dentry *d, struct inode *inode)
{
	if (d->flags)
		host_die("a dentry is filled twice");
	d->flags = 1;
	d->inode = inode;
}

int shim_lookup(struct inode *dir, const char *name, u32 len, struct inode **out)
{
	struct dentry d = {.hash_len = len, .name = name};
	int rc = dir->ops->lookup(dir, &d);

	if (rc > 0 || (rc == 0 && !d.flags) || (rc && d.flags))
		host_die("->lookup answers nonsense");
	*out = d.inode;
	return rc;
}

/* ---- What tests call ---- */

static struct file_system *file_systems;

void file_system_register(struct file_system *fs)
{
	fs->node.next = (void *)file_systems;
	file_systems = fs;
}

struct super_block *shim_mount(const char *fs_name, const char *options, int *error)
{
	static struct block_device dev;
	struct file_system *fs = file_systems;
	struct super_block *sb = kzalloc(sizeof(*sb), ALLOC_WAIT);

	while (strcmp(fs->name, fs_name) != 0)
		fs = (void *)fs->node.next;
	dev = (struct block_device){.name = "test",
		.sectors = shim_device.size >> BLOCK_SECTOR_SHIFT,
		.logical_block = 512};
	sb->dev = &dev;
	snprintf(sb->name, sizeof(sb->name), "%s %s", fs->name, dev.name);
	*error = fs->fill_super(sb, options);
	if (*error == 0)
		return sb;
	shim_umount(sb);
	return NULL;
}

void shim_umount(struct super_block *sb)
{
	if (sb->root) {
		inode_put(sb->root->inode);
		kfree(sb->root);
	}
	if (sb->ops)
		sb->ops->put_super(sb);
	kfree(sb);
}

int shim_read(struct inode *inode, u64 index, unsigned n, u8 *data)
{
	struct page *pages[64];
	int error = 0;

	for (unsigned i = 0; i < n; i++) {
		pages[i] = page_make(PAGE_SIZE);
		pages[i]->index = index + i;
		pages[i]->flags = PAGE_LOADING;
	}
	inode->mapping.ops->read_pages(&inode->mapping, pages, n);
	for (unsigned i = 0; i < n; i++) {
		if (pages[i]->flags & PAGE_LOADING)
			host_die("a page's load never ends");
		if (pages[i]->error)
			error = -(int)pages[i]->error;
		memcpy(data + i * PAGE_SIZE, page_address(pages[i]), PAGE_SIZE);
		page_put(pages[i]);
	}
	return error;
}

int shim_iterate(struct inode *dir, u64 *pos,
	bool (*emit)(struct dir_context *c, const char *name, u32 len, u64 ino, unsigned type))
{
	struct file f = {.inode = dir};
	struct dir_context c = {.pos = *pos, .emit = emit};
	int rc = dir->fops->iterate(&f, &c);

	*pos = c.pos;
	return rc;
}
