/*
 * Descriptor tables.
 *
 *	struct files	one per process: lock, hint, and three arrays, which grow in place
 *	  slots		the files
 *	  words		two bits a descriptor: free, close-on-exec
 *	  room		one bit for each word with a free descriptor, so that 64 x 64 of them are skipped
 *			at a look
 *
 * A descriptor is taken (bit cleared) by fd_reserve and visible once fd_install has filled its slot.
 *
 * The arrays have address space for FD_MAX descriptors and memory for as many as were ever needed, so
 * a table that is full gets a page more: nothing is copied, no reader and no fd_install need know, and a
 * nonblocking attempt can do it. (A table that is copied to a larger place needs a grace period, because
 * fd_install takes no lock, and the opens that meet it go to a worker.) The table of a process that has
 * ended is kept for the next one, with its first pages, because unmapping interrupts every busy CPU.
 *
 * Readers (file_get_fd, file_lookup_fd_rcu) work under RCU alone. The file they find may be closed and
 * its memory reused meanwhile; after taking a reference they look again whether it is still in the slot.
 *
 * Locking
 *	spares_lock (RANK_FDTABLE)	tables without a process
 *	files->lock (RANK_FDTABLE)	bitmaps, hint, growth, removal from slots
 */
#include "abi/errno.h"
#include "kernel/panic.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/fdtable.h"
#include "vfs/file_internal.h"

#define FD_MAX	   (1u << 20)
#define FD_STEP	   ((u32)(PAGE_SIZE / sizeof(struct file *))) /* a table grows by so many */
#define ROOM_BYTES (FD_MAX / 64 / 8)

static struct slab_cache *files_cache;
static struct files *spares; /* spares_lock */
static struct spinlock spares_lock = SPINLOCK_INIT(RANK_FDTABLE);

/* ---- Growth ---- */

/* Words [first, end) are of free descriptors. Context: files->lock, or nobody else uses it. */
static void words_set_free(struct files *files, u32 first, u32 end)
{
	for (u32 word = first; word < end; word++) {
		files->words[word] = (struct fd_word){.free = ~0ull};
		fd_room_set(files, word);
	}
}

/* One step. 0 or -ENOMEM. Context: files->lock, or nobody else uses it. */
static int grow_step(struct files *files)
{
	u32 max = files->max + FD_STEP;

	if (varray_grow(&files->word_array, ROOM_BYTES + max / 64 * sizeof(struct fd_word)) ||
		varray_grow(&files->slot_array, max * sizeof(struct file *)))
		return -ENOMEM;
	words_set_free(files, files->max / 64, max / 64);
	/* Partner: the acquire of readers, before they look at a slot. */
	store_release(&files->max, max);
	return 0;
}

/* Growth takes what can be had without sleeping; when that was nothing: sleep until there is some. */
static bool make_memory(void)
{
	struct page *p = page_alloc(0, ALLOC_WAIT);

	if (p)
		page_put(p);
	return p;
}

/*
 * Make room for descriptor fd, below FD_MAX. 0, -ENOMEM; -EAGAIN with ALLOC_NOWAIT. Context: no locks;
 * sleeps only with ALLOC_WAIT.
 */
static int files_grow(struct files *files, u32 fd, enum alloc_mode mode)
{
	if (mode == ALLOC_WAIT)
		might_sleep();
	while (READ_ONCE(files->max) <= fd) {
		spin_lock(&files->lock);
		int error = files->max <= fd ? grow_step(files) : 0;

		spin_unlock(&files->lock);
		if (likely(!error))
			continue;
		if (mode == ALLOC_NOWAIT)
			return -EAGAIN;
		if (!make_memory())
			return -ENOMEM;
	}
	return 0;
}

/* ---- Taking and giving back descriptors ---- */

/* The lowest free descriptor >= from, or files->max. Context: files->lock held. */
static u32 find_free(const struct files *files, u32 from)
{
	u32 word = from / 64, room_words = DIV_ROUND_UP(files->max / 64, 64u);

	if (from >= files->max)
		return files->max;
	u64 free = files->words[word].free & (~0ull << from % 64);

	if (free)
		return word * 64 + (u32)__builtin_ctzll(free);
	word++;
	u64 mask = ~0ull << word % 64;

	for (u32 i = word / 64; i < room_words; i++, mask = ~0ull) {
		u64 with_room = files->room[i] & mask;

		if (with_room) {
			word = i * 64 + (u32)__builtin_ctzll(with_room);
			return word * 64 + (u32)__builtin_ctzll(files->words[word].free);
		}
	}
	return files->max;
}

static __always_inline bool is_free(const struct files *files, u32 fd)
{
	return files->words[fd / 64].free >> fd % 64 & 1;
}

/* Context: files->lock held; fd is free. */
static void take(struct files *files, u32 fd, bool cloexec)
{
	struct fd_word *w = &files->words[fd / 64];
	u64 bit = 1ull << fd % 64;

	w->free &= ~bit;
	if (!w->free)
		fd_room_clear(files, fd / 64);
	if (cloexec)
		w->cloexec |= bit;
}

static u32 files_limit(const struct files *files)
{
	return (u32)MIN(READ_ONCE(files->process->nofile_limit), (u64)FD_MAX);
}

/* fd_reserve when the hint is not it. */
static __noinline int fd_reserve_slow(
	struct files *files, u32 min, bool cloexec, enum alloc_mode mode)
{
	u32 limit = files_limit(files);

	for (;;) {
		spin_lock(&files->lock);
		u32 fd = find_free(files, MAX(min, files->next_word * 64));
		bool room = fd < MIN(files->max, limit);

		if (room) {
			take(files, fd, cloexec);
			if (min <= files->next_word * 64)
				files->next_word = fd / 64;
		}
		spin_unlock(&files->lock);
		if (room)
			return (int)fd;
		fd = MAX(fd, min);
		if (fd >= limit)
			return -EMFILE;
		int error = files_grow(files, fd, mode);

		if (error)
			return error;
	}
}

int fd_reserve(struct files *files, u32 min, bool cloexec, enum alloc_mode mode)
{
	struct fd_word *w;
	u32 fd;

	spin_lock(&files->lock);
	bool found = fd_hinted(files, &w, &fd) && min <= files->next_word * 64;

	if (likely(found))
		fd_take_hinted(files, w, fd, cloexec);
	spin_unlock(&files->lock);
	return likely(found) ? (int)fd : fd_reserve_slow(files, min, cloexec, mode);
}

bool fd_has_room(struct files *files)
{
	struct fd_word *w;
	bool room;
	u32 fd;

	spin_lock(&files->lock);
	room = fd_hinted(files, &w, &fd);
	spin_unlock(&files->lock);
	return room;
}

void fd_unreserve(struct files *files, int fd)
{
	spin_lock(&files->lock);
	debug_assert(!files->slots[fd]);
	fd_give_back(files, (u32)fd);
	spin_unlock(&files->lock);
}

void fd_install(struct files *files, int fd, struct file *f)
{
	rcu_assign_pointer(files->slots[fd], f);
}

static __always_inline struct file *remove_file(struct files *files, int fd)
{
	struct file *f = NULL;

	spin_lock(&files->lock);
	if (likely((u32)fd < files->max)) {
		f = rcu_dereference(files->slots[fd]); /* fd_install takes no lock */
		if (likely(f)) {
			WRITE_ONCE(files->slots[fd], NULL);
			fd_give_back(files, (u32)fd);
		}
	}
	spin_unlock(&files->lock);
	return f;
}

struct file *fd_remove(struct files *files, int fd)
{
	return remove_file(files, fd);
}

int fd_close(struct files *files, int fd)
{
	struct file *f = remove_file(files, fd);

	if (unlikely(!f))
		return -EBADF;
	file_put(f);
	return 0;
}

int fd_close_nosleep(struct files *files, int fd)
{
	struct file *f = NULL;
	int result = -EBADF;

	preempt_disable();
	spin_lock_nopreempt(&files->lock);
	if (likely((u32)fd < files->max))
		f = rcu_dereference(files->slots[fd]);
	if (likely(f)) {
		result = -EAGAIN;
		if (likely(!f->ops->release)) {
			result = 0;
			WRITE_ONCE(files->slots[fd], NULL);
			fd_give_back(files, (u32)fd);
		}
	}
	spin_unlock_nopreempt(&files->lock);
	if (likely(!result))
		file_put_plain(f);
	preempt_enable();
	return result;
}

static void set_cloexec(struct files *files, u32 fd, bool cloexec)
{
	u64 bit = 1ull << fd % 64;

	if (cloexec)
		files->words[fd / 64].cloexec |= bit;
	else
		files->words[fd / 64].cloexec &= ~bit;
}

int fd_replace(struct files *files, u32 fd, struct file *f, bool cloexec)
{
	if (fd >= files_limit(files))
		return -EBADF;
	int error = files_grow(files, fd, ALLOC_WAIT);

	if (error)
		return error;
	spin_lock(&files->lock);
	struct file *old = rcu_dereference(files->slots[fd]);

	if (!old && !is_free(files, fd)) {
		spin_unlock(&files->lock);
		return -EBUSY; /* an open that has reserved it is under way */
	}
	if (!old)
		take(files, fd, cloexec);
	else
		set_cloexec(files, fd, cloexec);
	rcu_assign_pointer(files->slots[fd], f);
	spin_unlock(&files->lock);
	if (old)
		file_put(old);
	return (int)fd;
}

int fd_get_cloexec(struct files *files, u32 fd)
{
	int result = -EBADF;

	spin_lock(&files->lock);
	if (fd < files->max && files->slots[fd])
		result = files->words[fd / 64].cloexec >> fd % 64 & 1;
	spin_unlock(&files->lock);
	return result;
}

int fd_set_cloexec(struct files *files, u32 fd, bool cloexec)
{
	int result = -EBADF;

	spin_lock(&files->lock);
	if (fd < files->max && files->slots[fd]) {
		set_cloexec(files, fd, cloexec);
		result = 0;
	}
	spin_unlock(&files->lock);
	return result;
}

/* ---- Lookup ---- */

struct file *file_lookup_fd_rcu(struct files *files, int fd)
{
	/* Acquire, partner: growth; the slot is there before max says so. */
	if (unlikely((u32)fd >= load_acquire(&files->max)))
		return NULL;
	return rcu_dereference(files->slots[fd]);
}

bool fd_path_rcu(struct files *files, int fd, struct path *out)
{
	for (;;) {
		struct file *f = file_lookup_fd_rcu(files, fd);

		if (!f)
			return false;
		/* While the generation stands, this life of f was in the slot at the second look, and
		 * so complete before it. */
		u32 generation = load_acquire(&f->generation);

		if (load_acquire(&files->slots[fd]) != f)
			continue;
		out->mnt = READ_ONCE(f->path.mnt);
		out->dentry = READ_ONCE(f->path.dentry);
		smp_rmb();
		if (READ_ONCE(f->generation) == generation)
			return true;
	}
}

struct file *file_get_fd(struct files *files, int fd)
{
	for (;;) {
		rcu_read_lock();
		struct file *f = file_lookup_fd_rcu(files, fd);

		if (!f) {
			rcu_read_unlock();
			return NULL;
		}
		bool taken = atomic_inc_not_zero(&f->refs);
		bool same = READ_ONCE(files->slots[fd]) == f;

		rcu_read_unlock();
		if (likely(taken && same))
			return f;
		if (taken)
			file_put_nosleep(f); /* closed meanwhile: ours may be the last one */
	}
}

void fd_for_each(struct files *files, void (*fn)(int fd, struct file *f, void *arg), void *arg)
{
	spin_lock(&files->lock);
	for (u32 word = 0; word < files->max / 64; word++)
		for (u64 bits = ~files->words[word].free; bits; bits &= bits - 1) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(bits);

			if (files->slots[fd])
				fn((int)fd, files->slots[fd], arg);
		}
	spin_unlock(&files->lock);
}

int fd_next(struct files *files, u32 from)
{
	int result = -1;

	spin_lock(&files->lock);
	for (u32 fd = from; fd < files->max && result < 0; fd++) {
		if (fd % 64 == 0 && files->words[fd / 64].free == ~0ull)
			fd += 63;
		else if (files->slots[fd])
			result = (int)fd;
	}
	spin_unlock(&files->lock);
	return result;
}

/* ---- Whole tables ---- */

/* With address space, and memory for the first step. NULL: no memory. Context: may sleep. */
static struct files *files_make(void)
{
	struct files *files = slab_zalloc(files_cache, ALLOC_WAIT);

	if (!files)
		return NULL;
	spin_lock_init(&files->lock, RANK_FDTABLE);
	if (varray_init(&files->slot_array, FD_MAX * sizeof(struct file *)))
		goto fail;
	if (varray_init(&files->word_array, ROOM_BYTES + FD_MAX / 64 * sizeof(struct fd_word)))
		goto fail_slots;
	files->slots = files->slot_array.start;
	files->room = files->word_array.start;
	files->words = (struct fd_word *)(files->word_array.start + ROOM_BYTES);
	if (files_grow(files, 0, ALLOC_WAIT) == 0)
		return files;
	varray_destroy(&files->word_array);
fail_slots:
	varray_destroy(&files->slot_array);
fail:
	slab_free(files_cache, files);
	return NULL;
}

static struct files *take_spare(void)
{
	spin_lock(&spares_lock);
	struct files *files = spares;

	if (files)
		spares = files->spare;
	spin_unlock(&spares_lock);
	return files;
}

/* An empty table becomes as it was made, and waits for a process. Context: may sleep. */
static void files_release(struct files *files)
{
	varray_shrink(&files->slot_array, FD_STEP * sizeof(struct file *));
	varray_shrink(&files->word_array, ROOM_BYTES + FD_STEP / 64 * sizeof(struct fd_word));
	memset(files->room, 0, ROOM_BYTES);
	words_set_free(files, 0, FD_STEP / 64);
	files->max = FD_STEP;
	files->next_word = 0;
	files->process = NULL;
	spin_lock(&spares_lock);
	files->spare = spares;
	spares = files;
	spin_unlock(&spares_lock);
}

struct files *files_create(struct process *process, u32 max)
{
	struct files *files = take_spare();

	if (!files)
		files = files_make();
	if (!files)
		return NULL;
	files->process = process;
	if (max == 0 || files_grow(files, max - 1, ALLOC_WAIT) == 0)
		return files;
	files_release(files);
	return NULL;
}

/* Descriptors of parent's that to may hold, lowest first, as far as to's table reaches. */
static u32 copy_inherited(struct files *to, struct files *from)
{
	u32 needed = 0;

	spin_lock(&from->lock);
	for (u32 word = 0; word < from->max / 64; word++) {
		const struct fd_word *w = &from->words[word];
		u64 bits = ~w->free & ~w->cloexec;

		for (; bits; bits &= bits - 1) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(bits);
			struct file *f = from->slots[fd];

			if (!f)
				continue;
			needed = fd + 1;
			if (fd >= to->max || to->slots[fd])
				continue;
			file_get(f);
			take(to, fd, false);
			to->slots[fd] = f;
		}
	}
	spin_unlock(&from->lock);
	return needed;
}

struct files *files_inherit(struct process *child, struct files *parent)
{
	struct files *files = files_create(child, 0);

	if (!files)
		return NULL;
	for (;;) {
		u32 needed = copy_inherited(files, parent);

		if (needed <= files->max)
			return files;
		if (files_grow(files, needed - 1, ALLOC_WAIT) != 0) {
			files_destroy(files);
			return NULL;
		}
	}
}

void files_destroy(struct files *files)
{
	for (u32 word = 0; word < files->max / 64; word++)
		while (~files->words[word].free) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(~files->words[word].free);

			if (fd_close(files, (int)fd) != 0)
				fd_unreserve(files, (int)fd);
		}
	files_release(files);
}

static u64 spares_count(struct shrinker *s)
{
	u64 n = 0;

	(void)s;
	spin_lock(&spares_lock);
	for (struct files *files = spares; files; files = files->spare)
		n++;
	spin_unlock(&spares_lock);
	return n;
}

static u64 spares_scan(struct shrinker *s, u64 nr)
{
	struct files *files;
	u64 done = 0;

	(void)s;
	for (; done < nr && (files = take_spare()); done++) {
		varray_destroy(&files->word_array);
		varray_destroy(&files->slot_array);
		slab_free(files_cache, files);
	}
	return done;
}

static struct shrinker spares_shrinker = {
	.name = "spare descriptor tables",
	.count = spares_count,
	.scan = spares_scan,
	.object_size = 2 * PAGE_SIZE,
	.drop_mask = 4,
};

void fdtable_init(void)
{
	shrinker_register(&spares_shrinker);
	files_cache = slab_cache_create("files", sizeof(struct files), 0, 0, NULL);
	if (!files_cache)
		panic("no memory for descriptor tables");
}
