/*
 * Threads: their first stack frame, the switch, and the ways between kernel and program code that need
 * more than entry.S. See there for the frames.
 *
 * Locking: none; a thread's arch part belongs to whoever makes it until it first runs, then to itself.
 */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/internal.h"
#include "kernel/entry.h"
#include "kernel/panic.h"
#include "kernel/sched.h"

#define MSR_FSBASE 0xc0000100

DEFINE_PERCPU(u64, arch_stack_top);
DEFINE_PERCPU(u64, arch_program_sp);
DEFINE_PERCPU(u64, arch_fault_address);

/* layout.h, for entry.S */
static_assert(offsetof(struct thread, arch) + offsetof(struct arch_thread, sp) == THREAD_SP, "sp");
static_assert(offsetof(struct thread, flags) == THREAD_FLAGS_OFF, "flags");
static_assert(THREAD_KILLED == THREAD_KILLED_BIT, "THREAD_KILLED");
static_assert(SYSCALL_TABLE_SIZE == SYSCALL_TABLE_ENTRIES, "syscall_table");

/* What syscall_entry leaves at the top of the kernel stack. */
struct syscall_frame {
	u64 r9, r8, r10, rdx, rsi, rdi, rip, rsp;
};
/* What arch_syscall_clone leaves below it, with the gap its caller's return address takes. */
struct clone_frame {
	u64 r15, r14, r13, r12, rbp, rbx, return_address;
	struct syscall_frame syscall;
};

/* The frame switch_stacks takes off a stack. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp, return_address;
};

static struct syscall_frame *syscall_frame_of(const struct thread *t)
{
	return (struct syscall_frame *)t->arch.stack_top - 1;
}

static struct clone_frame *clone_frame_of(const struct thread *t)
{
	return (struct clone_frame *)t->arch.stack_top - 1;
}

static void prepare_switch(struct thread *t, u64 sp, void (*entry)(void))
{
	struct switch_frame *f = (struct switch_frame *)sp - 1;

	*f = (struct switch_frame){.rbx = (u64)entry, .return_address = (u64)thread_first_run};
	t->arch.sp = (u64)f;
}

void arch_thread_init(struct thread *t, void (*entry)(void))
{
	t->arch = (struct arch_thread){.stack_top = (u64)t->stack + KSTACK_SIZE};
	prepare_switch(t, t->arch.stack_top, entry);
}

void arch_thread_release(struct thread *t)
{
	fpu_free(t);
}

static void load_fs(u64 base)
{
	if (cpu_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" ::"r"(base));
	else
		write_msr(MSR_FSBASE, base);
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	if (prev->arch.fpu || next->arch.fpu)
		fpu_switch(prev, next);
	if (next->arch.fpu)
		load_fs(next->arch.fs_base);
	this_cpu_write(arch_stack_top, next->arch.stack_top);
	return switch_stacks(prev, next);
}

void arch_enter_program(u64 pc, u64 sp)
{
	arch_irq_disable();
	assert(current->arch.fpu);
	fpu_reset_current();
	load_fs(current->arch.fs_base);
	enter_program(pc, sp);
}

static void start_clone(void)
{
	sched_thread_begin();
	enter_clone(clone_frame_of(current));
}

void arch_clone_program(struct thread *t, u64 sp, bool set_tls, u64 tls)
{
	struct clone_frame *f = clone_frame_of(t);
	u64 flags;

	assert(current->arch.fpu && t->arch.fpu);
	*f = *clone_frame_of(current);
	if (sp)
		f->syscall.rsp = sp;
	t->arch.fs_base = set_tls ? tls : current->arch.fs_base;
	/* The thread starts below the frame that it will leave through. */
	prepare_switch(t, (u64)f & ~15ull, start_clone);
	flags = arch_irq_save();
	fpu_copy_current(t);
	arch_irq_restore(flags);
}

u64 arch_get_tls(void)
{
	return current->arch.fs_base;
}

void arch_set_tls(u64 base)
{
	u64 flags = arch_irq_save();

	current->arch.fs_base = base;
	load_fs(base);
	arch_irq_restore(flags);
}

u64 arch_program_pc(void)
{
	return syscall_frame_of(current)->rip;
}
