/*
 * First instructions of every CPU. The boot CPU arrives at pvh_entry in 32-bit mode without paging
 * (PVH boot ABI: EBX = physical address of hvm_start_info), the others at trampoline_start in real
 * mode. Both go to long mode on the same temporary tables, which map the first 4 GiB three times: at
 * 0, at the direct map's base, and (1 GiB of it) at KERNEL_VMA. paging.c replaces them.
 */
#include "arch/x86_64/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_VMA)
#define PTE_TABLE 0x003 /* present, writable */
#define PTE_LARGE 0x083 /* present, writable, 2 MiB */

	/* XEN_ELFNOTE_PHYS32_ENTRY: where QEMU's -kernel starts us. */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad PHYS(pvh_entry)

	.section .text.boot, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	cli
	movl %ebx, %ebp
	movl $PHYS(boot_stack_end), %esp

	/* 4 x 512 entries of 2 MiB: the first 4 GiB */
	movl $PHYS(boot_pd), %edi
	movl $PTE_LARGE, %eax
	movl $2048, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
	/* their four page directories, low and high */
	movl $PHYS(boot_pd) + PTE_TABLE, %eax
	movl %eax, PHYS(boot_pdpt_high) + 510 * 8
	movl $PHYS(boot_pdpt), %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 2b
	movl $PHYS(boot_pdpt) + PTE_TABLE, %eax
	movl %eax, PHYS(boot_pml4)
	movl %eax, PHYS(boot_pml4) + 256 * 8
	movl $PHYS(boot_pdpt_high) + PTE_TABLE, PHYS(boot_pml4) + 511 * 8

	lgdt PHYS(boot_gdt_pointer)
	call enter_long_mode
	ljmp $SEL_CODE, $PHYS(boot_64)

	/* Paging and long mode on; the caller then jumps through a 64-bit code segment. */
enter_long_mode:
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl %cr0, %eax
	orl $(CR0_PG | CR0_WP | CR0_PE), %eax
	movl %eax, %cr0
	ret

	.code64
boot_64:
	movabsq $boot_high, %rax
	jmp *%rax
boot_high:
	movq $boot_stack_end, %rsp
	call load_flat_segments
	movl %ebp, %edi
	xorl %ebp, %ebp
	call x86_boot
	ud2

	/* Flat data segments, GS base 0 (the boot CPU's per-CPU area is the template itself). */
load_flat_segments:
	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	ret

/*
 * Secondary CPUs: this piece is copied to TRAMPOLINE_PHYS, where the start-up IPI sends them.
 */
#define LOW(symbol) ((symbol) - trampoline_start + TRAMPOLINE_PHYS)
	.code16
	.globl trampoline_start, trampoline_end
trampoline_start:
	cli
	cld
	xorl %eax, %eax
	movw %ax, %ds
	lgdtl LOW(trampoline_gdt_pointer)
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $0x18, $LOW(trampoline_32)
	.code32
trampoline_32:
	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	/* A stack for two calls. CPUs that start together share it: they push the same values. */
	movl $TRAMPOLINE_PHYS + 0xff8, %esp
	movl $PHYS(enter_long_mode), %eax
	call *%eax
	ljmp $SEL_CODE, $PHYS(secondary_64)
	.balign 8
trampoline_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
	.quad 0x00cf9b000000ffff /* 32-bit code */
trampoline_gdt_pointer:
	.word . - trampoline_gdt - 1
	.long LOW(trampoline_gdt)
trampoline_end:

	.code64
secondary_64:
	movabsq $secondary_high, %rax
	jmp *%rax
secondary_high:
	call load_flat_segments
	/* From here on the kernel's own tables; the stack of the trampoline is gone with the others. */
	movq kernel_cr3(%rip), %rax
	movq %rax, %cr3
	/* Whoever arrives takes the next CPU number; past the prepared ones it stays here. */
	movl $1, %edi
	lock xaddl %edi, secondary_ticket(%rip)
	cmpl secondary_limit(%rip), %edi
	jae 1f
	movslq %edi, %rax
	movq secondary_stack_tops(, %rax, 8), %rsp
	xorl %ebp, %ebp
	call x86_secondary
	ud2
1:	cli
	hlt
	jmp 1b

	.section .rodata, "a"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.quad PHYS(boot_gdt)

	.bss
	.balign 4096
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	/* Unmapped by paging.c, so that an overflow faults instead of writing elsewhere. */
	.globl boot_stack_guard, boot_stack_end
boot_stack_guard:
	.skip 4096
boot_stack:
	.skip BOOT_STACK_SIZE
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
