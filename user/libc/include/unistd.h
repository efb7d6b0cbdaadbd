/* newlib's unistd.h, and the calls it does not declare. */
#ifndef _UNISTD_H_
#define _UNISTD_H_

#include <sys/unistd.h>
#include <getopt.h>

_BEGIN_STD_C

#ifndef SEEK_DATA
#define SEEK_DATA 3
#define SEEK_HOLE 4
#endif

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2
#define RENAME_WHITEOUT	 4

/* Any system call by number; -1 and errno on failure. */
long syscall(long, ...);

pid_t gettid(void);
int setresuid(uid_t, uid_t, uid_t);
int setresgid(gid_t, gid_t, gid_t);
int getresuid(uid_t *, uid_t *, uid_t *);
int getresgid(gid_t *, gid_t *, gid_t *);
int setfsuid(uid_t);
int setfsgid(gid_t);

int renameat(int, const char *, int, const char *);
int renameat2(int, const char *, int, const char *, unsigned int);
int pipe2(int[2], int);
int syncfs(int);
ssize_t getdents64(int, void *, size_t);
int brk(void *);
int close_range(unsigned int, unsigned int, int);

_END_STD_C

#endif
