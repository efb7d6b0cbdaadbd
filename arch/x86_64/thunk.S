/*
 * Calls into C that keep every register (arch_inline.h): for the unlikely branches of inline functions.
 */

	.macro thunk name, target
	.globl \name
	.type \name, @function
\name:
	pushq %rbp
	movq %rsp, %rbp
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	call \target
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	popq %rbp
	ret
	.size \name, . - \name
	.endm

	.text
	thunk preempt_schedule_thunk, preempt_schedule
	thunk raw_lock_wait_thunk, raw_lock_wait
