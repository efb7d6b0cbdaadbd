/*
 * A kernel for testing tools/run: prints its command line and `exit status 3`, then leaves by
 * isa-debug-exit with STATUS (999: hangs instead). PVH enters it in 32-bit protected mode with
 * hvm_start_info in ebx.
 */
	.code32
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18		/* name, descriptor, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start

	.text
	.globl start
start:
	movl 24(%ebx), %esi	/* cmdline_paddr */
	call print
	movl $verdict, %esi
	call print
	movl $STATUS, %eax
	cmpl $999, %eax
	je hang
	movw $0xf4, %dx
	outl %eax, %dx
hang:
	hlt
	jmp hang

print:
	movw $0x3f8, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	movb $'\n', %al
	outb %al, %dx
	ret

	.section .rodata
verdict:
	.asciz "exit status 3"
