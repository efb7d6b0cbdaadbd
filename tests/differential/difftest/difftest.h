/*
 * difftest, inside: the same random operations on two kernels, a line of text for each.
 *
 *	main.c       options; one seed after the other
 *	sandbox.c    a fresh file system per seed, entered with chroot, and what is left of it in the end
 *	draw.c       random numbers, paths, descriptors, modes
 *	text.c       the line: arguments, errnos, what must not be compared made comparable
 *	stat.c       what a file is, as text
 *	open.c names.c attr.c files.c dirs.c mounts.c users.c      operations, by family
 *	ring.c       the same through an io_uring
 *
 * An operation draws its arguments, prints them, makes its call and prints the result. What it draws depends
 * on the seed and on its own number only, never on a result: so both kernels get the same operations
 * whatever they answer, and leaving some out does not change the others. That is what makes a failing
 * sequence shrink.
 *
 * The same executable runs on Linux and on Unlazy; it knows of neither.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_fchmodat2 /* Debian 12's headers are older */
#define SYS_fchmodat2 452
#endif
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* A raw system call: its value, or -errno. */
#define CALL(name, ...)                                                                            \
	({                                                                                         \
		long r_ = syscall(SYS_##name, ##__VA_ARGS__);                                      \
		r_ == -1 ? -(long)errno : r_;                                                      \
	})

/* mount(2)'s: reading changes no access time on Unlazy. */
#define NOATIME 1024

/* ---- main.c ---- */

/* Descriptors that operations may use are below this, their limit; the program's own lie far above. */
#define FD_LIMIT 20
#define FD_OWN	 100

/* What a seed's sequence is about besides names and files; drawn with it. */
enum flavour {
	WITH_FIFOS = 1,	 /* FIFOs and pipes; every open is O_NONBLOCK */
	WITH_USERS = 2,	 /* operations under several users */
	WITH_MOUNTS = 4, /* mounts below the root */
	WITH_RING = 8,	 /* a part of the calls goes through an io_uring */
	ALL_FLAVOURS = 15,
};

struct options {
	const char *base; /* a folder that may be mounted on */
	const char
		*device; /* an ext4 to mount there read-only; NULL: a fresh tmpfs for each seed */
	unsigned operations; /* per seed */
	unsigned leave_out;  /* flavours that are never drawn */
	bool cut_off;	     /* leave the machine's file systems first */
	bool live;	     /* write each word at once */
	bool no_sticky;	     /* Linux protects what lies in sticky directories: make none */
	bool no_user_links;  /* Linux hardens link(2) against other users: leave it out for them */
};
extern struct options options;
/* Of the seed being run. */
extern unsigned flavour;
/* The program does not go on: its own set-up failed. */
void give_up(const char *what, long error) __attribute__((noreturn));

/* ---- sandbox.c ---- */

/* A descriptor of the sequence's root. */
extern int sandbox_top;
void sandbox_prepare(void);
void sandbox_enter(void);
/* Print all that the sequence has left behind, and throw it away. */
void sandbox_leave(uint64_t seed);

/* ---- draw.c ---- */

#define DRAW_BUFFER (128 * 1024)

void draw_begin(uint64_t seed, uint64_t number);
uint64_t draw_word(void);
unsigned draw(unsigned below);
bool chance(unsigned percent);
/* One of some values. */
#define ONE_OF(...)                                                                                \
	({                                                                                         \
		static const int64_t of_[] = {__VA_ARGS__};                                        \
		of_[draw(COUNT_OF(of_))];                                                          \
	})

/* A path, valid until some more are drawn. Rarely NULL or a bad pointer: never look into it unless
 * path_is_good. */
const char *draw_path(void);
/* A path, or one name in three quarters of all cases: for what is to be made. */
const char *draw_name(void);
bool path_is_good(const char *path);
/* AT_FDCWD, mostly; else any descriptor. */
int draw_dirfd(void);
int draw_fd(void);
/* Permission bits, sometimes nonsense above them. */
unsigned draw_mode(void);
/* A buffer of DRAW_BUFFER bytes; draw_bad_pointer: one time in a hundred a pointer that is bad. */
extern unsigned char buffer[DRAW_BUFFER];
void *draw_pointer(void *good);
/* A new file system's root is not sticky either. */
#define UNSTICKY 0777

/* ---- text.c ---- */

void line_begin(uint64_t seed, uint64_t number);
void line_end(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_path(const char *path);
/* A descriptor or AT_FDCWD. */
void say_dirfd(int fd);
void say_open_flags(uint64_t flags);
/* " = " and a number or the name of an errno. */
void say_result(long result);
void say_errno(long result);
/* A hash of bytes. */
void say_bytes(const void *bytes, size_t length);
/* `now`, or the time itself when nobody's clock can have said it. */
void say_time(const char *name, int64_t sec, uint32_t nsec);

/* Numbers that mean nothing but "the same as there": each gets a small number of its own, in the order of
 * appearance. */
enum kind { KIND_INODE, KIND_DEVICE, KIND_MOUNT, KINDS };
unsigned number_of(enum kind kind, uint64_t a, uint64_t b);
/* Begin again: what is unmounted may leave its numbers to what is mounted. */
void numbers_forget(void);

/* ---- stat.c ---- */

void say_statx(const struct statx *st, unsigned asked);
void say_stat(const struct stat *st);
/* What a new descriptor is of; then its flags. */
void say_descriptor(int fd);
/* Is fd a pipe's? What one may ask of its inode is not compared. */
bool is_pipe_descriptor(int fd);

/* ---- dirs.c ---- */

/* All entries of an open directory, from its start, sorted; through a buffer of size bytes. */
void say_entries(int fd, size_t size);

/* ---- ring.c ---- */

struct io_uring_sqe;

void ring_prepare(void);
/* Is this call to go through the ring? */
bool draw_ring(void);
/* Begin an entry; ring_run submits it and waits for its result. */
struct io_uring_sqe *ring_entry(void);
long ring_run(void);

/* ---- operations ---- */

struct operation {
	const char *name;
	void (*run)(void);
	unsigned weight;  /* among all */
	unsigned flavour; /* is only drawn in sequences with it; 0: in all */
	bool changes;	  /* makes no sense on a read-only file system: seldom drawn there */
};
struct family {
	const struct operation *operations;
	unsigned count;
};
extern const struct family open_family, name_family, attr_family, file_family, dir_family,
	mount_family, user_family;

/* users.c */
void become_root(void);
bool is_root(void);
