/* NOP: nothing, with result 0. It measures what a ring costs and gives chains something to hang on. */
#include "ring/internal.h"

int ring_nop_prep(struct ring_request *req, const struct io_uring_sqe *sqe)
{
	(void)req;
	return sqe->op_flags ? -EINVAL : 0;
}

int ring_nop_issue(struct ring_request *req, unsigned flags)
{
	(void)req, (void)flags;
	return 0;
}
