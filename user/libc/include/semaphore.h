/* Unnamed semaphores between the threads of one program. */
#ifndef _SEMAPHORE_H
#define _SEMAPHORE_H

#include <_ansi.h>
#include <time.h>

_BEGIN_STD_C

typedef struct {
	unsigned int __value;
	unsigned int __waiters;
} sem_t;

#define SEM_FAILED ((sem_t *)0)

int sem_init(sem_t *, int, unsigned int);
int sem_destroy(sem_t *);
int sem_wait(sem_t *);
int sem_trywait(sem_t *);
int sem_timedwait(sem_t *__restrict, const struct timespec *__restrict);
int sem_post(sem_t *);
int sem_getvalue(sem_t *__restrict, int *__restrict);

_END_STD_C

#endif
