/*
 * ext4 on the host: the driver that reads images for images.py and corrupts them.
 *
 *   ext4_host units                            checksums, hashes, maps (prints ok and FAIL lines)
 *   ext4_host mount IMAGE [OPTIONS]            mount and umount; the console's lines after "#"
 *   ext4_host dump IMAGE FOLDER                a line for each name; contents of files to FOLDER/INO
 *   ext4_host read IMAGE INO OFFSET LENGTH     bytes of a file in hexadecimal
 *   ext4_host faults IMAGE COUNT               the whole tree, COUNT times (0: as often as there are
 *                                              reads), each time with another single read failing
 *   ext4_host fuzz IMAGE SEED COUNT            COUNT times: damage seeded bytes of the metadata, mount,
 *                                              walk everything. Every second time no checksum protects.
 *
 * Exit status 0: what was asked for worked (for mount: 1 when refused).
 */
#include "abi/errno.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/internal.h"
#include "kernel/string.h"
#include "tests/host/ext4/host.h"
#include "tests/host/ext4/shim.h"
#include "tests/host/ext4/units.h"

#define NAMES_MAX   400000u
#define DEPTH_MAX   200
#define DUMP_BUDGET (1u << 20)

/* A directory's names, collected before they are looked up. */
struct names {
	char *text; /* names, one after the other, with length bytes before */
	size_t used, room;
	u32 count;
};

/* What a walk does, and how it ended. */
struct walk {
	const char *folder; /* contents go here; NULL: nowhere */
	bool print;
	u64 names, errors, bytes;
	u64 budget; /* names and pages before the walk is cut short: damaged trees may be bushy */
	char path[16384];
	size_t path_len;
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

static void walk_all(struct walk *w, struct super_block *sb)
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

static void expect_nothing_left(void)
{
	if (shim_counts.pages || shim_counts.inodes || shim_counts.allocations)
		host_die("something was not given back");
}

/* ---- Commands ---- */

static struct walk the_walk;

static int command_mount(const char *options)
{
	int error;
	struct super_block *sb;

	shim_verbose = true;
	sb = shim_mount("ext4", options, &error);
	if (!sb && shim_console_lines == 0)
		host_die("refused without a word");
	host_print("mount %d\n", error);
	if (sb)
		shim_umount(sb);
	expect_nothing_left();
	return error ? 1 : 0;
}

static int command_dump(const char *folder)
{
	struct walk *w = &the_walk;
	int error;
	struct super_block *sb;

	shim_verbose = true;
	sb = shim_mount("ext4", "", &error);
	if (!sb)
		return 1;
	*w = (struct walk){.folder = folder, .print = true, .budget = DUMP_BUDGET};
	walk_all(w, sb);
	shim_umount(sb);
	expect_nothing_left();
	host_print("# %llu names, %llu errors, %llu block reads\n", (unsigned long long)w->names,
		(unsigned long long)w->errors, (unsigned long long)shim_device.reads);
	return w->errors || w->budget == 0 ? 1 : 0;
}

static int command_read(u64 ino, u64 offset, u64 length)
{
	static u8 data[PAGE_SIZE];
	int error;
	struct super_block *sb = shim_mount("ext4", "", &error);
	struct inode *inode;

	if (!sb)
		return 1;
	inode = ext4_iget(sb, (u32)ino);
	if (IS_ERR(inode))
		return 1;
	for (u64 at = offset; at < offset + length; at++) {
		if (at == offset || at % PAGE_SIZE == 0)
			error |= shim_read(inode, at / PAGE_SIZE, 1, data);
		host_print("%02x", data[at % PAGE_SIZE]);
	}
	host_print("\n");
	inode_put(inode);
	shim_umount(sb);
	return error ? 1 : 0;
}

/* Mount and walk once, quietly. */
static void walk_once(u64 budget)
{
	struct walk *w = &the_walk;
	int error;
	struct super_block *sb = shim_mount("ext4", "", &error);

	if (error > 0)
		host_die("mount answers nonsense");
	if (sb) {
		*w = (struct walk){.budget = budget};
		walk_all(w, sb);
		shim_umount(sb);
	}
	expect_nothing_left();
}

static int command_faults(u64 count)
{
	u64 reads, step;

	walk_once(UINT64_MAX);
	reads = shim_device.reads;
	step = count ? MAX(reads / count, 1ull) : 1;
	for (u64 n = 1; n <= reads; n += n < 64 ? 1 : step) {
		host_watchdog(60);
		shim_device.reads = 0;
		shim_device.fail_after = n;
		walk_once(UINT64_MAX);
	}
	host_print("ok faults: every %llu-th of %llu reads failed\n", (unsigned long long)step,
		(unsigned long long)reads);
	return 0;
}

static u64 random_state;

static u64 random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull;
}

/* Blocks worth damaging: those which are not empty, the first ones three times. */
static u64 pick_place(u64 size)
{
	for (;;) {
		u64 at = random_next() % size;

		if (random_next() % 4 == 0)
			at %= MIN(size, 262144ull);
		if (random_next() % 16 == 0)
			at = 1024 + random_next() % 1024;
		for (u64 i = at & ~255ull; i < (at & ~255ull) + 256 && i < size; i++)
			if (shim_device.bytes[i])
				return at;
	}
}

static void damage(u8 *bytes, u64 size)
{
	static const u32 words[] = {
		0, 1, 2, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff, 0x8000, 12};
	u64 at = pick_place(size - 8);

	switch (random_next() % 5) {
	case 0:
		bytes[at] ^= (u8)(1u << random_next() % 8);
		break;
	case 1:
		bytes[at] = (u8)random_next();
		break;
	case 2:
		memcpy(bytes + (at & ~3ull), &words[random_next() % ARRAY_SIZE(words)], 4);
		break;
	case 3:
		memcpy(bytes + (at & ~1ull), &words[random_next() % ARRAY_SIZE(words)], 2);
		break;
	default: /* a copy of something else, often meaningful in the wrong place */
		memcpy(bytes + (at & ~3ull), bytes + (pick_place(size - 8) & ~3ull), 4);
		break;
	}
}

static int command_fuzz(const char *image, u64 seed, u64 count)
{
	for (u64 i = 0; i < count; i++) {
		u8 *bytes = host_load(image, &shim_device.size);
		u32 wounds;

		random_state = (seed + i) * 0x9e3779b97f4a7c15ull + 1;
		shim_device.bytes = bytes;
		shim_device.believe = i % 2;
		wounds = 1 + (u32)(random_next() % 40);
		for (u32 k = 0; k < wounds; k++)
			damage(bytes, shim_device.size);
		host_watchdog(120);
		host_print("seed %llu\r", (unsigned long long)(seed + i));
		walk_once(30000);
		host_unload(bytes, shim_device.size);
	}
	host_print("ok fuzz: %llu damaged images from seed %llu\n", (unsigned long long)count,
		(unsigned long long)seed);
	return 0;
}

static u64 number(const char *s)
{
	u64 n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (u64)(*s - '0');
	return n;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	ext4_init();
	if (strcmp(command, "units") == 0)
		return units_run();
	if (argc < 3)
		return 2;
	shim_device.bytes = host_load(argv[2], &shim_device.size);
	if (strcmp(command, "mount") == 0)
		return command_mount(argc > 3 ? argv[3] : "");
	if (strcmp(command, "dump") == 0 && argc == 4)
		return command_dump(argv[3]);
	if (strcmp(command, "read") == 0 && argc == 6)
		return command_read(number(argv[3]), number(argv[4]), number(argv[5]));
	if (strcmp(command, "faults") == 0 && argc == 4)
		return command_faults(number(argv[3]));
	if (strcmp(command, "fuzz") == 0 && argc == 5)
		return command_fuzz(argv[2], number(argv[3]), number(argv[4]));
	return 2;
}
