/*
 * The page cache: lookups, reads, the LRU.
 *
 * A page in the tree holds one reference for the tree. Life of a page:
 *
 *	allocated -> in the tree, LOADING -> UPTODATE ................-> evicted or truncated
 *	                                  -> ERROR -> taken out by the first who sees it
 *
 * Whoever misses puts pages in state LOADING into the tree first and starts the read afterwards, so a
 * second reader finds them and waits: no block is read twice. Waiters sleep on a queue picked by the
 * page's address. LOADING pages are never evicted, and truncation waits for them, so the tree's
 * reference is enough to keep a page during its read.
 *
 * A failed read of several pages says nothing about each of them: a waiter reads its page once more,
 * alone, before it reports the error.
 *
 * mapping->private_data of a block device's mapping is the device (bdev.c).
 *
 * Locking
 *	lru_lock (RANK_LRU)              the LRU, and: a page on it has a living mapping
 *	  mapping->lock (RANK_MAPPING)   the tree, page->mapping, mapping->nr_pages
 * An insertion takes them one after the other. A removal clears page->mapping under mapping->lock and
 * then takes the page off the LRU; an insertion that comes late to the LRU sees the cleared mapping.
 */
#include "vfs/pagecache.h"
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/panic.h"
#include "kernel/reclaim.h"
#include "kernel/wait.h"
#include "vfs/page_tree.h"

#define WAIT_QUEUES 64
#define RUN_MAX	    32 /* pages started at once */
#define EVICT_BATCH 32

static struct waitqueue wait_queues[WAIT_QUEUES];
static struct spinlock lru_lock = SPINLOCK_INIT(RANK_LRU);
static struct list_head lru = LIST_HEAD_INIT(lru); /* oldest first; lru_lock */
static u64 lru_length;				   /* lru_lock */
static u64 memory_pages;			   /* of mappings without ops; atomic */
static u64 spare_above; /* pages the cache is left when memory is short; set once */

static DEFINE_PERCPU(u64, hits);
static DEFINE_PERCPU(u64, misses);
static DEFINE_PERCPU(u64, readahead_pages);
static DEFINE_PERCPU(u64, pages_added);
static DEFINE_PERCPU(u64, pages_removed);
static DEFINE_PERCPU(u64, pages_evicted);

void mapping_init(struct mapping *m, struct inode *host, const struct mapping_ops *ops)
{
	*m = (struct mapping){.host = host, .ops = ops};
	spin_lock_init(&m->lock, RANK_MAPPING);
}

/* ---- Waiting for a read ---- */

static struct waitqueue *page_waitqueue(const struct page *p)
{
	return &wait_queues[(uintptr_t)p / sizeof(struct page) % WAIT_QUEUES];
}

static bool page_is_loading(const struct page *p)
{
	return load_acquire(&p->flags) & PAGE_LOADING;
}

void page_load_end(struct page *p, int error)
{
	if (error) {
		p->error = (u16)-error;
		atomic_fetch_or(&p->flags, PAGE_ERROR);
	} else {
		atomic_fetch_or(&p->flags, PAGE_UPTODATE);
	}
	/* Full barrier; partner: the waiter's test of LOADING after it has queued itself. From here on
	 * the page may go. */
	atomic_fetch_and(&p->flags, ~PAGE_LOADING);
	if (waitqueue_active(page_waitqueue(p)))
		wake_up_all(page_waitqueue(p));
}

int page_wait(struct page *p)
{
	wait_event(page_waitqueue(p), !page_is_loading(p));
	return (READ_ONCE(p->flags) & PAGE_ERROR) ? -(int)p->error : 0;
}

/* ---- The LRU ---- */

static void lru_insert(struct page **pages, unsigned n)
{
	spin_lock(&lru_lock);
	for (unsigned i = 0; i < n; i++)
		if (READ_ONCE(pages[i]->mapping)) { /* not removed again in between */
			list_add_tail(&pages[i]->lru, &lru);
			WRITE_ONCE(lru_length, lru_length + 1);
		}
	spin_unlock(&lru_lock);
}

/* Context: lru_lock held. */
static void lru_remove(struct page *p)
{
	if (list_empty(&p->lru))
		return;
	list_del(&p->lru);
	WRITE_ONCE(lru_length, lru_length - 1);
}

/* ---- Into the tree and out of it ---- */

/* Put a fresh page at index. 0, -EEXIST, -ENOMEM. Context: may sleep. */
static int page_insert(struct mapping *m, u64 index, struct page *p, u32 flags)
{
	int error;

	list_init(&p->lru);
	p->index = index;
	p->error = 0;
	p->owner_data = 0;
	atomic_fetch_or(&p->flags, flags);
	page_get(p); /* the tree's */
	do {
		spin_lock(&m->lock);
		error = page_tree_insert(m, index, p);
		if (!error) {
			/* Not before it is certain: a reader with an old pointer to p believes it. */
			store_release(&p->mapping, m);
			m->nr_pages++;
		}
		spin_unlock(&m->lock);
	} while (error == -ENOMEM && page_tree_preload() == 0);
	if (error) {
		page_put(p);
		return error;
	}
	this_cpu_inc(pages_added);
	page_account(PAGE_ACCOUNT_CACHE, 1);
	if (!m->ops)
		atomic_add(&memory_pages, 1ull);
	return 0;
}

/* Context: mapping->lock held. The tree's reference passes to the caller. */
static void page_remove_locked(struct mapping *m, struct page *p)
{
	page_tree_remove(m, p->index);
	WRITE_ONCE(p->mapping, NULL);
	m->nr_pages--;
	this_cpu_inc(pages_removed);
	page_account(PAGE_ACCOUNT_CACHE, -1);
	if (!m->ops)
		atomic_sub_return(&memory_pages, 1ull);
}

/* Take p out of m's tree unless somebody else just did. The caller holds a reference of its own. */
static void page_remove(struct mapping *m, struct page *p)
{
	spin_lock(&m->lock);
	bool ours = p->mapping == m;

	if (ours)
		page_remove_locked(m, p);
	spin_unlock(&m->lock);
	if (!ours)
		return;
	spin_lock(&lru_lock);
	lru_remove(p);
	spin_unlock(&lru_lock);
	page_put(p);
}

void mapping_truncate(struct mapping *m, u64 first)
{
	if (!READ_ONCE(m->root))
		return;
	might_sleep();
	for (;;) {
		spin_lock(&m->lock);
		struct page *p = page_tree_next(m, first);

		if (p)
			page_get(p);
		spin_unlock(&m->lock);
		if (!p)
			return;
		(void)page_wait(p);
		page_remove(m, p);
		page_put(p);
	}
}

/* ---- Lookup ---- */

static struct page *find_page(struct mapping *m, u64 index)
{
	struct page *p;

	rcu_read_lock();
	while ((p = page_tree_lookup(m, index)) != NULL) {
		if (likely(atomic_inc_not_zero(&p->refs))) {
			/* It may have been freed and reused before we had the reference. */
			if (likely(load_acquire(&p->mapping) == m && p->index == index))
				break;
			page_put(p);
		}
		arch_cpu_relax(); /* it is on its way out of the tree, or into it */
	}
	rcu_read_unlock();
	return p;
}

struct page *page_cache_get(struct mapping *m, u64 index)
{
	struct page *p = find_page(m, index);

	if (p) {
		/* Not when it is found by whoever has just read it: what is used once goes first. */
		if (!(READ_ONCE(p->flags) & PAGE_ACCESSED))
			atomic_fetch_or(&p->flags, PAGE_ACCESSED);
		this_cpu_inc(hits);
	}
	return p;
}

static bool page_is_present(const struct mapping *m, u64 index)
{
	rcu_read_lock();
	bool present = page_tree_lookup(m, index) != NULL;

	rcu_read_unlock();
	return present;
}

/* ---- Reading ---- */

/* New LOADING pages with consecutive indexes, each with our reference, not yet started. */
struct run {
	struct page *pages[RUN_MAX];
	unsigned n;
};

static void run_start(struct mapping *m, struct run *run)
{
	if (run->n == 0)
		return;
	lru_insert(run->pages, run->n);
	m->ops->read_pages(m, run->pages, run->n);
	for (unsigned i = 0; i < run->n; i++)
		page_put(run->pages[i]);
	run->n = 0;
}

/* Start with one more page if it is missing. 0, -EEXIST, -ENOMEM. */
static int run_add(struct mapping *m, struct run *run, u64 index, u32 flags, enum alloc_mode mode)
{
	if (page_is_present(m, index))
		return -EEXIST;
	struct page *p = page_alloc(0, mode);

	if (!p)
		return -ENOMEM;
	int error = page_insert(m, index, p, PAGE_LOADING | flags);

	if (error) {
		page_put(p);
		return error;
	}
	run->pages[run->n++] = p;
	if (run->n == RUN_MAX)
		run_start(m, run);
	return 0;
}

/*
 * Start reading what is missing of [index, index + n). Pages after the first are a gift: no memory for
 * them is no error. Returns -ENOMEM when there was none for the first.
 */
static int read_missing(struct mapping *m, u64 index, u64 n, enum alloc_mode first)
{
	struct run run = {.n = 0};
	int result = 0;

	block_plug();
	for (u64 i = 0; i < n; i++) {
		u32 flags = n >= 4 && i == n / 2 ? PAGE_READAHEAD : 0;
		int error = run_add(m, &run, index + i, flags, i == 0 ? first : ALLOC_NOWAIT);

		if (!error && i > 0)
			this_cpu_inc(readahead_pages);
		if (error)
			run_start(m, &run);
		if (error == -ENOMEM) {
			result = i == 0 ? -ENOMEM : 0;
			break;
		}
	}
	run_start(m, &run);
	block_unplug();
	return result;
}

static u64 clamp_window(u64 index, u64 limit, u64 n)
{
	return index < limit ? MIN(MAX(n, 1ull), limit - index) : 1;
}

/* What page_cache_read has tried so far. */
struct attempt {
	bool started; /* we began a read of the page: its failure is our answer ... */
	bool alone;   /* ... when it was of this page only */
	bool failed;  /* a read of several pages has failed: the next is of one */
};

/* One try: 0 with an up-to-date page in *out, -EAGAIN when the look must be repeated, -EIO, -ENOMEM. */
static int read_once(struct mapping *m, u64 index, u64 window, struct attempt *a, struct page **out)
{
	struct page *p = find_page(m, index);

	if (!p) {
		this_cpu_inc(misses);
		a->started = true;
		a->alone = window == 1;
		int error = read_missing(m, index, window, ALLOC_WAIT);

		return error ? error : -EAGAIN;
	}
	/* A failure from before we came is nobody's answer any more: read again. */
	bool stale = !a->started && !page_is_loading(p) && (READ_ONCE(p->flags) & PAGE_ERROR);
	int error = stale ? -EAGAIN : page_wait(p);

	if (!error) {
		*out = p;
		return 0;
	}
	page_remove(m, p);
	page_put(p);
	return stale || error == -ENOMEM ? error : -EIO;
}

struct page *page_cache_read(struct mapping *m, u64 index, u64 limit, unsigned ra_pages)
{
	u64 window = clamp_window(index, limit, ra_pages);
	struct attempt a = {.started = false};
	struct page *p = page_cache_get(m, index);

	might_sleep();
	if (p && (load_acquire(&p->flags) & (PAGE_UPTODATE | PAGE_LOADING)) == PAGE_UPTODATE)
		return p;
	if (p)
		page_put(p);
	for (;;) {
		int error = read_once(m, index, window, &a, &p);

		if (!error)
			return p;
		if (error == -EAGAIN)
			continue;
		if (a.alone || a.failed)
			return ERR_PTR(error);
		a.failed = true;
		window = 1;
	}
}

void page_cache_readahead(struct mapping *m, u64 index, u64 limit, unsigned n)
{
	if (index < limit)
		(void)read_missing(m, index, clamp_window(index, limit, n), ALLOC_NOWAIT);
}

/*
 * Files in memory may have half of it: what they have comes back only when somebody removes them, and
 * to be removed takes memory. Approximate: writers do not wait for each other.
 */
void page_cache_memory_files(u64 *used, u64 *most)
{
	struct page_stats pages;

	page_get_stats(&pages);
	*used = READ_ONCE(memory_pages);
	*most = pages.total / 2;
}

static bool memory_files_are_full(void)
{
	u64 used, most;

	page_cache_memory_files(&used, &most);
	return used >= most;
}

struct page *page_cache_create(struct mapping *m, u64 index)
{
	for (;;) {
		struct page *p = page_cache_get(m, index);

		if (p)
			return p;
		if (!m->ops && memory_files_are_full())
			return ERR_PTR(-ENOSPC);
		p = page_alloc_zeroed(0, ALLOC_WAIT);
		if (!p)
			return ERR_PTR(-ENOMEM);
		int error = page_insert(m, index, p, PAGE_UPTODATE);

		if (!error) {
			if (m->ops)
				lru_insert(&p, 1);
			return p;
		}
		page_put(p);
		if (error != -EEXIST)
			return ERR_PTR(error);
	}
}

/* ---- Shrinking ---- */

/* Take p out of its tree if nobody else uses it; then its reference is ours. Context: lru_lock held. */
static bool try_evict(struct page *p)
{
	struct mapping *m = READ_ONCE(p->mapping);
	u32 one = 1;

	if (!m) /* being removed by somebody who will want lru_lock next */
		return false;
	if (page_is_loading(p))
		return false;
	spin_lock(&m->lock);
	/* From 1 to 0: readers that find it now get no reference and look again. */
	bool evict = p->mapping == m && atomic_cas(&p->refs, &one, 0u);

	if (evict) {
		page_remove_locked(m, p);
		store_release(&p->refs, 1u);
	}
	spin_unlock(&m->lock);
	return evict;
}

/* Look at up to EVICT_BATCH pages, oldest first. Returns how many were freed; *looks counts down. */
static u64 evict_batch(u64 want, u64 *looks)
{
	struct page *taken[EVICT_BATCH];
	unsigned n = 0;

	spin_lock(&lru_lock);
	for (unsigned i = 0; i < EVICT_BATCH && n<want && * looks> 0 && !list_empty(&lru); i++) {
		struct page *p = list_first_entry(&lru, struct page, lru);

		--*looks;
		if (READ_ONCE(p->flags) & PAGE_ACCESSED) {
			atomic_fetch_and(&p->flags, ~PAGE_ACCESSED);
		} else if (try_evict(p)) {
			lru_remove(p);
			taken[n++] = p;
			continue;
		}
		list_move_tail(&p->lru, &lru);
	}
	spin_unlock(&lru_lock);
	for (unsigned i = 0; i < n; i++) {
		this_cpu_inc(pages_evicted);
		page_put(taken[i]);
	}
	return n;
}

static u64 shrinker_count(struct shrinker *s)
{
	(void)s;
	return READ_ONCE(lru_length);
}

/* All above a sixteenth of memory: a page costs one read, and gives a page at once. */
static u64 shrinker_spare(struct shrinker *s)
{
	u64 length = READ_ONCE(lru_length);

	(void)s;
	return length > spare_above ? length - spare_above : 0;
}

static u64 shrinker_scan(struct shrinker *s, u64 nr)
{
	u64 looks = 2 * READ_ONCE(lru_length); /* the first round may only clear ACCESSED */
	u64 freed = 0;

	(void)s;
	might_sleep();
	while (freed < nr && looks > 0) {
		u64 before = looks;

		freed += evict_batch(nr - freed, &looks);
		if (looks == before)
			break;
	}
	return freed;
}

static struct shrinker page_shrinker = {
	.name = "page cache",
	.count = shrinker_count,
	.scan = shrinker_scan,
	.spare = shrinker_spare,
	.object_size = PAGE_SIZE,
	.drop_mask = 1,
};

void page_cache_get_stats(struct page_cache_stats *out)
{
	out->pages = percpu_sum(pages_added) - percpu_sum(pages_removed);
	out->hits = percpu_sum(hits);
	out->misses = percpu_sum(misses);
	out->readahead_pages = percpu_sum(readahead_pages);
	out->evicted = percpu_sum(pages_evicted);
}

void page_cache_init(void)
{
	for (unsigned i = 0; i < WAIT_QUEUES; i++)
		waitqueue_init(&wait_queues[i]);
	page_tree_init();
	bdev_init();

	struct page_stats stats;

	page_get_stats(&stats);
	spare_above = stats.total / 16;
	shrinker_register(&page_shrinker);
}
