/*
 * The words of the rings themselves, which the kernel and the program share. Whatever stands there, the
 * kernel takes no entry from outside the queue and writes no completion beside it; what the program itself
 * may lose are its own completions.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "garbage.h"

#define ENTRIES 16
#define SUBMITS 200

/* A word of the rings, other than the entries of the array. */
static unsigned *index_word(struct io_uring *ring)
{
	unsigned *const words[] = {ring->sq.khead, ring->sq.ktail, ring->sq.kring_mask,
		ring->sq.kring_entries, ring->sq.kflags, ring->sq.kdropped, ring->cq.khead,
		ring->cq.ktail, ring->cq.kring_mask, ring->cq.kring_entries, ring->cq.koverflow};

	return words[next() % (sizeof(words) / sizeof(words[0]))];
}

static void write_word(struct io_uring *ring)
{
	static const int near[] = {-17, -16, -1, 1, 15, 16, 17, 32, 33};
	unsigned *word = next() % 3 ? index_word(ring) : &ring->sq.array[next() % ENTRIES];
	unsigned value = (unsigned)ONE_OF(
		0, 1, ENTRIES, 2 * ENTRIES, INT32_MAX, 0x80000000, UINT32_MAX, next());

	if (next() % 2)
		value = *word + (unsigned)near[next() % (sizeof(near) / sizeof(near[0]))];
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Neither submit more than a little, nor ever wait: nothing needs to come. */
static void enter(const struct io_uring *ring)
{
	syscall(__NR_io_uring_enter, ring->ring_fd, (unsigned)ONE_OF(0, 1, ENTRIES, UINT32_MAX), 0,
		(unsigned)ONE_OF(0, 0, IORING_ENTER_GETEVENTS), NULL, 0);
}

static bool start(struct io_uring *ring)
{
	int error = io_uring_queue_init(ENTRIES, ring, 0);

	if (error)
		printf("a new ring: %s\n", strerror(-error));
	return error == 0;
}

/* liburing believes its own copies of sizes and places: the ring is given back whatever stands in it. */
bool indices_round(void)
{
	struct io_uring ring;

	if (!start(&ring))
		return false;
	for (unsigned i = 0; i < SUBMITS; i++) {
		for (unsigned k = 0; k < ENTRIES; k++)
			fill(&ring, &ring.sq.sqes[k], (unsigned)next() % OPCODES, false);
		for (unsigned k = next() % 4; k > 0; k--)
			write_word(&ring);
		__atomic_store_n(
			ring.sq.ktail, *ring.sq.ktail + (unsigned)next() % 4, __ATOMIC_RELEASE);
		enter(&ring);
	}
	io_uring_queue_exit(&ring);
	return new_ring_works();
}

struct mover {
	struct io_uring *ring;
	atomic_bool stop;
};

/* Its numbers need not repeat: what the two threads meet does not, either. */
static void *move(void *arg)
{
	struct mover *m = arg;

	while (!atomic_load(&m->stop)) {
		struct io_uring_sqe *sqe = &m->ring->sq.sqes[next() % ENTRIES];

		fill(m->ring, sqe, (unsigned)next() % OPCODES, false);
		write_word(m->ring);
	}
	return NULL;
}

bool moving_round(void)
{
	struct io_uring ring;
	struct mover mover = {.ring = &ring};
	pthread_t thread;

	if (!start(&ring) || pthread_create(&thread, NULL, move, &mover))
		return false;
	for (unsigned i = 0; i < SUBMITS; i++)
		enter(&ring);
	atomic_store(&mover.stop, true);
	pthread_join(thread, NULL);
	io_uring_queue_exit(&ring);
	return new_ring_works();
}
