/*
 * Dentry cache torture: those who change things. A tree's historian makes one change at a time, notes the
 * events before and after it, and what the tree is like then. Beside it the noise makers use the same
 * directories for names of their own, and the evictors take the caches away; neither changes what a
 * tree is like.
 *
 * Every change must succeed: the historian knows what there is.
 */
#include "tests/torture/dcache.h"

#include "abi/fcntl.h"
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"

syscall_fn sys_openat, sys_close, sys_renameat2, sys_mkdirat, sys_unlinkat, sys_symlinkat,
	sys_linkat, sys_mount, sys_umount2;

#define MNT_LAZY 2
#define TEXT	 256

static void populate(struct tree_node *root)
{
	struct tree_node *x = tree_add(root, tree_names[NAME_X], S_IFDIR | 0755, NULL);
	struct tree_node *y = tree_add(root, tree_names[NAME_Y], S_IFDIR | 0755, NULL);
	struct tree_node *deep = tree_add(x, tree_names[NAME_DEEP], S_IFDIR | 0755, NULL);

	tree_add(root, tree_names[NAME_A], S_IFDIR | 0755, NULL);
	tree_add(root, tree_names[NAME_B], S_IFDIR | 0755, NULL);
	tree_add(root, tree_names[NAME_M], S_IFDIR | 0755, NULL);
	tree_add(deep, tree_names[NAME_FILE], S_IFREG | 0644, NULL);
	tree_add(y, tree_names[NAME_FILE], S_IFREG | 0644, NULL);
}

static void populate_mounted(struct tree_node *root)
{
	tree_add(root, tree_names[NAME_FILE], S_IFREG | 0644, NULL);
}

static struct tree_kind tortured = {.populate = populate};
static struct tree_kind mounted = {.populate = populate_mounted};

/* ---- System calls of the thread that owns areas `area` and `area` + 1 ---- */

struct changer {
	struct tree_torture *tree;
	struct torture_random *random;
	unsigned area;
	struct state *state; /* historian: what it is like now */
	char from[TEXT], to[TEXT], body[TEXT];
};

void tree_text(char *buf, const struct tree_torture *tree, const char *path)
{
	strlcpy(buf, TREE_BASE, TEXT);
	buf[strlen(buf) - 1] = (char)('0' + tree->nr);
	strlcpy(buf + strlen(buf), "/", 2);
	strlcpy(buf + strlen(buf), path, TEXT - strlen(buf));
}

s64 tree_close_ino(struct caller *c, long fd)
{
	u64 ino;

	if (fd < 0)
		return fd;
	ino = file_lookup_fd_rcu(c->process.files, (int)fd)->inode->ino;
	sys_close(fd, 0, 0, 0, 0, 0);
	return (s64)ino;
}

static long must(long result, const char *what, const char *path)
{
	if (result < 0)
		ktest_fail(__FILE__, __LINE__, "%s %s: %ld", what, path, result);
	return result;
}

static long arg(const struct changer *c, unsigned which, const char *text)
{
	return caller_text(c->tree->caller, c->area + which, text);
}

static u64 ino_of(const struct changer *c, const char *path)
{
	long fd = sys_openat(AT_FDCWD, arg(c, 0, path), O_RDONLY, 0, 0, 0);

	return (u64)tree_close_ino(c->tree->caller, must(fd, "open", path));
}

static u64 create(const struct changer *c, const char *path)
{
	long fd = sys_openat(AT_FDCWD, arg(c, 0, path), O_CREAT | O_EXCL | O_RDWR, 0644, 0, 0);

	return (u64)tree_close_ino(c->tree->caller, must(fd, "create", path));
}

static void rename_path(const struct changer *c, u32 flags)
{
	must(sys_renameat2(AT_FDCWD, arg(c, 0, c->from), AT_FDCWD, arg(c, 1, c->to), flags, 0),
		"rename", c->from);
}

static void remove_path(const struct changer *c, const char *path, bool directory)
{
	must(sys_unlinkat(AT_FDCWD, arg(c, 0, path), directory ? AT_REMOVEDIR : 0, 0, 0, 0),
		"remove", path);
}

/* ---- History ---- */

static u32 draw(const struct changer *c, u32 below)
{
	return torture_random(c->random, below);
}

/* Around each change: between the two, the tree becomes *c->state. */
static void change_begin(const struct changer *c)
{
	struct history *h = c->tree->history;

	h->states[h->changes + 1] = h->states[h->changes];
	h->began[h->changes + 1] = torture_event();
}

static void change_end(struct changer *c)
{
	struct history *h = c->tree->history;

	h->ended[h->changes + 1] = torture_event();
	WRITE_ONCE(h->changes, h->changes + 1);
	/* until the next one */
	h->began[h->changes + 1] = h->ended[h->changes + 1] = ~0ull;
}

/* What the tree is going to be like: valid from change_begin on. */
static struct state *after(const struct changer *c)
{
	struct history *h = c->tree->history;

	return &h->states[h->changes + 1];
}

static const struct state *now(const struct changer *c)
{
	const struct history *h = c->tree->history;

	return &h->states[h->changes];
}

/* A place for an entry. */
struct slot {
	enum dir dir;
	enum name name;
};

/* The path of slot in the tree as it is. */
static void slot_text(const struct changer *c, struct slot slot, char *buf)
{
	const struct state *s = now(c);
	u8 components[4] = {END, END, END, END};
	u32 n = 0;

	/* x and y are the only ones that lie deeper than the root, in a or b at most. */
	for (u32 in = 0; in < DIRS && slot.dir != DIR_ROOT; in++)
		for (u32 name = 0; name < NAMES; name++)
			if (s->entries[in][name].kind == DIRECTORY &&
				s->entries[in][name].which == slot.dir) {
				if (in != DIR_ROOT)
					components[n++] = in == DIR_A ? NAME_A : NAME_B;
				components[n++] = (u8)name;
			}
	components[n] = (u8)slot.name;
	char path[TEXT];

	tree_path_text(path, components);
	tree_text(buf, c->tree, path);
}

static struct entry *entry_at(struct state *s, struct slot slot)
{
	return &s->entries[slot.dir][slot.name];
}

static enum kind kind_at(const struct changer *c, struct slot slot)
{
	return now(c)->entries[slot.dir][slot.name].kind;
}

/* One of the places where things come and go. */
static struct slot some_slot(const struct changer *c)
{
	static const enum dir dirs[] = {DIR_ROOT, DIR_A, DIR_B, DIR_X};

	return (struct slot){dirs[draw(c, ARRAY_SIZE(dirs))], draw(c, 2) ? NAME_N : NAME_LONG};
}

/* One of the places of x and y. */
static struct slot some_directory_slot(const struct changer *c)
{
	static const enum dir dirs[] = {DIR_ROOT, DIR_A, DIR_B};

	return (struct slot){dirs[draw(c, ARRAY_SIZE(dirs))], draw(c, 2) ? NAME_X : NAME_Y};
}

/* ---- Changes ---- */

static void make_something(struct changer *c, struct slot slot)
{
	struct slot other = some_slot(c);
	bool link = draw(c, 4) == 0 && kind_at(c, other) == FILE;
	bool directory = draw(c, 4) == 0;
	u64 ino = 0;

	slot_text(c, slot, c->to);
	slot_text(c, other, c->from);
	change_begin(c);
	if (link) {
		must(sys_linkat(AT_FDCWD, arg(c, 0, c->from), AT_FDCWD, arg(c, 1, c->to), 0, 0),
			"link", c->to);
		*entry_at(after(c), slot) = *entry_at(after(c), other);
		change_end(c);
		return;
	}
	if (directory)
		must(sys_mkdirat(AT_FDCWD, arg(c, 0, c->to), 0755, 0, 0, 0), "mkdir", c->to);
	else
		ino = create(c, c->to);
	change_end(c);
	if (directory)
		ino = ino_of(c, c->to);
	c->tree->history->states[c->tree->history->changes].entries[slot.dir][slot.name] =
		(struct entry){.ino = ino, .kind = directory ? EMPTY_DIR : FILE};
}

static void make_or_remove(struct changer *c, struct slot slot)
{
	enum kind kind = kind_at(c, slot);

	if (kind == NOTHING) {
		make_something(c, slot);
		return;
	}
	slot_text(c, slot, c->from);
	change_begin(c);
	remove_path(c, c->from, kind == EMPTY_DIR);
	*entry_at(after(c), slot) = (struct entry){.kind = NOTHING};
	change_end(c);
}

static void move(struct changer *c, struct slot from, struct slot to, bool exchange)
{
	struct entry moved, replaced;

	slot_text(c, from, c->from);
	slot_text(c, to, c->to);
	change_begin(c);
	rename_path(c, exchange ? RENAME_EXCHANGE : 0);
	moved = *entry_at(after(c), from);
	replaced = *entry_at(after(c), to);
	/* two names of one file: nothing happens */
	if (exchange || moved.ino != replaced.ino) {
		*entry_at(after(c), to) = moved;
		*entry_at(after(c), from) = exchange ? replaced : (struct entry){.kind = NOTHING};
	}
	change_end(c);
}

static void move_something(struct changer *c)
{
	struct slot from = some_slot(c), to = some_slot(c);
	enum kind a = kind_at(c, from), b = kind_at(c, to);

	if (a == NOTHING || (from.dir == to.dir && from.name == to.name))
		make_or_remove(c, some_slot(c));
	else if (b != NOTHING && (a != b || draw(c, 2)))
		move(c, from, to, true);
	else
		move(c, from, to, false);
}

static void move_directory(struct changer *c)
{
	struct slot from = some_directory_slot(c), to = some_directory_slot(c);

	while (kind_at(c, from) == NOTHING)
		from = some_directory_slot(c);
	while (to.dir == from.dir && to.name == from.name)
		to = some_directory_slot(c);
	move(c, from, to, kind_at(c, to) != NOTHING);
}

/*
 * x goes away, something comes and goes in it there, and it comes back: nobody who was at x where it was
 * may ever have seen that.
 */
static void make_excursion(struct changer *c)
{
	const struct slot in = {DIR_X, draw(c, 4) ? NAME_N : NAME_LONG};
	struct slot home = some_directory_slot(c), away = some_directory_slot(c);

	while (now(c)->entries[home.dir][home.name].kind != DIRECTORY ||
		now(c)->entries[home.dir][home.name].which != DIR_X)
		home = some_directory_slot(c);
	while (kind_at(c, away) != NOTHING)
		away = some_directory_slot(c);
	move(c, home, away, false);
	make_or_remove(c, in);
	make_or_remove(c, in);
	move(c, away, home, false);
}

static void change_link(struct changer *c)
{
	struct slot slot = {DIR_ROOT, NAME_L};
	u32 body = draw(c, LINK_BODIES);

	slot_text(c, slot, c->to);
	tree_path_text(c->body, link_bodies[body]);
	change_begin(c);
	if (entry_at(after(c), slot)->kind == LINK) {
		remove_path(c, c->to, false);
		*entry_at(after(c), slot) = (struct entry){.kind = NOTHING};
	} else {
		must(sys_symlinkat(arg(c, 0, c->body), AT_FDCWD, arg(c, 1, c->to), 0, 0, 0),
			"symlink", c->to);
		*entry_at(after(c), slot) = (struct entry){.kind = LINK, .which = body};
	}
	change_end(c);
}

static void change_mount(struct changer *c)
{
	struct state *s;
	bool mount = !now(c)->mounted_root;

	tree_text(c->to, c->tree, tree_names[NAME_M]);
	change_begin(c);
	if (mount)
		must(sys_mount(arg(c, 0, "t"), arg(c, 1, c->to),
			     caller_text(c->tree->caller, c->area + 2, mounted.fs.name), 0,
			     caller_text(c->tree->caller, c->area + 3, ""), 0),
			"mount", c->to);
	else
		must(sys_umount2(arg(c, 0, c->to), MNT_LAZY, 0, 0, 0, 0), "umount", c->to);
	s = after(c);
	s->mounted_root = s->mounted_file = 0;
	change_end(c);
	if (!mount)
		return;
	s->mounted_root = ino_of(c, c->to);
	tree_text(c->to, c->tree, "m/file");
	s->mounted_file = ino_of(c, c->to);
}

static void change_something(struct changer *c)
{
	const u8 *weights = c->tree->focus->weights;
	u32 sum = 0, kind = 0, at;

	for (unsigned i = 0; i < CHANGE_KINDS; i++)
		sum += weights[i];
	for (at = draw(c, sum); at >= weights[kind]; kind++)
		at -= weights[kind];
	switch ((enum change)kind) {
	case MOUNT:
		change_mount(c);
		break;
	case LINKS:
		change_link(c);
		break;
	case DIRECTORIES:
		move_directory(c);
		break;
	case EXCURSION:
		make_excursion(c);
		break;
	case MOVES:
		move_something(c);
		break;
	default:
		make_or_remove(c, some_slot(c));
	}
}

/* Not so far ahead of the walkers that nobody sees anything. */
static bool may_change(const struct torture_thread *t, struct tree_torture *tree)
{
	const struct history *h = tree->history;

	wake_up_all(&tree->pace);
	wait_event(
		&tree->pace, h->changes <= 12 + READ_ONCE(tree->walks) / 4 || torture_stopped(t));
	return h->changes + 4 <= CHANGES && !torture_stopped(t);
}

void tree_historian(struct torture_thread *t)
{
	struct tree_torture *tree = t->arg;
	struct changer c = {.tree = tree, .random = &t->random, .area = 8 * tree->nr};

	caller_enter(tree->caller);
	while (may_change(t, tree))
		change_something(&c);
	caller_leave();
	WRITE_ONCE(tree->done, 1);
	wake_up_all(&tree->pace);
}

/* ---- Noise ---- */

void tree_noise(struct torture_thread *t)
{
	static const char *const names[] = {"noise", "a/noise", "b/noise",
		"a/noise-with-a-name-that-is-too-long-to-lie-in-the-dentry-itself"};
	struct tree_torture *tree = t->arg;
	struct changer c = {.tree = tree, .random = &t->random, .area = 8 * tree->nr + 4};

	caller_enter(tree->caller);
	while (!torture_stopped(t)) {
		u32 from = draw(&c, ARRAY_SIZE(names)), to = draw(&c, ARRAY_SIZE(names));

		tree_text(c.from, tree, names[from]);
		tree_text(c.to, tree, names[to]);
		create(&c, c.from);
		if (from != to)
			rename_path(&c, 0);
		remove_path(&c, c.to, false);
		yield();
	}
	caller_leave();
}

void tree_evictor(struct torture_thread *t)
{
	while (!torture_stopped(t)) {
		switch (torture_random(&t->random, 8)) {
		case 0:
			drop_caches(2);
			break;
		case 1:
			inode_shrink(NULL, torture_random(&t->random, 20));
			break;
		default:
			dcache_shrink(NULL, torture_random(&t->random, 20));
		}
		for (u32 n = torture_random(&t->random, 8); n; n--)
			yield();
	}
}

/* ---- The tree ---- */

static void add_directory(
	struct changer *c, enum dir in, enum name name, enum dir dir, const char *path)
{
	struct history *h = c->tree->history;

	tree_text(c->to, c->tree, path);
	h->directories[dir] = ino_of(c, c->to);
	if (dir != DIR_ROOT)
		h->states[0].entries[in][name] =
			(struct entry){.ino = h->directories[dir], .kind = DIRECTORY, .which = dir};
}

static void add_file(struct changer *c, enum dir in, const char *path)
{
	tree_text(c->to, c->tree, path);
	c->tree->history->states[0].entries[in][NAME_FILE] =
		(struct entry){.ino = ino_of(c, c->to), .kind = FILE};
}

void tree_begin(struct tree_torture *tree)
{
	struct changer c = {.tree = tree, .area = 8 * tree->nr};
	int err;

	tree_register(&tortured, "tortured");
	tree_register(&mounted, "mounted");
	tree_text(c.from, tree, "\0       ");
	c.from[strlen(c.from) - 1] = '\0';
	err = mount_at(tortured.fs.name, "torture", c.from, "", 0);
	if (err)
		panic("torture: %s cannot be mounted: %d", c.from, err);
	tree->history = vzalloc(sizeof(*tree->history));
	assert(tree->history);
	tree->history->states = vzalloc((CHANGES + 2) * sizeof(struct state));
	assert(tree->history->states);
	tree->history->began[1] = tree->history->ended[1] = ~0ull;
	add_directory(&c, 0, 0, DIR_ROOT, "");
	add_directory(&c, DIR_ROOT, NAME_A, DIR_A, "a");
	add_directory(&c, DIR_ROOT, NAME_B, DIR_B, "b");
	add_directory(&c, DIR_ROOT, NAME_X, DIR_X, "x");
	add_directory(&c, DIR_ROOT, NAME_Y, DIR_Y, "y");
	add_directory(&c, DIR_X, NAME_DEEP, DIR_DEEP, "x/deep");
	add_directory(&c, DIR_ROOT, NAME_M, DIR_M, "m");
	add_file(&c, DIR_DEEP, "x/deep/file");
	add_file(&c, DIR_Y, "y/file");
}

void tree_end(struct tree_torture *tree)
{
	char path[TEXT];

	tree_text(path, tree, "");
	must(sys_umount2(caller_text(tree->caller, 8 * tree->nr, path), MNT_LAZY, 0, 0, 0, 0),
		"umount", path);
	vfree(tree->history->states);
	vfree(tree->history);
}
