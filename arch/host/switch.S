/*
 * What C cannot say: switching stacks, leaving for program code, and copies of program memory that survive
 * a fault. The labels marked "fault" and "leave" are known to the signal handlers (signal.c).
 */
	.text

/* void host_switch_stacks(u64 *save_sp, u64 new_sp) */
	.globl host_switch_stacks
host_switch_stacks:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

/* First switch to a thread: arch_thread_init put its entry into RBX. */
	.globl host_first_run
host_first_run:
	xorl %ebp, %ebp
	call *%rbx
	ud2

/*
 * void host_leave(void *frame, u32 *state, const u32 *pending)
 *
 * Go to the program state in frame (a ucontext) by sigreturn, or return when an interrupt is pending. A
 * signal that comes between the look and the system call is sent to host_leave_abort by its handler.
 */
	.globl host_leave, host_leave_begin, host_leave_end, host_leave_abort
host_leave:
	pushq %rbx
	pushq %rbp
	movq %rsp, %rbp
	movq %rsi, %rbx
	movl $2, %eax			/* HOST_IN_PROGRAM */
	xchgl %eax, (%rsi)
host_leave_begin:
	cmpl $0, (%rdx)
	jne host_leave_abort
	movq %rdi, %rsp
	movl $15, %eax			/* rt_sigreturn */
	syscall
host_leave_end:
	ud2
host_leave_abort:
	movl $0, (%rbx)			/* HOST_IN_KERNEL */
	movq %rbp, %rsp
	popq %rbp
	popq %rbx
	ret

/* void host_run_on(void *stack, void (*fn)(void *arg), void *arg): never returns. */
	.globl host_run_on
host_run_on:
	movq %rdi, %rsp
	movq %rdx, %rdi
	xorl %ebp, %ebp
	call *%rsi
	ud2

/* size_t host_copy(void *dst, const void *src, size_t len): bytes not copied. */
	.globl host_copy, host_copy_fault, host_copy_fixup
host_copy:
	movq %rdx, %rcx
host_copy_fault:
	rep movsb
host_copy_fixup:
	movq %rcx, %rax
	ret

/* size_t host_clear(void *dst, size_t len): bytes not cleared. */
	.globl host_clear, host_clear_fault, host_clear_fixup
host_clear:
	movq %rsi, %rcx
	xorl %eax, %eax
host_clear_fault:
	rep stosb
host_clear_fixup:
	movq %rcx, %rax
	ret

/* ssize host_copy_string(char *dst, const char *src, size_t size): length, -EFAULT or -ENAMETOOLONG. */
	.globl host_copy_string, host_string_fault, host_string_fixup
host_copy_string:
	xorl %eax, %eax
1:	cmpq %rdx, %rax
	jae 2f
host_string_fault:
	movb (%rsi, %rax), %cl
	movb %cl, (%rdi, %rax)
	testb %cl, %cl
	jz 3f
	incq %rax
	jmp 1b
2:	movq $-36, %rax
3:	ret
host_string_fixup:
	movq $-14, %rax
	ret

/* u64 host_load_zeropad(const void *p): zero for the bytes on an unmapped next page. */
	.globl host_load_zeropad, host_load_fault, host_load_fixup
host_load_zeropad:
host_load_fault:
	movq (%rdi), %rax
	ret
host_load_fixup:
	movq %rdi, %rcx
	andl $7, %ecx			/* the last aligned word of the page holds them */
	andq $-8, %rdi
	movq (%rdi), %rax
	shll $3, %ecx
	shrq %cl, %rax
	ret

	.section .note.GNU-stack, "", @progbits
