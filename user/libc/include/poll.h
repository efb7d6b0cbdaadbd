/* poll(2). */
#ifndef _POLL_H
#define _POLL_H

#include <_ansi.h>
#include <asm/poll.h>
#include <time.h>

typedef unsigned long nfds_t;

_BEGIN_STD_C

int poll(struct pollfd *, nfds_t, int);

_END_STD_C

#endif
