/*
 * Copies that survive a bad program address. Each instruction that may fault has a row in .extable:
 * (its address, where to go on); the page-fault and protection-fault handlers look there first. A
 * fault inside a wide step goes on byte by byte, so that counts are exact to the byte. No `rep`: under
 * an instruction count, and for short copies on real CPUs, plain moves are cheaper.
 */
#include "abi/errno.h"

	.macro fixed address, fixup
	.pushsection .extable, "a"
	.quad \address, \fixup
	.popsection
	.endm

	.text

/* size_t arch_copy_user(void *dst, const void *src, size_t len): bytes not copied */
	.balign 32
	.globl arch_copy_user
arch_copy_user:
	cmpq $32, %rdx
	jb 2f
1:	movq (%rsi), %rax
11:	movq 8(%rsi), %rcx
12:	movq 16(%rsi), %r8
13:	movq 24(%rsi), %r9
14:	movq %rax, (%rdi)
15:	movq %rcx, 8(%rdi)
16:	movq %r8, 16(%rdi)
17:	movq %r9, 24(%rdi)
	addq $32, %rsi
	addq $32, %rdi
	subq $32, %rdx
	cmpq $32, %rdx
	jae 1b
2:	cmpq $8, %rdx
	jb 4f
3:	movq (%rsi), %rax
31:	movq %rax, (%rdi)
	addq $8, %rsi
	addq $8, %rdi
	subq $8, %rdx
	cmpq $8, %rdx
	jae 3b
4:	testl %edx, %edx
	jz 7f
	testb $4, %dl
	jz 5f
41:	movl (%rsi), %eax
42:	movl %eax, (%rdi)
	addq $4, %rsi
	addq $4, %rdi
	subq $4, %rdx
5:	testb $2, %dl
	jz 6f
51:	movzwl (%rsi), %eax
52:	movw %ax, (%rdi)
	addq $2, %rsi
	addq $2, %rdi
	subq $2, %rdx
6:	testb $1, %dl
	jz 7f
61:	movzbl (%rsi), %eax
62:	movb %al, (%rdi)
	decq %rdx
7:	movq %rdx, %rax
	ret
	/* After a fault: what is still readable and writable, byte by byte. */
8:	movzbl (%rsi), %eax
81:	movb %al, (%rdi)
	incq %rsi
	incq %rdi
	decq %rdx
	jnz 8b
	jmp 7b
	fixed 1b, 8b
	fixed 11b, 8b
	fixed 12b, 8b
	fixed 13b, 8b
	fixed 14b, 8b
	fixed 15b, 8b
	fixed 16b, 8b
	fixed 17b, 8b
	fixed 3b, 8b
	fixed 31b, 8b
	fixed 41b, 8b
	fixed 42b, 8b
	fixed 51b, 8b
	fixed 52b, 8b
	fixed 61b, 7b
	fixed 62b, 7b
	fixed 8b, 7b
	fixed 81b, 7b

/* size_t arch_clear_user(void *dst, size_t len): bytes not cleared */
	.balign 32
	.globl arch_clear_user
arch_clear_user:
	xorl %eax, %eax
	cmpq $32, %rsi
	jb 2f
1:	movq %rax, (%rdi)
11:	movq %rax, 8(%rdi)
12:	movq %rax, 16(%rdi)
13:	movq %rax, 24(%rdi)
	addq $32, %rdi
	subq $32, %rsi
	cmpq $32, %rsi
	jae 1b
2:	cmpq $8, %rsi
	jb 4f
3:	movq %rax, (%rdi)
	addq $8, %rdi
	subq $8, %rsi
	jmp 2b
4:	testq %rsi, %rsi
	jz 6f
5:	movb %al, (%rdi)
	incq %rdi
	decq %rsi
	jnz 5b
6:	movq %rsi, %rax
	ret
	fixed 1b, 5b
	fixed 11b, 5b
	fixed 12b, 5b
	fixed 13b, 5b
	fixed 3b, 5b
	fixed 5b, 6b

/*
 * ssize arch_strncpy_user(char *dst, const char *src, size_t size)
 *
 * Eight bytes at a time: (w - 0x01..01) & ~w & 0x80..80 is not zero exactly when w has a zero byte,
 * and its lowest bit is in the first one. Bytes of dst after the NUL may be overwritten. %rdx is the size,
 * %r10 the last offset at which eight bytes fit (negative: never), %rcx the offset.
 */
	.balign 32
	.globl arch_strncpy_user
arch_strncpy_user:
	movabsq $-0x0101010101010101, %r8
	movabsq $0x8080808080808080, %r9
	xorl %ecx, %ecx
	leaq -8(%rdx), %r10
	testq %r10, %r10
	js 4f
2:	movq (%rsi, %rcx), %rax
	movq %rax, (%rdi, %rcx)
	leaq (%rax, %r8), %r11
	notq %rax
	andq %r9, %rax
	andq %rax, %r11
	jnz 3f
	addq $8, %rcx
	cmpq %r10, %rcx
	jle 2b
	jmp 4f
3:	bsfq %r11, %rax
	shrq $3, %rax
	addq %rcx, %rax
	ret
	/* The last bytes of dst, or of a mapped page. */
4:	cmpq %rdx, %rcx
	jae 6f
5:	movzbl (%rsi, %rcx), %eax
	movb %al, (%rdi, %rcx)
	incq %rcx
	testb %al, %al
	jnz 4b
	leaq -1(%rcx), %rax
	ret
6:	movq $-ENAMETOOLONG, %rax
	ret
7:	movq $-EFAULT, %rax
	ret
	fixed 2b, 4b
	fixed 5b, 7b

/*
 * u64 arch_load_word_zeropad(const void *p): p itself is readable, the bytes after it may lie on a page
 * that is not; then the aligned word that holds p has all there is.
 */
	.balign 16
	.globl arch_load_word_zeropad
arch_load_word_zeropad:
1:	movq (%rdi), %rax
	ret
2:	movl %edi, %ecx
	andl $7, %ecx
	andq $-8, %rdi
	movq (%rdi), %rax
	shll $3, %ecx
	shrq %cl, %rax
	ret
	fixed 1b, 2b

	.section .note.GNU-stack, "", @progbits
