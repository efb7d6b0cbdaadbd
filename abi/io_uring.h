/*
 * io_uring: what a ring looks like in memory, and its numbers; Linux x86-64 values (CONTRACT 4).
 * Programs see the same through liburing's and linux-libc-dev's headers.
 */
#pragma once

#include "kernel/compiler.h"

/* ---- Submission queue entry ---- */

struct io_uring_sqe {
	union {
		struct {
			u8 opcode;
			u8 flags; /* IOSQE_* */
			u16 ioprio;
			s32 fd;
			u64 off;      /* also addr2 */
			u64 addr;     /* buffer or path */
			u32 len;      /* also open mode, statx mask */
			u32 op_flags; /* open_flags, rw_flags, statx_flags, ... */
			u64 user_data;
			u16 buf_index;
			u16 personality;
			u32 file_index; /* also splice_fd_in */
			u64 addr3;
			u64 pad;
		};
		u64 words[8]; /* the same, for copies and comparisons of several fields at once */
	};
};
/* Which word has these. */
#define SQE_WORD_OPCODE	   0 /* opcode, flags, ioprio, fd */
#define SQE_WORD_OFF	   1
#define SQE_WORD_ADDR	   2
#define SQE_WORD_LEN	   3 /* len, op_flags */
#define SQE_WORD_BUF_INDEX 5 /* buf_index, personality, file_index */
static_assert(sizeof(struct io_uring_sqe) == 64, "ABI");
static_assert(offsetof(struct io_uring_sqe, fd) == 4, "ABI");
static_assert(offsetof(struct io_uring_sqe, off) == 8, "ABI");
static_assert(offsetof(struct io_uring_sqe, addr) == 16, "ABI");
static_assert(offsetof(struct io_uring_sqe, len) == 24, "ABI");
static_assert(offsetof(struct io_uring_sqe, op_flags) == 28, "ABI");
static_assert(offsetof(struct io_uring_sqe, user_data) == 32, "ABI");
static_assert(offsetof(struct io_uring_sqe, buf_index) == 40, "ABI");
static_assert(offsetof(struct io_uring_sqe, personality) == 42, "ABI");
static_assert(offsetof(struct io_uring_sqe, file_index) == 44, "ABI");
static_assert(offsetof(struct io_uring_sqe, addr3) == 48, "ABI");

#define IOSQE_FIXED_FILE       0x01u
#define IOSQE_IO_DRAIN	       0x02u
#define IOSQE_IO_LINK	       0x04u
#define IOSQE_IO_HARDLINK      0x08u
#define IOSQE_ASYNC	       0x10u
#define IOSQE_BUFFER_SELECT    0x20u
#define IOSQE_CQE_SKIP_SUCCESS 0x40u
#define IOSQE_ALL	       0x7fu
#define IOSQE_LINKS	       (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

enum io_uring_op {
	IORING_OP_NOP = 0,
	IORING_OP_READV = 1,
	IORING_OP_WRITEV = 2,
	IORING_OP_FSYNC = 3,
	IORING_OP_TIMEOUT = 11,
	IORING_OP_TIMEOUT_REMOVE = 12,
	IORING_OP_ASYNC_CANCEL = 14,
	IORING_OP_OPENAT = 18,
	IORING_OP_CLOSE = 19,
	IORING_OP_FILES_UPDATE = 20,
	IORING_OP_STATX = 21,
	IORING_OP_READ = 22,
	IORING_OP_WRITE = 23,
	IORING_OP_OPENAT2 = 28,
};

/* file_index that asks for any free slot */
#define IORING_FILE_INDEX_ALLOC 0xffffffffu

#define IORING_FSYNC_DATASYNC 1u

/* ASYNC_CANCEL's op flags */
#define IORING_ASYNC_CANCEL_ALL	     1u
#define IORING_ASYNC_CANCEL_FD	     2u
#define IORING_ASYNC_CANCEL_ANY	     4u
#define IORING_ASYNC_CANCEL_FD_FIXED 8u
#define IORING_ASYNC_CANCEL_USERDATA 16u
#define IORING_ASYNC_CANCEL_OP	     32u

#define RWF_NOWAIT 8u

/* ---- Completion queue entry ---- */

struct io_uring_cqe {
	u64 user_data;
	u64 res_flags; /* s32 res, u32 flags */
};
static_assert(sizeof(struct io_uring_cqe) == 16, "ABI");

/* ---- The shared ring memory ---- */

struct io_rings {
	u32 sq_head, sq_tail; /* we write head, the program tail */
	u32 cq_head, cq_tail; /* the program writes head, we tail */
	u32 sq_mask, cq_mask;
	u32 sq_entries, cq_entries;
	u32 sq_dropped;
	u32 sq_flags; /* IORING_SQ_* */
	u32 cq_flags; /* the program's */
	u32 cq_overflow;
	u32 pad[4];
	struct io_uring_cqe cqes[];
};
static_assert(offsetof(struct io_rings, sq_mask) == 16, "ABI");
static_assert(offsetof(struct io_rings, sq_entries) == 24, "ABI");
static_assert(offsetof(struct io_rings, sq_dropped) == 32, "ABI");
static_assert(offsetof(struct io_rings, cq_flags) == 40, "ABI");
static_assert(offsetof(struct io_rings, cqes) == 64, "ABI");

#define IORING_SQ_CQ_OVERFLOW 2u

#define IORING_OFF_SQ_RING 0ull
#define IORING_OFF_CQ_RING 0x8000000ull
#define IORING_OFF_SQES	   0x10000000ull

#define IORING_MAX_ENTRIES    32768u
#define IORING_MAX_CQ_ENTRIES (2 * IORING_MAX_ENTRIES)

/* ---- io_uring_setup ---- */

struct io_sqring_offsets {
	u32 head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
	u64 user_addr;
};
struct io_cqring_offsets {
	u32 head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
	u64 user_addr;
};
struct io_uring_params {
	u32 sq_entries, cq_entries;
	u32 flags;
	u32 sq_thread_cpu, sq_thread_idle;
	u32 features;
	u32 wq_fd;
	u32 resv[3];
	struct io_sqring_offsets sq_off;
	struct io_cqring_offsets cq_off;
};
static_assert(sizeof(struct io_uring_params) == 120, "ABI");

#define IORING_SETUP_CQSIZE	   (1u << 3)
#define IORING_SETUP_CLAMP	   (1u << 4)
#define IORING_SETUP_R_DISABLED	   (1u << 6)
#define IORING_SETUP_SUBMIT_ALL	   (1u << 7)
#define IORING_SETUP_COOP_TASKRUN  (1u << 8)
#define IORING_SETUP_SINGLE_ISSUER (1u << 12)

#define IORING_FEAT_SINGLE_MMAP	    (1u << 0)
#define IORING_FEAT_NODROP	    (1u << 1)
#define IORING_FEAT_SUBMIT_STABLE   (1u << 2)
#define IORING_FEAT_RW_CUR_POS	    (1u << 3)
#define IORING_FEAT_CUR_PERSONALITY (1u << 4)
#define IORING_FEAT_EXT_ARG	    (1u << 8)
#define IORING_FEAT_NATIVE_WORKERS  (1u << 9)
#define IORING_FEAT_CQE_SKIP	    (1u << 11)
#define IORING_FEAT_LINKED_FILE	    (1u << 12)

/* ---- io_uring_enter ---- */

#define IORING_ENTER_GETEVENTS 1u
#define IORING_ENTER_SQ_WAKEUP 2u
#define IORING_ENTER_SQ_WAIT   4u
#define IORING_ENTER_EXT_ARG   8u

struct io_uring_getevents_arg {
	u64 sigmask;
	u32 sigmask_sz;
	u32 min_wait_usec;
	u64 ts;
};
static_assert(sizeof(struct io_uring_getevents_arg) == 24, "ABI");

/* ---- io_uring_register ---- */

enum io_uring_register_op {
	IORING_REGISTER_FILES = 2,
	IORING_UNREGISTER_FILES = 3,
	IORING_REGISTER_FILES_UPDATE = 6,
	IORING_REGISTER_PROBE = 8,
	IORING_REGISTER_PERSONALITY = 9,
	IORING_UNREGISTER_PERSONALITY = 10,
	IORING_REGISTER_ENABLE_RINGS = 12,
	IORING_REGISTER_FILES2 = 13,
	IORING_REGISTER_FILES_UPDATE2 = 14,
	IORING_REGISTER_IOWQ_MAX_WORKERS = 19,
	IORING_REGISTER_SYNC_CANCEL = 24,
	IORING_REGISTER_FILE_ALLOC_RANGE = 25,
};

struct io_uring_probe_op {
	u8 op;
	u8 resv;
	u16 flags;
	u32 resv2;
};
struct io_uring_probe {
	u8 last_op;
	u8 ops_len;
	u16 resv;
	u32 resv2[3];
	struct io_uring_probe_op ops[];
};
static_assert(sizeof(struct io_uring_probe) == 16, "ABI");
static_assert(sizeof(struct io_uring_probe_op) == 8, "ABI");
#define IO_URING_OP_SUPPORTED 1u

struct io_uring_rsrc_register {
	u32 nr;
	u32 flags;
	u64 resv2;
	u64 data;
	u64 tags;
};
static_assert(sizeof(struct io_uring_rsrc_register) == 32, "ABI");
#define IORING_RSRC_REGISTER_SPARSE 1u

struct io_uring_files_update {
	u32 offset;
	u32 resv;
	u64 fds;
};
static_assert(sizeof(struct io_uring_files_update) == 16, "ABI");
#define IORING_REGISTER_FILES_SKIP (-2)

struct io_uring_timespec {
	s64 sec, nsec;
};
