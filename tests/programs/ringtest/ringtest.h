/* What the files of ringtest share: checks, a folder to work in, and the shortest way to run an entry. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../check.h"

extern unsigned passed, failed;
/* Where the two systems differ by our design (CONTRACT), a test asks. */
extern bool on_unlazy;
/* A folder with: file ("hello, ring\n"), dir/, dir/inner, link -> file, loop -> loop. */
extern char folder[128];
/* folder/name, in a static buffer. */
const char *in_folder(const char *name);

/* The contents of `file`. */
#define HELLO "hello, ring\n"

/* Set by run_one where an operation was not even accepted. */
#define NO_CQE (-99999)

void ring_start(struct io_uring *ring, unsigned entries, unsigned flags);
/* A fresh entry with this user_data; never NULL. */
struct io_uring_sqe *entry(struct io_uring *ring, uint64_t user_data);
/* Submit what is prepared and take the one completion: its res. */
int run_one(struct io_uring *ring);
/* Submit, wait for n completions and put res where results[user_data] is (user_data < size).
 * Returns how many completions came (more than n when there were more). */
unsigned run_all(struct io_uring *ring, unsigned n, int *results, unsigned size);
/* Is a completion there that nobody asked for? */
bool any_completion(struct io_uring *ring);
/* A word of /proc/unlazy/ring; -1 where there is none. */
long ring_counter(const char *name);

void test_setup(void);
void test_enter(void);
void test_operations(void);
void test_open_contract(void);
void test_links(void);
void test_overflow(void);
void test_register(void);
void test_direct(void);
void test_cancel(void);
void test_garbage(void);
void test_workers(void);
