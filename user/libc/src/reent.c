/*
 * What newlib asks of the system: a struct _reent per thread, locks, and the system calls its own
 * functions make (the _name_r forms; errno is per thread already, so they forward).
 *
 * Locks are recursive, whether newlib asks for that or not. newlib's static locks are defined here,
 * those of FILEs are allocated.
 */
#include <fcntl.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/lock.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

struct _reent *__getreent(void)
{
	return thread_self()->reent;
}

struct __lock {
	unsigned int word;
	unsigned int depth;	  /* beyond the first; the holder's */
	struct __pthread *holder; /* atomic */
};

struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

void __retarget_lock_init(_LOCK_T *lock)
{
	*lock = calloc(1, sizeof(**lock));
	if (*lock == NULL)
		abort(); /* newlib has no way to hear of it, and would go on without a lock */
}

void __retarget_lock_close(_LOCK_T lock)
{
	free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
	struct __pthread *self = thread_self();

	if (LOAD_RELAXED(&lock->holder) == self) {
		lock->depth++;
		return;
	}
	word_lock(&lock->word);
	__atomic_store_n(&lock->holder, self, __ATOMIC_RELAXED);
}

/* Returns 0 when taken. */
int __retarget_lock_try_acquire(_LOCK_T lock)
{
	struct __pthread *self = thread_self();

	if (LOAD_RELAXED(&lock->holder) == self) {
		lock->depth++;
		return 0;
	}
	if (!word_trylock(&lock->word))
		return EBUSY;
	__atomic_store_n(&lock->holder, self, __ATOMIC_RELAXED);
	return 0;
}

void __retarget_lock_release(_LOCK_T lock)
{
	if (lock->depth != 0) {
		lock->depth--;
		return;
	}
	__atomic_store_n(&lock->holder, NULL, __ATOMIC_RELAXED);
	word_unlock(&lock->word);
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
	__retarget_lock_init(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
	__retarget_lock_close(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
	__retarget_lock_acquire(lock);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
	return __retarget_lock_try_acquire(lock);
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
	__retarget_lock_release(lock);
}

int _close_r(struct _reent *r, int fd)
{
	(void)r;
	return close(fd);
}

int _fcntl_r(struct _reent *r, int fd, int cmd, int arg)
{
	(void)r;
	return fcntl(fd, cmd, arg);
}

int _fstat_r(struct _reent *r, int fd, struct stat *st)
{
	(void)r;
	return fstat(fd, st);
}

int _getpid_r(struct _reent *r)
{
	(void)r;
	return getpid();
}

int _isatty_r(struct _reent *r, int fd)
{
	(void)r;
	return isatty(fd);
}

int _kill_r(struct _reent *r, int pid, int sig)
{
	(void)r;
	return kill(pid, sig);
}

int _link_r(struct _reent *r, const char *old, const char *new)
{
	(void)r;
	return link(old, new);
}

_off_t _lseek_r(struct _reent *r, int fd, _off_t offset, int whence)
{
	(void)r;
	return lseek(fd, offset, whence);
}

int _mkdir_r(struct _reent *r, const char *path, int mode)
{
	(void)r;
	return mkdir(path, (mode_t)mode);
}

int _open_r(struct _reent *r, const char *path, int flags, int mode)
{
	(void)r;
	return open(path, flags, mode);
}

_ssize_t _read_r(struct _reent *r, int fd, void *buf, size_t size)
{
	(void)r;
	return read(fd, buf, size);
}

int _rename_r(struct _reent *r, const char *old, const char *new)
{
	(void)r;
	return (int)SYS2(__NR_rename, old, new);
}

void *_sbrk_r(struct _reent *r, ptrdiff_t increment)
{
	(void)r;
	return sbrk(increment);
}

int _stat_r(struct _reent *r, const char *path, struct stat *st)
{
	(void)r;
	return stat(path, st);
}

_CLOCK_T_ _times_r(struct _reent *r, struct tms *t)
{
	(void)r;
	return times(t);
}

int _unlink_r(struct _reent *r, const char *path)
{
	(void)r;
	return unlink(path);
}

int _wait_r(struct _reent *r, int *status)
{
	(void)r;
	return wait(status);
}

_ssize_t _write_r(struct _reent *r, int fd, const void *buf, size_t size)
{
	(void)r;
	return write(fd, buf, size);
}

int _gettimeofday_r(struct _reent *r, struct timeval *tv, void *tz)
{
	(void)r;
	return gettimeofday(tv, tz);
}
