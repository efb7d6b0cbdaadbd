/*
 * Path strings with any struct open_how, from several places, against the tree of world.c with symlinks, a
 * mount and a FIFO in it. Each is answered by a cached-only open while something may be missing, by a plain
 * one, by a walk that never uses RCU, and by a cached-only one again. Where nothing is created all of
 * them must agree with the dozen rules at the end of this file, which know nothing but what names mean
 * (CONTRACT 1 and 2); EAGAIN is allowed where the contract has it and nowhere else.
 *
 *	head	  where from, who, what is dropped from the caches; flags, mode, resolve, size of open_how
 *	then	  the path: bytes below 32 stand for whole names, others for themselves
 *
 * Not judged, only survived: creation, truncation, O_TMPFILE, and bits that are refused.
 */
#include "kernel/reclaim.h"
#include "kernel/string.h"
#include "tests/fuzz/world/world.h"
#include "vfs/walk.h"

#define PATH_BYTES 5000

static char *path; /* the program's */

/* ---- An input ---- */

struct question {
	u8 from, who, caches;
	struct open_how how;
	u32 how_size;
};

static const char *const names[32] = {"/", "d", "e", "m", "f", "l", "u", "a", "o", "x", "s", "p",
	"z", "out", ".", "..", "a-name-that-is-too-long-to-lie-in-its-dentry", "new", "//", "/d/m",
	"d/e", "../", "l/", "/./"};

static void read_path(struct fuzz_input *in)
{
	size_t used = 0;

	while (fuzz_more(in) && used < PATH_BYTES) {
		u8 c = fuzz_u8(in);
		const char *name = c < 32 ? names[c] : NULL;

		if (c == 255) /* a name as long as the next byte says */
			for (u32 n = fuzz_u8(in) + 64u; n > 0 && used < PATH_BYTES; n--)
				path[used++] = 'n';
		else if (!name)
			path[used++] = (char)c;
		else
			used += strlcpy(path + used, name, 64);
	}
	path[used] = '\0';
}

static void read_question(struct fuzz_input *in, struct question *q)
{
	static const u32 bits[] = {O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_APPEND,
		O_NONBLOCK, O_DIRECT, O_DIRECTORY, O_NOFOLLOW, O_NOATIME, O_CLOEXEC, O_PATH,
		O_TMPFILE_BIT, O_LARGEFILE};
	u16 flags;

	*q = (struct question){.from = fuzz_u8(in), .who = fuzz_u8(in), .caches = fuzz_u8(in)};
	flags = fuzz_u16(in);
	for (unsigned i = 0; i < 16; i++)
		if (flags & 1u << i)
			q->how.flags |= bits[i];
	q->how.mode = fuzz_u16(in);
	q->how.resolve = fuzz_u8(in);
	q->how_size = OPEN_HOW_SIZE_VER0;
	switch (fuzz_u8(in)) { /* rarely something else altogether */
	case 1:
		q->how.flags |= 1ull << 40;
		break;
	case 2:
		q->how.mode |= 1ull << 33;
		break;
	case 3:
		q->how.resolve |= 1ull << 35;
		break;
	case 4:
		q->how_size = fuzz_u16(in);
		break;
	}
	/* A FIFO would wait for somebody to open its other end. */
	if (!(q->how.flags & O_PATH))
		q->how.flags |= O_NONBLOCK;
	if (!(q->how.flags & (O_CREAT | O_TMPFILE_BIT)))
		q->how.mode = 0;
}

/* ---- The rules ---- */

struct node {
	const char *path, *link; /* link: a symlink's body */
	u32 mode;
	u8 mount; /* 1: of the one on /d/m */
};

static const struct node nodes[] = {
	{"/", NULL, S_IFDIR | 01777, 0},
	{"/d", NULL, S_IFDIR | 0755, 0},
	{"/d/e", NULL, S_IFDIR | 0755, 0},
	{"/d/m", NULL, S_IFDIR | 01777, 1},
	{"/d/m/d", NULL, S_IFDIR | 0755, 1},
	{"/d/m/f", NULL, S_IFREG | 0644, 1},
	{"/d/m/out", "../../f", S_IFLNK | 0777, 1},
	{"/d/f", NULL, S_IFREG | 0644, 0},
	{"/d/e/f", NULL, S_IFREG | 0600, 0},
	{"/f", NULL, S_IFREG | 0644, 0},
	{"/p", NULL, S_IFIFO | 0644, 0},
	{"/z", NULL, S_IFDIR | 0700, 0},
	{"/z/f", NULL, S_IFREG | 0644, 0},
	{"/a-name-that-is-too-long-to-lie-in-its-dentry", NULL, S_IFDIR | 0755, 0},
	{"/l", "d", S_IFLNK | 0777, 0},
	{"/d/u", "..", S_IFLNK | 0777, 0},
	{"/d/a", "/d/e", S_IFLNK | 0777, 0},
	{"/d/e/l", "../f", S_IFLNK | 0777, 0},
	{"/o", "o", S_IFLNK | 0777, 0},
	{"/x", "nothing", S_IFLNK | 0777, 0},
	{"/s", "l/e/", S_IFLNK | 0777, 0},
};

/* What should be answered, and where a walk is meanwhile. */
struct rules {
	const struct node *at, *start;
	u64 resolve;
	unsigned links;
	bool nobody;
	bool again; /* a cached-only walk says EAGAIN instead */
};

static const struct node *node_at(const char *text, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++)
		if (strlen(nodes[i].path) == len && memcmp(nodes[i].path, text, len) == 0)
			return &nodes[i];
	return NULL;
}

static const struct node *child_of(const struct node *dir, const char *name, size_t len)
{
	char text[512];
	size_t at = dir == &nodes[0] ? 0 : strlen(dir->path);

	memcpy(text, dir->path, at);
	text[at] = '/';
	memcpy(text + at + 1, name, len);
	return node_at(text, at + 1 + len);
}

static const struct node *parent_of(const struct node *n)
{
	size_t len = strlen(n->path);

	while (len > 0 && n->path[--len] != '/')
		;
	return node_at(n->path, len ? len : 1);
}

static long again(struct rules *r, long error)
{
	r->again = true;
	return error;
}

static bool may(const struct rules *r, const struct node *n, u32 bits)
{
	return !r->nobody || (n->mode & bits) == bits; /* "others" are who is asked */
}

static long enter(struct rules *r, const struct node *to)
{
	if ((r->resolve & RESOLVE_NO_XDEV) && to->mount != r->at->mount)
		return again(r, -EXDEV);
	r->at = to;
	return 0;
}

static long resolve(struct rules *r, const char *text, bool follow);

static long follow_link(struct rules *r, const char *body)
{
	if (r->links++ == 40 || (r->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	return resolve(r, body, true);
}

static long component(struct rules *r, const char *name, size_t len, bool follow)
{
	const struct node *to;

	if (!S_ISDIR(r->at->mode))
		return again(r, -ENOTDIR);
	if (!may(r, r->at, 1))
		return again(r, -EACCES);
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		if (r->at == r->start && (r->resolve & RESOLVE_BENEATH))
			return again(r, -EXDEV);
		if (r->at == r->start && (r->resolve & RESOLVE_IN_ROOT))
			return 0;
		return enter(r, parent_of(r->at));
	}
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	to = child_of(r->at, name, len);
	if (!to)
		return -ENOENT;
	if (to->link && follow)
		return follow_link(r, to->link);
	return enter(r, to);
}

/* Go to where absolute paths begin. first: it is not a symlink's. */
static long jump(struct rules *r, bool first)
{
	const struct node *root = r->resolve & RESOLVE_IN_ROOT ? r->start : &nodes[0];

	if (r->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	if (!first && (r->resolve & RESOLVE_NO_XDEV) && root->mount != r->at->mount)
		return again(r, -EXDEV);
	r->at = root;
	return 0;
}

static long resolve(struct rules *r, const char *text, bool follow)
{
	bool slash = false;
	long error;

	if (*text == '/') {
		error = jump(r, r->links == 0);
		if (error)
			return error;
	}
	for (;;) {
		size_t len = 0;

		while (*text == '/')
			text++;
		if (!*text)
			break;
		while (text[len] && text[len] != '/')
			len++;
		slash = text[len] == '/';
		error = component(r, text, len, slash || follow);
		if (error)
			return error;
		text += len;
	}
	return slash && !S_ISDIR(r->at->mode) ? -ENOTDIR : 0;
}

/* What opening what was found answers. */
static long rules_open(const struct rules *r, u64 flags)
{
	static const u32 wanted[] = {4, 2, 6, 6};
	u32 mode = r->at->mode, bits = wanted[flags & O_ACCMODE];

	if (flags & O_PATH)
		return 0;
	if (S_ISLNK(mode))
		return -ELOOP;
	if (S_ISDIR(mode) && (bits & 2))
		return -EISDIR;
	if (!may(r, r->at, bits))
		return -EACCES;
	if (S_ISFIFO(mode) && (flags & O_ACCMODE) == O_WRONLY)
		return -ENXIO;
	return 0;
}

/* ---- Where from ---- */

static const struct {
	const char *place; /* of a descriptor, or of the working directory when fd is AT_FDCWD */
	int fd;
} froms[] = {
	{"/", AT_FDCWD},
	{"/d/e", AT_FDCWD},
	{"/d/m", AT_FDCWD},
	{"/", 0},
	{"/d", 1},
	{"/d/m", 2},
	{"/d/e", 3},
	{"/f", 4},
	{NULL, 50},
};

static void plant(void)
{
	world_plant();
	if (sys_mkdirat(AT_FDCWD, (long)"/z", 0700, 0, 0, 0) ||
		sys_mknodat(AT_FDCWD, (long)"/z/f", S_IFREG | 0644, 0, 0, 0))
		fuzz_fail("no /z");
	for (unsigned i = 3; i < ARRAY_SIZE(froms) - 1; i++)
		if (sys_openat(AT_FDCWD, (long)froms[i].place, O_PATH, 0, 0, 0) != froms[i].fd)
			fuzz_fail("no descriptor of %s", froms[i].place);
}

/* Where the path leads: 0 with r->at, or -errno. */
static long rules_walk(struct rules *r, const struct question *q)
{
	const char *place = froms[q->from % ARRAY_SIZE(froms)].place;
	long error;

	*r = (struct rules){.resolve = q->how.resolve, .nobody = q->who & 1};
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*path != '/' || (q->how.resolve & RESOLVE_IN_ROOT)) {
		if (!place)
			return -EBADF;
		r->at = r->start = node_at(place, strlen(place));
		if (!S_ISDIR(r->at->mode))
			return -ENOTDIR;
	} else {
		r->at = r->start = &nodes[0];
	}
	error = resolve(r, path, !(q->how.flags & O_NOFOLLOW));
	if (!error && (q->how.flags & O_DIRECTORY) && !S_ISDIR(r->at->mode))
		error = -ENOTDIR;
	return error;
}

/* ---- Answers ---- */

/* The place of a path, as seen from the root. */
static void place_of(const struct path *p, char *buf, size_t size)
{
	char *text = path_text(p, &world_process.fs->root, buf, size);

	if (IS_ERR(text))
		fuzz_fail("a path without a text");
	memmove(buf, text, strlen(text) + 1);
}

static long ask(const struct question *q, u64 more_resolve, char *place, size_t size)
{
	struct open_how *how = (struct open_how *)world_memory;
	unsigned from = q->from % ARRAY_SIZE(froms);
	long fd;

	*how = q->how;
	how->resolve |= more_resolve;
	fd = sys_openat2(froms[from].fd, (long)path, (long)how, q->how_size, 0, 0);
	if (fd < 0)
		return fd;
	place_of(&file_lookup_fd_rcu(world_process.files, (int)fd)->path, place, size);
	sys_close(fd, 0, 0, 0, 0, 0);
	return 0;
}

static long ask_ref_walk(const struct question *q, char *place, size_t size)
{
	static const struct {
		u32 resolve, walk;
	} flags[] = {{RESOLVE_NO_XDEV, WALK_NO_XDEV}, {RESOLVE_NO_MAGICLINKS, WALK_NO_MAGICLINKS},
		{RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS}, {RESOLVE_BENEATH, WALK_BENEATH},
		{RESOLVE_IN_ROOT, WALK_IN_ROOT}};
	struct walk_start start = {
		.dirfd = froms[q->from % ARRAY_SIZE(froms)].fd, .flags = WALK_NO_RCU, .name = path};
	struct path found;
	long error;

	if (!(q->how.flags & O_NOFOLLOW))
		start.flags |= WALK_FOLLOW;
	if (q->how.flags & O_DIRECTORY)
		start.flags |= WALK_DIRECTORY;
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (q->how.resolve & flags[i].resolve)
			start.flags |= flags[i].walk;
	error = walk_path(&start, &found);
	if (error)
		return error;
	place_of(&found, place, size);
	path_put(&found);
	return 0;
}

static void judge(const char *who, const struct question *q, long answer, long expected,
	const char *place, const struct node *expected_place)
{
	if (answer == expected && (answer || strcmp(place, expected_place->path) == 0))
		return;
	fuzz_fail("%s: '%s' from %u flags %#llx resolve %#llx: %ld %s, expected %ld %s", who, path,
		q->from % (unsigned)ARRAY_SIZE(froms), (unsigned long long)q->how.flags,
		(unsigned long long)q->how.resolve, answer, answer ? "" : place, expected,
		expected ? "" : expected_place->path);
}

/* May the rules judge this? */
static bool judged(const struct question *q)
{
	const u64 flags = O_ACCMODE | O_NOCTTY | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW |
			  O_CLOEXEC | O_PATH | O_LARGEFILE,
		  with_path = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_PATH,
		  scopes = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

	return q->how_size == OPEN_HOW_SIZE_VER0 && !(q->how.flags & ~flags) &&
	       (q->how.flags & O_ACCMODE) != O_ACCMODE &&
	       (!(q->how.flags & O_PATH) || !(q->how.flags & ~with_path)) &&
	       !(q->how.resolve & ~0x3full) && (q->how.resolve & scopes) != scopes;
}

static void compare(const struct question *q)
{
	static char place[8192];
	struct question plain = *q;
	struct rules r;
	long walk, open, cached, answer;

	plain.how.resolve &= ~(u64)RESOLVE_CACHED;
	walk = rules_walk(&r, &plain);
	open = walk ? walk : rules_open(&r, plain.how.flags);
	cached = r.again ? -EAGAIN : open;

	answer = ask(&plain, RESOLVE_CACHED, place, sizeof(place));
	if (answer != -EAGAIN)
		judge("cached, before", q, answer, cached, place, r.at);
	judge("plain", q, ask(&plain, 0, place, sizeof(place)), open, place, r.at);
	if (strlen(path) < PATH_MAX) {
		answer = ask_ref_walk(&plain, place, sizeof(place));
		judge("without RCU", q, answer, walk, place, r.at);
	}
	answer = ask(&plain, RESOLVE_CACHED, place, sizeof(place));
	judge("cached", q, answer, cached, place, r.at);
}

static void run(const u8 *data, size_t size)
{
	static struct cred nobody = {.refs = 1 << 20,
		.uid = 1000,
		.euid = 1000,
		.fsuid = 1000,
		.gid = 1000,
		.egid = 1000,
		.fsgid = 1000};
	struct fuzz_input in = {data, data + size};
	struct cred *own = NULL;
	struct question q;
	char place[8192];

	if (world_begin("tmpfs", "fuzz"))
		fuzz_fail("no tmpfs");
	plant();
	path = (char *)world_memory + PAGE_SIZE;
	read_question(&in, &q);
	read_path(&in);
	if (q.caches & 3)
		drop_caches(q.caches & 3);
	if (froms[q.from % ARRAY_SIZE(froms)].fd == AT_FDCWD)
		sys_chdir((long)froms[q.from % ARRAY_SIZE(froms)].place, 0, 0, 0, 0, 0);
	if (q.who & 1)
		own = cred_override(&nobody);
	if (judged(&q))
		compare(&q);
	else
		ask(&q, 0, place, sizeof(place));
	if (q.who & 1)
		cred_restore(own);
	world_end();
}

static void setup(void)
{
	world_init();
	world_warm_up((const u8[]){0}, 1);
}

const struct fuzz_target fuzz_target = {
	.name = "paths", .head = 9, .record = 1, .setup = setup, .run = run};
