/*
 * Numbers that assembly and C share: the address space, selectors, and offsets into structures
 * (checked against the structures in thread.c).
 *
 *   0                    programs, one slot of 512 GiB (a top-level entry) each, up to USER_TOP
 *   0xffff800000000000   direct map of all memory, 2 MiB and 1 GiB pages
 *   0xffffc00000000000   vzalloc ranges, a guard page after each
 *   0xffffd00000000000   kernel stacks, a guard page below each
 *   0xffffe00000000000   device registers and firmware tables, never released
 *   0xffffffff80000000   the kernel image
 *
 * One set of tables for all; every entry is a supervisor entry, because programs run at ring 0 too.
 */
#pragma once

#define KERNEL_VMA	0xffffffff80000000
#define DIRECT_MAP_BASE 0xffff800000000000
#define VMAP_BASE	0xffffc00000000000
#define KSTACK_BASE	0xffffd00000000000
#define DEVICE_BASE	0xffffe00000000000

#define BOOT_STACK_SIZE 0x4000

/* GDT selectors. SYSCALL loads CS and SS as one pair, so data follows code. */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS	 0x18

/* IST slots (numbered from 1, as the gates count them). */
#define IST_INTERRUPT	  1
#define IST_PAGE_FAULT	  2
#define IST_NMI		  3
#define IST_DOUBLE_FAULT  4
#define IST_MACHINE_CHECK 5
#define NR_IST		  5

/* struct thread */
#define THREAD_SP	      0
#define THREAD_FLAGS_OFF      44
#define THREAD_KILLED_BIT     0x2
#define SYSCALL_TABLE_ENTRIES 1024

/* Where secondary CPUs start, in real mode. */
#define TRAMPOLINE_PHYS 0x8000

#define MSR_EFER     0xc0000080
#define EFER_SCE     0x001
#define EFER_LME     0x100
#define EFER_NXE     0x800
#define CR0_PE	     0x00000001
#define CR0_MP	     0x00000002
#define CR0_EM	     0x00000004
#define CR0_TS	     0x00000008
#define CR0_NE	     0x00000020
#define CR0_WP	     0x00010000
#define CR0_PG	     0x80000000
#define CR4_PAE	     0x20
#define CR4_OSFXSR   0x200
#define CR4_OSXMM    0x400
#define CR4_FSGSBASE 0x10000
#define CR4_OSXSAVE  0x40000
