/* The types of C11 threads, for newlib's threads.h: pthreads under another name (src/threads.c). */
#ifndef _MACHINE__THREADS_H
#define _MACHINE__THREADS_H

#include <limits.h>
#include <pthread.h>

typedef pthread_cond_t cnd_t;
typedef pthread_mutex_t mtx_t;
typedef pthread_once_t once_flag;
typedef pthread_t thrd_t;
typedef pthread_key_t tss_t;

#define ONCE_FLAG_INIT	    PTHREAD_ONCE_INIT
#define TSS_DTOR_ITERATIONS PTHREAD_DESTRUCTOR_ITERATIONS

#endif
