/*
 * The tree of the never-blocks matrix. Every level of it has the same entries:
 *
 *	the next directory (nb_directory)	with a name of one word, of two, or of its own allocation
 *	link, absolute, asked			symlinks to that
 *	f, private, secret			a file, one that we may not read, a directory not to be searched
 *	spare					to be renamed
 *	e, m					the next level of a second chain, and a mount point
 *
 * A mount pins everything above it in the dcache, so mount points have the chain e/e/../m to themselves.
 */
#include "tests/torture/never_blocks.h"

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/internal.h"

/* Numbers of what populate has made; instance 0 is mounted at NB_BASE, k at e/../m with k components. */
static struct {
	u64 directory[NB_DEPTH + 1], file[NB_DEPTH + 1];
	struct mount *mnt;
} instances[NB_DEPTH + 1];
static unsigned nr_instances;
static struct nb_hold *hold; /* atomic; cleared by who is held up */

const char *nb_directory(unsigned level)
{
	static const char *const names[] = {
		"d", "directory-8", "a-directory-with-a-name-that-does-not-fit-into-its-dentry"};

	return names[level % ARRAY_SIZE(names)];
}

/* ---- Making it ---- */

static void append(char *buf, const char *name)
{
	size_t at = strlen(buf);

	if (at)
		buf[at++] = '/';
	strlcpy(buf + at, name, CALLER_AREA_SIZE - at);
}

static void populate(struct tree_node *root)
{
	struct tree_node *here = root, *mounts = root;
	char *path = kzalloc(CALLER_AREA_SIZE, ALLOC_WAIT);
	unsigned nr = nr_instances++;

	assert(path && nr <= NB_DEPTH);
	strlcpy(path, NB_BASE, CALLER_AREA_SIZE);
	instances[nr].directory[0] = root->ino;
	for (unsigned level = 0; level <= NB_DEPTH; level++) {
		const char *name = nb_directory(level);

		append(path, name);
		tree_add(here, "link", S_IFLNK | 0777, name);
		tree_add(here, "absolute", S_IFLNK | 0777, path);
		tree_add(here, "asked", S_IFLNK | 0777, name)->revalidate = true;
		tree_add(here, "private", S_IFREG | 0600, NULL);
		tree_add(here, "secret", S_IFDIR | 0700, NULL);
		tree_add(here, "spare", S_IFREG | 0644, NULL);
		instances[nr].file[level] = tree_add(here, "f", S_IFREG | 0644, NULL)->ino;
		if (level == NB_DEPTH)
			break;
		here = tree_add(here, name, S_IFDIR | 0755, NULL);
		instances[nr].directory[level + 1] = here->ino;
		tree_add(mounts, "m", S_IFDIR | 0755, NULL);
		mounts = tree_add(mounts, "e", S_IFDIR | 0755, NULL);
	}
	kfree(path);
}

/* ---- Holding somebody up ---- */

/* The first one who comes by. */
static void hold_up(bool in_rename)
{
	struct nb_hold *h = READ_ONCE(hold);

	if (!h || h->in_rename != in_rename)
		return;
	WRITE_ONCE(hold, NULL);
	complete(&h->held);
	wait_for_completion(&h->let_go);
}

static void looking(struct inode *dir, const struct dentry *d)
{
	(void)dir, (void)d;
	hold_up(false);
}

static void renaming(struct inode *dir, const struct dentry *from)
{
	(void)dir, (void)from;
	hold_up(true);
}

void nb_hold(struct nb_hold *h, bool in_rename)
{
	h->in_rename = in_rename;
	completion_init(&h->held);
	completion_init(&h->let_go);
	WRITE_ONCE(hold, h);
}

/* ---- Mounting it ---- */

static struct tree_kind tree = {.populate = populate, .looking = looking, .renaming = renaming};

static void resolve(const char *name, struct path *out)
{
	struct walk_start start = {.dirfd = AT_FDCWD, .flags = WALK_FOLLOW, .name = name};

	if (walk_path(&start, out))
		panic("never-blocks: no %s", name);
}

static void mount_instance(const char *path)
{
	struct path root;

	if (mount_at(tree.fs.name, "tree", path, "", 0))
		panic("never-blocks: %s cannot be mounted", path);
	resolve(path, &root);
	instances[nr_instances - 1].mnt = root.mnt;
	path_put(&root);
}

void nb_tree_mount(struct path *base)
{
	char *path = kzalloc(CALLER_AREA_SIZE, ALLOC_WAIT);

	assert(path);
	tree_register(&tree, NB_NAME);
	nr_instances = 0;
	mount_instance(NB_BASE "\0       ");
	for (unsigned k = 1; k <= NB_DEPTH; k++) {
		memset(path, 0, CALLER_AREA_SIZE);
		strlcpy(path, NB_BASE, CALLER_AREA_SIZE);
		for (unsigned i = 1; i < k; i++)
			append(path, "e");
		append(path, "m");
		mount_instance(path);
	}
	kfree(path);
	resolve(NB_BASE "\0       ", base);
}

void nb_tree_unmount(void)
{
	struct path base;

	resolve(NB_BASE "\0       ", &base);
	if (mount_remove(&base, true))
		panic("never-blocks: cannot be unmounted");
}

/* ---- Paths ---- */

struct position {
	const struct nb_kind *kind;
	unsigned n, k;
	unsigned instance, level;
	bool outside; /* above the base */
	u64 ino;      /* of where we are */
};

static void enter_directory(struct position *p, unsigned level)
{
	p->level = level;
	p->ino = instances[p->instance].directory[level];
}

static const char *go_up(struct position *p)
{
	p->ino = 0;
	if (p->level == 0)
		p->outside = true;
	else
		enter_directory(p, p->level - 1);
	return "..";
}

static const char *go_plain(struct position *p, bool last)
{
	const char *name = nb_directory(p->level);

	if (p->outside) {
		p->outside = false;
		enter_directory(p, 0);
		return NB_NAME;
	}
	if (last) {
		p->ino = instances[p->instance].file[p->level];
		return "f";
	}
	enter_directory(p, p->level + 1);
	return name;
}

static const char *go_special(struct position *p, bool last)
{
	switch (p->kind->what) {
	case NB_LINK:
		enter_directory(p, p->level + 1);
		return "link";
	case NB_ABSOLUTE:
		enter_directory(p, p->level + 1);
		return "absolute";
	case NB_ASKED:
		enter_directory(p, p->level + 1);
		return "asked";
	case NB_MOUNT:
		p->instance = p->k;
		enter_directory(p, 0);
		return "m";
	case NB_UP:
	case NB_ABOVE:
		return go_up(p);
	case NB_MISSING:
		return "missing";
	case NB_SECRET:
		return last ? "private" : "secret";
	case NB_FILE:
		return "f";
	default:
		return go_plain(p, last);
	}
}

/* The name of component i, and p behind it. */
static const char *go(struct position *p, unsigned i)
{
	bool last = i == p->n;

	if (i == p->k)
		return go_special(p, last);
	if (i < p->k && p->kind->what == NB_MOUNT)
		return "e";
	if (i < p->k && p->kind->what == NB_ABOVE && i > (p->k - 1) / 2)
		return go_up(p);
	return go_plain(p, last);
}

void nb_path(char *buf, const struct nb_kind *kind, unsigned n, unsigned k, unsigned components)
{
	struct position p = {.kind = kind, .n = n, .k = k};

	/* Half of them from the working directory; scoped ones have no other way. */
	strlcpy(buf, kind->resolve || (n + k) % 2 ? "" : NB_BASE, CALLER_AREA_SIZE);
	for (unsigned i = 1; i <= components; i++)
		append(buf, go(&p, i));
	if (!buf[0])
		strlcpy(buf, ".", CALLER_AREA_SIZE);
}

u64 nb_answer(const struct nb_kind *kind, unsigned n, unsigned k)
{
	struct position p = {.kind = kind, .n = n, .k = k};

	for (unsigned i = 1; i <= n; i++)
		go(&p, i);
	return p.ino;
}

/* ---- Caches ---- */

static void evict(struct super_block *sb)
{
	/* twice: what was used since the shrinker passed has a second round */
	while (dcache_shrink(sb, 1 << 20) || dcache_shrink(sb, 1 << 20))
		;
	while (inode_shrink(sb, 1 << 20) || inode_shrink(sb, 1 << 20))
		;
}

void nb_tree_evict(unsigned k)
{
	evict(instances[0].mnt->sb);
	evict(instances[k].mnt->sb);
}

static u64 mix(u64 h, u64 word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static u64 dentry_fingerprint(const struct dentry *d, u64 h)
{
	const struct dentry *child;
	const struct inode *inode = d->inode;

	h = mix(h, (u64)d);
	h = mix(h, d->seq.sequence);
	h = mix(h, READ_ONCE(d->flags));
	h = mix(h, READ_ONCE(d->ref.both));
	h = mix(h, (u64)inode);
	if (inode) {
		h = mix(h, READ_ONCE(inode->refs));
		h = mix(h, READ_ONCE(inode->state));
		h = mix(h, (u64)inode->link);
		h = mix(h, (u64)inode->atime.sec);
		h = mix(h, (u64)inode->atime.nsec);
	}
	list_for_each_entry (child, &d->children, sibling)
		h = dentry_fingerprint(child, h);
	return h;
}

static void mount_fingerprint(struct mount *m, void *arg)
{
	u64 *h = arg;
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		sum += READ_ONCE(m->counts[cpu].n);
	*h = mix(mix(*h, (u64)sum), READ_ONCE(m->root->ref.both));
}

u64 nb_tree_fingerprint(void)
{
	u64 h = 0;

	for (unsigned i = 0; i < nr_instances; i++)
		h = dentry_fingerprint(instances[i].mnt->root, h);
	mount_for_each(mount_fingerprint, &h);
	return h;
}
