/*
 * What the ring tests share: a process over a tmpfs, with an idle worker, and the shortest way to use a ring.
 */
#pragma once

#include "fs/tmpfs/tmpfs.h"
#include "kernel/ktest.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "ring/internal.h"
#include "vfs/file_internal.h"
#include "vfs/generic.h"
#include "vfs/pagecache.h"

syscall_fn sys_io_uring_setup, sys_io_uring_enter, sys_io_uring_register, sys_openat, sys_close;

static struct process process = {.pid = 1, .name = "test", .nofile_limit = 128};
static struct fs_context fs;

static inline void make_file(const char *path)
{
	long fd = sys_openat(AT_FDCWD, (long)path, O_CREAT | O_RDWR, 0644, 0, 0);

	assert(fd >= 0);
	assert(sys_close(fd, 0, 0, 0, 0, 0) == 0);
}

/* ---- The shortest way to use a ring ---- */

struct user_ring {
	int fd;
	struct ring *ring;
	u32 sq_tail, cq_head;
};

static inline struct user_ring ring_open_with(u32 entries, struct io_uring_params *p)
{
	struct user_ring r = {.fd = (int)sys_io_uring_setup(entries, (long)p, 0, 0, 0, 0)};

	assert(r.fd >= 0);
	r.ring = file_lookup_fd_rcu(process.files, r.fd)->private_data;
	return r;
}

static inline struct user_ring ring_open_plain(u32 entries)
{
	struct io_uring_params p = {0};

	return ring_open_with(entries, &p);
}

static inline void ring_close_it(struct user_ring *r)
{
	assert(sys_close(r->fd, 0, 0, 0, 0, 0) == 0);
}

static inline struct io_uring_sqe *next_sqe(struct user_ring *r, u8 opcode, u64 user_data)
{
	u32 index = r->sq_tail++ & (r->ring->sq_entries - 1);
	struct io_uring_sqe *sqe = &r->ring->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->user_data = user_data;
	r->ring->sq_array[index] = index;
	return sqe;
}

static inline struct io_uring_sqe *open_sqe(struct user_ring *r, const char *path, u64 user_data)
{
	struct io_uring_sqe *sqe = next_sqe(r, IORING_OP_OPENAT, user_data);

	sqe->fd = AT_FDCWD;
	sqe->addr = (u64)path;
	return sqe;
}

static inline long enter(struct user_ring *r, u32 submit, u32 wait)
{
	store_release(&r->ring->rings->sq_tail, r->sq_tail);
	return sys_io_uring_enter(r->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, 0, 0);
}

static inline bool next_cqe(struct user_ring *r, u64 *user_data, s32 *res)
{
	struct io_uring_cqe *cqe;

	if (load_acquire(&r->ring->rings->cq_tail) == r->cq_head)
		return false;
	cqe = &r->ring->rings->cqes[r->cq_head & (r->ring->cq_entries - 1)];
	*user_data = cqe->user_data;
	*res = (s32)cqe->res_flags;
	store_release(&r->ring->rings->cq_head, ++r->cq_head);
	return true;
}

/* Take n completions; results[user_data]. False when one is missing, twice there, or too much. */
static inline bool reap(struct user_ring *r, u32 n, s32 *results, u32 size)
{
	u64 id;
	s32 res;

	for (u32 i = 0; i < size; i++)
		results[i] = 1 << 30;
	while (n--) {
		if (enter(r, 0, 1) || !next_cqe(r, &id, &res) || id >= size ||
			results[id] != 1 << 30)
			return false;
		results[id] = res;
	}
	return !next_cqe(r, &id, &res);
}

/* ---- The world ---- */

/*
 * The process' pool gets its worker, which goes idle: what is queued from here on stays queued until the
 * test waits, whereas a new worker's creation runs at once.
 */
static inline void start_worker(void)
{
	struct user_ring r = ring_open_plain(1);
	s32 result;

	next_sqe(&r, IORING_OP_NOP, 0)->flags = IOSQE_ASYNC;
	assert(enter(&r, 1, 1) == 1 && reap(&r, 1, &result, 1));
	while (!READ_ONCE(r.ring->pool->accounts[RING_BOUNDED].nr_idle))
		sleep_ns(1000);
	ring_close_it(&r);
}

static inline void setup_once(void)
{
	static bool done;

	if (done) {
		current->process = &process;
		return;
	}
	done = true;
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	devfs_init();
	tmpfs_init();
	ring_init();
	assert(mount_root(super_mount(file_system_find("tmpfs"), NULL, "", 0), "t", 0) == 0);
	assert(devfs_start() == 0);
	process.files = files_create(&process, 0);
	spin_lock_init(&fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&fs.root);
	mount_get_root(&fs.pwd);
	process.fs = &fs;
	current->process = &process;
	make_file("/file");
	start_worker();
}
