/*
 * Path resolution against a second opinion: random paths through an endless tree, each answered by a
 * plain walk, by a cached-only one, and by a dozen lines that only know what names mean. The plain walk
 * must agree with those; the cached one must agree or say EAGAIN, ask the file system nothing and leave
 * nothing behind; with everything cached EAGAIN is for what CONTRACT 1 says and nothing else.
 *
 * The tree: every directory holds the names of the table below; a second instance is mounted on /d/d.
 */
#include "abi/errno.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/generic.h"
#include "vfs/internal.h"
#include "vfs/walk.h"

static const struct entry {
	const char *name, *link;
	u32 mode;
} entries[] = {
	{"d", NULL, S_IFDIR | 0755},
	{"another-directory-with-a-name-that-is-not-inline", NULL, S_IFDIR | 0755},
	{"secret", NULL, S_IFDIR | 0700},
	{"f", NULL, S_IFREG | 0644},
	{"to-d", "d", S_IFLNK | 0777},
	{"to-f", "f", S_IFLNK | 0777},
	{"up", "..", S_IFLNK | 0777},
	{"abs", "/d/d", S_IFLNK | 0777},
	{"slash", "to-d/", S_IFLNK | 0777},
	{"far", "./abs/../to-d//to-d", S_IFLNK | 0777},
	{"dangling", "missing", S_IFLNK | 0777},
	{"loop", "loop", S_IFLNK | 0777},
};

static const struct entry *entry_of(const char *name, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
		if (strlen(entries[i].name) == len && memcmp(entries[i].name, name, len) == 0)
			return &entries[i];
	return NULL;
}

/* ---- The tree as a file system ---- */

static u64 lookups, links_read;

static int tree_lookup(struct inode *dir, struct dentry *d);

static int tree_read_link(struct inode *inode)
{
	const struct entry *e = inode->private_data;
	char *body = kzalloc(strlen(e->link) + 1 + NAME_SLACK, ALLOC_WAIT);

	might_sleep();
	links_read++;
	memcpy(body, e->link, strlen(e->link));
	inode_set_link(inode, body);
	return 0;
}

static const struct inode_ops tree_ops = {.lookup = tree_lookup, .read_link = tree_read_link};

static struct inode *tree_inode(struct super_block *sb, const struct entry *e)
{
	struct inode *inode = inode_alloc(sb);

	assert(inode);
	inode->mode = e->mode;
	inode->ops = &tree_ops;
	inode->private_data = (void *)e;
	return inode;
}

static int tree_lookup(struct inode *dir, struct dentry *d)
{
	const struct entry *e = entry_of(d->name, (u32)d->hash_len);

	might_sleep();
	lookups++;
	dcache_add(d, e ? tree_inode(dir->sb, e) : NULL);
	return 0;
}

static const struct super_ops tree_super_ops;

static int tree_fill(struct super_block *sb, const char *options)
{
	(void)options;
	sb->ops = &tree_super_ops;
	sb->root = dentry_alloc_root(sb, tree_inode(sb, &entries[0]));
	return sb->root ? 0 : -ENOMEM;
}

static struct file_system tree = {.name = "tree", .fill_super = tree_fill};

static void setup_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	fs_context_init();
	tmpfs_init();
	file_system_register(&tree);
	assert(mount_root(super_mount(&tree, NULL, "", 0), "tree", 0) == 0);
	assert(mount_at("tree", "tree", "/d/d", "", 0) == 0);
}

/* ---- The second opinion ---- */

struct opinion {
	int error;
	bool judged_again; /* cached: EAGAIN instead */
	unsigned links;
	const struct entry *place[128]; /* from the root; [0] is the root itself */
	unsigned depth;
};

static int opinion_walk(struct opinion *o, const char *path, unsigned flags);

static int judged_again(struct opinion *o, int error)
{
	o->judged_again = true;
	return error;
}

static int opinion_link(struct opinion *o, const struct entry *e, unsigned flags)
{
	if (flags & WALK_NO_SYMLINKS)
		return -ELOOP;
	if (o->links++ >= 40)
		return -ELOOP;
	return opinion_walk(o, e->link, flags | WALK_FOLLOW);
}

/* One component from where o is. final: nothing but slashes follow; then *follow counts. */
static int opinion_step(
	struct opinion *o, const char *name, size_t len, bool follow, unsigned flags)
{
	const struct entry *here = o->place[o->depth], *e;

	if (!S_ISDIR(here->mode))
		return judged_again(o, -ENOTDIR);
	if ((here->mode & 0111) != 0111 && current_cred()->fsuid != 0)
		return judged_again(o, -EACCES);
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		if (o->depth == 0 && (flags & WALK_BENEATH))
			return judged_again(o, -EXDEV);
		o->depth -= o->depth > 0;
		return 0;
	}
	e = entry_of(name, len);
	if (!e)
		return -ENOENT;
	if (e->link && follow)
		return opinion_link(o, e, flags);
	o->place[++o->depth] = e;
	return 0;
}

static int opinion_walk(struct opinion *o, const char *path, unsigned flags)
{
	bool slash = false;

	if (!*path)
		return -ENOENT;
	if (*path == '/') {
		if (flags & WALK_BENEATH)
			return -EXDEV;
		o->depth = 0;
	}
	for (;;) {
		size_t len = 0;
		const char *name;
		int error;

		while (*path == '/')
			path++;
		if (!*path)
			break;
		name = path;
		while (path[len] && path[len] != '/')
			len++;
		path += len;
		slash = *path == '/';
		error = opinion_step(o, name, len, slash || (flags & WALK_FOLLOW), flags);
		if (error)
			return error;
	}
	return slash && !S_ISDIR(o->place[o->depth]->mode) ? -ENOTDIR : 0;
}

static void opinion_of(struct opinion *o, const char *path, unsigned flags)
{
	*o = (struct opinion){.place = {&entries[0]}};
	o->error = opinion_walk(o, path, flags);
	if (!o->error && (flags & WALK_DIRECTORY) && !S_ISDIR(o->place[o->depth]->mode))
		o->error = -ENOTDIR;
}

/* "/d/f" for where the opinion ended. */
static void opinion_text(const struct opinion *o, char *buf, size_t size)
{
	strlcpy(buf, o->depth ? "" : "/", size);
	for (unsigned i = 1; i <= o->depth; i++) {
		size_t at = strlen(buf);

		buf[at] = '/';
		strlcpy(buf + at + 1, o->place[i]->name, size - at - 1);
	}
}

/* ---- Walks ---- */

static int walk(const char *path, unsigned flags, char *text, size_t size)
{
	struct walk_start start = {.dirfd = AT_FDCWD, .flags = flags, .name = path};
	struct path found, root;
	int error;

	if (flags & WALK_CACHED)
		nonblock_begin();
	error = walk_path(&start, &found);
	if (flags & WALK_CACHED)
		nonblock_end();
	if (error)
		return error;
	mount_get_root(&root);
	strlcpy(text, path_text(&found, &root, text, size), size);
	path_put(&root);
	path_put(&found);
	return 0;
}

static u32 random_state = 1;

static u32 random_u32(u32 below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void random_path(char *path, size_t size)
{
	static const char *const others[] = {".", "..", "..", "", "missing", "d", "d"};
	unsigned n = 1 + random_u32(8);

	strlcpy(path, random_u32(3) ? "" : "/", size);
	for (unsigned i = 0; i < n; i++) {
		u32 pick = random_u32(ARRAY_SIZE(entries) + ARRAY_SIZE(others));
		size_t at = strlen(path);

		strlcpy(path + at,
			pick < ARRAY_SIZE(entries) ? entries[pick].name
						   : others[pick - ARRAY_SIZE(entries)],
			size - at);
		at = strlen(path);
		strlcpy(path + at, i + 1 < n || random_u32(6) == 0 ? "/" : "", size - at);
	}
}

/* Flags that random walks use; WALK_FOLLOW twice as likely as the others. */
static unsigned random_flags(void)
{
	static const unsigned some[] = {WALK_DIRECTORY, WALK_BENEATH, WALK_IN_ROOT,
		WALK_NO_SYMLINKS, WALK_NO_RCU, WALK_NO_MAGICLINKS};
	unsigned flags = random_u32(3) ? WALK_FOLLOW : 0;

	if (random_u32(2))
		flags |= some[random_u32(ARRAY_SIZE(some))];
	return flags;
}

/* One random path; false with a message when the opinions differ. */
static bool walks_agree(void)
{
	static char path[600], expected[6000], plain_text[6000], cached_text[6000];
	static struct opinion o;
	unsigned flags = random_flags(), cached_flags = (flags & ~WALK_NO_RCU) | WALK_CACHED;
	int early, plain, cached, cached_expected;
	u64 asked, entries_before;

	memset(path, 0, sizeof(path));
	random_path(path, 500);
	opinion_of(&o, path, flags);
	if (!o.error)
		opinion_text(&o, expected, sizeof(expected));
	cached_expected = o.judged_again ? -EAGAIN : o.error;

	/* Whatever happens to be cached. */
	asked = lookups + links_read;
	entries_before = dcache_dentry_count();
	early = walk(path, cached_flags, cached_text, sizeof(cached_text));
	if (lookups + links_read != asked || dcache_dentry_count() != entries_before)
		early = 1; /* did what it must not */
	plain = walk(path, flags, plain_text, sizeof(plain_text));
	/* Everything is. */
	cached = walk(path, cached_flags, cached_text, sizeof(cached_text));
	if (plain == o.error && (early == -EAGAIN || early == cached_expected) &&
		cached == cached_expected && (plain || strcmp(plain_text, expected) == 0) &&
		(cached || strcmp(cached_text, expected) == 0))
		return true;
	ktest_fail(__FILE__, __LINE__,
		"'%s' flags %x: plain %d, cached before %d, after %d, expected %d", path, flags,
		plain, early, cached, o.error);
	if (!plain)
		printk("  '%s', expected '%s'", plain_text, expected);
	return false;
}

static void random_walks(unsigned rounds)
{
	setup_once();
	for (unsigned i = 0; i < rounds; i++) {
		if (!walks_agree())
			return;
		if (i % 16 == 0)
			dcache_shrink(NULL, random_u32(40));
		if (i % 256 == 0)
			drop_caches(2);
	}
}

KTEST(walk_agrees_with_a_second_opinion)
{
	random_walks(20000);
}

KTEST(walk_agrees_for_who_may_not_search_everywhere)
{
	static struct cred nobody = {.refs = 1 << 20,
		.uid = 1000,
		.euid = 1000,
		.fsuid = 1000,
		.gid = 1000,
		.egid = 1000,
		.fsgid = 1000};
	struct cred *old = cred_override(&nobody);

	random_walks(10000);
	cred_restore(old);
}

/* For every k: with the k-th component uncached, EAGAIN; afterwards the whole walk inline. */
KTEST(walk_never_blocks_at_any_component)
{
	static const char *const kinds[] = {"d", "to-d", "missing", "d/..", "slash", "secret"};
	char path[200], prefix[200], text[400];

	setup_once();
	for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		for (unsigned k = 0; k < 10; k++) {
			bool missing = kind == 2;
			u64 asked, before;

			memset(path, 0, sizeof(path));
			memset(prefix, 0, sizeof(prefix));
			strlcpy(path, "/another-directory-with-a-name-that-is-not-inline", 100);
			for (unsigned i = 0; i < k; i++)
				strlcpy(path + strlen(path), "/d", 8);
			strlcpy(prefix, path, sizeof(prefix));
			strlcpy(path + strlen(path), "/", 8);
			strlcpy(path + strlen(path), kinds[kind], 16);
			strlcpy(path + strlen(path), "/f", 8);

			drop_caches(2);
			KT_EQ(walk(prefix, WALK_FOLLOW, text, sizeof(text)), 0);
			asked = lookups + links_read;
			before = dcache_dentry_count();
			KT_EQ(walk(path, WALK_FOLLOW | WALK_CACHED, text, sizeof(text)), -EAGAIN);
			KT_EQ(lookups + links_read, asked);
			KT_EQ(dcache_dentry_count(), before);
			KT_EQ(walk(path, WALK_FOLLOW, text, sizeof(text)), missing ? -ENOENT : 0);
			asked = lookups + links_read;
			KT_EQ(walk(path, WALK_FOLLOW | WALK_CACHED, text, sizeof(text)),
				missing ? -ENOENT : 0);
			KT_EQ(lookups + links_read, asked);
		}
}

/* The mount on /d/d: its other side has the same names, so only NO_XDEV can tell. */
KTEST(walk_crosses_mounts_both_ways)
{
	static const struct {
		const char *path;
		int plain, cached;
	} rows[] = {
		{"d/f", 0, 0},
		{"d/d", -EXDEV, -EAGAIN},
		{"d/d/f", -EXDEV, -EAGAIN},
		{"d/d/..", -EXDEV, -EAGAIN},
		{"/d/f", 0, 0},
		{"abs", -EXDEV, -EAGAIN},
		{"d/to-d", -EXDEV, -EAGAIN},
		{"d/to-f", 0, 0},
		{"..", 0, 0},
	};
	char path[64], text[400];

	setup_once();
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(path, 0, sizeof(path));
		strlcpy(path, rows[i].path, sizeof(path) - NAME_SLACK);
		KT_EQ(walk(path, WALK_FOLLOW, text, sizeof(text)), 0);
		KT_EQ(walk(path, WALK_FOLLOW | WALK_NO_XDEV, text, sizeof(text)), rows[i].plain);
		KT_EQ(walk(path, WALK_FOLLOW | WALK_NO_XDEV | WALK_CACHED, text, sizeof(text)),
			rows[i].cached);
	}
}
