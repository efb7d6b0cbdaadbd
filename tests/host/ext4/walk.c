/* See walk.h. */
#include "tests/host/ext4/walk.h"
#include "kernel/string.h"
#include "tests/host/ext4/host.h"

#define NAMES_MAX 400000u
#define DEPTH_MAX 200

/* A directory's names, collected before they are looked up. */
struct names {
	char *text; /* names, one after the other, with length bytes before */
	size_t used, room;
	u32 count;
};

/* ---- Collecting names ---- */

static struct names *collecting;
static u32 collect_room; /* entries a getdents call takes, so that positions are used */

static bool collect(struct dir_context *c, const char *name, u32 len, u64 ino, unsigned type)
{
	struct names *n = collecting;

	(void)ino;
	if (collect_room == 0)
		return false;
	collect_room--;
	if (n->used + len + 2 > n->room) {
		size_t room = n->room * 2 + 4096;
		char *text = host_alloc(room, 0);

		if (n->text)
			memcpy(text, n->text, n->used);
		host_free(n->text);
		n->text = text;
		n->room = room;
	}
	n->text[n->used++] = (char)len;
	n->text[n->used++] = (char)type;
	memcpy(n->text + n->used, name, len);
	n->used += len;
	n->count++;
	c->emitted++;
	return n->count < NAMES_MAX;
}

static void collect_all(struct inode *dir, struct names *n, struct walk *w)
{
	u64 pos = 2;

	for (u32 calls = 0; calls < NAMES_MAX && n->count < NAMES_MAX; calls++) {
		u64 before = pos;
		u32 count = n->count;
		int rc;

		collecting = n;
		collect_room = 100;
		rc = shim_iterate(dir, &pos, collect);
		if (rc && n->count == count) /* as getdents: what was found is told first */
			w->errors++;
		if (pos == before && n->count > count)
			host_die("getdents does not advance");
		if (rc == 0 && n->count == count)
			break;
		if (pos == before)
			break;
	}
}

/* ---- Printing ---- */

static void print_escaped(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		u8 c = (u8)s[i];

		if (c > ' ' && c < 0x7f && c != '%')
			host_print("%c", c);
		else
			host_print("%%%02x", c);
	}
}

static void print_inode(const struct walk *w, const struct inode *inode, unsigned type)
{
	const char *link = inode->link ? inode->link : "";

	print_escaped(w->path, w->path_len);
	host_print(" %llu %o %u %u %u %llu %llu %u %lld.%09lld %lld.%09lld %llu ",
		(unsigned long long)inode->ino, inode->mode, inode->uid, inode->gid, inode->nlink,
		(unsigned long long)inode->size, (unsigned long long)inode->rdev, type,
		(long long)inode->mtime.sec, (long long)inode->mtime.nsec,
		(long long)inode->btime.sec, (long long)inode->btime.nsec,
		(unsigned long long)inode->blocks);
	print_escaped(link, strlen(link));
	host_print("\n");
}

/* ---- Walking ---- */

static void read_contents(struct walk *w, struct inode *inode)
{
	static u8 data[32 * PAGE_SIZE];
	u64 pages = DIV_ROUND_UP(inode->size, PAGE_SIZE);
	void *file = w->folder ? host_create(w->folder, inode->ino) : NULL;

	for (u64 index = 0; index < pages && w->budget > 0; index += 32) {
		unsigned n = (unsigned)MIN(pages - index, 32ull);
		u64 at = index * PAGE_SIZE;
		size_t bytes = (size_t)MIN(inode->size - at, (u64)n * PAGE_SIZE);
		int rc = shim_read(inode, index, n, data);

		w->budget -= MIN(w->budget, (u64)n);
		if (rc)
			w->errors++;
		for (size_t i = bytes; i < n * PAGE_SIZE; i++)
			if (data[i] && !rc)
				host_die("bytes behind the end of a file are not zero");
		for (size_t i = 0; file && !rc && i < bytes; i += PAGE_SIZE) {
			static const u8 zero[PAGE_SIZE];
			size_t len = MIN(bytes - i, (size_t)PAGE_SIZE);

			if (memcmp(data + i, zero, len) != 0)
				host_write_at(file, at + i, data + i, len);
		}
		w->bytes += bytes;
	}
	if (file)
		host_close(file, inode->size);
}

static void walk_dir(struct walk *w, struct inode *dir, int depth);

static void walk_inode(struct walk *w, struct inode *inode, unsigned type, int depth)
{
	w->names++;
	if (S_ISLNK(inode->mode) && !inode->link && inode->ops->read_link(inode))
		w->errors++;
	if (w->print)
		print_inode(w, inode, type);
	if (S_ISREG(inode->mode) && (w->folder || inode->size < 1 << 26))
		read_contents(w, inode);
	if (S_ISDIR(inode->mode))
		walk_dir(w, inode, depth + 1);
}

static void walk_dir(struct walk *w, struct inode *dir, int depth)
{
	struct names n = {0};
	size_t len = w->path_len;

	if (depth > DEPTH_MAX) {
		w->errors++;
		return;
	}
	collect_all(dir, &n, w);
	for (size_t at = 0; at < n.used && w->budget > 0;) {
		u32 name_len = (u8)n.text[at];
		unsigned type = (u8)n.text[at + 1];
		const char *name = n.text + at + 2;
		struct inode *inode;
		int rc;

		at += name_len + 2;
		w->budget--;
		if (len + 1 + name_len >= sizeof(w->path))
			break;
		w->path[len] = '/';
		memcpy(w->path + len + 1, name, name_len);
		w->path_len = len + 1 + name_len;
		rc = shim_lookup(dir, name, name_len, &inode);
		if (rc || !inode) {
			if (w->print) {
				print_escaped(w->path, w->path_len);
				host_print(" lookup %d\n", rc);
			}
			w->errors++;
			continue;
		}
		walk_inode(w, inode, type, depth);
		inode_put(inode);
	}
	w->path_len = len;
	host_free(n.text);
}

/* Names that are not there must not be found, whatever the tree looks like. */
static void look_for_missing(struct walk *w, struct inode *dir)
{
	static const char *const missing[] = {
		"no such name", "x", "file-00000000", "zzzzzzzzzzzzzzzz"};

	for (unsigned i = 0; i < ARRAY_SIZE(missing); i++) {
		struct inode *inode;

		if (shim_lookup(dir, missing[i], (u32)strlen(missing[i]), &inode) == 0 && !inode)
			continue;
		w->errors++;
	}
}

void walk_all(struct walk *w, struct super_block *sb)
{
	struct inode *root = sb->root->inode;
	struct statfs_info info;

	w->path_len = 0;
	if (w->print)
		print_inode(w, root, 0);
	look_for_missing(w, root);
	walk_dir(w, root, 0);
	sb->ops->statfs(sb, &info);
}

void expect_nothing_left(void)
{
	if (shim_counts.pages || shim_counts.inodes || shim_counts.allocations)
		host_die("something was not given back");
}
