/* What the files of filetest share: checks, raw system calls, a folder to work in. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../check.h"

extern unsigned passed, failed;
extern bool on_unlazy;
/* The test's own empty folder, which is also the working directory. */
extern char folder[64];

/* A raw system call: its value, or -errno. */
#define CALL(name, ...)                                                                            \
	({                                                                                         \
		long r_ = syscall(SYS_##name, ##__VA_ARGS__);                                      \
		r_ == -1 ? -(long)errno : r_;                                                      \
	})

/* Make a file with this text; it must not fail. */
void make_file(const char *name, const char *text);
/* Does the file hold exactly this text? */
bool file_is(const char *name, const char *text);
/* Its st_mode; 0 when it is not there. */
unsigned mode_of(const char *name);
bool exists(const char *name);

void test_descriptors(void);
void test_transfer(void);
void test_position(void);
void test_create_remove(void);
void test_rename(void);
void test_listing(void);
void test_attributes(void);
void test_stat(void);
void test_working_directory(void);
void test_credentials(void);
void test_ids(void);
void test_order(void);
void test_pipes(void);
void test_console(void);
