/*
 * Threads of the host port: fibers of one Linux thread, switched by the kernel's own scheduler. The
 * sanitizer is told of each switch, so that it knows whose stack it looks at.
 *
 * Limits: one CPU; programs cannot run (their code needs the metal port's system-call entry), so the
 * functions that would start one refuse or panic.
 */
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <ucontext.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"

struct fiber {
	ucontext_t context;
	void *fake_stack;
	const void *stack;
	size_t size;
	void (*entry)(void);
};

/* A fiber lies at the bottom of its thread's stack; the boot thread's stack is Linux's. */
static struct fiber boot_fiber, *switching_to;
bool host_irqs_on;

/* Linux's own stack. */
static void stack_bounds(struct fiber *f)
{
	pthread_attr_t attr;
	void *base;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &base, &f->size);
	pthread_attr_destroy(&attr);
	f->stack = base;
}

static void first_run(void)
{
	struct fiber *f = switching_to;

	__sanitizer_finish_switch_fiber(f->fake_stack, NULL, NULL);
	f->entry();
}

void arch_thread_init(struct thread *t, void (*entry)(void))
{
	char *bottom = (char *)t->stack + KSTACK_SIZE - HOST_STACK + PAGE_SIZE;
	struct fiber *f = (struct fiber *)bottom;

	*f = (struct fiber){.entry = entry, .stack = bottom + PAGE_SIZE};
	f->size = HOST_STACK - 2 * PAGE_SIZE;
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = (void *)f->stack;
	f->context.uc_stack.ss_size = f->size;
	makecontext(&f->context, first_run, 0);
	t->arch.fiber = f;
}

void arch_thread_release(struct thread *t)
{
	t->arch.fiber = NULL;
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	struct fiber *from = prev->arch.fiber, *to = next->arch.fiber;

	if (!from) { /* the boot thread runs on Linux's own stack */
		from = prev->arch.fiber = &boot_fiber;
		stack_bounds(from);
	}
	switching_to = to;
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
	swapcontext(&from->context, &to->context);
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
	return prev;
}

void arch_enter_program(u64 pc, u64 sp)
{
	panic("the host port runs no programs (pc %llx, sp %llx)", (unsigned long long)pc,
		(unsigned long long)sp);
}

void arch_clone_program(struct thread *t, u64 sp, bool set_tls, u64 tls)
{
	(void)t, (void)sp, (void)set_tls, (void)tls;
}

long arch_syscall_clone(long a, long b, long c, long d, long e, long f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return -ENOSYS;
}

u64 arch_get_tls(void)
{
	return current->arch.tls;
}

void arch_set_tls(u64 base)
{
	current->arch.tls = base;
}

int arch_fpu_alloc(struct thread *t)
{
	(void)t;
	return -ENOMEM;
}

u64 arch_program_pc(void)
{
	return 0;
}
