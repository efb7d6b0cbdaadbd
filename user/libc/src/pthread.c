/*
 * Threads: creation, end, join, detach.
 *
 * A thread is a clone() that shares everything, on one mapping that holds its stack, TLS and struct
 * pthread (internal.h). The mapping's end is decided by two words:
 *
 *	tid	set by the kernel before the thread runs; zeroed by the kernel, with a futex wake, when
 *		the thread no longer uses its stack. Joiners wait for that zero, then unmap.
 *	state	JOINABLE -> EXITING by the ending thread, JOINABLE -> DETACHED by pthread_detach();
 *		whichever comes second unmaps: a detached thread unmaps the stack it stands on, in a few
 *		instructions that use none.
 *
 * Limits: no cancellation, no priorities; the stack size is fixed at creation. The default is small
 * because Unlazy populates a stack when it maps it.
 */
#include <pthread.h>
#include <reent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_STACK_SIZE (256u << 10)
#define DEFAULT_GUARD_SIZE 4096u
#define PAGE_MASK	   4095ul

#define THREAD_CLONE_FLAGS                                                                         \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* Threads that have not ended, the main one included; atomic. */
static unsigned int thread_count = 1;

long __clone_thread(
	unsigned long flags, void *stack, int *parent_tid, struct __pthread *tls, int *child_tid);
void __unmap_and_exit(void *map, size_t size) __attribute__((noreturn));
void __thread_main(void) __attribute__((noreturn));

__asm__(".text\n"
	/* The child starts with an empty stack, so it must not return from here. */
	".globl __clone_thread\n"
	".type __clone_thread, @function\n"
	"__clone_thread:\n"
	"	mov %r8, %r10\n"
	"	mov %rcx, %r8\n"
	"	mov $56, %eax\n" /* clone */
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	call __thread_main\n"
	"	hlt\n"
	".size __clone_thread, . - __clone_thread\n"
	/* Between the two calls there is no stack. */
	".globl __unmap_and_exit\n"
	".type __unmap_and_exit, @function\n"
	"__unmap_and_exit:\n"
	"	mov $11, %eax\n" /* munmap */
	"	syscall\n"
	"	xor %edi, %edi\n"
	"	mov $60, %eax\n" /* exit */
	"	syscall\n"
	"	hlt\n"
	".size __unmap_and_exit, . - __unmap_and_exit\n");

pthread_t pthread_self(void)
{
	return thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
	return a == b;
}

void pthread_exit(void *result)
{
	struct __pthread *self = thread_self();

	self->result = result;
	thread_run_key_destructors(self);
	if (FETCH_SUB(&thread_count, 1) == 1)
		exit(0);
	if (self->map == NULL) { /* the main thread: its stack is the kernel's to free */
		for (;;)
			RAW1(__NR_exit, 0);
	}
	_reclaim_reent(self->reent);
	if (!compare_exchange(&self->state, THREAD_JOINABLE, THREAD_EXITING)) {
		/* The kernel must not write to tid after it is unmapped. */
		RAW1(__NR_set_tid_address, NULL);
		__unmap_and_exit(self->map, self->map_size);
	}
	for (;;)
		RAW1(__NR_exit, 0);
}

__attribute__((used)) void __thread_main(void)
{
	struct __pthread *self = thread_self();

	pthread_exit(self->start(self->arg));
}

/* Map [ guard | stack | TLS, struct __pthread ]. NULL when memory is short. */
static struct __pthread *thread_allocate(size_t stack_size, size_t guard_size)
{
	size_t block = (tls_block_size() + PAGE_MASK) & ~PAGE_MASK;
	size_t stack = (stack_size + PAGE_MASK) & ~PAGE_MASK;
	size_t guard = (guard_size + PAGE_MASK) & ~PAGE_MASK;
	size_t size = guard + stack + block;
	struct __pthread *t;
	char *map;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (guard != 0 && mprotect(map, guard, PROT_NONE) < 0) {
		munmap(map, size);
		return NULL;
	}
	t = tls_block_init(map + guard + stack);
	t->map = map;
	t->map_size = size;
	t->stack_top = map + guard + stack;
	t->reent = &t->own_reent;
	_REENT_INIT_PTR_ZEROED(t->reent);
	t->canary = thread_self()->canary;
	return t;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	pthread_attr_t defaults;
	struct __pthread *t;
	int saved = errno;
	long ret;

	if (attr == NULL) {
		pthread_attr_init(&defaults);
		attr = &defaults;
	}
	stdio_start(_GLOBAL_REENT); /* exit() looks there, whichever threads print */
	t = thread_allocate(attr->__stack_size, attr->__guard_size);
	if (t == NULL) {
		errno = saved;
		return EAGAIN;
	}
	t->start = start;
	t->arg = arg;
	t->state = attr->__detached ? THREAD_DETACHED : THREAD_JOINABLE;
	*thread = t;
	FETCH_ADD(&thread_count, 1);
	ret = __clone_thread(THREAD_CLONE_FLAGS, t->stack_top, &t->tid, t, &t->tid);
	if (ret < 0) {
		FETCH_SUB(&thread_count, 1);
		munmap(t->map, t->map_size);
		return (int)-ret;
	}
	return 0;
}

/* Wait until the kernel has zeroed tid. It wakes the address, not our private futex of it. */
static void wait_for_end(struct __pthread *t)
{
	int tid;

	while ((tid = LOAD(&t->tid)) != 0)
		RAW4(__NR_futex, &t->tid, FUTEX_WAIT_, tid, NULL);
}

int pthread_join(pthread_t t, void **result)
{
	if (t == thread_self())
		return EDEADLK;
	if (LOAD(&t->state) == THREAD_DETACHED)
		return EINVAL;
	wait_for_end(t);
	if (result != NULL)
		*result = t->result;
	munmap(t->map, t->map_size);
	return 0;
}

int pthread_tryjoin_np(pthread_t t, void **result)
{
	return LOAD(&t->tid) != 0 ? EBUSY : pthread_join(t, result);
}

int pthread_detach(pthread_t t)
{
	if (compare_exchange(&t->state, THREAD_JOINABLE, THREAD_DETACHED))
		return 0;
	return pthread_join(t, NULL);
}

int pthread_setname_np(pthread_t t, const char *name)
{
	if (strlen(name) >= sizeof(t->name))
		return ERANGE;
	strcpy(t->name, name);
	return 0;
}

int pthread_getname_np(pthread_t t, char *name, size_t size)
{
	if (strlen(t->name) >= size)
		return ERANGE;
	strcpy(name, t->name);
	return 0;
}

int pthread_setaffinity_np(pthread_t t, size_t size, const cpu_set_t *set)
{
	return (int)-RAW3(__NR_sched_setaffinity, LOAD(&t->tid), size, set);
}

int pthread_getaffinity_np(pthread_t t, size_t size, cpu_set_t *set)
{
	int saved = errno, error = 0;

	if (sched_getaffinity(LOAD(&t->tid), size, set) < 0)
		error = errno;
	errno = saved;
	return error;
}

int pthread_getcpuclockid(pthread_t t, clockid_t *clock)
{
	*clock = (~LOAD(&t->tid) << 3) | 6; /* per thread, user and system time */
	return 0;
}

int pthread_attr_init(pthread_attr_t *attr)
{
	*attr = (pthread_attr_t){
		.__stack_size = DEFAULT_STACK_SIZE, .__guard_size = DEFAULT_GUARD_SIZE};
	return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	if (size < PTHREAD_STACK_MIN)
		return EINVAL;
	attr->__stack_size = size;
	return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *size)
{
	*size = attr->__stack_size;
	return 0;
}

int pthread_attr_setguardsize(pthread_attr_t *attr, size_t size)
{
	attr->__guard_size = size;
	return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *attr, size_t *size)
{
	*size = attr->__guard_size;
	return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
	if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED)
		return EINVAL;
	attr->__detached = state;
	return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
	*state = attr->__detached;
	return 0;
}
