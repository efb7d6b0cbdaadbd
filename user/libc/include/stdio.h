/* newlib's stdio.h, and the two functions it has under another name. */
#ifndef _UNLAZY_STDIO_H
#define _UNLAZY_STDIO_H

#include_next <stdio.h>
#include <sys/types.h>

_BEGIN_STD_C

ssize_t getline(char **__restrict, size_t *__restrict, FILE *__restrict);
ssize_t getdelim(char **__restrict, size_t *__restrict, int, FILE *__restrict);
int renameat(int, const char *, int, const char *);
int renameat2(int, const char *, int, const char *, unsigned int);

_END_STD_C

#endif
