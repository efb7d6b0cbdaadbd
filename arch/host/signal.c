/*
 * Signals: the host port's exceptions.
 *
 *	SIGSYS		a program's system call (syscall user dispatch)
 *	SIGUSR1		an interrupt for a CPU that is in program code (host_raise)
 *	SIGUSR2		stop, or print a back-trace: reaches a CPU with interrupts off, too
 *	SIGSEGV ...	a program's mistake; a bad pointer in a copy of program memory; our own bug
 *
 * All are delivered on a stack of the CPU's own, because program code has a red zone and maybe no good
 * stack. From program code the state goes to the thread's kernel stack (program.c) and the handler never
 * returns; SA_NODEFER and the empty mask make that sound, and with the stack pointer off the signal stack
 * Linux takes it as free again. In kernel code a handler only looks and returns: the kernel is never
 * interrupted (host_cpu.h).
 *
 * Which of the two it is says host_cpu.state, not the address: a program may jump anywhere. Between the
 * moment it becomes HOST_IN_PROGRAM and the system call that goes there, the handler sends host_leave back
 * (switch.S).
 *
 * Context of everything here: the FS base may be a program's, so neither libc nor the kernel may be called
 * before host_set_fs; the GS base is always the CPU's.
 */
#include <asm/prctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/sched.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON	     1
#endif
#define HWCAP2_FSGSBASE_BIT (1ul << 1)
#define ALTSTACK_SIZE	    (64 * 1024)

extern char host_copy_fault[], host_copy_fixup[], host_clear_fault[], host_clear_fixup[];
extern char host_string_fault[], host_string_fixup[], host_load_fault[], host_load_fixup[];
extern char host_leave_begin[], host_leave_end[], host_leave_abort[];

static const struct {
	const char *address, *fixup;
} fixups[] = {
	{host_copy_fault, host_copy_fixup},
	{host_clear_fault, host_clear_fixup},
	{host_string_fault, host_string_fixup},
	{host_load_fault, host_load_fixup},
};

static bool have_fsgsbase;

/* Raw: libc's wrapper would write errno, which lies behind FS. */
static long raw_arch_prctl(u64 code, u64 value)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"((long)SYS_arch_prctl), "D"(code), "S"(value)
			 : "rcx", "r11", "memory");
	return ret;
}

void host_set_fs(u64 base)
{
	if (have_fsgsbase)
		__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
	else
		raw_arch_prctl(ARCH_SET_FS, base);
}

static u64 get_fs(void)
{
	u64 base = 0;

	raw_arch_prctl(ARCH_GET_FS, (u64)&base);
	return base;
}

static bool fix_up(greg_t *regs)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fixups); i++)
		if ((u64)regs[REG_RIP] == (u64)fixups[i].address) {
			regs[REG_RIP] = (greg_t)(u64)fixups[i].fixup;
			return true;
		}
	return false;
}

static __noreturn void kernel_fault(int signal, u64 address, const greg_t *regs)
{
	fprintf(stderr, "\r\nsignal %d at %llx, address %llx\r\n", signal,
		(unsigned long long)regs[REG_RIP], (unsigned long long)address);
	host_backtrace_from((u64)regs[REG_RIP], (u64)regs[REG_RBP]);
	panic("the host's signal %d at address %#llx", signal, (unsigned long long)address);
}

/* Was it in program code? If it was about to go there, it will not. */
static bool from_program(struct host_cpu *c, greg_t *regs)
{
	u64 pc = (u64)regs[REG_RIP], sp = (u64)regs[REG_RSP];

	/* On the signal stack: another signal came before its handler could say where we are. */
	if (c->state != HOST_IN_PROGRAM || sp - (u64)c->altstack < c->altstack_size)
		return false;
	if (pc < (u64)host_leave_begin || pc >= (u64)host_leave_end)
		return true;
	regs[REG_RIP] = (greg_t)(u64)host_leave_abort;
	return false;
}

/* SIGSYS, SIGUSR1, and everything that an instruction can do wrong. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	struct host_cpu *c = host_cpu();
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;

	if (from_program(c, regs)) {
		c->state = HOST_IN_KERNEL;
		host_set_fs(c->libc_fs);
		host_program_left(signal, (u64)info->si_addr, uc);
	}
	if (signal == SIGUSR1 || fix_up(regs))
		return;
	host_set_fs(c->libc_fs);
	kernel_fault(signal, (u64)info->si_addr, regs);
}

static void on_request(int signal, siginfo_t *info, void *context)
{
	struct host_cpu *c = host_cpu();
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	u32 requests = atomic_xchg(&c->requests, 0u);
	u64 fs = get_fs();

	(void)signal, (void)info;
	host_set_fs(c->libc_fs);
	if (requests & HOST_REQUEST_BACKTRACE)
		host_backtrace_from((u64)regs[REG_RIP], (u64)regs[REG_RBP]);
	if (requests & HOST_REQUEST_STOP)
		for (;;)
			pause();
	host_set_fs(fs);
}

void host_request(struct host_cpu *c, u32 what)
{
	atomic_fetch_or(&c->requests, what);
	int tid = load_acquire(&c->tid);

	if (tid) /* otherwise it has not started yet */
		syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
}

void host_signals_init(void)
{
	static const int traps[] = {SIGSYS, SIGUSR1, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	have_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT;
	sigemptyset(&sa.sa_mask);
	sa.sa_sigaction = on_trap;
	for (unsigned i = 0; i < ARRAY_SIZE(traps); i++)
		sigaction(traps[i], &sa, NULL);
	sa.sa_sigaction = on_request;
	sigaction(SIGUSR2, &sa, NULL);
}

static const int end_signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

u64 host_end_signals(void)
{
	u64 mask = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(end_signals); i++)
		mask |= 1ull << (end_signals[i] - 1);
	return mask;
}

void host_handle_end_signals(void (*fn)(int signal))
{
	struct sigaction sa = {.sa_handler = fn};

	for (unsigned i = 0; i < ARRAY_SIZE(end_signals); i++)
		sigaction(end_signals[i], &sa, NULL);
}

void host_take_end_signals(bool take)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < ARRAY_SIZE(end_signals); i++)
		sigaddset(&set, end_signals[i]);
	pthread_sigmask(take ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

void host_signals_init_cpu(struct host_cpu *c)
{
	u64 size = MAX((u64)ALTSTACK_SIZE, 4 * (u64)getauxval(AT_MINSIGSTKSZ));
	stack_t stack = {.ss_size = size};

	c->libc_fs = get_fs();
	c->altstack_size = size;
	c->altstack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack.ss_sp = c->altstack;
	if (c->altstack == MAP_FAILED || sigaltstack(&stack, NULL))
		abort();
	host_take_end_signals(false);
	/* System calls from below HOST_PROGRAMS_END come as SIGSYS. */
	if (HOST_LOADS_PROGRAMS &&
		prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, HOST_PROGRAMS_END,
			USER_TOP - PAGE_SIZE - HOST_PROGRAMS_END, NULL)) {
		fprintf(stderr, "This needs Linux 5.11 or later with syscall user dispatch.\n");
		exit(2);
	}
	store_release(&c->tid, (int)syscall(SYS_gettid));
}
