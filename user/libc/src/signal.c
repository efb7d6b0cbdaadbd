/*
 * Signals. On Unlazy a signal ends its program (kill, abort, a fault, a broken pipe) or, set to SIG_IGN,
 * does nothing; that much sigaction() keeps. Handlers are accepted and never run there. On Linux they
 * work.
 */
#include <signal.h>
#include <unistd.h>

#include "internal.h"

/* struct sigaction as the kernel has it. */
struct kernel_sigaction {
	_sig_func_ptr handler;
	unsigned long flags;
	void (*restorer)(void);
	sigset_t mask;
};

/* A handler returns into this, which returns from the signal. */
void __signal_restorer(void);
__asm__(".text\n"
	".globl __signal_restorer\n"
	".type __signal_restorer, @function\n"
	"__signal_restorer:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n"
	".size __signal_restorer, . - __signal_restorer\n");

int kill(pid_t pid, int sig)
{
	return (int)SYS2(__NR_kill, pid, sig);
}

int killpg(pid_t group, int sig)
{
	return kill(-group, sig);
}

int tgkill(pid_t process, pid_t thread, int sig)
{
	return (int)SYS3(__NR_tgkill, process, thread, sig);
}

int raise(int sig)
{
	return tgkill(getpid(), gettid(), sig);
}

int _raise_r(struct _reent *r, int sig)
{
	(void)r;
	return raise(sig);
}

/* Returns the error number. */
int pthread_kill(pthread_t t, int sig)
{
	int tid = LOAD(&t->tid);

	return tid == 0 ? ESRCH : (int)-RAW3(__NR_tgkill, getpid(), tid, sig);
}

int sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
	struct kernel_sigaction knew, kold;

	if (new != NULL) {
		knew.handler = new->sa_handler;
		knew.flags = (unsigned int)new->sa_flags | SA_RESTORER;
		knew.restorer = __signal_restorer;
		knew.mask = new->sa_mask;
	}
	if (SYS4(__NR_rt_sigaction, sig, new != NULL ? &knew : NULL, old != NULL ? &kold : NULL,
		    sizeof(sigset_t)) < 0)
		return -1;
	if (old != NULL) {
		old->sa_handler = kold.handler;
		old->sa_flags = (int)(kold.flags & ~(unsigned long)SA_RESTORER);
		old->sa_mask = kold.mask;
	}
	return 0;
}

_sig_func_ptr signal(int sig, _sig_func_ptr handler)
{
	struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	return sigaction(sig, &new, &old) < 0 ? SIG_ERR : old.sa_handler;
}

_sig_func_ptr _signal_r(struct _reent *r, int sig, _sig_func_ptr handler)
{
	(void)r;
	return signal(sig, handler);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return (int)SYS4(__NR_rt_sigprocmask, how, set, old, sizeof(*set));
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return (int)-RAW4(__NR_rt_sigprocmask, how, set, old, sizeof(*set));
}

int sigpending(sigset_t *set)
{
	return (int)SYS2(__NR_rt_sigpending, set, sizeof(*set));
}

int sigsuspend(const sigset_t *set)
{
	return (int)SYS2(__NR_rt_sigsuspend, set, sizeof(*set));
}

int sigemptyset(sigset_t *set)
{
	*set = 0;
	return 0;
}

int sigfillset(sigset_t *set)
{
	*set = ~0ul;
	return 0;
}

static int check_signal(int sig)
{
	if (sig > 0 && sig < NSIG)
		return 0;
	errno = EINVAL;
	return -1;
}

int sigaddset(sigset_t *set, int sig)
{
	if (check_signal(sig) < 0)
		return -1;
	*set |= 1ul << (sig - 1);
	return 0;
}

int sigdelset(sigset_t *set, int sig)
{
	if (check_signal(sig) < 0)
		return -1;
	*set &= ~(1ul << (sig - 1));
	return 0;
}

int sigismember(const sigset_t *set, int sig)
{
	if (check_signal(sig) < 0)
		return -1;
	return (*set >> (sig - 1)) & 1;
}
