/* newlib's utime.h uses time_t without declaring it, and declares no function. */
#ifndef _UNLAZY_UTIME_H
#define _UNLAZY_UTIME_H

#include <sys/types.h>
#include_next <utime.h>

int utime(const char *, const struct utimbuf *);

#endif
