/*
 * The calls only Unlazy has: numbers, structs and constants. The one header that kernel and programs
 * share; it needs nothing but <stdint.h>.
 */
#pragma once

#include <stdint.h>

#define UNLAZY_SYS_SPAWN    1000 /* kernel/process.h, user/libc/include/unlazy.h */
#define UNLAZY_SYS_POWEROFF 1001
#define UNLAZY_SYS_WALK	    1002

/*
 * long unlazy_walk(int dirfd, const char *path, uint64_t flags, struct unlazy_walk_record *buf,
 *		    uint64_t n)
 *
 * Resolve path as openat2(O_PATH) would, without opening it, and tell every step. First one attempt
 * with RESOLVE_CACHED is made, whose answer is only reported; then, unless UNLAZY_WALK_CACHED asks for the
 * steps of that attempt itself, the walk that may block. A walk that starts over (left RCU without
 * being able to go on, or -ESTALE) says so with an UNLAZY_WALK_RESTART record.
 *
 * Returns the number of records the walk had, of which the first n were written; the last one is
 * always UNLAZY_WALK_RESULT. -EFAULT, -EINVAL (flags), -ENAMETOOLONG for a path that cannot be copied in. An
 * errno the walk itself ended with is in that record.
 */
#define UNLAZY_WALK_CACHED   0x1u /* the steps of the cached-only attempt */
#define UNLAZY_WALK_NOFOLLOW 0x2u /* do not follow a final symbolic link */

enum unlazy_walk_kind {
	UNLAZY_WALK_STEP,    /* a component was looked up */
	UNLAZY_WALK_LINK,    /* a symbolic link is followed; name is (the start of) its body */
	UNLAZY_WALK_MOUNT,   /* onto the root of what is mounted here; name is the file system */
	UNLAZY_WALK_UNLAZY,  /* left RCU mode, keeping the progress made; reason says why */
	UNLAZY_WALK_RESTART, /* from the beginning, in the mode given; reason says why */
	UNLAZY_WALK_RESULT,  /* the end: error, and cached_error of the cached-only attempt */
};

/* Where a component was found. */
enum unlazy_walk_found {
	UNLAZY_FOUND_NOWHERE,	 /* the walk stopped before an answer */
	UNLAZY_FOUND_DOT,	 /* `.` or `..`: no lookup */
	UNLAZY_FOUND_HASH,	 /* dcache hash */
	UNLAZY_FOUND_NEGATIVE,	 /* dcache hash: known not to exist */
	UNLAZY_FOUND_FS,	 /* the file system was asked */
	UNLAZY_FOUND_FS_MISSING, /* the file system was asked, and it is not there */
	UNLAZY_FOUND_IN_LOOKUP,	 /* another thread was asking; its answer was awaited */
};

enum unlazy_walk_mode { UNLAZY_MODE_RCU, UNLAZY_MODE_REF };

struct unlazy_walk_record {
	char name[64];	      /* cut to 63 bytes */
	char reason[32];      /* why it left RCU mode or started over; "" otherwise */
	uint64_t ino;	      /* of what was found; 0 when nothing was */
	uint32_t kind;	      /* enum unlazy_walk_kind */
	uint32_t found_in;    /* enum unlazy_walk_found; of a STEP */
	uint32_t mode;	      /* enum unlazy_walk_mode after this step */
	uint32_t inode_mode;  /* S_IFMT and permission bits; 0 when nothing was found */
	uint32_t seq;	      /* d_seq of the dentry when it was found */
	int32_t error;	      /* 0 or -errno */
	int32_t cached_error; /* RESULT: what the cached-only attempt answered */
	uint32_t pad;
};
_Static_assert(sizeof(struct unlazy_walk_record) == 136, "ABI");
