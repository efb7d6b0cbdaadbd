/*
 * io_uring_setup, a ring's memory, its file, its end.
 *
 * Memory. Two areas of whole pages, contiguous for the kernel, mapped again into the program by
 * mmap of the ring's descriptor (CONTRACT 4, layout):
 *
 *	offset 0 and 0x8000000	struct io_rings, completion entries at 64, then the SQ array
 *	offset 0x10000000	submission entries
 *
 * The pages are referenced by both mappings, so they outlive whichever goes first.
 *
 * The end. Closing the last descriptor stops everything (cancel.c) and sleeps until no request is in
 * flight; running ones are interrupted, so that waits for nothing but a disk's answer. When the
 * last reference happens to be a worker's own, the end is a work item: a worker cannot wait for itself.
 */
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "ring/internal.h"

#define SETUP_FLAGS                                                                                \
	(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED |                      \
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER)
#define FEATURES                                                                                   \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |                \
		IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_EXT_ARG |       \
		IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

/* ---- Sizes ---- */

static u32 round_up_pow2(u32 n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/* Entry counts from what the program asks: p->sq_entries and p->cq_entries are set. 0 or -EINVAL. */
int ring_entries(u32 entries, struct io_uring_params *p)
{
	bool clamp = p->flags & IORING_SETUP_CLAMP;
	u32 cq = p->cq_entries;

	if (entries > IORING_MAX_ENTRIES && clamp)
		entries = IORING_MAX_ENTRIES;
	if (entries == 0 || entries > IORING_MAX_ENTRIES)
		return -EINVAL;
	p->sq_entries = round_up_pow2(entries);
	p->cq_entries = 2 * p->sq_entries;
	if (!(p->flags & IORING_SETUP_CQSIZE))
		return 0;
	if (cq > IORING_MAX_CQ_ENTRIES && clamp)
		cq = IORING_MAX_CQ_ENTRIES;
	if (cq == 0 || cq > IORING_MAX_CQ_ENTRIES)
		return -EINVAL;
	p->cq_entries = round_up_pow2(cq);
	return p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

/* Where the SQ array begins in the rings area. */
static u32 sq_array_offset(u32 cq_entries)
{
	return ALIGN_UP((u32)(sizeof(struct io_rings) + cq_entries * sizeof(struct io_uring_cqe)),
		CACHE_LINE);
}

static void fill_params(struct io_uring_params *p)
{
	p->features = FEATURES;
	p->sq_off = (struct io_sqring_offsets){
		.head = offsetof(struct io_rings, sq_head),
		.tail = offsetof(struct io_rings, sq_tail),
		.ring_mask = offsetof(struct io_rings, sq_mask),
		.ring_entries = offsetof(struct io_rings, sq_entries),
		.flags = offsetof(struct io_rings, sq_flags),
		.dropped = offsetof(struct io_rings, sq_dropped),
		.array = sq_array_offset(p->cq_entries),
	};
	p->cq_off = (struct io_cqring_offsets){
		.head = offsetof(struct io_rings, cq_head),
		.tail = offsetof(struct io_rings, cq_tail),
		.ring_mask = offsetof(struct io_rings, cq_mask),
		.ring_entries = offsetof(struct io_rings, cq_entries),
		.overflow = offsetof(struct io_rings, cq_overflow),
		.cqes = offsetof(struct io_rings, cqes),
		.flags = offsetof(struct io_rings, cq_flags),
	};
}

/* ---- The ring ---- */

static void ring_free(struct ring *ring)
{
	ring_request_destroy_list(ring->free);
	ring_request_destroy_list(ring->returned);
	ring_request_destroy_list(ring->overflow);
	for (unsigned i = 0; i < RING_PERSONALITIES; i++)
		if (ring->personalities[i])
			cred_put(ring->personalities[i]);
	if (ring->cred)
		cred_put(ring->cred);
	if (ring->pool)
		ring_pool_put(ring->pool);
	vfree(ring->rings);
	vfree(ring->sqes);
	kfree(ring);
}

void ring_destroy(struct ring *ring)
{
	ring_files_unregister(ring);
	spin_lock(&ring->cq_lock);
	WRITE_ONCE(ring->closing, true);
	spin_unlock(&ring->cq_lock);
	ring_cancel_all(ring);

	spin_lock(&ring->cq_lock);
	ring->destroyer = current;
	for (;;) {
		thread_prepare_sleep(THREAD_SLEEPING);
		if (list_empty(&ring->inflight))
			break;
		spin_unlock(&ring->cq_lock);
		schedule();
		spin_lock(&ring->cq_lock);
	}
	thread_finish_sleep();
	spin_unlock(&ring->cq_lock);
	ring_count_n(rings, -1);
	ring_free(ring);
}

static void destroy_from_work(struct work *w)
{
	ring_destroy(container_of(w, struct ring, destroy_work));
}

static int ring_alloc_memory(struct ring *ring, const struct io_uring_params *p)
{
	u32 array = sq_array_offset(p->cq_entries);

	ring->sq_entries = p->sq_entries;
	ring->cq_entries = p->cq_entries;
	ring->rings_size = array + p->sq_entries * sizeof(u32);
	ring->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	ring->rings = vzalloc(ring->rings_size);
	ring->sqes = vzalloc(ring->sqes_size);
	if (!ring->rings || !ring->sqes)
		return -ENOMEM;
	ring->sq_array = (u32 *)((char *)ring->rings + array);
	ring->rings->sq_mask = p->sq_entries - 1;
	ring->rings->cq_mask = p->cq_entries - 1;
	ring->rings->sq_entries = p->sq_entries;
	ring->rings->cq_entries = p->cq_entries;
	return 0;
}

static struct ring *ring_create(const struct io_uring_params *p)
{
	struct ring *ring = kzalloc(sizeof(*ring), ALLOC_WAIT);

	if (!ring)
		return NULL;
	mutex_init(&ring->submit_lock, RANK_RING_SUBMIT);
	spin_lock_init(&ring->cq_lock, RANK_RING_COMPLETION);
	spin_lock_init(&ring->files_lock, RANK_FDTABLE);
	list_init(&ring->inflight);
	list_init(&ring->waiters);
	work_init(&ring->destroy_work, destroy_from_work);
	ring->setup_flags = p->flags;
	ring_open_init(ring);
	ring->enabled = !(p->flags & IORING_SETUP_R_DISABLED);
	if (ring->enabled && (p->flags & IORING_SETUP_SINGLE_ISSUER))
		ring->issuer = current;
	ring->cred = cred_get(current_cred());
	ring->pool = ring_pool_get(p->sq_entries);
	if (!ring->pool || ring_alloc_memory(ring, p)) {
		ring_free(ring);
		return NULL;
	}
	ring_count(rings);
	return ring;
}

/* ---- Its file ---- */

static void ring_release(struct file *f)
{
	struct ring *ring = f->private_data;

	if (ring_on_worker())
		work_queue(&ring->destroy_work);
	else
		ring_destroy(ring);
}

/* Show a vzalloc'd area to the program. Address or -errno. */
static s64 map_area(void *area, size_t area_size, u64 length)
{
	size_t n = ALIGN_UP(length, PAGE_SIZE) / PAGE_SIZE;
	struct page **pages;
	s64 ret;

	if (length == 0 || length > ALIGN_UP(area_size, PAGE_SIZE))
		return -EINVAL;
	pages = kmalloc(n * sizeof(*pages), ALLOC_WAIT);
	if (!pages)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		pages[i] = page_of_phys(arch_lookup_page((u64)area + i * PAGE_SIZE));
	ret = process_map_pages(current->process, pages, n);
	kfree(pages);
	return ret;
}

static s64 ring_mmap(struct file *f, u64 offset, u64 length, unsigned prot)
{
	struct ring *ring = f->private_data;

	(void)prot;
	switch (offset) {
	case IORING_OFF_SQ_RING:
	case IORING_OFF_CQ_RING:
		return map_area(ring->rings, ring->rings_size, length);
	case IORING_OFF_SQES:
		return map_area(ring->sqes, ring->sqes_size, length);
	default:
		return -EINVAL;
	}
}

const struct file_ops ring_file_ops = {
	.release = ring_release,
	.mmap = ring_mmap,
};

/* Put a new ring behind a descriptor and tell the program: the descriptor, or -errno. */
static int ring_install(
	struct ring *ring, struct io_uring_params __user *up, const struct io_uring_params *p)
{
	struct file *f = file_alloc_anon(
		"[io_uring]", S_IFREG | 0600, &ring_file_ops, ring, O_RDWR | O_CLOEXEC);
	int fd;

	if (!f) {
		ring_destroy(ring);
		return -ENOMEM;
	}
	fd = fd_reserve(current_files(), 0, true, ALLOC_WAIT);
	if (fd >= 0 && copy_to_user(up, p, sizeof(*p))) {
		fd_unreserve(current_files(), fd);
		fd = -EFAULT;
	}
	if (fd < 0)
		file_put(f); /* and the ring with it */
	else
		fd_install(current_files(), fd, f);
	return fd;
}

SYSCALL2(io_uring_setup, u32, entries, struct io_uring_params __user *, up)
{
	struct io_uring_params p;
	struct ring *ring;
	int error;

	if (copy_from_user(&p, up, sizeof(p)))
		return -EFAULT;
	if (p.resv[0] || p.resv[1] || p.resv[2] || (p.flags & ~SETUP_FLAGS))
		return -EINVAL;
	error = ring_entries(entries, &p);
	if (error)
		return error;
	fill_params(&p);
	ring = ring_create(&p);
	if (!ring)
		return -ENOMEM;
	return ring_install(ring, up, &p);
}

static struct process_hooks hooks = {
	.exiting = ring_pool_process_exiting,
	.release = ring_pool_process_release,
};

void ring_init(void)
{
	ring_ops_init();
	ring_request_init_cache();
	ring_stats_init();
	process_hooks_register(&hooks);
}
