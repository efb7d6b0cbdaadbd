/*
 * Looking ahead in a submission (vfs/prefetch.h): the paths of the next entries that open or stat, so that
 * their cache misses overlap. Entries are read again when they are submitted; here they are hints.
 *
 * Limits: short paths only; no more entries than a CPU's own caches can hold the dentries and inodes of.
 */
#include "vfs/prefetch.h"
#include "ring/internal.h"
#include "vfs/dcache.h"

#define MAX_AHEAD 256u

static bool has_path(u8 opcode)
{
	return opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2 ||
	       opcode == IORING_OP_STATX;
}

static bool hint_from(const struct ring *ring, u32 head, struct prefetch_path *hint)
{
	u32 mask = ring->sq_entries - 1, index = READ_ONCE(ring->sq_array[head & mask]);
	const struct io_uring_sqe *sqe;

	if (index > mask)
		return false;
	sqe = &ring->sqes[index];
	if (!has_path(READ_ONCE(sqe->opcode)))
		return false;
	hint->dirfd = READ_ONCE(sqe->fd);
	return strncpy_from_user(hint->text, (const char __user *)READ_ONCE(sqe->addr),
		       sizeof(hint->text) - NAME_SLACK) > 0;
}

/* From head on: up to n entries, at most a group. Returns how many were looked at. */
static u32 prefetch_group(const struct ring *ring, u32 head, u32 n)
{
	struct prefetch_path hints[PREFETCH_GROUP];
	u32 used = 0;

	n = MIN(n, PREFETCH_GROUP);
	for (u32 i = 0; i < n; i++)
		used += hint_from(ring, head + i, &hints[used]);
	if (used > 1)
		prefetch_paths(hints, used);
	return n;
}

void ring_prefetch(const struct ring *ring, u32 to_submit)
{
	/* Acquire: as ring_submit's. */
	u32 available = load_acquire(&ring->rings->sq_tail) - ring->sq_head;
	u32 n = MIN(to_submit, available);

	n = MIN(n, ring->sq_entries);
	n = MIN(n, MAX_AHEAD);
	for (u32 done = 0; n > 1 && done < n;)
		done += prefetch_group(ring, ring->sq_head + done, n - done);
}
