/*
 * The table of operations: what a submission entry's opcode means. An opcode without a row here answers
 * -EINVAL; IORING_REGISTER_PROBE reads the same table. ring_op_of has a pointer for each of the 256
 * opcodes there can be, so that the submission loop checks none.
 */
#include "ring/internal.h"

#define COMMON	   (IOSQE_LINKS | IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS)
#define WITH_FIXED (COMMON | IOSQE_FIXED_FILE)

const struct ring_op *ring_op_of[256];

static int none_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	(void)req, (void)sqe;
	return -EINVAL;
}

static const struct ring_op no_op = {
	.prep = none_prep,
	.sqe_flags = IOSQE_ALL,
	.ioprio = true,
};

static const struct ring_op ops[] = {
	[IORING_OP_NOP] =
		{
			.name = "nop",
			.prep = ring_nop_prep,
			.issue = ring_nop_issue,
			.sqe_flags = COMMON,
		},
	[IORING_OP_FSYNC] =
		{
			.name = "fsync",
			.prep = ring_fsync_prep,
			.issue = ring_fsync_issue,
			.sqe_flags = WITH_FIXED,
		},
	[IORING_OP_ASYNC_CANCEL] =
		{
			.name = "async_cancel",
			.prep = ring_cancel_prep,
			.issue = ring_cancel_issue,
			.sqe_flags = COMMON,
		},
	[IORING_OP_OPENAT] =
		{
			.name = "openat",
			.try_plain = ring_open_try_openat,
			.prep = ring_open_prep_openat,
			.issue = ring_open_issue,
			.cleanup = ring_open_cleanup,
			.sqe_flags = COMMON,
		},
	[IORING_OP_CLOSE] =
		{
			.name = "close",
			.try_plain = ring_close_try,
			.prep = ring_close_prep,
			.issue = ring_close_issue,
			.sqe_flags = COMMON,
		},
	[IORING_OP_FILES_UPDATE] =
		{
			.name = "files_update",
			.prep = ring_files_update_prep,
			.issue = ring_files_update_issue,
			.sqe_flags = COMMON,
		},
	[IORING_OP_STATX] =
		{
			.name = "statx",
			.prep = ring_statx_prep,
			.issue = ring_statx_issue,
			.cleanup = ring_statx_cleanup,
			.sqe_flags = COMMON,
		},
	[IORING_OP_READ] =
		{
			.name = "read",
			.prep = ring_read_prep,
			.issue = ring_rw_issue,
			.cleanup = ring_rw_cleanup,
			.sqe_flags = WITH_FIXED,
			.ioprio = true,
		},
	[IORING_OP_WRITE] =
		{
			.name = "write",
			.prep = ring_write_prep,
			.issue = ring_rw_issue,
			.cleanup = ring_rw_cleanup,
			.sqe_flags = WITH_FIXED,
			.ioprio = true,
		},
	[IORING_OP_OPENAT2] =
		{
			.name = "openat2",
			.prep = ring_open_prep_openat2,
			.issue = ring_open_issue,
			.cleanup = ring_open_cleanup,
			.sqe_flags = COMMON,
		},
};

void ring_ops_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ring_op_of); i++)
		ring_op_of[i] = i < ARRAY_SIZE(ops) && ops[i].name ? &ops[i] : &no_op;
}
