/* Waiting for programs, and the wait status, Linux values. */
#ifndef _SYS_WAIT_H
#define _SYS_WAIT_H

#include <_ansi.h>
#include <sys/types.h>

_BEGIN_STD_C

#define WNOHANG	   1
#define WUNTRACED  2
#define WCONTINUED 8

#define WEXITSTATUS(s)	(((s) >> 8) & 0xff)
#define WTERMSIG(s)	((s)&0x7f)
#define WSTOPSIG(s)	WEXITSTATUS(s)
#define WIFEXITED(s)	(WTERMSIG(s) == 0)
#define WIFSTOPPED(s)	(((s)&0xff) == 0x7f)
#define WIFSIGNALED(s)	(WTERMSIG(s) != 0 && WTERMSIG(s) != 0x7f)
#define WIFCONTINUED(s) ((s) == 0xffff)
#define WCOREDUMP(s)	((s)&0x80)

struct rusage;

pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
pid_t wait3(int *, int, struct rusage *);
pid_t wait4(pid_t, int *, int, struct rusage *);

_END_STD_C

#endif
