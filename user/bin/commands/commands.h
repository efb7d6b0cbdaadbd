/* What the small commands share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include "applets.h"

#define APPLET(id, usage, what) int applet_##id(int argc, char **argv);
APPLETS
#undef APPLET

/* Print `COMMAND: PATH: reason of errno` and return 1, the exit status. */
int complain(const char *path);
/* Print how the command is used and return 2. */
int usage(void);
/* The options of argv that are letters of known; in letters[c] how often. Returns the index of the
 * first other argument, or -1 after an unknown option. */
int options(int argc, char **argv, const char *known, unsigned char letters[128]);
/* A whole decimal number at least 0; -1 when s is none. */
long long number(const char *s);
/* "drwxr-xr-x" */
void mode_string(mode_t mode, char buf[11]);
/* 1234567 as "1.2M". */
void human_size(unsigned long long bytes, char buf[16]);
/* dir/name, malloc'ed; NULL when out of memory. */
char *join_path(const char *dir, const char *name);
/* fd to stdout; 0, or -1 and errno. */
int copy_out(int fd);
/* Copy a /proc file to stdout. */
int show_file(const char *path);
/* "UID" or "UID:GID"; without GID it is the same number. */
bool parse_owner(const char *s, unsigned *uid, unsigned *gid);
