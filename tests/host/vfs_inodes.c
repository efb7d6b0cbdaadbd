/* The inode cache and permission bits, under AddressSanitizer. */
#include "abi/errno.h"
#include "kernel/block.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/workqueue.h"
#include "vfs/cred.h"
#include "vfs/file_internal.h"
#include "vfs/page_tree.h"
#include "tests/host/slab_count.h"

static void setup_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	cred_init();
	inode_init();
	page_cache_init();
}

static struct super_block test_sb;
static u32 evictions;

static void count_eviction(struct inode *inode)
{
	(void)inode;
	evictions++;
}

static const struct super_ops test_super_ops = {.evict_inode = count_eviction};

static struct super_block *fresh_super(void)
{
	setup_once();
	if (!test_sb.ops) {
		test_sb.ops = &test_super_ops;
		list_init(&test_sb.inodes);
		spin_lock_init(&test_sb.inodes_lock, RANK_INODE_STATE);
		strlcpy(test_sb.name, "test", sizeof(test_sb.name));
	}
	evictions = 0;
	return &test_sb;
}

static struct inode *get_inode(u64 ino)
{
	bool is_new;
	struct inode *inode = inode_get_locked(&test_sb, ino, &is_new);

	if (!IS_ERR(inode) && is_new)
		inode_new_done(inode, 0);
	return inode;
}

KTEST(inode_cache_keeps_unused_ones_until_asked)
{
	struct super_block *sb = fresh_super();

	rcu_barrier();
	u64 before = slab_count_in_use("inode");
	struct inode *a = get_inode(5), *b = get_inode(6);

	KT_CHECK(a != b);
	KT_EQ(a->ino, 5);
	KT_CHECK(get_inode(5) == a);
	inode_put(a);
	inode_put(a);
	KT_CHECK(get_inode(5) == a);
	inode_put(a);
	KT_EQ(evictions, 0);
	KT_EQ(inode_shrink(sb, 10), 1);
	KT_EQ(evictions, 1);
	inode_put(b);
	KT_EQ(inode_shrink(sb, 10), 1);
	rcu_barrier();
	KT_EQ(slab_count_in_use("inode"), before);
}

KTEST(inode_without_links_goes_with_its_last_reference)
{
	fresh_super();
	struct inode *a = get_inode(9);

	inode_set_nlink(a, 0);
	inode_get(a);
	inode_put(a);
	KT_EQ(evictions, 0);
	inode_put(a);
	KT_EQ(evictions, 1);
	a = inode_alloc(&test_sb);
	inode_put(a);
	KT_EQ(evictions, 2);
}

KTEST(inode_end_is_put_off_where_sleeping_is_not_allowed)
{
	fresh_super();
	struct inode *a = get_inode(9);

	inode_set_nlink(a, 0);
	nonblock_begin();
	inode_put(a);
	nonblock_end();
	if (nr_cpus == 1) /* another CPU may do the work at once */
		KT_EQ(evictions, 0);
	work_flush();
	KT_EQ(evictions, 1);
}

struct getter {
	struct thread *thread;
	struct completion done;
	struct inode *inode;
	bool is_new;
};

static void getter_main(void *arg)
{
	struct getter *g = arg;

	g->inode = inode_get_locked(&test_sb, 77, &g->is_new);
	complete(&g->done);
}

static void getter_start(struct getter *g)
{
	*g = (struct getter){.inode = NULL};
	completion_init(&g->done);
	g->thread = thread_create("getter", getter_main, g);
	thread_start(g->thread);
	yield();
}

static void getter_join(struct getter *g)
{
	wait_for_completion(&g->done);
	thread_put(g->thread);
}

KTEST(inode_get_waits_for_whoever_reads_it)
{
	struct getter g;
	bool is_new;

	fresh_super();
	struct inode *inode = inode_get_locked(&test_sb, 77, &is_new);

	KT_CHECK(is_new);
	getter_start(&g);
	KT_CHECK(g.inode == NULL);
	inode_new_done(inode, 0);
	getter_join(&g);
	KT_CHECK(g.inode == inode && !g.is_new);
	inode_put(inode);
	inode_put(inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_that_cannot_be_read_is_tried_again_by_the_next)
{
	struct getter g;
	bool is_new;

	fresh_super();
	struct inode *inode = inode_get_locked(&test_sb, 77, &is_new);

	getter_start(&g);
	inode_new_done(inode, -EIO);
	getter_join(&g);
	KT_CHECK(g.inode != NULL && g.is_new);
	KT_EQ(evictions, 0); /* a half-read inode is none of evict_inode's business */
	inode_new_done(g.inode, 0);
	inode_put(g.inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

/* A get that comes while evict_inode runs waits for its end and gets a new inode. */
static struct getter eviction_getter;
static struct inode *evicted;

/* Inodes that are being freed still look at the old ones. */
static void set_ops(const struct super_ops *ops)
{
	rcu_barrier();
	test_sb.ops = ops;
}

static void evict_and_get(struct inode *inode)
{
	evicted = inode;
	getter_start(&eviction_getter);
	KT_CHECK(eviction_getter.inode == NULL);
}

KTEST(inode_get_never_returns_a_dying_one)
{
	static const struct super_ops ops = {.evict_inode = evict_and_get};

	fresh_super();
	inode_put(get_inode(77));
	set_ops(&ops);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
	set_ops(&test_super_ops);
	getter_join(&eviction_getter);
	KT_CHECK(eviction_getter.is_new);
	inode_new_done(eviction_getter.inode, 0);
	inode_put(eviction_getter.inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_link_is_set_once)
{
	fresh_super();
	struct inode *inode = get_inode(3);
	char *first = kzalloc(8, ALLOC_WAIT), *second = kzalloc(8, ALLOC_WAIT);

	inode_set_link(inode, first);
	inode_set_link(inode, second);
	KT_CHECK(inode->link == first);
	inode_put(inode);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
}

KTEST(inode_shutdown_leaves_nothing)
{
	fresh_super();
	for (u64 ino = 1; ino < 200; ino++)
		inode_put(get_inode(ino));
	inode_evict_all(&test_sb);
	KT_EQ(evictions, 199);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* A shutdown that comes while a shrinker evicts: until that is done the super block is in use. */
static struct completion shutdown_done;

static void shutdown_main(void *arg)
{
	inode_evict_all(arg);
	complete(&shutdown_done);
}

static void evict_and_shut_down(struct inode *inode)
{
	struct thread *t = thread_create("shutdown", shutdown_main, inode->sb);

	thread_start(t);
	thread_put(t);
	for (int i = 0; i < 10; i++)
		yield();
	KT_EQ(READ_ONCE(shutdown_done.done), 0);
	evictions++;
}

KTEST(inode_shutdown_waits_for_a_shrinker)
{
	static const struct super_ops ops = {.evict_inode = evict_and_shut_down};

	fresh_super();
	completion_init(&shutdown_done);
	inode_put(get_inode(5));
	set_ops(&ops);
	KT_EQ(inode_shrink(&test_sb, 1), 1);
	wait_for_completion(&shutdown_done);
	set_ops(&test_super_ops);
	KT_EQ(evictions, 1);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* One that is put where nobody may sleep, when every thread of the work queue is busy shutting down. */
KTEST(inode_shutdown_takes_what_was_put_off)
{
	fresh_super();
	struct inode *inode = get_inode(5);

	inode_set_nlink(inode, 0);
	nonblock_begin();
	inode_put(inode);
	nonblock_end();
	inode_evict_all(&test_sb);
	KT_EQ(evictions, 1);
	KT_CHECK(list_empty(&test_sb.inodes));
}

/* ---- Permissions ---- */

static int permission_as(u32 uid, u32 gid, u32 mode, unsigned may)
{
	struct cred c = {.refs = 1, .fsuid = uid, .fsgid = gid, .ngroups = 1, .groups = {30}};
	struct inode inode = {.mode = mode, .uid = 10, .gid = 20};
	struct cred *old = current->cred;

	current->cred = &c;
	int result = inode_permission(&inode, may);

	current->cred = old;
	return result;
}

KTEST(permission_classes_are_exclusive)
{
	setup_once();
	for (u32 bits = 0; bits < 8; bits++)
		for (u32 may = 0; may < 8; may++) {
			int expected = (may & ~bits) ? -EACCES : 0;

			/* the owner's bits count for the owner, even when others may do more */
			KT_EQ(permission_as(10, 20, S_IFREG | bits << 6 | 077, may), expected);
			KT_EQ(permission_as(11, 20, S_IFREG | 0700 | bits << 3 | 07, may),
				expected);
			KT_EQ(permission_as(11, 21, S_IFREG | 0770 | bits, may), expected);
		}
}

KTEST(permission_root_and_groups)
{
	setup_once();
	KT_EQ(permission_as(0, 0, S_IFREG, MAY_READ | MAY_WRITE), 0);
	KT_EQ(permission_as(0, 0, S_IFREG, MAY_EXEC), -EACCES);
	KT_EQ(permission_as(0, 0, S_IFREG | 0001, MAY_EXEC), 0);
	KT_EQ(permission_as(0, 0, S_IFDIR, MAY_EXEC), 0);

	struct cred c = {.fsuid = 11, .fsgid = 21, .ngroups = 2, .groups = {5, 20}};

	KT_CHECK(cred_in_group(&c, 20) && cred_in_group(&c, 21) && !cred_in_group(&c, 10));
}

KTEST(permission_sticky_directories)
{
	struct cred c = {.refs = 1, .fsuid = 11};
	struct inode dir = {.mode = S_IFDIR | S_ISVTX | 0777, .uid = 1}, victim = {.uid = 2};
	struct cred *old = current->cred;

	setup_once();
	current->cred = &c;
	int others = inode_may_delete(&dir, &victim);

	victim.uid = 11;
	int own = inode_may_delete(&dir, &victim);

	victim.uid = 2;
	dir.uid = 11;
	int own_dir = inode_may_delete(&dir, &victim);

	current->cred = old;
	KT_EQ(others, -EPERM);
	KT_EQ(own, 0);
	KT_EQ(own_dir, 0);
}
