/*
 * Every way in and out of the kernel: interrupts, exceptions, system calls, thread switches.
 *
 * Programs run at ring 0 with a red zone below RSP, so the CPU must never push a frame onto a
 * program's stack: every gate uses an IST stack, and the frame is moved from there. Where to:
 *
 *   RIP or RSP below USER_TOP   program code was interrupted: top of the thread's kernel stack, which
 *                               is empty then. RSP alone decides for the last instruction of
 *                               syscall_exit, where kernel code runs on the program's stack.
 *   otherwise                   directly below the interrupted RSP; kernel code has no red zone.
 *
 * Between IST entry and the end of the move interrupts are off, so the one interrupt IST stack per
 * CPU is enough; page fault, NMI, double fault and machine check can come in between and have their
 * own. A page fault while moving (the kernel stack is exhausted) is reported by the page-fault handler
 * on its own stack. Lower-half addresses have bit 63 clear: the test for "program" is one sign.
 */
#include "arch/x86_64/layout.h"

	.text

/* ---- The 256 gates ---- */

	.macro push_registers
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.endm

	.macro pop_registers_and_return
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq
	.endm

	.balign 16
	.globl trap_gates
trap_gates:
	.set vector, 0
	.rept 256
	.balign 16
	/* Exceptions where the CPU pushes an error code; for the others a zero. */
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	pushq $0
	.endif
	pushq $vector
	.if (vector == 2) || (vector == 8) || (vector == 14) || (vector == 18)
	jmp trap_in_place
	.else
	jmp trap_move_frame
	.endif
	.set vector, vector + 1
	.endr

/* Here: vector, error code, RIP, CS, RFLAGS, RSP, SS on the interrupt IST stack. */
	.balign 16
trap_move_frame:
	pushq %rax
	pushq %rdx
	movq %rsp, %rax
	movq 56(%rax), %rdx		/* interrupted RSP */
	testq %rdx, 32(%rax)		/* its sign and RIP's: both set only in the kernel */
	js 1f
	movq %gs:arch_stack_top(%rip), %rdx
1:	andq $-16, %rdx
	movq %rdx, %rsp
	pushq 64(%rax)			/* SS */
	pushq 56(%rax)			/* RSP */
	pushq 48(%rax)			/* RFLAGS */
	pushq 40(%rax)			/* CS */
	pushq 32(%rax)			/* RIP */
	pushq 24(%rax)			/* error code */
	pushq 16(%rax)			/* vector */
	movq (%rax), %rdx
	movq 8(%rax), %rax
	push_registers
	cld
	movq %rsp, %rdi
	call trap_dispatch
trap_return:
	pop_registers_and_return

/*
 * Page fault, NMI, double fault, machine check: handled on their own stack. A program's page fault
 * goes on at the top of the thread's kernel stack, with the frame copied there, because ending a
 * program sleeps.
 */
	.balign 16
trap_in_place:
	push_registers
	cld
	movq %rsp, %rdi
	call trap_dispatch_in_place
	testq %rax, %rax
	jz trap_return
	movq %rax, %rsp
	movq %rax, %rdi
	call trap_dispatch
	jmp trap_return

/* ---- System calls ---- */

/*
 * The program's `syscall`: RIP in RCX, RFLAGS in R11, interrupts off (FMASK), RSP still the
 * program's. Frame on the kernel stack, from the top: RSP, RIP, then the six arguments (Linux's ABI
 * lets a system call change only RAX, RCX and R11). RFLAGS are not restored: arithmetic flags are
 * the compiler's to lose, DF is clear by ABI, and interrupts are on in every program.
 * syscall_frame in thread.c is this frame.
 */
	.balign 64
	.globl syscall_entry, syscall_exit, syscall_exit_end
syscall_entry:
	movq %rsp, %gs:arch_program_sp(%rip)
	movq %gs:arch_stack_top(%rip), %rsp
	pushq %gs:arch_program_sp(%rip)
	sti
	pushq %rcx
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %r10
	pushq %r8
	pushq %r9
	cmpq $SYSCALL_TABLE_ENTRIES, %rax
	jae 2f
	movq syscall_table(, %rax, 8), %r11
	movq %r10, %rcx
	testq %r11, %r11
	jz 2f
	call *%r11
/*
 * A kill that comes after the test below comes by interrupt, and the interrupt return treats
 * syscall_exit..syscall_exit_end as program code: nothing is lost, and no cli is needed.
 */
syscall_exit:
	movq %gs:current_thread(%rip), %rcx
	testl $THREAD_KILLED_BIT, THREAD_FLAGS_OFF(%rcx)
	jnz 3f
4:	popq %r9
	popq %r8
	popq %r10
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rcx
	popq %rsp
	jmp *%rcx
syscall_exit_end:
2:	movq %rax, %rdi
	call syscall_unknown
	jmp syscall_exit
3:	pushq %rax
	subq $8, %rsp
	call program_return_slow
	addq $8, %rsp
	popq %rax
	jmp 4b

/*
 * The table's entry for clone: keeps the registers that C functions save themselves, so that
 * arch_clone_program finds the whole of the program's state below the system-call frame.
 */
	.globl arch_syscall_clone
arch_syscall_clone:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	subq $8, %rsp
	call sys_clone
	addq $56, %rsp
	ret

/* void enter_program(u64 pc, u64 sp): registers zero, interrupts on. Nothing is left on this stack. */
	.globl enter_program
enter_program:
	movq %rdi, %rcx
	movq %rsi, %rsp
	xorl %eax, %eax
	xorl %edx, %edx
	xorl %ebx, %ebx
	xorl %ebp, %ebp
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	sti
	jmp *%rcx

/*
 * void enter_clone(void *frame): the child of a clone leaves the kernel from the frame that
 * arch_clone_program left at its stack top: callee-saved registers, a gap, the system-call frame.
 */
	.globl enter_clone
enter_clone:
	movq %rdi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	addq $8, %rsp
	xorl %eax, %eax
	jmp syscall_exit

/* ---- Threads ---- */

/* struct thread *switch_stacks(struct thread *prev, struct thread *next): returns prev, on next. */
	.globl switch_stacks
switch_stacks:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, THREAD_SP(%rdi)
	movq THREAD_SP(%rsi), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	movq %rdi, %rax
	ret

/* First switch to a thread: arch_thread_init put entry in RBX; prev is entry's argument, if it wants. */
	.globl thread_first_run
thread_first_run:
	movq %rax, %rdi
	call *%rbx
	ud2

	.section .note.GNU-stack, "", @progbits
