/*
 * The dentry cache over a file system of nothing but names: what was added is found and nothing else,
 * each change fails the walks that stand on what it changes, unused entries go and used ones stay, one
 * thread at a time asks for a missing name, and no entry is left when the file system goes.
 */
#include "abi/errno.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/wait.h"
#include "vfs/cred.h"
#include "vfs/file.h"
#include "vfs/internal.h"

static const struct inode_ops no_ops;
static const struct super_ops super_ops;

static struct inode *new_inode(struct super_block *sb, u32 mode)
{
	struct inode *inode = inode_alloc(sb);

	assert(inode);
	inode->mode = mode;
	inode->ops = &no_ops;
	return inode;
}

static int fill_super(struct super_block *sb, const char *options)
{
	(void)options;
	sb->ops = &super_ops;
	sb->root = dentry_alloc_root(sb, new_inode(sb, S_IFDIR | 0755));
	return sb->root ? 0 : -ENOMEM;
}

static struct file_system names_only = {.name = "names", .fill_super = fill_super};
static u64 dentries_before;

static u64 dentries(void)
{
	struct dcache_stats stats;

	dcache_get_stats(&stats);
	return stats.dentries;
}

/* An empty tree of its own for each test. */
static struct super_block *tree_begin(void)
{
	static bool done;
	struct super_block *sb;

	if (!done) {
		cred_init();
		page_cache_init();
		dcache_init();
		inode_init();
		mount_init();
		file_init();
		done = true;
	}
	dentries_before = dentries();
	sb = super_mount(&names_only, NULL, "", 0);
	assert(!IS_ERR(sb));
	return sb;
}

/* True when nothing of it is left. */
static bool tree_end(struct super_block *sb)
{
	super_put(sb);
	rcu_barrier();
	return dentries() == dentries_before;
}

/* A name as a walk would hand it in; a few of them live at the same time. */
static const struct qstr *name_in(const struct dentry *dir, const char *text)
{
	static struct {
		char text[NAME_MAX + 1 + NAME_SLACK];
		struct qstr name;
	} names[16], *n;
	static unsigned next;

	n = &names[next++ % ARRAY_SIZE(names)];
	memset(n->text, '#', sizeof(n->text));
	strlcpy(n->text, text, NAME_MAX + 1);
	n->name = (struct qstr){n->text, name_hash(dir, n->text)};
	return &n->name;
}

/* Add a name, referenced; mode 0: negative. */
static struct dentry *add(struct dentry *dir, const char *text, u32 mode)
{
	struct dentry *d = dentry_alloc(dir, name_in(dir, text));

	assert(d);
	dcache_add(d, mode ? new_inode(dir->sb, mode) : NULL);
	return d;
}

/* What a walk finds there: NULL or the entry, unreferenced. */
static struct dentry *find(const struct dentry *dir, const char *text)
{
	struct dentry *d;
	u32 seq;

	rcu_read_lock();
	d = dcache_lookup_rcu(dir, name_in(dir, text), &seq);
	rcu_read_unlock();
	return d;
}

static char long_a[NAME_MAX + 1], long_b[NAME_MAX + 1];

static void make_long_names(void)
{
	memset(long_a, 'a', NAME_MAX);
	memset(long_b, 'a', NAME_MAX);
	long_b[NAME_MAX - 1] = 'b';
}

KTEST(dcache_finds_what_was_added_and_nothing_else)
{
	struct super_block *sb = tree_begin();
	struct dentry *root = sb->root, *dir = add(root, "dir", S_IFDIR | 0755), *d[4], *again;

	make_long_names();
	d[0] = add(root, "x", S_IFREG | 0644);
	d[1] = add(dir, "x", S_IFREG | 0644);
	d[2] = add(root, long_a, S_IFREG | 0644);
	d[3] = add(dir, "not-there", 0);
	KT_CHECK(find(root, "x") == d[0] && find(dir, "x") == d[1]);
	KT_CHECK(find(root, long_a) == d[2] && !find(root, long_b) && !find(dir, long_a));
	KT_CHECK(find(dir, "not-there") == d[3] && dentry_is_negative(d[3]));
	KT_CHECK(!find(dir, "not-ther") && !find(dir, "not-there!") && !find(root, "not-there"));
	KT_EQ(dentry_type(d[0]), DENTRY_TYPE_REG);
	KT_EQ(dentry_type(dir), DENTRY_TYPE_DIR);

	again = dcache_lookup(root, name_in(root, "x"));
	KT_CHECK(again == d[0]);
	KT_EQ(d[0]->ref.count, 2);
	dentry_put(again);
	KT_CHECK(dcache_lookup(root, name_in(root, "y")) == NULL);
	for (unsigned i = 0; i < 4; i++)
		dentry_put(d[i]);
	dentry_put(dir);
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_every_name_length)
{
	struct super_block *sb = tree_begin();
	char text[NAME_MAX + 1] = "";
	struct dentry *d;

	for (unsigned len = 1; len <= NAME_MAX; len++) {
		text[len - 1] = (char)('a' + len % 26);
		d = add(sb->root, text, S_IFREG | 0644);
		dentry_put(d);
		KT_CHECK(find(sb->root, text) == d);
		KT_EQ(strlen(d->name), len);
		KT_EQ(d->hash_len, name_hash_len(sb->root, text, len));
	}
	for (unsigned len = NAME_MAX; len >= 1; len--) {
		KT_CHECK(find(sb->root, text) != NULL);
		text[len - 1] = '\0';
	}
	KT_CHECK(tree_end(sb));
}

/* A walk took d's sequence, then change happens: its next check must fail. */
static bool walk_fails(struct dentry *d, u32 seq)
{
	enum ref_result got;

	rcu_read_lock();
	got = dentry_get_rcu(d, seq);
	rcu_read_unlock();
	if (got != REF_DEAD)
		dentry_put(d);
	return got != REF_OK;
}

KTEST(dcache_negative_gets_an_inode_and_loses_it)
{
	struct super_block *sb = tree_begin();
	struct dentry *d = add(sb->root, "file", 0);
	u32 seq = seqcount_begin(&d->seq);

	KT_CHECK(!walk_fails(d, seq));
	dcache_instantiate(d, new_inode(sb, S_IFREG | 0644));
	KT_CHECK(walk_fails(d, seq));
	KT_EQ(dentry_type(d), DENTRY_TYPE_REG);
	KT_CHECK(find(sb->root, "file") == d);

	/* Nobody else uses it: it becomes negative and stays. */
	seq = seqcount_begin(&d->seq);
	dcache_delete(d);
	KT_CHECK(walk_fails(d, seq));
	KT_CHECK(find(sb->root, "file") == d && dentry_is_negative(d) && !d->inode);

	/* Somebody does: it keeps its inode and is found no more. */
	dcache_instantiate(d, new_inode(sb, S_IFREG | 0644));
	dentry_get(d);
	seq = seqcount_begin(&d->seq);
	dcache_delete(d);
	KT_CHECK(walk_fails(d, seq));
	KT_CHECK(find(sb->root, "file") == NULL && d->inode && !dentry_is_hashed(d));
	dentry_put(d);
	dentry_put(d);
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_dropped_name_ends_with_its_last_user)
{
	struct super_block *sb = tree_begin();
	struct dentry *d = add(sb->root, "file", S_IFREG | 0644);
	u64 count = dentries();
	u32 seq = seqcount_begin(&d->seq);

	dcache_drop(d);
	KT_CHECK(walk_fails(d, seq));
	KT_CHECK(find(sb->root, "file") == NULL);
	KT_EQ(dentries(), count);
	/* The name is free for another one meanwhile. */
	struct dentry *other = add(sb->root, "file", S_IFREG | 0644);

	KT_CHECK(find(sb->root, "file") == other);
	rcu_read_lock();
	dentry_put_nosleep(d); /* left to a kernel thread */
	rcu_read_unlock();
	dentry_put(other);
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_mode_change_fails_walks)
{
	struct super_block *sb = tree_begin();
	struct dentry *d = add(sb->root, "dir", S_IFDIR | 0755);
	u32 seq = seqcount_begin(&d->seq);

	KT_CHECK(d->flags & DENTRY_SEARCH_ALL);
	WRITE_ONCE(d->inode->mode, S_IFDIR | 0700);
	dcache_mode_changed(d);
	KT_CHECK(walk_fails(d, seq));
	KT_CHECK(!(d->flags & DENTRY_SEARCH_ALL));
	KT_EQ(dentry_type(d), DENTRY_TYPE_DIR);
	dentry_put(d);
	KT_CHECK(tree_end(sb));
}

/* The path of d in sb's tree; for messages and comparisons. */
static const char *path_in(struct super_block *sb, struct dentry *d)
{
	static char buf[600];
	struct mount mnt = {.root = sb->root, .parent = &mnt};
	struct path path = {&mnt, d}, root = {&mnt, sb->root};

	return path_text(&path, &root, buf, sizeof(buf));
}

KTEST(dcache_rename_moves_name_and_place)
{
	static const char *const new_names[] = {"n", "another-name", NULL, NULL};

	make_long_names();
	for (unsigned i = 0; i < 8; i++) {
		struct super_block *sb = tree_begin();
		struct dentry *root = sb->root, *a = add(root, "a", S_IFDIR | 0755),
			      *b = add(root, "b", S_IFDIR | 0755);
		const char *old_name = i < 4 ? "old" : long_b,
			   *new_name = new_names[i % 4] ? new_names[i % 4] : long_a;
		struct dentry *from = add(a, old_name, S_IFREG | 0644),
			      *to = add(b, new_name, i % 4 == 3 ? 0 : S_IFREG | 0644);
		u32 from_seq = seqcount_begin(&from->seq), to_seq = seqcount_begin(&to->seq);
		u32 rename_seq = read_seqbegin(&rename_lock);

		dcache_move(from, to);
		KT_CHECK(walk_fails(from, from_seq) && walk_fails(to, to_seq));
		KT_CHECK(read_seqretry(&rename_lock, rename_seq));
		KT_CHECK(find(b, new_name) == from && !find(a, old_name) && !find(a, new_name));
		KT_CHECK(from->parent == b && !dentry_is_hashed(to));
		KT_EQ(strcmp(from->name, new_name), 0);
		KT_EQ(from->hash_len, name_hash_len(b, new_name, (u32)strlen(new_name)));
		/* Each directory is used by us, and by what lies in it. */
		KT_EQ(a->ref.count, 1);
		KT_EQ(b->ref.count, 3);
		const char *path = path_in(sb, from);

		KT_EQ(memcmp(path, "/b/", 3), 0);
		KT_EQ(strcmp(path + 3, new_name), 0);
		dentry_put(to);
		dentry_put(from);
		dentry_put(a);
		dentry_put(b);
		KT_CHECK(tree_end(sb));
	}
}

KTEST(dcache_rename_within_a_directory)
{
	struct super_block *sb = tree_begin();
	struct dentry *d = add(sb->root, "0", S_IFREG | 0644);
	char name[2] = "0";

	for (unsigned i = 1; i < 100; i++) {
		char next[2] = {(char)('0' + i % 40), '\0'};
		struct dentry *to = dcache_lookup(sb->root, name_in(sb->root, next));

		if (!to)
			to = add(sb->root, next, 0);
		dcache_move(d, to);
		dentry_put(to);
		KT_CHECK(find(sb->root, next) == d && !find(sb->root, name));
		memcpy(name, next, sizeof(name));
	}
	KT_EQ(sb->root->ref.count, 2);
	dentry_put(d);
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_exchange_swaps_two_trees)
{
	struct super_block *sb = tree_begin();
	struct dentry *root = sb->root, *a = add(root, "a", S_IFDIR | 0755),
		      *b = add(root, "b", S_IFDIR | 0755), *x = add(a, "x", S_IFDIR | 0755),
		      *y = add(b, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", S_IFDIR | 0755),
		      *in_x = add(x, "in", S_IFREG | 0644);
	u32 x_seq = seqcount_begin(&x->seq), y_seq = seqcount_begin(&y->seq);

	KT_CHECK(dentry_is_descendant(in_x, a) && !dentry_is_descendant(in_x, b));
	KT_CHECK(dentry_is_descendant(x, x) && dentry_is_descendant(x, root));
	KT_CHECK(!dentry_is_descendant(root, x) && !dentry_is_descendant(x, in_x));
	dcache_exchange(x, y);
	KT_CHECK(walk_fails(x, x_seq) && walk_fails(y, y_seq));
	KT_CHECK(find(a, "x") == y && x->parent == b && y->parent == a);
	KT_CHECK(find(b, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") == x);
	KT_CHECK(dentry_is_descendant(in_x, b) && !dentry_is_descendant(in_x, a));
	KT_CHECK(find(x, "in") == in_x);
	KT_EQ(a->ref.count, 2);
	KT_EQ(b->ref.count, 2);
	dcache_exchange(y, x);
	KT_EQ(strcmp(path_in(sb, in_x), "/a/x/in"), 0);
	dentry_put(in_x);
	dentry_put(x);
	dentry_put(y);
	dentry_put(a);
	dentry_put(b);
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_text_of_deleted_and_too_long_paths)
{
	struct super_block *sb = tree_begin();
	struct dentry *d = add(sb->root, "gone", S_IFREG | 0644);
	struct mount mnt = {.root = sb->root, .parent = &mnt};
	struct path path = {&mnt, d}, root = {&mnt, sb->root};
	char buf[64];

	for (size_t size = 1; size < 6; size++)
		KT_EQ(PTR_ERR(path_text(&path, &root, buf, size)), -ENAMETOOLONG);
	KT_EQ(strcmp(path_text(&path, &root, buf, 6), "/gone"), 0);
	KT_EQ(strcmp(path_in(sb, sb->root), "/"), 0);
	dcache_drop(d);
	KT_EQ(strcmp(path_in(sb, d), "/gone (deleted)"), 0);
	dentry_put(d);
	KT_CHECK(tree_end(sb));
}

/* ---- The LRU ---- */

#define NR_FILES 40

static void numbered(char *buf, unsigned i)
{
	buf[0] = (char)('A' + i / 26);
	buf[1] = (char)('a' + i % 26);
	buf[2] = '\0';
}

static unsigned count_files(struct dentry *dir)
{
	unsigned n = 0;
	char name[4];

	for (unsigned i = 0; i < NR_FILES; i++) {
		numbered(name, i);
		n += find(dir, name) != NULL;
	}
	return n;
}

KTEST(dcache_shrinks_what_nobody_uses)
{
	struct super_block *sb = tree_begin();
	struct dentry *dir = add(sb->root, "dir", S_IFDIR | 0755), *used = NULL;
	u64 count;
	char name[4];

	for (unsigned i = 0; i < NR_FILES; i++) {
		struct dentry *d;

		numbered(name, i);
		d = add(dir, name, i % 3 ? S_IFREG | 0644 : 0);
		if (i == 7)
			used = d;
		else
			dentry_put(d);
	}
	count = dentries();
	KT_EQ(dcache_shrink(sb, 10), 10);
	KT_EQ(dentries(), count - 10);
	KT_EQ(count_files(dir), NR_FILES - 10);
	KT_EQ(dcache_shrink(sb, 1000), NR_FILES - 11);
	KT_EQ(count_files(dir), 1);
	KT_CHECK(find(sb->root, "dir") == dir);
	/* A directory becomes unused with its last child, not before. */
	dentry_put(dir);
	KT_EQ(dcache_shrink(sb, 1000), 0);
	dentry_put(used);
	KT_EQ(dcache_shrink(sb, 1000), 2);
	KT_CHECK(!find(sb->root, "dir"));
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_spares_what_was_used_lately)
{
	struct super_block *sb = tree_begin();
	char name[4];

	for (unsigned i = 0; i < NR_FILES; i++) {
		numbered(name, i);
		dentry_put(add(sb->root, name, S_IFREG | 0644));
	}
	/* The first round takes the marks off, the next takes the first entry. Use the older ones. */
	KT_EQ(dcache_shrink(sb, 1), 1);
	for (unsigned i = 1; i < 29; i++) {
		numbered(name, i);
		dentry_put(dcache_lookup(sb->root, name_in(sb->root, name)));
	}
	KT_EQ(dcache_shrink(sb, 10), 10);
	for (unsigned i = 0; i < NR_FILES; i++) {
		numbered(name, i);
		KT_EQ(find(sb->root, name) != NULL, (i > 0 && i < 29) || i == 39);
	}
	KT_CHECK(tree_end(sb));
}

KTEST(dcache_keeps_what_is_pinned_and_what_is_others)
{
	struct super_block *sb = tree_begin();
	struct super_block *other = super_mount(&names_only, NULL, "", 0);
	struct dentry *pinned = add(sb->root, "pinned", S_IFREG | 0644);

	dentry_put(add(sb->root, "file", S_IFREG | 0644));
	dentry_put(add(other->root, "file", S_IFREG | 0644));
	atomic_fetch_or(&pinned->flags, DENTRY_PINNED);
	dentry_put(pinned);
	KT_EQ(dcache_shrink(sb, 1000), 1);
	KT_CHECK(find(sb->root, "pinned") == pinned && find(other->root, "file"));
	KT_EQ(dcache_shrink(NULL, 1000), 1);
	KT_CHECK(!find(other->root, "file"));
	/* Its name is gone: nothing keeps it any more. */
	dentry_get(pinned);
	dcache_delete(pinned);
	KT_CHECK(dentry_is_negative(pinned));
	dentry_put(pinned);
	KT_EQ(dcache_shrink(sb, 1000), 1);
	super_put(other);
	KT_CHECK(tree_end(sb));
}

/* ---- One lookup at a time ---- */

struct comer {
	struct completion done;
	struct thread *thread;
	struct dentry *dir, *got;
	int error;
	bool ours, answered;
};

static void comer_main(void *arg)
{
	struct comer *c = arg;

	c->error = dcache_lookup_begin(c->dir, name_in(c->dir, "wanted"), NULL, &c->got, &c->ours);
	c->answered = true;
	complete(&c->done);
}

static void comer_start(struct comer *c, struct dentry *dir)
{
	*c = (struct comer){.dir = dir};
	completion_init(&c->done);
	c->thread = thread_create("comer", comer_main, c);
	thread_start(c->thread);
	yield(); /* one CPU: it runs until it waits */
}

static void comer_join(struct comer *c)
{
	wait_for_completion(&c->done);
	thread_put(c->thread);
}

KTEST(in_lookup_later_comers_get_the_answer)
{
	struct super_block *sb = tree_begin();
	struct dcache_stats before, after;
	struct dentry *d;
	struct comer comers[5];
	bool ours;

	dcache_get_stats(&before);
	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), NULL, &d, &ours), 0);
	KT_CHECK(ours && !find(sb->root, "wanted"));
	for (unsigned i = 0; i < ARRAY_SIZE(comers); i++) {
		comer_start(&comers[i], sb->root);
		do {
			yield();
			dcache_get_stats(&after);
		} while (after.in_lookup_waits - before.in_lookup_waits < i + 1);
		KT_CHECK(!READ_ONCE(comers[i].answered));
	}
	dcache_add(d, new_inode(sb, S_IFREG | 0644));
	dcache_lookup_end(d);
	for (unsigned i = 0; i < ARRAY_SIZE(comers); i++) {
		comer_join(&comers[i]);
		KT_EQ(comers[i].error, 0);
		KT_CHECK(comers[i].got == d && !comers[i].ours);
		dentry_put(comers[i].got);
	}
	dcache_get_stats(&after);
	KT_EQ(after.in_lookup_waits - before.in_lookup_waits, ARRAY_SIZE(comers));
	KT_EQ(d->ref.count, 1);
	dentry_put(d);
	KT_CHECK(tree_end(sb));
}

KTEST(in_lookup_that_fails_is_anothers_turn)
{
	struct super_block *sb = tree_begin();
	struct comer next;
	struct dentry *d;
	bool ours;

	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), NULL, &d, &ours), 0);
	comer_start(&next, sb->root);
	dcache_lookup_end(d); /* without an answer: the file system failed */
	dentry_put(d);
	comer_join(&next);
	KT_CHECK(next.error == 0 && next.ours);
	dcache_add(next.got, NULL);
	dcache_lookup_end(next.got);
	KT_CHECK(find(sb->root, "wanted") == next.got);
	dentry_put(next.got);
	KT_CHECK(tree_end(sb));
}

struct chained {
	struct dentry_waiter waiter;
	unsigned ran;
};

static void note_run(struct dentry_waiter *w)
{
	container_of(w, struct chained, waiter)->ran++;
}

KTEST(in_lookup_chains_who_may_not_wait)
{
	struct super_block *sb = tree_begin();
	struct chained a = {{.fn = note_run}, 0}, b = a, stranger = a, late = a;
	struct dentry *d, *other, *got;
	bool ours;

	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), &late.waiter, &d, &ours),
		0);
	KT_CHECK(ours && !late.waiter.chained);
	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), &a.waiter, &got, &ours),
		-EAGAIN);
	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), &b.waiter, &got, &ours),
		-EAGAIN);
	KT_CHECK(a.waiter.chained && b.waiter.chained);
	/* Another name is another matter. */
	KT_EQ(dcache_lookup_begin(
		      sb->root, name_in(sb->root, "other"), &stranger.waiter, &other, &ours),
		0);
	KT_CHECK(ours && !stranger.waiter.chained);
	dcache_add(other, NULL);
	dcache_lookup_end(other);
	KT_CHECK(!a.ran && !b.ran);
	dcache_add(d, NULL);
	KT_CHECK(!a.ran && !b.ran);
	dcache_lookup_end(d);
	KT_CHECK(a.ran == 1 && b.ran == 1 && stranger.ran == 0);
	KT_EQ(dcache_lookup_begin(sb->root, name_in(sb->root, "wanted"), &late.waiter, &got, &ours),
		0);
	KT_CHECK(got == d && !ours);
	dentry_put(got);
	dentry_put(d);
	dentry_put(other);
	KT_CHECK(tree_end(sb));
}
