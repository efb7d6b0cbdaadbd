/*
 * The contract's tables, row by row and file system by file system (docs/contract.md): `contract` runs all
 * cases; the last line is "N passed, N failed". On Linux the same program tells what Linux answers, where
 * ours is meant to be the same.
 *
 * The standard disk image is the ext4; the same names are made in a tmpfs.
 */
#include "contract.h"

#include <liburing.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define USER	 1000
#define NOT_OPEN 60 /* a descriptor */
#define MOUNTED	 "cases/mounted"

bool on_unlazy;
static unsigned passed, failed;
static struct io_uring ring;
static bool ring_works;

static struct place places[] = {
	{TMPFS, "tmpfs", "", -1, "etc/motd", "etc"},
	{EXT4, "ext4", "", -1, "etc/motd", "etc"},
	{PROCFS, "procfs", "/proc", -1, "meminfo", "sys"},
};

void verdict(
	bool good, const char *row, const struct place *p, const char *path, const char *details)
{
	if (good)
		passed++;
	else
		failed++;
	printf("%s contract %s on %s: %s%s%s\n", good ? "ok" : "FAIL", row, p->name, path,
		good ? "" : ": ", good ? "" : details);
}

/* ---- Asking ---- */

bool have_ring(void)
{
	return ring_works;
}

long ring_counter(const char *name)
{
	char text[2048], *at;
	int fd = open("/proc/unlazy/ring", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void become(unsigned uid)
{
	if (syscall(SYS_setresuid, -1, uid, -1) != 0)
		printf("cannot become user %u\n", uid);
}

/* The path as it is given to the system; result in a static buffer. */
static const char *full_path(const struct place *p, const struct ask *a)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", a->path[0] == '/' ? p->top : "", a->path);
	return path;
}

static int from_directory(const struct place *p, const struct ask *a)
{
	return a->needs & BAD_DIRFD ? NOT_OPEN : p->dirfd;
}

static int closed(long fd)
{
	if (fd < 0)
		return errno;
	close((int)fd);
	return 0;
}

int ask_raw(const struct place *p, const char *path, const void *how, size_t size)
{
	return closed(syscall(SYS_openat2, p->dirfd, path, how, size));
}

int ask_openat2(const struct place *p, const struct ask *a)
{
	struct open_how how = {a->flags, a->mode, a->resolve};
	int answer;

	if (a->needs & AS_USER)
		become(USER);
	answer = closed(
		syscall(SYS_openat2, from_directory(p, a), full_path(p, a), &how, sizeof(how)));
	if (a->needs & AS_USER)
		become(0);
	return answer;
}

int ask_openat(const struct place *p, const struct ask *a)
{
	return closed(syscall(SYS_openat, from_directory(p, a), full_path(p, a), (unsigned)a->flags,
		(unsigned)a->mode));
}

int ask_ring(const struct place *p, const struct ask *a)
{
	struct open_how how = {a->flags, a->mode, a->resolve};
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;
	int answer;

	io_uring_prep_openat2(sqe, from_directory(p, a), full_path(p, a), &how);
	if (a->needs & AS_USER)
		become(USER);
	if (io_uring_submit_and_wait(&ring, 1) < 0 || io_uring_peek_cqe(&ring, &cqe))
		return -1;
	if (a->needs & AS_USER)
		become(0);
	answer = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	if (answer < 0)
		return -answer;
	close(answer);
	return 0;
}

/* ---- The tree in the tmpfs ---- */

static bool make_folder(const char *top, const char *name, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", top, *name ? "/" : "", name);
	return (mkdir(path, 0755) == 0 || errno == EEXIST) && chmod(path, mode) == 0;
}

static bool make_file(const char *top, const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, "text\n", 5) != 5)
		return false;
	close(fd);
	return chmod(path, mode) == 0;
}

static bool make_link(const char *top, const char *name, const char *body)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return symlink(body, path) == 0 || errno == EEXIST;
}

/* What of the standard image the rows use, and in it a mount. */
static bool make_tree(const char *top)
{
	char path[128], absolute[128];
	bool good = make_folder(top, "", 0755) && make_folder(top, "etc", 0755) &&
		    make_folder(top, "links", 0755) && make_folder(top, "cases", 0755) &&
		    make_folder(top, "cases/private", 0700) && make_folder(top, MOUNTED, 0755) &&
		    make_file(top, "etc/motd", 0644) &&
		    make_file(top, "cases/private/inside", 0644) &&
		    make_file(top, "cases/root-only", 0600);

	snprintf(absolute, sizeof(absolute), "%s/etc/motd", top);
	good = good && make_link(top, "links/relative", "../etc/motd") &&
	       make_link(top, "links/absolute", absolute) &&
	       make_link(top, "links/dangling", "nowhere") &&
	       make_link(top, "links/self", "self") && make_link(top, "links/folder", "../etc");
	snprintf(path, sizeof(path), "%s/cases/fifo", top);
	good = good && (mknod(path, S_IFIFO | 0666, 0) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/" MOUNTED, top);
	return good && mount("contract", path, "tmpfs", 0, "") == 0;
}

static void remove_tree(const char *top)
{
	static const char *const names[] = {"cases/private/inside", "cases/root-only", "cases/fifo",
		"links/relative", "links/absolute", "links/dangling", "links/self", "links/folder",
		"etc/motd", "etc/created"};
	static const char *const folders[] = {
		"cases/private", MOUNTED, "cases", "links", "etc", ""};
	char path[128];

	snprintf(path, sizeof(path), "%s/" MOUNTED, top);
	umount2(path, 0);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		unlink(path);
	}
	for (unsigned i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		rmdir(path);
	}
}

/* Is the standard image the root? */
static bool have_image(void)
{
	return access("/cases/private/inside", F_OK) == 0 && access("/links/relative", F_OK) == 0;
}

int main(void)
{
	struct utsname system;

	on_unlazy = uname(&system) == 0 && strcmp(system.sysname, "Unlazy") == 0;
	ring_works = io_uring_queue_init(8, &ring, 0) == 0;
	if (on_unlazy && !ring_works)
		printf("FAIL contract: no ring\n");
	failed += on_unlazy && !ring_works;
	snprintf(places[0].top, sizeof(places[0].top), "%s/contract-%d",
		on_unlazy ? "/tmp" : "/dev/shm", (int)getpid());
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct place *p = &places[i];

		if (p->fs == EXT4 && !have_image()) {
			printf("skip contract on ext4: not the standard disk\n");
			continue;
		}
		if (p->fs == TMPFS && !make_tree(p->top))
			verdict(false, "0", p, p->top, strerror(errno));
		p->dirfd = open(p->fs == EXT4 ? "/" : p->top, O_RDONLY | O_DIRECTORY);
		cached_rows(p);
		rule_rows(p);
		close(p->dirfd);
	}
	remove_tree(places[0].top);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
