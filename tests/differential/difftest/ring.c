/* The same calls as entries of an io_uring, one at a time. */
#include "difftest.h"
#include <liburing.h>

static struct io_uring ring;

/* Its descriptor is moved out of the operations' way. */
void ring_prepare(void)
{
	int error = io_uring_queue_init(8, &ring, 0);

	if (error)
		give_up("io_uring_setup", error);
	long fd = CALL(fcntl, ring.ring_fd, F_DUPFD, FD_OWN);

	if (fd < 0)
		give_up("a descriptor for the ring", fd);
	close(ring.ring_fd);
	ring.ring_fd = ring.enter_ring_fd = (int)fd;
}

bool draw_ring(void)
{
	return (flavour & WITH_RING) && chance(50);
}

struct io_uring_sqe *ring_entry(void)
{
	return io_uring_get_sqe(&ring);
}

/* Half of them are sent to a worker at once; that must not change anything. */
long ring_run(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *last = &ring.sq.sqes[(ring.sq.sqe_tail - 1) & *ring.sq.kring_mask];

	if (chance(50))
		last->flags |= IOSQE_ASYNC;
	int error = io_uring_submit_and_wait(&ring, 1);

	if (error < 0 || (error = io_uring_peek_cqe(&ring, &cqe)) < 0)
		give_up("the ring", error);
	long result = cqe->res;

	io_uring_cqe_seen(&ring, cqe);
	return result;
}
