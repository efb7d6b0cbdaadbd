/* What newlib's stdio lacks, or has under another name. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/lock.h>

#include "internal.h"

ssize_t getdelim(char **line, size_t *size, int delimiter, FILE *f)
{
	return __getdelim(line, size, delimiter, f);
}

ssize_t getline(char **line, size_t *size, FILE *f)
{
	return __getdelim(line, size, '\n', f);
}

/* newlib sets the standard streams' locks up at their first use in each thread. */
extern void __sinit(struct _reent *r);

static void make_lock(void)
{
	struct _reent *r = thread_self()->reent;

	if (!r->__sdidinit)
		__sinit(r);
}

void flockfile(FILE *f)
{
	make_lock();
	__lock_acquire_recursive(f->_lock);
}

int ftrylockfile(FILE *f)
{
	make_lock();
	return __lock_try_acquire_recursive(f->_lock);
}

void funlockfile(FILE *f)
{
	__lock_release_recursive(f->_lock);
}
