/*
 * Threads: fibers, each on a stack of its own, switched by the kernel's scheduler. Only CPU 0's first
 * thread stays on the stack that Linux gave the process.
 *
 * Sanitizers are told of each switch, so that they know whose stack they look at. For ThreadSanitizer a
 * switch orders what the CPU did before it and what it does after, as a CPU's own instructions are; what
 * two CPUs do is ordered only by what the kernel does about it.
 */
#include <pthread.h>

#include "arch/host/host.h"
#include "kernel/sched.h"

void host_switch_stacks(u64 *save_sp, u64 new_sp);
extern char host_first_run[];

/* The frame host_switch_stacks takes off a stack. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp, return_address;
};

#ifdef HOST_ASAN

#include <sanitizer/common_interface_defs.h>

struct host_fiber {
	void *fake_stack;
	const void *bottom;
	size_t size;
	void (*entry)(void);
};

static void fiber_make(struct host_fiber *f, void *bottom, size_t size, void (*entry)(void))
{
	*f = (struct host_fiber){.bottom = bottom, .size = size, .entry = entry};
}

static void fiber_free(struct host_fiber *f)
{
	(void)f;
}

static void fiber_leave(struct host_fiber *from, const struct host_fiber *to)
{
	__sanitizer_start_switch_fiber(from ? &from->fake_stack : NULL, to->bottom, to->size);
}

static void fiber_arrive(const struct host_fiber *f)
{
	__sanitizer_finish_switch_fiber(f->fake_stack, NULL, NULL);
}

#elif defined(HOST_TSAN)

#include <sanitizer/tsan_interface.h>

struct host_fiber {
	void *tsan;
	void (*entry)(void);
};

static void fiber_make(struct host_fiber *f, void *bottom, size_t size, void (*entry)(void))
{
	(void)bottom, (void)size;
	f->entry = entry;
	f->tsan = entry ? __tsan_create_fiber(0) : __tsan_get_current_fiber();
}

static void fiber_free(struct host_fiber *f)
{
	__tsan_destroy_fiber(f->tsan);
}

static void fiber_leave(struct host_fiber *from, const struct host_fiber *to)
{
	(void)from;
	__tsan_switch_to_fiber(to->tsan, 0);
}

static void fiber_arrive(const struct host_fiber *f)
{
	(void)f;
}

#else

struct host_fiber {
	void (*entry)(void);
};

static void fiber_make(struct host_fiber *f, void *bottom, size_t size, void (*entry)(void))
{
	(void)bottom, (void)size;
	f->entry = entry;
}

static void fiber_free(struct host_fiber *f)
{
	(void)f;
}

static void fiber_leave(struct host_fiber *from, const struct host_fiber *to)
{
	(void)from, (void)to;
}

static void fiber_arrive(const struct host_fiber *f)
{
	(void)f;
}

#endif

/* A fiber lies at the bottom of its thread's stack; CPU 0's first thread runs on Linux's own. */
static struct host_fiber boot_fiber;

static void adopt_stack(struct thread *t)
{
	pthread_attr_t attr;
	void *bottom;
	size_t size;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &bottom, &size);
	pthread_attr_destroy(&attr);
	fiber_make(&boot_fiber, bottom, size, NULL);
	t->arch.fiber = &boot_fiber;
}

static void first_run(void)
{
	struct host_fiber *f = current->arch.fiber;

	fiber_arrive(f);
	f->entry();
}

u64 host_first_frame(void *top, void (*fn)(void))
{
	struct switch_frame *f = (struct switch_frame *)ALIGN_DOWN((u64)top, 16) - 1;

	*f = (struct switch_frame){.rbx = (u64)fn, .return_address = (u64)host_first_run};
	return (u64)f;
}

void host_thread_start_at(struct thread *t, void *top, void (*entry)(void))
{
	t->arch.sp = host_first_frame(top, first_run);
	t->arch.fiber->entry = entry;
}

void arch_thread_init(struct thread *t, void (*entry)(void))
{
	char *top = (char *)t->stack + KSTACK_SIZE, *bottom = top - HOST_STACK + PAGE_SIZE;
	struct host_fiber *f = (struct host_fiber *)bottom;

	bottom += ALIGN_UP(sizeof(*f), CACHE_LINE);
	fiber_make(f, bottom, (size_t)(top - bottom), entry);
	t->arch = (struct arch_thread){.fiber = f};
	host_thread_start_at(t, top, entry);
}

void arch_thread_release(struct thread *t)
{
	if (t->arch.fiber)
		fiber_free(t->arch.fiber);
	t->arch.fiber = NULL;
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	if (unlikely(!prev->arch.fiber))
		adopt_stack(prev);
	fiber_leave(prev->arch.fiber, next->arch.fiber);
	host_switch_stacks(&prev->arch.sp, next->arch.sp);
	fiber_arrive(prev->arch.fiber);
	return prev;
}

void host_run_thread(struct thread *t, void (*entry)(void))
{
	u64 left_for_good;

	t->arch.fiber->entry = entry;
	fiber_leave(NULL, t->arch.fiber);
	host_switch_stacks(&left_for_good, t->arch.sp);
	__builtin_unreachable();
}
