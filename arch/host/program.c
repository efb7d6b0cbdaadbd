/*
 * Programs: leaving for program code, coming back, clone. They run as they are on the metal, in address
 * slots below HOST_PROGRAMS_END; Linux sends their system calls back to us.
 *
 * The program's state (registers, and the FPU's as Linux saved it) lies at the top of the thread's kernel
 * stack while the thread is in the kernel, in the form that rt_sigreturn takes: going back is that system
 * call, whichever CPU does it.
 *
 *	top of stack -> | FPU state, as long as the CPU's is | ucontext | kernel frames ...
 *
 * Locking: none; the frame belongs to its thread, a clone's to the parent until it first runs.
 * Limits: a system call costs two trips through Linux, some microseconds.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "abi/errno.h"
#include "arch/host/host.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/panic.h"
#include "kernel/process.h"

/* Where the FPU state says how long it is, and that it does. */
#define FPU_MAGIC_OFFSET 464
#define FPU_MAGIC	 0x46505853u
#define FPU_LEGACY_SIZE	 512
/* uc_flags: the stack segment is valid, and to be taken as it is. */
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u
#define SELECTOR_CODE	     0x33ull
#define SELECTOR_STACK	     0x2bull
#define RFLAGS_INTERRUPTS    0x202

/* A ucontext as Linux knows it; libc's has more behind it. */
struct host_frame {
	unsigned long flags;
	void *link;
	stack_t stack;
	mcontext_t mcontext;
	u64 signal_mask;
};
static_assert(offsetof(struct host_frame, signal_mask) == offsetof(ucontext_t, uc_sigmask), "mask");

void host_leave(struct host_frame *frame, u32 *state, const u32 *pending);
__noreturn void host_run_on(void *stack, void (*fn)(void *arg), void *arg);

static size_t fpu_size(const void *fpu)
{
	u32 words[2];

	memcpy(words, (const char *)fpu + FPU_MAGIC_OFFSET, sizeof(words));
	return words[0] == FPU_MAGIC ? words[1] : FPU_LEGACY_SIZE;
}

/* The frame at the top of t's kernel stack, with room for so much FPU state. */
static struct host_frame *frame_at_top(const struct thread *t, size_t fpu)
{
	u64 top = ALIGN_DOWN((u64)t->stack + KSTACK_SIZE - fpu, CACHE_LINE);

	return (struct host_frame *)ALIGN_DOWN(top - sizeof(struct host_frame), CACHE_LINE);
}

/* A copy of from at the top of t's kernel stack. */
static struct host_frame *frame_copy(const struct thread *t, const struct host_frame *from)
{
	const void *fpu = from->mcontext.fpregs;
	size_t size = fpu ? fpu_size(fpu) : 0;
	struct host_frame *f = frame_at_top(t, size);

	memcpy(f, from, sizeof(*f));
	if (fpu) {
		void *to = (void *)ALIGN_DOWN((u64)t->stack + KSTACK_SIZE - size, CACHE_LINE);

		memcpy(to, fpu, size);
		f->mcontext.fpregs = to;
	}
	return f;
}

/* Context: thread, kernel stack, interrupts on. */
static __noreturn void leave_for_program(struct host_frame *f)
{
	for (;;) {
		struct host_cpu *c;

		program_return();
		c = host_cpu();
		f->stack = (stack_t){.ss_sp = c->altstack, .ss_size = c->altstack_size};
		host_set_fs(current->arch.fs_base);
		host_leave(f, &c->state, &c->pending);
		host_set_fs(c->libc_fs);
		host_interrupts();
	}
}

/* ---- Coming back ---- */

static long system_call(const greg_t *r)
{
	u64 number = (u64)r[REG_RAX];
	syscall_fn *fn = number < SYSCALL_TABLE_SIZE ? syscall_table[number] : NULL;

	if (!fn)
		return syscall_unknown(number);
	return fn(r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
}

#define TRAP_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define PF_WRITE	0x02
#define PF_FETCH	0x10

/* In the metal's words. */
static const char *fault_kind(int signal, const greg_t *r)
{
	switch (signal) {
	case SIGFPE:
		return r[REG_TRAPNO] == 0 ? "divide error" : "FPU error";
	case SIGILL:
		return "illegal instruction";
	case SIGTRAP:
		return r[REG_TRAPNO] == 1 ? "debug trap" : "breakpoint";
	}
	if (r[REG_TRAPNO] == TRAP_PROTECTION)
		return "protection fault";
	if (r[REG_TRAPNO] != TRAP_PAGE_FAULT)
		return "exception";
	if (r[REG_ERR] & PF_FETCH)
		return "jump to unmapped or non-executable memory";
	return r[REG_ERR] & PF_WRITE ? "invalid write" : "invalid read";
}

static void program_exception(int signal, u64 address, const greg_t *r)
{
	static const struct {
		const char *name;
		int reg;
	} names[] = {{"rax", REG_RAX}, {"rbx", REG_RBX}, {"rcx", REG_RCX}, {"rdx", REG_RDX},
		{"rsi", REG_RSI}, {"rdi", REG_RDI}, {"rbp", REG_RBP}, {"rsp", REG_RSP},
		{"r8 ", REG_R8}, {"r9 ", REG_R9}, {"r10", REG_R10}, {"r11", REG_R11},
		{"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i += 4)
		printk("  %s %016llx  %s %016llx  %s %016llx  %s %016llx", names[i].name,
			r[names[i].reg], names[i + 1].name, r[names[i + 1].reg], names[i + 2].name,
			r[names[i + 2].reg], names[i + 3].name, r[names[i + 3].reg]);
	program_fault(signal, fault_kind(signal, r), (u64)r[REG_RIP],
		r[REG_TRAPNO] == TRAP_PAGE_FAULT ? address : 0);
}

/* What brought current out of program code, for the switch to its kernel stack. */
struct trap {
	int signal;
	u64 address;
};

static void on_kernel_stack(void *arg)
{
	const struct trap trap = *(struct trap *)arg;
	struct host_frame *f = current->arch.frame;
	greg_t *regs = f->mcontext.gregs;

	switch (trap.signal) {
	case SIGSYS:
		regs[REG_RAX] = system_call(regs);
		break;
	case SIGUSR1:
		host_interrupts();
		break;
	default:
		program_exception(trap.signal, trap.address, regs);
	}
	leave_for_program(f);
}

void host_program_left(int signal, u64 address, const void *uc)
{
	struct thread *t = current;
	struct host_frame *f = frame_copy(t, uc);
	struct trap *trap = (struct trap *)f - 1;

	t->arch.frame = f;
	*trap = (struct trap){signal, address};
	host_run_on((void *)ALIGN_DOWN((u64)trap, CACHE_LINE), on_kernel_stack, trap);
}

/* ---- Going ---- */

void arch_enter_program(u64 pc, u64 sp)
{
	/* Here, not at the top of the stack, where our callers' frames are. */
	struct host_frame f = {0};

	f.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.mcontext.gregs[REG_RIP] = (greg_t)pc;
	f.mcontext.gregs[REG_RSP] = (greg_t)sp;
	f.mcontext.gregs[REG_EFL] = RFLAGS_INTERRUPTS;
	f.mcontext.gregs[REG_CSGSFS] = (greg_t)(SELECTOR_CODE | SELECTOR_STACK << 48);
	f.signal_mask = host_end_signals();
	/* No FPU state: Linux makes it a fresh one. */
	current->arch.frame = &f;
	leave_for_program(&f);
}

static void start_clone(void)
{
	sched_thread_begin();
	leave_for_program(current->arch.frame);
}

void arch_clone_program(struct thread *t, u64 sp, bool set_tls, u64 tls)
{
	struct host_frame *f = frame_copy(t, current->arch.frame);
	greg_t *regs = f->mcontext.gregs;

	regs[REG_RAX] = 0;
	if (sp)
		regs[REG_RSP] = (greg_t)sp;
	host_thread_start_at(t, f, start_clone);
	t->arch.frame = f;
	t->arch.fs_base = set_tls ? tls : current->arch.fs_base;
}

syscall_fn sys_clone;

long arch_syscall_clone(long a, long b, long c, long d, long e, long f)
{
	return sys_clone(a, b, c, d, e, f);
}

u64 arch_get_tls(void)
{
	return current->arch.fs_base;
}

/* Loaded on the way back to the program. */
void arch_set_tls(u64 base)
{
	current->arch.fs_base = base;
}

/* FPU state is part of the frame. */
int arch_fpu_alloc(struct thread *t)
{
	(void)t;
	return 0;
}

u64 arch_program_pc(void)
{
	struct host_frame *f = current->arch.frame;

	return f ? (u64)f->mcontext.gregs[REG_RIP] : 0;
}
