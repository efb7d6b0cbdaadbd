/*
 * Rings do what CONTRACT 4 and 5 say: the same program, linked with liburing as it is, runs on Linux
 * and on Unlazy. `ringtest [GROUP...]`; the last line is "N passed, N failed".
 */
#include "ringtest.h"
#include <sys/utsname.h>

unsigned passed, failed;
bool on_unlazy;
char folder[128];

const char *in_folder(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void ring_start(struct io_uring *ring, unsigned entries, unsigned flags)
{
	int error = io_uring_queue_init(entries, ring, flags);

	if (error) {
		printf("io_uring_queue_init(%u, %x): %s\n", entries, flags, strerror(-error));
		printf("%u passed, %u failed\n", passed, failed + 1);
		exit(1);
	}
}

struct io_uring_sqe *entry(struct io_uring *ring, uint64_t user_data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe) {
		printf("no submission entry left\n");
		exit(1);
	}
	memset(sqe, 0, sizeof(*sqe));
	sqe->user_data = user_data;
	return sqe;
}

int run_one(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int res;

	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe))
		return NO_CQE;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

unsigned run_all(struct io_uring *ring, unsigned n, int *results, unsigned size)
{
	struct io_uring_cqe *cqe;
	unsigned got = 0;

	for (unsigned i = 0; i < size; i++)
		results[i] = NO_CQE;
	io_uring_submit(ring);
	while (got < n && io_uring_wait_cqe(ring, &cqe) == 0) {
		if (cqe->user_data < size)
			results[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(ring, cqe);
		got++;
	}
	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		io_uring_cqe_seen(ring, cqe);
		got++;
	}
	return got;
}

bool any_completion(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(ring, &cqe) == 0;
}

long ring_counter(const char *name)
{
	char text[1024];
	int fd = open("/proc/unlazy/ring", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t len = strlen(name);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		while (*line == '\n')
			line++;
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return atol(line + len);
	}
	return -1;
}

/* ---- The folder ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		printf("cannot make %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ringtest.%d", (int)getpid());
	if (mkdir(folder, 0755)) {
		printf("cannot make %s: %s\n", folder, strerror(errno));
		exit(1);
	}
	write_file(in_folder("file"), HELLO);
	CHECK_EQ(mkdir(in_folder("dir"), 0755), 0);
	write_file(in_folder("dir/inner"), "inner");
	CHECK_EQ(symlink("file", in_folder("link")), 0);
	CHECK_EQ(symlink("loop", in_folder("loop")), 0);
}

static void remove_folder(void)
{
	static const char *const names[] = {"file", "dir/inner", "link", "loop", "created", "fifo"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_folder(names[i]));
	rmdir(in_folder("dir"));
	CHECK_EQ(rmdir(folder), 0);
}

static const struct {
	const char *name;
	void (*fn)(void);
} groups[] = {
	{"setup", test_setup},
	{"enter", test_enter},
	{"operations", test_operations},
	{"open", test_open_contract},
	{"links", test_links},
	{"overflow", test_overflow},
	{"register", test_register},
	{"direct", test_direct},
	{"cancel", test_cancel},
	{"garbage", test_garbage},
	{"workers", test_workers},
};

int main(int argc, char **argv)
{
	struct utsname name;

	on_unlazy = uname(&name) == 0 && strcmp(name.sysname, "Unlazy") == 0;
	make_folder();
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		unsigned before = failed;
		bool wanted = argc < 2;

		for (int a = 1; a < argc; a++)
			wanted |= strcmp(argv[a], groups[i].name) == 0;
		if (!wanted)
			continue;
		groups[i].fn();
		printf("%s %s\n", failed == before ? "ok" : "FAIL", groups[i].name);
		fflush(stdout);
	}
	remove_folder();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
