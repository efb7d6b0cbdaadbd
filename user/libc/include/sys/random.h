/* getrandom(2). */
#ifndef _SYS_RANDOM_H
#define _SYS_RANDOM_H

#include <_ansi.h>
#include <sys/types.h>

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2

_BEGIN_STD_C

ssize_t getrandom(void *, size_t, unsigned int);

_END_STD_C

#endif
