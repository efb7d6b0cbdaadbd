/* A process without a program: caller.h says what for. */
#include "tests/torture/caller.h"

#include "abi/errno.h"
#include "abi/io_uring.h"
#include "kernel/process_internal.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

syscall_fn sys_io_uring_setup, sys_io_uring_enter, sys_close;

/* ---- The process ---- */

/* Does the port take a pointer of the kernel's for a program's? Context: inside c, which has no memory. */
static bool needs_memory(void)
{
	char from = 1, to = 0;

	return copy_from_user(&to, &from, 1) != 0;
}

static void give_memory(struct caller *c)
{
	struct process *p = &c->process;
	u64 size = CALLER_AREAS * CALLER_AREA_SIZE;

	if (memory_init(p) ||
		memory_map_zeroed(p, p->mmap_top - size, p->mmap_top, PROT_READ | PROT_WRITE))
		panic("torture: no program memory");
	c->memory = p->mmap_top - size;
}

void caller_init(struct caller *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	c->process.pid = 1000;
	c->process.nofile_limit = 1024;
	strlcpy(c->process.name, name, sizeof(c->process.name));
	c->process.files = files_create(&c->process, 0);
	assert(c->process.files);
	spin_lock_init(&c->fs.lock, RANK_FS_CONTEXT);
	mount_get_root(&c->fs.root);
	mount_get_root(&c->fs.pwd);
	c->process.fs = &c->fs;
	caller_enter(c);
	if (needs_memory())
		give_memory(c);
	caller_leave();
}

void caller_destroy(struct caller *c)
{
	caller_enter(c);
	ring_pool_process_exiting(&c->process);
	ring_pool_process_release(&c->process);
	caller_leave();
	files_destroy(c->process.files);
	path_put(&c->fs.root);
	path_put(&c->fs.pwd);
	if (c->memory)
		memory_release(&c->process);
}

void caller_enter(struct caller *c)
{
	current->process = &c->process;
}

void caller_leave(void)
{
	current->process = NULL;
}

/* ---- Arguments ---- */

long caller_bytes(struct caller *c, unsigned area, const void *bytes, size_t size)
{
	u64 at = c->memory + area * CALLER_AREA_SIZE;

	if (!c->memory)
		return (long)bytes;
	assert(area < CALLER_AREAS && size <= CALLER_AREA_SIZE);
	if (copy_to_user((void __user *)at, bytes, size))
		panic("torture: program memory cannot be written");
	return (long)at;
}

long caller_text(struct caller *c, unsigned area, const char *text)
{
	return caller_bytes(c, area, text, strlen(text) + 1);
}

/* ---- Rings ---- */

bool caller_ring_open(struct caller *c, unsigned area, u32 entries, struct caller_ring *out)
{
	struct io_uring_params params = {0};

	out->fd = (int)sys_io_uring_setup(
		entries, caller_bytes(c, area, &params, sizeof(params)), 0, 0, 0, 0);
	if (out->fd < 0)
		return false;
	out->ring = file_lookup_fd_rcu(c->process.files, out->fd)->private_data;
	return true;
}

void caller_ring_close(struct caller_ring *r)
{
	sys_close(r->fd, 0, 0, 0, 0, 0);
}

void caller_ring_openat2(struct caller *c, unsigned area, const struct caller_ring *r, int dirfd,
	const char *path, const struct open_how *how)
{
	struct ring *ring = r->ring;
	u32 tail = READ_ONCE(ring->rings->sq_tail), index = tail & (ring->sq_entries - 1);

	ring->sqes[index] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT2,
		.fd = dirfd,
		.addr = (u64)caller_text(c, area, path),
		.off = (u64)caller_bytes(c, area + 1, how, sizeof(*how)),
		.len = sizeof(*how)};
	ring->sq_array[index] = index;
	store_release(&ring->rings->sq_tail, tail + 1);
	if (sys_io_uring_enter(r->fd, 1, 0, 0, 0, 0) != 1)
		panic("torture: a ring takes no entry");
}

s32 caller_ring_wait(const struct caller_ring *r)
{
	struct ring *ring = r->ring;
	u32 head = READ_ONCE(ring->rings->cq_head);
	s32 result;

	while (load_acquire(&ring->rings->cq_tail) == head)
		sys_io_uring_enter(r->fd, 0, 1, IORING_ENTER_GETEVENTS, 0, 0);
	result = (s32)ring->rings->cqes[head & (ring->cq_entries - 1)].res_flags;
	store_release(&ring->rings->cq_head, head + 1);
	return result;
}
