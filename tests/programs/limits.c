/*
 * What is used up is answered with its errno, and given back it is there again: descriptors (by open and
 * by the ring), memory, names and paths that are too long, loops of links.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT 64

static unsigned passed, failed;

static void report(const char *name, int good)
{
	if (!good)
		printf("  errno %d: %s\n", errno, strerror(errno));
	printf("%s %s\n", good ? "ok" : "FAIL", name);
	good ? passed++ : failed++;
}

/* Opens until it fails; the descriptors are LIMIT and the failure is EMFILE. */
static void descriptors_of_open(void)
{
	struct rlimit limit = {LIMIT, LIMIT};
	int highest = -1, fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		return report("setrlimit_of_descriptors", 0);
	while ((fd = open("/", O_RDONLY)) >= 0)
		highest = fd;
	report("open_ends_with_emfile", errno == EMFILE && highest == LIMIT - 1);
	report("dup_ends_with_emfile", dup(0) == -1 && errno == EMFILE);
	report("opendir_ends_with_emfile",
		open("/tmp", O_RDONLY | O_DIRECTORY) == -1 && errno == EMFILE);
	close(highest);
	report("a_closed_one_is_there_again", open("/", O_RDONLY) == highest);
	for (fd = 3; fd < LIMIT; fd++)
		close(fd);
}

static int ring_open(struct io_uring *ring, const char *path)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
	if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &cqe))
		return -1000;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

static void descriptors_of_the_ring(void)
{
	struct io_uring ring;
	int res, highest = -1;

	if (io_uring_queue_init(8, &ring, 0))
		return report("a_ring", 0);
	while ((res = ring_open(&ring, "/")) >= 0)
		highest = res;
	errno = -res;
	report("ring_open_ends_with_emfile", res == -EMFILE && highest == LIMIT - 1);
	report("also_of_a_missing_name", ring_open(&ring, "/missing") == -EMFILE);
	close(highest);
	report("a_closed_one_is_the_rings_again", ring_open(&ring, "/") == highest);
	for (int fd = 3; fd < LIMIT; fd++)
		if (fd != ring.ring_fd)
			close(fd);
	io_uring_queue_exit(&ring);
}

static void names(void)
{
	static char name[6000];
	struct stat st;

	memset(name, 'n', 300);
	report("a_name_of_300_bytes", open(name, O_RDONLY) == -1 && errno == ENAMETOOLONG);
	report("to_be_created", open(name, O_RDWR | O_CREAT, 0666) == -1 && errno == ENAMETOOLONG);
	memset(name, 0, sizeof(name));
	for (int i = 0; i < 5000; i += 2)
		memcpy(name + i, "./", 2);
	report("a_path_of_5000_bytes", stat(name, &st) == -1 && errno == ENAMETOOLONG);
	memset(name + 4094, 0, 4);
	report("a_path_of_4094_bytes", stat(name, &st) == 0);
	memset(name, 0, sizeof(name));
	memset(name, '/', 4095);
	report("a_path_of_4095_slashes", stat(name, &st) == 0);
	unlink("/tmp/loop");
	symlink("loop", "/tmp/loop");
	report("a_link_to_itself", open("/tmp/loop", O_RDONLY) == -1 && errno == ELOOP);
	report("in_the_middle", open("/tmp/loop/x", O_RDONLY) == -1 && errno == ELOOP);
	unlink("/tmp/loop");
	report("no_name_at_all", open("", O_RDONLY) == -1 && errno == ENOENT);
	report("no_path_at_all", open((char *)8, O_RDONLY) == -1 && errno == EFAULT);
	report("a_path_in_the_kernel",
		open((char *)0xffffffff80200000, O_RDONLY) == -1 && errno == EFAULT);
}

static void memory(void)
{
	char *p =
		mmap(NULL, 1ull << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t size = 1 << 20, total = 0;
	void *parts[4096];
	unsigned n = 0;

	report("more_memory_than_there_is", p == MAP_FAILED && errno == ENOMEM);
	while (n < 4096) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		parts[n++] = p;
		total += size;
	}
	report("all_the_memory", n > 16 && n < 4096 && errno == ENOMEM);
	report("files_still_open_then", access("/", F_OK) == 0 || errno == ENOMEM);
	while (n)
		munmap(parts[--n], size);
	p = mmap(NULL, total / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	report("given_back_it_is_there_again", p != MAP_FAILED);
}

int main(void)
{
	names();
	descriptors_of_open();
	descriptors_of_the_ring();
	memory();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
