/*
 * The rules for open's flags (CONTRACT 2): every combination of flags, resolve bits and modes against a
 * table of what is refused, and against the Linux that the test runs on; openat's forgiving form; the
 * sizes of struct open_how.
 */
#include "abi/errno.h"
#include "kernel/ktest.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "vfs/open.h"

/* Linux' own calls, from libc. */
long syscall(long number, ...);
int *__errno_location(void);
#define LINUX_OPENAT2 437

/* The flags that rules speak of, one bit of a combination's number each. */
static const u64 rule_flags[] = {O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY,
	O_NOFOLLOW, O_CLOEXEC, O_PATH, O_TMPFILE_BIT, O_NONBLOCK};
#define NR_COMBINATIONS (1u << ARRAY_SIZE(rule_flags))
#define NR_RESOLVES	64u

static const u64 known_flags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
			       O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE |
			       O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
			       O_TMPFILE_BIT;

static const u64 modes[] = {0, 0644, 07777, 010000, 1ull << 32};

static u64 combination(u32 nr)
{
	u64 flags = 0;

	for (u32 i = 0; i < ARRAY_SIZE(rule_flags); i++)
		if (nr & (1u << i))
			flags |= rule_flags[i];
	return flags;
}

/* A row refuses what has these bits of flags and resolve; mode: and a bit of these. */
struct refusal {
	u64 flags_mask, flags, resolve, mode;
	int error;
};
#define CREATES (O_CREAT | O_TMPFILE_BIT)

static const struct refusal refusals[] = {
	{0, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT, 0, EINVAL},
	{CREATES, 0, 0, ~0ull, EINVAL},
	{0, 0, 0, ~07777ull, EINVAL},
	{O_CREAT | O_DIRECTORY, O_CREAT | O_DIRECTORY, 0, 0, EINVAL},
	{O_TMPFILE_BIT | O_DIRECTORY, O_TMPFILE_BIT, 0, 0, EINVAL},
	{O_TMPFILE_BIT | O_ACCMODE, O_TMPFILE_BIT | O_RDONLY, 0, 0, EINVAL},
	{O_PATH | O_WRONLY, O_PATH | O_WRONLY, 0, 0, EINVAL},
	{O_PATH | O_RDWR, O_PATH | O_RDWR, 0, 0, EINVAL},
	{O_PATH | O_CREAT, O_PATH | O_CREAT, 0, 0, EINVAL},
	{O_PATH | O_EXCL, O_PATH | O_EXCL, 0, 0, EINVAL},
	{O_PATH | O_TRUNC, O_PATH | O_TRUNC, 0, 0, EINVAL},
	{O_PATH | O_TMPFILE_BIT, O_PATH | O_TMPFILE_BIT, 0, 0, EINVAL},
	{O_PATH | O_NONBLOCK, O_PATH | O_NONBLOCK, 0, 0, EINVAL},
	/* after all the others */
	{O_CREAT, O_CREAT, RESOLVE_CACHED, 0, EAGAIN},
	{O_TRUNC, O_TRUNC, RESOLVE_CACHED, 0, EAGAIN},
	{O_TMPFILE_BIT, O_TMPFILE_BIT, RESOLVE_CACHED, 0, EAGAIN},
};

static int expected_error(const struct open_how *how)
{
	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];

		if ((how->flags & r->flags_mask) == r->flags &&
			(how->resolve & r->resolve) == r->resolve &&
			(!r->mode || (how->mode & r->mode)))
			return r->error;
	}
	return 0;
}

static struct open_how nth_how(u32 nr, u32 resolve, u32 mode)
{
	return (struct open_how){combination(nr), modes[mode], resolve};
}

KTEST(open_flags_every_combination)
{
	struct open_params params;

	for (u32 nr = 0; nr < NR_COMBINATIONS; nr++)
		for (u32 resolve = 0; resolve < NR_RESOLVES; resolve++)
			for (u32 mode = 0; mode < ARRAY_SIZE(modes); mode++) {
				struct open_how how = nth_how(nr, resolve, mode);
				int error = -open_params_from_how(&how, &params);

				if (error == expected_error(&how))
					continue;
				ktest_fail(__FILE__, __LINE__,
					"flags %llx resolve %x mode %llo: error %d, expected %d",
					(unsigned long long)how.flags, resolve,
					(unsigned long long)how.mode, error, expected_error(&how));
				return;
			}
}

/* Linux judges the flags before it looks at the path: an empty one is ENOENT when they are right. */
static int linux_error(const struct open_how *how)
{
	if (syscall(LINUX_OPENAT2, AT_FDCWD, "", how, sizeof(*how)) >= 0)
		return 0;
	return *__errno_location() == ENOENT ? 0 : *__errno_location();
}

KTEST(open_flags_as_linux_judges_them)
{
	struct open_how creates_directory = {O_CREAT | O_DIRECTORY, 0644, 0};
	struct open_how cached = {O_CREAT, 0644, RESOLVE_CACHED};
	struct open_params params;

	/* Linux before 6.4 let the first pass, before 5.12 does not know the second. */
	if (linux_error(&creates_directory) != EINVAL || linux_error(&cached) != EAGAIN) {
		ktest_skip("Linux is too old, or may not be asked");
		return;
	}
	for (u32 nr = 0; nr < NR_COMBINATIONS; nr++)
		for (u32 i = 0; i < 32; i++) {
			struct open_how how =
				nth_how(nr, (nr * 7 + i * 5) % NR_RESOLVES, i % ARRAY_SIZE(modes));
			int error = -open_params_from_how(&how, &params);

			if (error == linux_error(&how))
				continue;
			ktest_fail(__FILE__, __LINE__,
				"flags %llx resolve %llx mode %llo: error %d, Linux has %d",
				(unsigned long long)how.flags, (unsigned long long)how.resolve,
				(unsigned long long)how.mode, error, linux_error(&how));
			return;
		}
}

KTEST(open_flags_unknown_bits)
{
	struct open_params params;

	for (u32 bit = 0; bit < 64; bit++) {
		struct open_how how = {.flags = 1ull << bit};
		struct open_how resolve = {.resolve = 1ull << bit};
		bool known = known_flags & how.flags;
		/* a rule's business: what it needs is missing */
		bool incomplete = how.flags == O_TMPFILE_BIT;

		KT_EQ(open_params_from_how(&how, &params), known && !incomplete ? 0 : -EINVAL);
		KT_EQ(open_params_from_how(&resolve, &params), bit < 6 ? 0 : -EINVAL);
	}
}

KTEST(open_flags_become_walk_flags_and_rights)
{
	static const struct {
		u64 flags, resolve;
		u32 walk, may;
	} rows[] = {
		{O_RDONLY, 0, WALK_FOLLOW, MAY_READ},
		{O_WRONLY, 0, WALK_FOLLOW, MAY_WRITE},
		{O_RDWR, 0, WALK_FOLLOW, MAY_READ | MAY_WRITE},
		{O_ACCMODE, 0, WALK_FOLLOW, MAY_READ | MAY_WRITE},
		{O_RDONLY | O_TRUNC, 0, WALK_FOLLOW, MAY_READ | MAY_WRITE},
		{O_RDONLY | O_NOFOLLOW, 0, 0, MAY_READ},
		{O_RDONLY | O_DIRECTORY, 0, WALK_FOLLOW | WALK_DIRECTORY, MAY_READ},
		{O_RDONLY | O_EXCL, 0, WALK_FOLLOW, MAY_READ},
		{O_RDONLY | O_CREAT, 0, WALK_FOLLOW, MAY_READ},
		{O_RDWR | O_CREAT | O_EXCL, 0, 0, MAY_READ | MAY_WRITE},
		{O_PATH, 0, WALK_FOLLOW, 0},
		{O_PATH | O_NOFOLLOW, 0, 0, 0},
		{0, RESOLVE_NO_XDEV, WALK_FOLLOW | WALK_NO_XDEV, MAY_READ},
		{0, RESOLVE_NO_MAGICLINKS, WALK_FOLLOW | WALK_NO_MAGICLINKS, MAY_READ},
		{0, RESOLVE_NO_SYMLINKS, WALK_FOLLOW | WALK_NO_SYMLINKS | WALK_NO_MAGICLINKS,
			MAY_READ},
		{0, RESOLVE_BENEATH, WALK_FOLLOW | WALK_BENEATH, MAY_READ},
		{0, RESOLVE_IN_ROOT, WALK_FOLLOW | WALK_IN_ROOT, MAY_READ},
		{0, RESOLVE_CACHED, WALK_FOLLOW | WALK_CACHED, MAY_READ},
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct open_how how = {rows[i].flags, 0, rows[i].resolve};
		struct open_params params;

		KT_EQ(open_params_from_how(&how, &params), 0);
		KT_EQ(params.walk_flags, rows[i].walk);
		KT_EQ(params.may, rows[i].may);
		KT_EQ(params.flags, rows[i].flags | (rows[i].flags & O_PATH ? 0 : O_LARGEFILE));
	}
	struct open_how half_sync = {.flags = O_SYNC_BIT};
	struct open_params params;

	KT_EQ(open_params_from_how(&half_sync, &params), 0);
	KT_EQ(params.flags, O_LARGEFILE | O_SYNC);
}

/* openat forgives: unknown flags, a mode that means nothing, and what O_PATH does not go with. */
KTEST(open_flags_openat_forgives)
{
	static const u32 path_flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_PATH;
	struct open_params params;
	struct open_how how;

	for (u32 nr = 0; nr < NR_COMBINATIONS; nr++) {
		u32 flags = (u32)combination(nr),
		    kept = flags & O_PATH ? flags & path_flags : flags;

		open_how_from_openat(flags | ~(u32)known_flags, 0xffff, &how);
		KT_EQ(how.flags, kept);
		KT_EQ(how.mode, kept & CREATES ? 07777 : 0);
		KT_EQ(how.resolve, 0);
		/* What is still refused is a contradiction, not an unknown. */
		KT_EQ(-open_params_from_how(&how, &params), expected_error(&how));
	}
}

KTEST(open_how_sizes)
{
	u8 *newer = kzalloc(2 * PAGE_SIZE, ALLOC_WAIT);
	struct open_how in = {O_RDWR, 1, 2}, out;

	memcpy(newer, &in, sizeof(in));
	for (size_t size = 0; size < 24; size++)
		KT_EQ(open_how_copy(&out, newer, size), -EINVAL);
	for (size_t size = 24; size <= PAGE_SIZE; size++) {
		memset(&out, 0, sizeof(out));
		KT_EQ(open_how_copy(&out, newer, size), 0);
		KT_EQ(memcmp(&out, &in, sizeof(in)), 0);
		/* one byte of a field that we do not know; just behind the end it is not ours */
		newer[size] = 1;
		KT_EQ(open_how_copy(&out, newer, size), 0);
		if (size < PAGE_SIZE)
			KT_EQ(open_how_copy(&out, newer, size + 1), -E2BIG);
		newer[size] = 0;
	}
	KT_EQ(open_how_copy(&out, newer, PAGE_SIZE + 1), -E2BIG);
	KT_EQ(open_how_copy(&out, newer, ~0ull), -E2BIG);
	kfree(newer);
}
