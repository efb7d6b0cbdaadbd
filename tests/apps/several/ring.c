#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include "several.h"

int open_through_ring(const char *path, int count)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int opened = 0;

	if (io_uring_queue_init(8, &ring, 0))
		return -1;
	for (int i = 0; i < count; i++) {
		io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, path, O_RDONLY, 0);
		if (io_uring_submit_and_wait(&ring, 1) != 1 || io_uring_peek_cqe(&ring, &cqe))
			break;
		if (cqe->res >= 0)
			opened += close(cqe->res) == 0;
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	return opened;
}
