/*
 * Descriptor tables.
 *
 *	struct files            one per process: lock, hint, pointer to the table
 *	  struct fd_table       slots, and three bitmaps: free, close-on-exec, and one bit for each word
 *	                        of `free` that is not zero, so that 64 x 64 descriptors are skipped at a look
 *
 * A descriptor is taken (bit cleared) by fd_reserve and visible once fd_install has filled its slot. The
 * table starts with 64 entries and doubles, up to FD_MAX.
 *
 * Readers (file_get_fd, file_lookup_fd_rcu) work under RCU alone. The file they find may be closed and
 * its memory reused meanwhile; after taking a reference they look again whether the slot, and the table,
 * are still the same.
 *
 * fd_install takes no lock: it stores into the slot inside an RCU section. A grower announces itself
 * (growing), waits for a grace period, so that every installer sees it and takes the lock, and only then
 * copies the slots.
 *
 * Locking
 *	files->grow_mutex (RANK_FDTABLE_GROW)   one grower at a time
 *	  files->lock (RANK_FDTABLE)            bitmaps, hint, removal of slots, the table pointer
 */
#include "abi/errno.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/fdtable.h"
#include "vfs/file_internal.h"

#define FD_INITIAL 64u
#define FD_MAX	   (1u << 20)

static struct slab_cache *files_cache;

/* ---- Tables ---- */

static size_t table_bytes(u32 max)
{
	u32 words = max / 64;

	return sizeof(struct fd_table) + words * sizeof(struct fd_word) +
	       max * sizeof(struct file *) + DIV_ROUND_UP(words, 64u) * sizeof(u64);
}

/* Small tables come from the slab. Context: may sleep. */
static struct fd_table *table_alloc(u32 max)
{
	size_t bytes = table_bytes(max);
	struct fd_table *t = bytes <= PAGE_SIZE ? kzalloc(bytes, ALLOC_WAIT) : vzalloc(bytes);

	if (!t)
		return NULL;
	t->max = max;
	t->room_words = DIV_ROUND_UP(max / 64, 64u);
	t->words = (struct fd_word *)(t + 1);
	t->slots = (struct file **)(t->words + max / 64);
	t->room = (u64 *)(t->slots + max);
	for (u32 word = 0; word < max / 64; word++) {
		t->words[word].free = ~0ull;
		fd_room_set(t, word);
	}
	return t;
}

static void table_free(struct fd_table *t)
{
	if (table_bytes(t->max) <= PAGE_SIZE)
		kfree(t);
	else
		vfree(t);
}

static void table_free_work(struct work *w)
{
	table_free(container_of(w, struct fd_table, free_work));
}

static void table_free_rcu(struct rcu_head *head)
{
	struct fd_table *t = container_of(head, struct fd_table, rcu);

	work_init(&t->free_work, table_free_work);
	work_queue(&t->free_work);
}

static void table_copy(struct fd_table *to, const struct fd_table *from)
{
	u32 words = from->max / 64;

	memcpy(to->slots, from->slots, from->max * sizeof(*to->slots));
	memcpy(to->words, from->words, words * sizeof(*to->words));
	for (u32 word = 0; word < words; word++)
		if (!to->words[word].free)
			fd_room_clear(to, word);
}

/*
 * Make room for descriptor fd. 0, -ENOMEM; -EAGAIN with ALLOC_NOWAIT. Context: no locks; sleeps only
 * with ALLOC_WAIT.
 */
static int files_grow(struct files *files, u32 fd, enum alloc_mode mode)
{
	if (mode == ALLOC_NOWAIT)
		return -EAGAIN;
	might_sleep();
	mutex_lock(&files->grow_mutex);
	struct fd_table *old = files->table;
	u32 max = old->max;
	int error = 0;

	while (max <= fd)
		max *= 2;
	struct fd_table *t = max > old->max ? table_alloc(max) : NULL;

	if (!t) {
		error = max > old->max ? -ENOMEM : 0;
		mutex_unlock(&files->grow_mutex);
		return error;
	}
	WRITE_ONCE(files->growing, 1);
	synchronize_rcu_expedited(); /* partner: fd_install's read section */
	spin_lock(&files->lock);
	table_copy(t, old);
	rcu_assign_pointer(files->table, t);
	spin_unlock(&files->lock);
	store_release(&files->growing, 0u);
	mutex_unlock(&files->grow_mutex);
	call_rcu(&old->rcu, table_free_rcu);
	return 0;
}

/* ---- Taking and giving back descriptors ---- */

/* The lowest free descriptor >= from, or t->max. Context: files->lock held. */
static u32 table_find_free(const struct fd_table *t, u32 from)
{
	u32 word = from / 64;

	if (from >= t->max)
		return t->max;
	u64 free = t->words[word].free & (~0ull << from % 64);

	if (free)
		return word * 64 + (u32)__builtin_ctzll(free);
	word++;
	u64 mask = ~0ull << word % 64;

	for (u32 i = word / 64; i < t->room_words; i++, mask = ~0ull) {
		u64 with_room = t->room[i] & mask;

		if (with_room) {
			word = i * 64 + (u32)__builtin_ctzll(with_room);
			return word * 64 + (u32)__builtin_ctzll(t->words[word].free);
		}
	}
	return t->max;
}

static __always_inline bool table_is_free(const struct fd_table *t, u32 fd)
{
	return t->words[fd / 64].free >> fd % 64 & 1;
}

/* Context: files->lock held; fd is free. */
static void table_take(struct fd_table *t, u32 fd, bool cloexec)
{
	struct fd_word *w = &t->words[fd / 64];
	u64 bit = 1ull << fd % 64;

	w->free &= ~bit;
	if (!w->free)
		fd_room_clear(t, fd / 64);
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
		struct fd_table *t = files->table;
		u32 fd = table_find_free(t, MAX(min, files->next_word * 64));
		bool room = fd < MIN(t->max, limit);

		if (room) {
			table_take(t, fd, cloexec);
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
	bool found = fd_hinted(files, files->table, &w, &fd) && min <= files->next_word * 64;

	if (likely(found))
		fd_take_hinted(files->table, w, fd, cloexec);
	spin_unlock(&files->lock);
	return likely(found) ? (int)fd : fd_reserve_slow(files, min, cloexec, mode);
}

bool fd_has_room(struct files *files)
{
	struct fd_word *w;
	bool room;
	u32 fd;

	spin_lock(&files->lock);
	room = fd_hinted(files, files->table, &w, &fd);
	spin_unlock(&files->lock);
	return room;
}

void fd_unreserve(struct files *files, int fd)
{
	spin_lock(&files->lock);
	debug_assert(!files->table->slots[fd]);
	fd_give_back(files, files->table, (u32)fd);
	spin_unlock(&files->lock);
}

static __noinline void fd_install_growing(struct files *files, int fd, struct file *f)
{
	spin_lock(&files->lock);
	rcu_assign_pointer(files->table->slots[fd], f);
	spin_unlock(&files->lock);
}

void fd_install(struct files *files, int fd, struct file *f)
{
	rcu_read_lock();
	if (unlikely(load_acquire(&files->growing))) {
		rcu_read_unlock();
		fd_install_growing(files, fd, f);
		return;
	}
	struct fd_table *t = rcu_dereference(files->table);

	rcu_assign_pointer(t->slots[fd], f);
	rcu_read_unlock();
}

static __always_inline struct file *remove_file(struct files *files, int fd)
{
	struct file *f = NULL;

	spin_lock(&files->lock);
	struct fd_table *t = files->table;

	if (likely((u32)fd < t->max)) {
		f = t->slots[fd];
		if (likely(f)) {
			WRITE_ONCE(t->slots[fd], NULL);
			fd_give_back(files, t, (u32)fd);
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
	struct fd_table *t = files->table;

	if (likely((u32)fd < t->max))
		f = t->slots[fd];
	if (likely(f)) {
		result = -EAGAIN;
		if (likely(!f->ops->release)) {
			result = 0;
			WRITE_ONCE(t->slots[fd], NULL);
			fd_give_back(files, t, (u32)fd);
		}
	}
	spin_unlock_nopreempt(&files->lock);
	if (likely(!result))
		file_put_plain(f);
	preempt_enable();
	return result;
}

static void table_set_cloexec(struct fd_table *t, u32 fd, bool cloexec)
{
	u64 bit = 1ull << fd % 64;

	if (cloexec)
		t->words[fd / 64].cloexec |= bit;
	else
		t->words[fd / 64].cloexec &= ~bit;
}

int fd_replace(struct files *files, u32 fd, struct file *f, bool cloexec)
{
	might_sleep();
	if (fd >= files_limit(files))
		return -EBADF;
	for (;;) {
		spin_lock(&files->lock);
		struct fd_table *t = files->table;

		if (fd < t->max) {
			struct file *old = t->slots[fd];

			if (!old && !table_is_free(t, fd)) {
				spin_unlock(&files->lock);
				return -EBUSY; /* an open that has reserved it is under way */
			}
			if (!old)
				table_take(t, fd, cloexec);
			else
				table_set_cloexec(t, fd, cloexec);
			rcu_assign_pointer(t->slots[fd], f);
			spin_unlock(&files->lock);
			if (old)
				file_put(old);
			return (int)fd;
		}
		spin_unlock(&files->lock);
		int error = files_grow(files, fd, ALLOC_WAIT);

		if (error)
			return error;
	}
}

int fd_get_cloexec(struct files *files, u32 fd)
{
	int result = -EBADF;

	spin_lock(&files->lock);
	struct fd_table *t = files->table;

	if (fd < t->max && t->slots[fd])
		result = t->words[fd / 64].cloexec >> fd % 64 & 1;
	spin_unlock(&files->lock);
	return result;
}

int fd_set_cloexec(struct files *files, u32 fd, bool cloexec)
{
	int result = -EBADF;

	spin_lock(&files->lock);
	struct fd_table *t = files->table;

	if (fd < t->max && t->slots[fd]) {
		table_set_cloexec(t, fd, cloexec);
		result = 0;
	}
	spin_unlock(&files->lock);
	return result;
}

/* ---- Lookup ---- */

struct file *file_lookup_fd_rcu(struct files *files, int fd)
{
	struct fd_table *t = rcu_dereference(files->table);

	return likely((u32)fd < t->max) ? rcu_dereference(t->slots[fd]) : NULL;
}

bool fd_path_rcu(struct files *files, int fd, struct path *out)
{
	for (;;) {
		struct fd_table *t = rcu_dereference(files->table);

		if ((u32)fd >= t->max)
			return false;
		struct file *f = rcu_dereference(t->slots[fd]);

		if (!f)
			return false;
		/* While the generation stands, this life of f was in the slot at the second look, and
		 * so complete before it. */
		u32 generation = load_acquire(&f->generation);

		if (load_acquire(&t->slots[fd]) != f || rcu_dereference(files->table) != t)
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
		struct fd_table *t = rcu_dereference(files->table);
		struct file *f = likely((u32)fd < t->max) ? rcu_dereference(t->slots[fd]) : NULL;

		if (!f) {
			rcu_read_unlock();
			return NULL;
		}
		bool taken = atomic_inc_not_zero(&f->refs);
		/* The table first: a copy is made before anything is removed from it. */
		bool same = rcu_dereference(files->table) == t && READ_ONCE(t->slots[fd]) == f;

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
	struct fd_table *t = files->table;

	for (u32 word = 0; word < t->max / 64; word++)
		for (u64 bits = ~t->words[word].free; bits; bits &= bits - 1) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(bits);

			if (t->slots[fd])
				fn((int)fd, t->slots[fd], arg);
		}
	spin_unlock(&files->lock);
}

int fd_next(struct files *files, u32 from)
{
	int result = -1;

	spin_lock(&files->lock);
	struct fd_table *t = files->table;

	for (u32 fd = from; fd < t->max && result < 0; fd++) {
		if (fd % 64 == 0 && t->words[fd / 64].free == ~0ull)
			fd += 63;
		else if (t->slots[fd])
			result = (int)fd;
	}
	spin_unlock(&files->lock);
	return result;
}

/* ---- Whole tables ---- */

struct files *files_create(struct process *process, u32 max)
{
	struct files *files = slab_alloc(files_cache, ALLOC_WAIT);
	u32 size = FD_INITIAL;

	if (!files)
		return NULL;
	memset(files, 0, sizeof(*files));
	while (size < max)
		size *= 2;
	files->table = table_alloc(size);
	if (!files->table) {
		slab_free(files_cache, files);
		return NULL;
	}
	files->process = process;
	spin_lock_init(&files->lock, RANK_FDTABLE);
	mutex_init(&files->grow_mutex, RANK_FDTABLE_GROW);
	return files;
}

/* Descriptors of parent's that to may hold, lowest first, as far as to's table reaches. */
static u32 copy_inherited(struct files *to, struct files *from)
{
	struct fd_table *t = to->table;
	u32 needed = 0;

	spin_lock(&from->lock);
	for (u32 word = 0; word < from->table->max / 64; word++) {
		const struct fd_word *w = &from->table->words[word];
		u64 bits = ~w->free & ~w->cloexec;

		for (; bits; bits &= bits - 1) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(bits);
			struct file *f = from->table->slots[fd];

			if (!f)
				continue;
			needed = fd + 1;
			if (fd >= t->max || t->slots[fd])
				continue;
			file_get(f);
			table_take(t, fd, false);
			t->slots[fd] = f;
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

		if (needed <= files->table->max)
			return files;
		if (files_grow(files, needed - 1, ALLOC_WAIT) != 0) {
			files_destroy(files);
			return NULL;
		}
	}
}

void files_destroy(struct files *files)
{
	struct fd_table *t = files->table;

	for (u32 word = 0; word < t->max / 64; word++)
		while (~t->words[word].free) {
			u32 fd = word * 64 + (u32)__builtin_ctzll(~t->words[word].free);

			if (fd_close(files, (int)fd) != 0)
				fd_unreserve(files, (int)fd);
		}
	table_free(t);
	slab_free(files_cache, files);
}

void fdtable_init(void)
{
	files_cache = slab_cache_create("files", sizeof(struct files), 0, 0, NULL);
	if (!files_cache)
		panic("no memory for descriptor tables");
}
