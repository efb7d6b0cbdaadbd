/* openat, openat2 and the old calls. */
#include "difftest.h"
#include <liburing.h>
#include <linux/openat2.h>

#define PATH_ONLY    010000000
#define TMPFILE_BIT  020000000
#define LARGE	     0100000
#define HOW_BUFFER   8192
#define KNOWN_SIZE   24
#define NO_SUCH_FLAG (1ull << 40)

/* flag in percent of all cases. */
static uint64_t maybe(unsigned percent, uint64_t flag)
{
	return chance(percent) ? flag : 0;
}

static uint64_t draw_open_flags(void)
{
	uint64_t flags = (uint64_t)ONE_OF(0, 0, 0, 0, 1, 2, 2, 2, 2, 1, 0, 0, 2, 3);

	flags |= maybe(35, O_CREAT) | maybe(10, O_EXCL) | maybe(10, O_TRUNC) | maybe(8, O_APPEND);
	flags |= maybe(15, O_DIRECTORY) | maybe(12, O_NOFOLLOW) | maybe(10, PATH_ONLY);
	flags |= maybe(15, O_CLOEXEC) | maybe(8, O_NONBLOCK) | maybe(2, O_NOATIME) |
		 maybe(1, O_DIRECT);
	flags |= maybe(3, 010000) | maybe(2, 04000000) | maybe(2, 020000) | maybe(2, O_NOCTTY);
	if (chance(4))
		flags = (flags & 3) | TMPFILE_BIT | maybe(90, O_DIRECTORY) | maybe(20, O_EXCL);
	/* On a disk Linux asks for aligned bytes then; Unlazy takes it as advice. */
	if (options.device)
		flags &= ~(uint64_t)O_DIRECT;
	/* An open of a FIFO waits for the other end, and there is nobody to come. */
	if (flavour & WITH_FIFOS)
		flags |= O_NONBLOCK;
	return flags;
}

static void say_opened(long fd)
{
	say_result(fd);
	if (fd >= 0)
		say_descriptor((int)fd);
}

static void openat_(void)
{
	int dirfd = draw_dirfd();
	const char *path = draw_path();
	unsigned flags = (unsigned)(draw_open_flags() | maybe(2, 1u << 31) | maybe(2, LARGE));
	unsigned mode = draw_mode();
	bool by_ring = draw_ring();

	say(by_ring ? "ring-openat(" : "openat(");
	say_dirfd(dirfd);
	say(", ");
	say_path(path);
	say(", ");
	say_open_flags(flags);
	say(", %o)", mode);
	if (by_ring) {
		io_uring_prep_openat(ring_entry(), dirfd, path, (int)flags, mode);
		say_opened(ring_run());
	} else {
		say_opened(CALL(openat, dirfd, path, flags, mode));
	}
}

static void open_(void)
{
	const char *path = draw_path();
	unsigned flags = (unsigned)draw_open_flags(), mode = draw_mode();

	say("open(");
	say_path(path);
	say(", ");
	say_open_flags(flags);
	say(", %o)", mode);
	say_opened(CALL(open, path, flags, mode));
}

static void creat_(void)
{
	const char *path = draw_name();
	unsigned mode = draw_mode();

	say("creat(");
	say_path(path);
	say(", %o)", mode);
	/* O_WRONLY would wait for a FIFO's reader. */
	say_opened(flavour & WITH_FIFOS
			   ? CALL(open, path, O_CREAT | O_TRUNC | O_WRONLY | O_NONBLOCK, mode)
			   : CALL(creat, path, mode));
}

/* ---- openat2 ---- */

struct sized_how {
	_Alignas(8) unsigned char bytes[HOW_BUFFER];
	size_t size;
};

static uint64_t draw_resolve(void)
{
	uint64_t resolve = 0;

	if (chance(30))
		return 0;
	resolve |= maybe(20, RESOLVE_NO_XDEV) | maybe(15, RESOLVE_NO_MAGICLINKS) |
		   maybe(15, RESOLVE_NO_SYMLINKS);
	if (chance(70))
		resolve |= chance(50) ? RESOLVE_BENEATH : RESOLVE_IN_ROOT;
	resolve |= maybe(2, RESOLVE_BENEATH | RESOLVE_IN_ROOT) | maybe(2, 0x40) |
		   maybe(1, NO_SUCH_FLAG);
	return resolve | maybe(25, RESOLVE_CACHED);
}

/* Mostly what the flags allow; mode 0 unless something may be made. */
static void draw_how(struct open_how *how, const char *path)
{
	how->flags = draw_open_flags() | maybe(1, NO_SUCH_FLAG) | maybe(1, 1u << 30) |
		     maybe(1, 1ull << 63);
	if ((how->flags & PATH_ONLY) && chance(85))
		how->flags &= PATH_ONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((how->flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) && chance(85))
		how->flags &= ~(uint64_t)O_DIRECTORY;
	how->mode = draw_mode();
	if (!(how->flags & (O_CREAT | TMPFILE_BIT)))
		how->mode = chance(95) ? 0 : how->mode;
	else if (chance(95))
		how->mode &= 07777;
	how->resolve = draw_resolve();
	/* Linux takes an absolute link for another mount, where it has not yet needed to know the root. */
	if ((flavour & WITH_MOUNTS) && !(how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) &&
		path_is_good(path) && *path != '/')
		how->resolve &= ~(uint64_t)RESOLVE_NO_XDEV;
	if ((flavour & WITH_FIFOS) && (how->flags & PATH_ONLY))
		how->flags &= ~(uint64_t)O_NONBLOCK; /* EINVAL beside it, and needless */
}

static void draw_sized(struct sized_how *h, const struct open_how *how)
{
	memset(h->bytes, 0, sizeof(h->bytes));
	memcpy(h->bytes, how, sizeof(*how));
	h->size = chance(94) ? KNOWN_SIZE
			     : (size_t)ONE_OF(0, 8, 16, 23, 25, 32, 40, 64, 4096, 4097, 5000, -1);
	if (chance(2) && h->size > KNOWN_SIZE && h->size <= sizeof(h->bytes))
		h->bytes[h->size - 1] = 1;
	if (h->size > KNOWN_SIZE && h->size <= sizeof(h->bytes) && chance(50))
		h->bytes[KNOWN_SIZE + draw((unsigned)h->size - KNOWN_SIZE)] = 1;
}

static long open_with(bool by_ring, int dirfd, const char *path, void *how, size_t size)
{
	if (!by_ring)
		return CALL(openat2, dirfd, path, how, size);
	struct io_uring_sqe *sqe = ring_entry();

	io_uring_prep_openat2(sqe, dirfd, path, how);
	sqe->len = (unsigned)size;
	return ring_run();
}

/*
 * What a cached-only open says beside what the same open says when it may block: the first may be EAGAIN
 * where a system does not have it cached, but nothing else than the second. Nothing is kept open.
 */
static void say_cached_and_plain(bool by_ring, int dirfd, const char *path, struct sized_how *h)
{
	struct open_how *how = (struct open_how *)h->bytes;
	long cached = open_with(by_ring, dirfd, path, how, h->size);

	if (cached >= 0)
		close((int)cached);
	how->resolve &= ~(uint64_t)RESOLVE_CACHED;
	long plain = open_with(by_ring, dirfd, path, how, h->size);

	say(" = cached=");
	say_errno(cached);
	say(" plain=");
	say_errno(plain);
	if (plain >= 0) {
		say_descriptor((int)plain);
		close((int)plain);
	}
}

static void openat2_(void)
{
	static struct sized_how h;
	struct open_how how;
	int dirfd = draw_dirfd();
	const char *path = draw_path();

	draw_how(&how, path);
	draw_sized(&h, &how);
	void *pointer = draw_pointer(h.bytes);
	bool by_ring = draw_ring();

	say(by_ring ? "ring-openat2(" : "openat2(");
	say_dirfd(dirfd);
	say(", ");
	say_path(path);
	say(", {");
	say_open_flags(how.flags);
	say(", %llo, %#llx}", (unsigned long long)how.mode, (unsigned long long)how.resolve);
	say(pointer == h.bytes ? "" : "=%p", pointer);
	say(", %zd)", (ssize_t)h.size);
	if (pointer == h.bytes && (how.resolve & RESOLVE_CACHED))
		say_cached_and_plain(by_ring, dirfd, path, &h);
	else
		say_opened(open_with(by_ring, dirfd, path, pointer, h.size));
}

static const struct operation operations[] = {
	{"openat", openat_, 120, 0, false},
	{"openat2", openat2_, 120, 0, false},
	{"open", open_, 15, 0, false},
	{"creat", creat_, 10, 0, false},
};
const struct family open_family = {operations, COUNT_OF(operations)};
