/* Yielding, and CPU sets. */
#ifndef _SCHED_H_
#define _SCHED_H_

#include <_ansi.h>
#include <string.h>
#include <sys/types.h>
#include <sys/sched.h>
#include <sys/_timespec.h>

_BEGIN_STD_C

#define CPU_SETSIZE 1024

typedef struct {
	unsigned long __bits[CPU_SETSIZE / (8 * sizeof(unsigned long))];
} cpu_set_t;

#define __CPU_WORD(set, cpu) ((set)->__bits[(cpu) / 64])
#define __CPU_MASK(cpu)	     (1UL << ((cpu) % 64))
#define CPU_ZERO(set)	     ((void)memset((set), 0, sizeof(cpu_set_t)))
#define CPU_SET(cpu, set)    ((void)(__CPU_WORD(set, cpu) |= __CPU_MASK(cpu)))
#define CPU_CLR(cpu, set)    ((void)(__CPU_WORD(set, cpu) &= ~__CPU_MASK(cpu)))
#define CPU_ISSET(cpu, set)  ((__CPU_WORD(set, cpu) & __CPU_MASK(cpu)) != 0)
#define CPU_EQUAL(a, b)	     (memcmp((a), (b), sizeof(cpu_set_t)) == 0)
#define CPU_COUNT(set)	     __cpu_count(set)

static __inline int __cpu_count(const cpu_set_t *__set)
{
	int __n = 0;

	for (unsigned __i = 0; __i < CPU_SETSIZE / 64; __i++)
		__n += __builtin_popcountl(__set->__bits[__i]);
	return __n;
}

#define CLONE_VM	     0x00000100
#define CLONE_FS	     0x00000200
#define CLONE_FILES	     0x00000400
#define CLONE_SIGHAND	     0x00000800
#define CLONE_THREAD	     0x00010000
#define CLONE_SYSVSEM	     0x00040000
#define CLONE_SETTLS	     0x00080000
#define CLONE_PARENT_SETTID  0x00100000
#define CLONE_CHILD_CLEARTID 0x00200000

int sched_yield(void);
int sched_getcpu(void);
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int sched_setaffinity(pid_t, size_t, const cpu_set_t *);
int sched_get_priority_min(int);
int sched_get_priority_max(int);

_END_STD_C

#endif
