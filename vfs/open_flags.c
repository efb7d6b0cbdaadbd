/*
 * The rules for open's flags (CONTRACT 2): openat2's strict ones, and openat's forgiving front to them.
 */
#include "vfs/internal.h"
#include "vfs/walk_hit.h"

#include "kernel/string.h"
#include "kernel/uaccess.h"

#define OPEN_VALID_FLAGS                                                                           \
	((u64)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |         \
		O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | \
		O_CLOEXEC | O_PATH | O_TMPFILE_BIT))
#define OPEN_PATH_FLAGS ((u64)(O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_PATH))
#define RESOLVE_VALID                                                                              \
	((u64)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |   \
		RESOLVE_IN_ROOT | RESOLVE_CACHED))

static int check_how(const struct open_how *how)
{
	u64 flags = how->flags;
	bool creates = flags & (O_CREAT | O_TMPFILE_BIT);

	if ((flags & ~OPEN_VALID_FLAGS) || (how->resolve & ~RESOLVE_VALID))
		return -EINVAL;
	if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how->mode & (creates ? ~(u64)07777 : ~0ull))
		return -EINVAL;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	if ((flags & O_TMPFILE_BIT) && (!(flags & O_DIRECTORY) || (flags & O_ACCMODE) == O_RDONLY))
		return -EINVAL;
	if ((flags & O_PATH) && (flags & ~OPEN_PATH_FLAGS))
		return -EINVAL;
	/* last, and by the bit: O_TMPFILE contains O_DIRECTORY */
	if ((how->resolve & RESOLVE_CACHED) && (flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT)))
		return -EAGAIN;
	return 0;
}

static u32 walk_flags_from_how(u64 flags, u64 resolve)
{
	u32 walk = 0;

	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		walk |= WALK_FOLLOW;
	if (flags & O_DIRECTORY)
		walk |= WALK_DIRECTORY;
	if (likely(!resolve))
		return walk;
	if (resolve & RESOLVE_NO_XDEV)
		walk |= WALK_NO_XDEV;
	if (resolve & RESOLVE_NO_MAGICLINKS)
		walk |= WALK_NO_MAGICLINKS;
	if (resolve & RESOLVE_NO_SYMLINKS)
		walk |= WALK_NO_SYMLINKS | WALK_NO_MAGICLINKS;
	if (resolve & RESOLVE_BENEATH)
		walk |= WALK_BENEATH;
	if (resolve & RESOLVE_IN_ROOT)
		walk |= WALK_IN_ROOT;
	if (resolve & RESOLVE_CACHED)
		walk |= WALK_CACHED;
	return walk;
}

static u32 may_from_flags(u64 flags)
{
	static const u8 may[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};

	if (flags & O_PATH)
		return 0;
	return may[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

/* Reading; nothing is created, cut or looked at sideways. */
#define OPEN_PLAIN_FLAGS                                                                           \
	(O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW | O_NOCTTY)

int open_params_from_how(const struct open_how *how, struct open_params *out)
{
	u32 implied = how->flags & O_PATH ? 0 : O_LARGEFILE;
	int err = check_how(how);

	if (unlikely(err))
		return err;
	if (how->flags & O_SYNC_BIT)
		implied |= O_DSYNC;
	*out = (struct open_params){
		.flags = (u32)how->flags | implied,
		.mode = (u32)how->mode,
		.walk_flags = walk_flags_from_how(how->flags, how->resolve),
		.may = may_from_flags(how->flags),
	};
	out->plain = !(out->flags & ~OPEN_PLAIN_FLAGS) && !(out->walk_flags & ~WALK_HIT_FLAGS);
	return 0;
}

void open_how_from_openat(u32 flags, u32 mode, struct open_how *out)
{
	flags &= (u32)OPEN_VALID_FLAGS;
	if (flags & O_PATH)
		flags &= (u32)OPEN_PATH_FLAGS;
	*out = (struct open_how){
		.flags = flags,
		.mode = flags & (O_CREAT | O_TMPFILE_BIT) ? mode & 07777 : 0,
	};
}

int open_how_copy(struct open_how *out, const void __user *how, size_t size)
{
	u8 tail[64];

	if (size < OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(out, how, sizeof(*out)))
		return -EFAULT;
	/* a newer program's struct is fine as long as it asks for nothing we do not know */
	for (size_t at = sizeof(*out); at < size; at += sizeof(tail)) {
		size_t n = MIN(sizeof(tail), size - at);

		if (copy_from_user(tail, (const u8 __user *)how + at, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (tail[i])
				return -E2BIG;
	}
	return 0;
}
