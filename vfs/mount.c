/*
 * The mount tree and its references. Overview and locking rules: vfs/mount.h.
 *
 * A mount's count has two modes. Normally each CPU adds and subtracts in a word of its own, so that
 * opening and closing files writes nothing shared; the count is then only the sum of those words, which
 * nobody can read while it moves. umount freezes the count: from then on everybody works on one atomic
 * word, and after a grace period, when no CPU is still inside an old-mode update, the per-CPU shares are
 * folded into it. A bias keeps it from touching zero in between. The tree's own reference is part of
 * the count, so "unused" is exactly 1.
 *
 *   mount_remove:  freeze; under mount_lock (sequence odd): count == 1 ? detach : busy
 *   walker:        mount_get_rcu: take, then re-check mount_lock's sequence
 *
 * One of the two sees the other: the walker's increment (atomic, because frozen) comes before its look at
 * the sequence, the remover's odd sequence comes before its look at the count, both with full barriers.
 *
 * The last reference of a detached mount may be dropped anywhere, also where sleeping is forbidden: a
 * work item does the shutting down.
 *
 * Locking: mount_tree_mutex, then the mount point's inode rwsem (attach), then mount_lock, then a dentry's
 * lock for DENTRY_MOUNTED.
 */
#include "vfs/internal.h"

#include "kernel/string.h"
#include "kernel/workqueue.h"

#define NR_BUCKETS 256
#define COUNT_BIAS (1ll << 40)

struct seqlock mount_lock = SEQLOCK_INIT(RANK_MOUNT);

static struct mutex mount_tree_mutex = MUTEX_INIT(mount_tree_mutex, RANK_MOUNT_TREE);
static struct hlist_head buckets[NR_BUCKETS];		 /* mount_lock, RCU */
static struct list_head mounts = LIST_HEAD_INIT(mounts); /* mount_lock */
static struct mount *root_mount;			 /* constant, until the end */
static struct slab_cache *mount_cache, *counts_cache;
static struct spinlock dead_lock = SPINLOCK_INIT(RANK_LRU);
static struct list_head dead = LIST_HEAD_INIT(dead); /* dead_lock */
static struct work dead_work;
static u32 next_id; /* mount_tree_mutex */

struct fs_context kernel_fs = {.lock = SPINLOCK_INIT(RANK_FS_CONTEXT), .umask = 022};

static struct hlist_head *bucket_of(const struct mount *parent, const struct dentry *mountpoint)
{
	u64 h = ((u64)(uintptr_t)parent ^ ((u64)(uintptr_t)mountpoint >> 6)) *
		0x9e3779b97f4a7c15ull;

	return &buckets[h >> 56];
}

/* ---- References ---- */

static void mount_last_put(struct mount *m)
{
	spin_lock(&dead_lock);
	list_add_tail(&m->dead_node, &dead);
	spin_unlock(&dead_lock);
	work_queue(&dead_work);
}

static void count_add(struct mount *m, s64 n)
{
	struct mount_count *c;

	/* preemption off: one CPU, and the freezer's grace period waits for us */
	preempt_disable();
	if (likely(!READ_ONCE(m->frozen))) {
		c = &m->counts[this_cpu_id()];
		WRITE_ONCE(c->n, c->n + n);
	} else if (atomic_add_return(&m->frozen_count, n) == 0) {
		mount_last_put(m);
	}
	preempt_enable();
}

void mount_get(struct mount *m)
{
	count_add(m, 1);
}

void mount_put_slow(struct mount *m)
{
	count_add(m, -1);
}

void mount_put(struct mount *m)
{
	preempt_disable();
	mount_put_nopreempt(m);
	preempt_enable();
}

bool mount_get_rcu_frozen(struct mount *m, u32 m_seq)
{
	s64 n = READ_ONCE(m->frozen_count);

	/*
	 * It may be at zero and on its way out: do not revive it. The sequence does not tell: a working
	 * directory may be on a mount that was detached long before this walk, and be left during it.
	 */
	do {
		if (n == 0 || read_seqretry(&mount_lock, m_seq))
			return false;
	} while (!atomic_cas(&m->frozen_count, &n, n + 1));
	if (likely(!read_seqretry(&mount_lock, m_seq)))
		return true;
	mount_put(m);
	return false;
}

/* Make the count exact. Context: mount_tree_mutex held; may sleep. */
static void count_freeze(struct mount *m)
{
	s64 sum = 0;
	unsigned cpu;

	atomic_add(&m->frozen_count, COUNT_BIAS);
	WRITE_ONCE(m->frozen, 1);
	synchronize_rcu_expedited();
	for_each_cpu (cpu) {
		sum += m->counts[cpu].n;
		m->counts[cpu].n = 0;
	}
	atomic_add(&m->frozen_count, sum - COUNT_BIAS);
}

/* Back to per-CPU counting. The tree's reference keeps the count from zero. */
static void count_thaw(struct mount *m)
{
	s64 rest;

	WRITE_ONCE(m->frozen, 0);
	synchronize_rcu_expedited();
	rest = atomic_xchg(&m->frozen_count, 0);
	count_add(m, rest);
}

/* ---- Finding ---- */

struct mount *mount_lookup_rcu(const struct mount *parent, const struct dentry *mountpoint)
{
	struct mount *m;

	hlist_for_each_entry_rcu (m, bucket_of(parent, mountpoint), hash)
		if (READ_ONCE(m->parent) == parent && READ_ONCE(m->mountpoint) == mountpoint)
			return m;
	return NULL;
}

struct mount *mount_lookup_get(const struct path *p)
{
	for (;;) {
		u32 seq = read_seqbegin(&mount_lock);
		struct mount *m;
		bool got;

		rcu_read_lock();
		m = mount_lookup_rcu(p->mnt, p->dentry);
		got = m && mount_get_rcu(m, seq);
		rcu_read_unlock();
		if (got)
			return m;
		if (!m && !read_seqretry(&mount_lock, seq))
			return NULL;
	}
}

bool mount_get_parent(struct mount *m, struct path *out)
{
	for (;;) {
		u32 seq = read_seqbegin(&mount_lock);
		bool got;

		rcu_read_lock();
		out->mnt = READ_ONCE(m->parent);
		out->dentry = READ_ONCE(m->mountpoint);
		got = out->mnt != m && mount_get_rcu(out->mnt, seq);
		/* the child mount holds its mount point while it is in the tree */
		if (got && !lockref_get_not_dead(&out->dentry->ref, RANK_DENTRY)) {
			mount_put(out->mnt);
			got = false;
		}
		rcu_read_unlock();
		if (got)
			return true;
		if (out->mnt == m && !read_seqretry(&mount_lock, seq))
			return false;
	}
}

void mount_get_root(struct path *out)
{
	out->mnt = root_mount;
	out->dentry = root_mount->root;
	path_get(out);
}

/* ---- Making and unmaking ---- */

/* A mount of root (reference taken) of sb (reference consumed), in no tree. NULL: sb is put. */
static struct mount *mount_new(
	struct super_block *sb, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = slab_zalloc(mount_cache, ALLOC_WAIT);

	if (!m) {
		super_put(sb);
		return NULL;
	}
	m->counts = slab_zalloc(counts_cache, ALLOC_WAIT);
	if (!m->counts) {
		slab_free(mount_cache, m);
		super_put(sb);
		return NULL;
	}
	m->sb = sb;
	m->root = root;
	dentry_get(root);
	m->parent = m;
	m->mountpoint = root;
	m->flags = flags;
	list_init(&m->node);
	strlcpy(m->source, source, sizeof(m->source));
	count_add(m, 1); /* the tree's */
	return m;
}

static void mount_free_rcu(struct rcu_head *head)
{
	struct mount *m = container_of(head, struct mount, rcu);

	slab_free(counts_cache, m->counts);
	slab_free(mount_cache, m);
}

static void end_dead_mounts(struct work *w)
{
	(void)w;
	for (;;) {
		struct mount *m = NULL;

		spin_lock(&dead_lock);
		if (!list_empty(&dead)) {
			m = list_first_entry(&dead, struct mount, dead_node);
			list_del(&m->dead_node);
		}
		spin_unlock(&dead_lock);
		if (!m)
			return;
		dentry_put(m->root);
		super_put(m->sb);
		call_rcu(&m->rcu, mount_free_rcu);
	}
}

/* Claim d as a mount point; fails when it has been deleted. Context: mount_lock held for writing. */
static bool mark_mountpoint(struct dentry *d)
{
	bool alive;

	lockref_lock(&d->ref, RANK_DENTRY);
	alive = dentry_is_hashed(d);
	if (alive)
		atomic_fetch_or(&d->flags, DENTRY_MOUNTED);
	lockref_unlock(&d->ref);
	return alive;
}

/*
 * Hang m on where; takes its own references. Context: mount_tree_mutex and the rwsem of where's inode
 * held: who is about to remove or replace the entry decides whether it is a mount point under that.
 */
static int attach(struct mount *m, const struct path *where)
{
	int err = -ENOENT;

	if (where->mnt->flags & MOUNT_DETACHED)
		return -EINVAL; /* nobody could ever reach m, nor unmount it */
	path_get(where);
	write_seqlock(&mount_lock);
	if (mark_mountpoint(where->dentry)) {
		WRITE_ONCE(m->parent, where->mnt);
		WRITE_ONCE(m->mountpoint, where->dentry);
		m->id = ++next_id;
		where->mnt->nr_children++;
		hlist_add_head_rcu(&m->hash, bucket_of(where->mnt, where->dentry));
		list_add_tail(&m->node, &mounts);
		err = 0;
	}
	write_sequnlock(&mount_lock);
	if (err)
		path_put(where);
	return err;
}

/* Context: mount_lock held for writing. The caller puts *where and the tree's reference afterwards. */
static void detach_locked(struct mount *m, struct path *where)
{
	struct mount *other;

	*where = (struct path){m->parent, m->mountpoint};
	hlist_del_rcu(&m->hash);
	list_del(&m->node);
	m->parent->nr_children--;
	WRITE_ONCE(m->flags, m->flags | MOUNT_DETACHED);
	WRITE_ONCE(m->parent, m);
	WRITE_ONCE(m->mountpoint, m->root);
	list_for_each_entry (other, &mounts, node)
		if (other->mountpoint == where->dentry)
			return; /* the same place seen through a bind mount, or a stack */
	atomic_fetch_and(&where->dentry->flags, ~DENTRY_MOUNTED);
}

/* where, or what is mounted on top of it by now; referenced. */
static void topmost(const struct path *where, struct path *out)
{
	struct mount *m;

	*out = *where;
	path_get(out);
	while ((m = mount_lookup_get(out))) {
		path_put(out);
		dentry_get(m->root);
		*out = (struct path){m, m->root};
	}
}

static int attach_locked(struct mount *m, const struct path *where)
{
	struct rwsem *rwsem = &where->dentry->inode->rwsem;
	int err;

	rwsem_down_write(rwsem);
	err = attach(m, where);
	rwsem_up_write(rwsem);
	return err;
}

static int mount_attach_new(struct mount *m, const struct path *where)
{
	struct path top;
	int err;

	mutex_lock(&mount_tree_mutex);
	topmost(where, &top);
	if (!dentry_is_hashed(top.dentry))
		err = -ENOENT; /* removed; attach looks again */
	else if ((dentry_type(m->root) == DENTRY_TYPE_DIR) !=
		 (dentry_type(top.dentry) == DENTRY_TYPE_DIR))
		err = -ENOTDIR;
	else
		err = attach_locked(m, &top);
	if (err) {
		count_freeze(m);
		mount_put(m);
	}
	mutex_unlock(&mount_tree_mutex);
	path_put(&top);
	return err;
}

int mount_add(struct super_block *sb, const struct path *where, const char *source, u32 flags)
{
	struct mount *m = mount_new(sb, sb->root, source, flags);

	return m ? mount_attach_new(m, where) : -ENOMEM;
}

int mount_bind(const struct path *from, const struct path *where)
{
	struct mount *m;

	atomic_add(&from->mnt->sb->refs, 1u);
	m = mount_new(
		from->mnt->sb, from->dentry, from->mnt->source, from->mnt->flags & MOUNT_RDONLY);
	return m ? mount_attach_new(m, where) : -ENOMEM;
}

int mount_root(struct super_block *sb, const char *source, u32 flags)
{
	struct mount *m = mount_new(sb, sb->root, source, flags);

	if (!m)
		return -ENOMEM;
	mutex_lock(&mount_tree_mutex);
	assert(!root_mount);
	write_seqlock(&mount_lock);
	m->id = ++next_id;
	list_add_tail(&m->node, &mounts);
	root_mount = m;
	write_sequnlock(&mount_lock);
	mutex_unlock(&mount_tree_mutex);

	kernel_fs.root = (struct path){m, m->root};
	path_get(&kernel_fs.root);
	kernel_fs.pwd = kernel_fs.root;
	path_get(&kernel_fs.pwd);
	return 0;
}

/* A mount on m or below, with none on itself; m when there is none. Context: mount_tree_mutex held. */
static struct mount *deepest_child(struct mount *m)
{
	struct mount *c;

again:
	list_for_each_entry (c, &mounts, node) {
		if (c->parent == m && c != m) {
			m = c;
			goto again;
		}
	}
	return m;
}

/* Take m out of the tree if it is unused, or in any case when lazy. Context: mount_tree_mutex held. */
static int remove_one(struct mount *m, bool lazy)
{
	struct path where;
	int err = 0;

	count_freeze(m);
	write_seqlock(&mount_lock);
	smp_mb(); /* our odd sequence before the count; partner: mount_get_rcu */
	if (!lazy && (m->nr_children || READ_ONCE(m->frozen_count) != 1))
		err = -EBUSY;
	else
		detach_locked(m, &where);
	write_sequnlock(&mount_lock);
	if (err) {
		count_thaw(m);
		return err;
	}
	path_put(&where);
	mount_put(m);
	return 0;
}

int mount_remove(const struct path *where, bool lazy)
{
	struct mount *m = where->mnt, *victim;
	int err = 0;

	mutex_lock(&mount_tree_mutex);
	if (where->dentry != m->root || m == root_mount || (m->flags & MOUNT_DETACHED)) {
		mutex_unlock(&mount_tree_mutex);
		path_put(where);
		return -EINVAL;
	}
	/* The caller's reference must not count as a use: the tree's keeps m until we detach it. */
	path_put(where);
	do {
		victim = lazy ? deepest_child(m) : m;
		err = remove_one(victim, lazy);
	} while (!err && victim != m);
	mutex_unlock(&mount_tree_mutex);
	if (!err)
		work_flush(); /* "unmounted" means that the file system has let go of its device */
	return err;
}

void mount_remove_all(void)
{
	struct mount *m, *root = root_mount;

	path_put(&kernel_fs.pwd);
	path_put(&kernel_fs.root);
	mutex_lock(&mount_tree_mutex);
	while ((m = deepest_child(root)) != root)
		(void)remove_one(m, true);
	count_freeze(root);
	write_seqlock(&mount_lock);
	list_del(&root->node);
	root_mount = NULL;
	write_sequnlock(&mount_lock);
	mount_put(root);
	mutex_unlock(&mount_tree_mutex);
	work_flush();
}

void mount_for_each(void (*fn)(struct mount *m, void *arg), void *arg)
{
	struct mount *m;

	read_seqlock_excl(&mount_lock);
	list_for_each_entry (m, &mounts, node)
		fn(m, arg);
	read_sequnlock_excl(&mount_lock);
}

void mount_init(void)
{
	mount_cache = slab_cache_create("mount", sizeof(struct mount), CACHE_LINE, 0, NULL);
	/* A line for each CPU: kmalloc aligns so only what is a power of two. */
	counts_cache = slab_cache_create(
		"mount_counts", nr_cpus * sizeof(struct mount_count), CACHE_LINE, 0, NULL);
	if (!mount_cache || !counts_cache)
		panic("mount: no memory");
	work_init(&dead_work, end_dead_mounts);
}
