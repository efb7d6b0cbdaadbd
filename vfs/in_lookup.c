/*
 * One ->lookup per missing name. While a thread asks the file system for (parent, name), the dentry it
 * is going to fill stands in the in-lookup table. A later comer for the same name finds it there and
 * either sleeps until the answer has come or, when it is a ring worker, leaves a dentry_waiter and goes
 * on with other work.
 *
 *   buckets[hash] -> dentry -> dentry     by dentry->lookup_next
 *                    |
 *                    waiters -> w -> w    by dentry_waiter->next
 *
 * Order that makes "not in the table" mean something: the answer is hashed (dcache_add) before the
 * dentry leaves the table. So under the bucket's lock, not finding the name in the table and then not
 * in the hash either means that nobody is asking and nobody has an answer. That second look must not be
 * a false miss, so it is confirmed against rename_lock.
 *
 * Locking: the bucket's lock (RANK_IN_LOOKUP) covers its chain and the waiters of its dentries; one that
 * is going to be waited for is referenced inside it, which may take the dentry's lock. Callers hold the
 * directory's rwsem, at least shared, so names of this directory do not move meanwhile.
 */
#include "vfs/internal.h"
#include "vfs/name.h"

#include "kernel/wait.h"

#define NR_BUCKETS 256

struct lookup_bucket {
	struct spinlock lock;
	struct dentry *first; /* lock */
	struct waitqueue finished;
} __cacheline;

static struct lookup_bucket buckets[NR_BUCKETS];
static DEFINE_PERCPU(u64, nr_waits);
static DEFINE_PERCPU(u64, nr_chained);

static struct lookup_bucket *bucket_of(u64 hash_len)
{
	return &buckets[(hash_len >> 40) % NR_BUCKETS];
}

/* Context: bucket's lock held. */
static struct dentry *find_in_lookup(
	struct lookup_bucket *b, const struct dentry *parent, const struct qstr *name)
{
	struct dentry *d;

	for (d = b->first; d; d = d->lookup_next)
		if (d->hash_len == name->hash_len && d->parent == parent &&
			name_equal_rcu(d->name, name->name, qstr_len(name)))
			break;
	return d;
}

/* The name is in the hash, or might be behind a rename. Context: bucket's lock held (so RCU too). */
static bool maybe_hashed(const struct dentry *parent, const struct qstr *name)
{
	u32 rename_seq = seqcount_begin_nowait(&rename_lock.count), seq;

	return dcache_lookup_rcu(parent, name, &seq) || read_seqretry(&rename_lock, rename_seq);
}

static void wait_for_answer(struct lookup_bucket *b, struct dentry *other)
{
	this_cpu_inc(nr_waits);
	wait_event(&b->finished, !(READ_ONCE(other->flags) & DENTRY_IN_LOOKUP));
	dentry_put(other);
}

int dcache_lookup_begin(struct dentry *parent, const struct qstr *name, struct dentry_waiter *w,
	struct dentry **out, bool *ours)
{
	struct lookup_bucket *b = bucket_of(name->hash_len);
	struct dentry *fresh = NULL, *other;
	int err = 0;

	might_sleep();
	for (;;) {
		*out = dcache_lookup(parent, name);
		*ours = false;
		if (*out)
			break;
		if (!fresh && !(fresh = dentry_alloc(parent, name))) {
			err = -ENOMEM;
			break;
		}
		spin_lock(&b->lock);
		other = find_in_lookup(b, parent, name);
		if (other && w) {
			w->chained = true;
			w->next = other->waiters;
			other->waiters = w;
			spin_unlock(&b->lock);
			this_cpu_inc(nr_chained);
			err = -EAGAIN;
			break;
		}
		if (other) {
			dentry_get(other);
			spin_unlock(&b->lock);
			wait_for_answer(b, other);
			continue;
		}
		if (maybe_hashed(parent, name)) {
			spin_unlock(&b->lock);
			continue;
		}
		fresh->waiters = NULL;
		fresh->lookup_next = b->first;
		b->first = fresh;
		atomic_fetch_or(&fresh->flags, DENTRY_IN_LOOKUP);
		spin_unlock(&b->lock);
		*out = fresh;
		*ours = true;
		return 0;
	}
	if (fresh)
		dentry_put(fresh);
	return err;
}

void dcache_lookup_end(struct dentry *d)
{
	struct lookup_bucket *b = bucket_of(d->hash_len);
	struct dentry_waiter *w, *next;
	struct dentry **p;

	spin_lock(&b->lock);
	for (p = &b->first; *p != d; p = &(*p)->lookup_next)
		;
	*p = d->lookup_next;
	w = d->waiters;
	list_init(&d->lru);
	atomic_fetch_and(&d->flags, ~DENTRY_IN_LOOKUP);
	spin_unlock(&b->lock);

	wake_up_all(&b->finished);
	for (; w; w = next) {
		next = w->next; /* fn may free or reuse w */
		w->fn(w);
	}
}

void in_lookup_counts(u64 *waits, u64 *chained)
{
	*waits = percpu_sum(nr_waits);
	*chained = percpu_sum(nr_chained);
}

void in_lookup_init(void)
{
	for (unsigned i = 0; i < NR_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock, RANK_IN_LOOKUP);
		waitqueue_init(&buckets[i].finished);
	}
}
