/*
 * io_uring_register: what can be said about a ring outside its queues. Every operation runs under
 * submit_lock, so none of it changes in the middle of a submission.
 */
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "ring/internal.h"

/* ---- Probe ---- */

#define PROBE_OPS 64u /* more than any kernel has had so far */

static int register_probe(void __user *arg, u32 nr)
{
	struct io_uring_probe head = {.last_op = PROBE_OPS - 1};
	struct io_uring_probe_op __user *ops =
		(void __user *)((char __user *)arg + sizeof(struct io_uring_probe));
	u64 word;

	if (nr > 256)
		return -EINVAL;
	/* The program must have cleared it: whatever a later version puts there, it will not misread. */
	for (size_t at = 0; at < sizeof(head) + nr * sizeof(*ops); at += sizeof(word)) {
		if (copy_from_user(&word, (char __user *)arg + at, sizeof(word)))
			return -EFAULT;
		if (word)
			return -EINVAL;
	}
	nr = MIN(nr, PROBE_OPS);
	head.ops_len = (u8)nr;
	if (copy_to_user(arg, &head, sizeof(head)))
		return -EFAULT;
	for (u32 i = 0; i < nr; i++) {
		struct io_uring_probe_op op = {
			.op = (u8)i, .flags = ring_op_of[i]->name ? IO_URING_OP_SUPPORTED : 0};

		if (copy_to_user(&ops[i], &op, sizeof(op)))
			return -EFAULT;
	}
	return 0;
}

/* ---- Personalities: numbered from 1 ---- */

static int register_personality(struct ring *ring)
{
	for (int i = 0; i < RING_PERSONALITIES; i++)
		if (!ring->personalities[i]) {
			ring->personalities[i] = cred_get(current_cred());
			return i + 1;
		}
	return -ENOMEM;
}

static int unregister_personality(struct ring *ring, u32 id)
{
	struct cred *c;

	if (id == 0 || id > RING_PERSONALITIES || !ring->personalities[id - 1])
		return -EINVAL;
	c = ring->personalities[id - 1];
	ring->personalities[id - 1] = NULL;
	cred_put(c);
	return 0;
}

struct cred *ring_personality_get(struct ring *ring, u16 id)
{
	if (id == 0 || id > RING_PERSONALITIES || !ring->personalities[id - 1])
		return NULL;
	return cred_get(ring->personalities[id - 1]);
}

/* ---- Workers, files ---- */

static int register_max_workers(struct ring *ring, void __user *arg, u32 nr)
{
	u32 max[RING_ACCOUNTS];

	if (!arg || nr != RING_ACCOUNTS)
		return -EINVAL;
	if (copy_from_user(max, arg, sizeof(max)))
		return -EFAULT;
	ring_pool_set_max(ring->pool, max);
	return copy_to_user(arg, max, sizeof(max));
}

static int register_files2(struct ring *ring, void __user *arg, u32 size)
{
	struct io_uring_rsrc_register r;

	if (size != sizeof(r))
		return -EINVAL;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.resv2 || r.tags || (r.flags & ~IORING_RSRC_REGISTER_SPARSE))
		return -EINVAL;
	if (r.flags & IORING_RSRC_REGISTER_SPARSE)
		return r.data ? -EINVAL : ring_files_register(ring, NULL, r.nr);
	return r.data ? ring_files_register(ring, (const s32 __user *)r.data, r.nr) : -EINVAL;
}

static int register_files_update(struct ring *ring, void __user *arg, u32 nr)
{
	struct io_uring_files_update u;

	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	if (u.resv)
		return -EINVAL;
	return ring_files_update(ring, u.offset, (const s32 __user *)u.fds, nr);
}

static int register_alloc_range(struct ring *ring, void __user *arg, u32 nr)
{
	struct {
		u32 off, len;
		u64 resv;
	} range;

	if (!arg || nr)
		return -EINVAL;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	return range.resv ? -EINVAL : ring_files_alloc_range(ring, range.off, range.len);
}

static int register_enable(struct ring *ring)
{
	if (ring->enabled)
		return -EBADFD;
	if (ring->setup_flags & IORING_SETUP_SINGLE_ISSUER)
		ring->issuer = current;
	WRITE_ONCE(ring->enabled, true);
	return 0;
}

static int do_register(struct ring *ring, u32 op, void __user *arg, u32 nr)
{
	switch (op) {
	case IORING_REGISTER_PROBE:
		return arg ? register_probe(arg, nr) : -EINVAL;
	case IORING_REGISTER_PERSONALITY:
		return arg || nr ? -EINVAL : register_personality(ring);
	case IORING_UNREGISTER_PERSONALITY:
		return arg ? -EINVAL : unregister_personality(ring, nr);
	case IORING_REGISTER_ENABLE_RINGS:
		return arg || nr ? -EINVAL : register_enable(ring);
	case IORING_REGISTER_IOWQ_MAX_WORKERS:
		return register_max_workers(ring, arg, nr);
	case IORING_REGISTER_FILES:
		return arg ? ring_files_register(ring, arg, nr) : -EFAULT;
	case IORING_REGISTER_FILES2:
		return register_files2(ring, arg, nr);
	case IORING_UNREGISTER_FILES:
		return arg || nr ? -EINVAL : ring_files_unregister(ring);
	case IORING_REGISTER_FILES_UPDATE:
		return register_files_update(ring, arg, nr);
	case IORING_REGISTER_FILE_ALLOC_RANGE:
		return register_alloc_range(ring, arg, nr);
	default:
		return -EINVAL;
	}
}

SYSCALL4(io_uring_register, int, fd, u32, op, void __user *, arg, u32, nr)
{
	struct file *f = file_get_fd(current_files(), fd);
	struct ring *ring;
	int ret;

	if (!f)
		return -EBADF;
	ring = f->private_data;
	if (!ring_is_file(f)) {
		ret = -EOPNOTSUPP;
	} else if (READ_ONCE(ring->pool->process) != current->process) {
		ret = -EPERM;
	} else {
		mutex_lock(&ring->submit_lock);
		ret = do_register(ring, op, arg, nr);
		mutex_unlock(&ring->submit_lock);
	}
	file_put(f);
	return ret;
}
