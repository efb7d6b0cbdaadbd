/*
 * A file system with moods: entries it wants to be asked about, which are good, no good, an error or "ask me
 * where I may sleep"; links whose body is empty or missing, and links that lead to an object. What walks, opens
 * and changes make of each, with how many lookups.
 */
#include "tests/host/world.h"

syscall_fn sys_access, sys_unlink, sys_readlink, sys_openat2, sys_mkdir, sys_mount, sys_umount2,
	sys_getcwd, sys_rename, sys_creat, sys_truncate, sys_symlink, sys_getdents64, sys_statfs;

static int mood_rcu, mood_ref; /* what revalidate answers in each mode */
static bool mood_once;	       /* only once; from then on it is good */
static int magic_error, lookups, questions;

static int moody_revalidate(struct dentry *d, bool rcu)
{
	int answer = rcu ? mood_rcu : mood_ref;

	(void)d;
	questions++;
	if (mood_once && answer != -ECHILD)
		mood_rcu = mood_ref = 1;
	return answer;
}

static const struct dentry_ops moody_dentry_ops = {.revalidate = moody_revalidate};

static int moody_magic_link(struct dentry *d, struct path *out)
{
	(void)d;
	if (magic_error)
		return magic_error;
	mount_get_root(out);
	return 0;
}

/* The body that stands in the entry's name behind a dash; "gone": it has none. */
static int moody_read_link(struct inode *inode)
{
	const char *body = inode->private_data;
	char *copy;

	if (strcmp(body, "error") == 0)
		return -EIO;
	if (strcmp(body, "gone") == 0)
		return 0;
	copy = kzalloc(strlen(body) + 1 + NAME_SLACK, ALLOC_WAIT);
	memcpy(copy, body, strlen(body));
	inode_set_link(inode, copy);
	return 0;
}

static const struct inode_ops moody_dir_ops, moody_file_ops;
static const struct inode_ops moody_link_ops = {.read_link = moody_read_link};
static const struct inode_ops moody_magic_ops = {.magic_link = moody_magic_link};

static const struct moody_entry {
	const char *name, *body;
	u32 mode;
	const struct inode_ops *ops;
} moody_entries[] = {
	{"asked", NULL, S_IFREG | 0666, &moody_file_ops},
	{"asked-dir", NULL, S_IFDIR | 0777, &moody_dir_ops},
	{"empty", "", S_IFLNK | 0777, &moody_link_ops},
	{"gone", "gone", S_IFLNK | 0777, &moody_link_ops},
	{"error", "error", S_IFLNK | 0777, &moody_link_ops},
	{"to-asked", "asked", S_IFLNK | 0777, &moody_link_ops},
	{"magic", NULL, S_IFLNK | 0777, &moody_magic_ops},
};

static int moody_lookup(struct inode *dir, struct dentry *d)
{
	lookups++;
	for (unsigned i = 0; i < ARRAY_SIZE(moody_entries); i++) {
		const struct moody_entry *e = &moody_entries[i];
		struct inode *inode;

		if (strlen(e->name) != (u32)d->hash_len ||
			memcmp(e->name, d->name, strlen(e->name)) != 0)
			continue;
		inode = inode_alloc(dir->sb);
		assert(inode);
		inode->mode = e->mode;
		inode->ops = e->ops;
		inode->private_data = (void *)e->body;
		if (e->ops->magic_link)
			inode->flags |= INODE_MAGIC_LINK;
		if (strncmp(e->name, "asked", 5) == 0) {
			d->ops = &moody_dentry_ops;
			atomic_fetch_or(&d->flags, DENTRY_REVALIDATE);
		}
		dcache_add(d, inode);
		return 0;
	}
	dcache_add(d, NULL);
	return 0;
}

static const struct inode_ops moody_dir_ops = {.lookup = moody_lookup};
static const struct super_ops moody_super_ops;

static int moody_fill(struct super_block *sb, const char *options)
{
	struct inode *root = inode_alloc(sb);

	(void)options;
	assert(root);
	root->mode = S_IFDIR | 0777;
	root->ops = &moody_dir_ops;
	sb->ops = &moody_super_ops;
	sb->root = dentry_alloc_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static struct file_system moody = {.name = "moody", .fill_super = moody_fill};

static void setup(void)
{
	mood_rcu = mood_ref = 1;
	mood_once = false;
	magic_error = 0;
	if (world_setup()) {
		file_system_register(&moody);
		MAKE_CALLS(CALL(0, mkdir, "/m", 0755), CALL(0, mount, "m", "/m", "moody", 0, NULL));
	}
	/* known, and good */
	MAKE_CALLS(CALL(0, access, "/m/asked", 0), CALL(0, access, "/m/asked-dir", 0),
		CALL(0, access, "/m/to-asked", 0));
}

/* The path is opened for O_PATH with the two moods; how many lookups that took. The answer, or -999. */
static long opens(const char *path, int rcu, int ref, int expected_lookups)
{
	int before = lookups;
	long fd;

	mood_rcu = rcu;
	mood_ref = ref;
	fd = SYS(openat, AT_FDCWD, path, O_PATH);
	if (lookups - before != expected_lookups)
		return -999;
	if (fd >= 0)
		SYS(close, fd);
	return fd < 0 ? fd : 0;
}

KTEST(moody_entries_are_asked_about)
{
	setup();
	int before = questions;

	KT_EQ(opens("/m/asked", 1, -EIO, 0), 0); /* good without a reference */
	KT_EQ(questions, before + 1);
	KT_EQ(opens("/m/asked", -ECHILD, 1, 0), 0); /* good where it may sleep */
	KT_EQ(opens("/m/asked", -ECHILD, -EIO, 0), -EIO);
	KT_EQ(opens("/m/asked", -ECHILD, 0, 1), 0); /* no good: looked up again */
	KT_EQ(opens("/m/asked", 1, 1, 0), 0);
	mood_once = true;
	KT_EQ(opens("/m/asked", 0, 1, 0), 0); /* no good, then good again */
	mood_once = false;
	KT_EQ(opens("/m/asked", 0, 0, 1), 0); /* no good in either mode */
	KT_EQ(opens("/m/asked", 0, -EACCES, 0), -EACCES);
	KT_EQ(opens("/m/asked-dir/x", -ECHILD, 1, 1), -ENOENT);
	KT_EQ(opens("/m/to-asked", -ECHILD, 1, 0), 0); /* what a link leads to */
	KT_EQ(opens("/m/to-asked", -ECHILD, 0, 1), 0);
}

/* Stale: all of the walk is made once more, asking about everything. */
KTEST(moody_entries_that_are_stale)
{
	setup();
	mood_once = true;
	KT_EQ(opens("/m/asked", -ESTALE, -ESTALE, 0), 0);
	mood_once = false;
	KT_EQ(opens("/m/asked", -ESTALE, -ESTALE, 0), -ESTALE);
	KT_EQ(opens("/m/asked-dir/y", 1, 1, 1), -ENOENT);
}

KTEST(moody_entries_in_cached_attempts)
{
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_CACHED};

	setup();
	MAKE_CALLS(CALL(0, access, "/m/asked", 0));
	mood_rcu = -ECHILD;
	MAKE_CALLS(CALL(-EAGAIN, openat2, AT_FDCWD, "/m/asked", &how, sizeof(how)));
	mood_rcu = 0;
	MAKE_CALLS(CALL(-EAGAIN, openat2, AT_FDCWD, "/m/asked", &how, sizeof(how)));
	mood_rcu = 1;
	long fd = SYS(openat2, AT_FDCWD, "/m/asked", &how, sizeof(how));

	KT_CHECK(fd >= 0);
	SYS(close, fd);
}

/* What changes names asks, too; and this file system can change nothing. */
KTEST(moody_entries_that_are_changed)
{
	setup();
	mood_ref = -EIO;
	MAKE_CALLS(CALL(-EIO, unlink, "/m/asked"), CALL(-EIO, rename, "/m/asked", "/m/other"));
	mood_ref = 0;
	int before = lookups;

	MAKE_CALLS(CALL(-EPERM, unlink, "/m/asked"));
	KT_EQ(lookups, before + 1);
	mood_ref = 1;
	MAKE_CALLS(CALL(-EPERM, rename, "/m/asked", "/m/other"),
		CALL(-EACCES, creat, "/m/new", 0644), CALL(-EPERM, mkdir, "/m/new", 0755),
		CALL(-EPERM, symlink, "x", "/m/new"), CALL(-EINVAL, truncate, "/m/asked", 0));
}

KTEST(moody_links)
{
	char text[64];

	setup();
	MAKE_CALLS(CALL(-ENOENT, access, "/m/empty", 0), CALL(-ENOENT, access, "/m/empty/x", 0),
		CALL(-ENOENT, access, "/m/empty", 0), CALL(-EIO, access, "/m/gone", 0),
		CALL(-EIO, access, "/m/error", 0), CALL(-EIO, readlink, "/m/error", text, 64),
		CALL(0, readlink, "/m/empty", text, 64), CALL(5, readlink, "/m/to-asked", text, 64),
		CALL(-EFAULT, readlink, "/m/to-asked", BAD, 64));
}

KTEST(moody_magic_links)
{
	struct open_how xdev = {.flags = O_PATH, .resolve = RESOLVE_NO_XDEV};
	struct open_how magic = {.flags = O_PATH, .resolve = RESOLVE_NO_MAGICLINKS};
	struct open_how beneath = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
	char text[64];

	setup();
	long m = SYS(openat, AT_FDCWD, "/m", O_PATH);

	MAKE_CALLS(CALL(0, access, "/m/magic/file", 0), CALL(0, access, "/m/magic", 0),
		CALL(-EXDEV, openat2, m, "magic", &xdev, sizeof(xdev)),
		CALL(-ELOOP, openat2, m, "magic/file", &magic, sizeof(magic)),
		CALL(-EXDEV, openat2, m, "magic/file", &beneath, sizeof(beneath)),
		CALL(1, readlink, "/m/magic", text, 64),
		CALL(-EFAULT, readlink, "/m/magic", BAD, 64));
	KT_EQ(text[0], '/');
	/* as the end of another link */
	MAKE_CALLS(CALL(0, symlink, "/m/magic", "/to-magic"), CALL(0, access, "/to-magic/file", 0));
	magic_error = -EACCES;
	MAKE_CALLS(CALL(-EACCES, access, "/m/magic/file", 0), CALL(-EACCES, access, "/to-magic", 0),
		CALL(-EACCES, readlink, "/m/magic", text, 64), CALL(0, close, m));
}
