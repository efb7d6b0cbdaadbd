/* What newlib's stdio lacks, or has under another name. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/lock.h>

#include "internal.h"

/* newlib's, in no header of it that programs see. */
extern void __sinit(struct _reent *r);

ssize_t getdelim(char **line, size_t *size, int delimiter, FILE *f)
{
	return __getdelim(line, size, delimiter, f);
}

ssize_t getline(char **line, size_t *size, FILE *f)
{
	return __getdelim(line, size, '\n', f);
}

void stdio_start(struct _reent *r)
{
	if (!r->__sdidinit)
		__sinit(r);
}

void flockfile(FILE *f)
{
	stdio_start(thread_self()->reent);
	__lock_acquire_recursive(f->_lock);
}

int ftrylockfile(FILE *f)
{
	stdio_start(thread_self()->reent);
	return __lock_try_acquire_recursive(f->_lock);
}

void funlockfile(FILE *f)
{
	__lock_release_recursive(f->_lock);
}
