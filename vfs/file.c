/*
 * Open files: allocation, the last reference, system-wide count.
 *
 * struct file lives in a type-stable cache. Its refs word is 0 while it is free and its pos_lock is set
 * up once, so that a reader with an old pointer from an fd table can try to take a reference at any
 * time (fdtable.c, file_get_fd). refs is therefore the last field written when a file is made.
 *
 * ->release belongs to a successful ->open: FILE_OPENED, set by file_open, says that it is due.
 */
#include "vfs/file.h"
#include "kernel/panic.h"
#include "kernel/workqueue.h"
#include "vfs/inode.h"
#include "vfs/file_internal.h"

struct slab_cache *file_cache;

/* What a file without operations answers: everything is refused by the absence. */
static const struct file_ops no_file_ops;

static u32 file_mode(const struct inode *inode, const struct file_ops *ops, u32 flags)
{
	/* 3 is neither: ioctl only, as Linux has it. */
	static const u8 access[4] = {FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0};

	if (flags & O_PATH)
		return FILE_PATH_ONLY;
	u32 mode = access[flags & O_ACCMODE];
	u32 kind = inode->mode & S_IFMT;

	if ((kind == S_IFREG || kind == S_IFDIR) && !ops->no_seek)
		mode |= FILE_SEEKABLE;
	return mode;
}

struct file *file_alloc(
	const struct path *path, struct inode *inode, u32 open_flags, enum alloc_mode mode)
{
	struct file *f = slab_alloc(file_cache, mode);

	if (unlikely(!f))
		return NULL;
	const struct file_ops *ops = inode->fops;

	if (unlikely(!ops || (open_flags & O_PATH)))
		ops = &no_file_ops;
	file_set_up(f, path, inode, ops, file_mode(inode, ops, open_flags), open_flags);
	return f;
}

static void file_release(struct file *f)
{
	struct path path = f->path;

	if (f->ops->release && (f->mode & FILE_OPENED))
		f->ops->release(f);
	slab_free(file_cache, f);
	path_put(&path);
}

void file_put(struct file *f)
{
	might_sleep();
	if (atomic_sub_return(&f->refs, 1u) == 0)
		file_release(f);
}

/* Last references dropped where sleeping is not allowed. */
static struct spinlock deferred_lock = SPINLOCK_INIT(RANK_LRU);
static struct file *deferred; /* linked by deferred_next; deferred_lock */
static struct work deferred_work;

static void release_deferred(struct work *w)
{
	(void)w;
	for (;;) {
		spin_lock(&deferred_lock);
		struct file *f = deferred;

		if (f)
			deferred = f->deferred_next;
		spin_unlock(&deferred_lock);
		if (!f)
			return;
		file_release(f);
	}
}

void file_put_nosleep(struct file *f)
{
	if (atomic_sub_return(&f->refs, 1u) != 0)
		return;
	spin_lock(&deferred_lock);
	f->deferred_next = deferred;
	deferred = f;
	spin_unlock(&deferred_lock);
	work_queue(&deferred_work);
}

u64 file_count(void)
{
	return slab_in_use(file_cache);
}

static void file_construct(void *object)
{
	struct file *f = object;

	f->refs = 0;
	f->generation = 0;
	mutex_init(&f->pos_lock, RANK_FILE_POS);
}

void file_init(void)
{
	file_cache = slab_cache_create(
		"file", sizeof(struct file), 0, SLAB_TYPESAFE_BY_RCU, file_construct);
	if (!file_cache)
		panic("no memory for open files");
	work_init(&deferred_work, release_deferred);
	fdtable_init();
}
