/* ELF64 as far as a static-PIE program uses it. */
#pragma once

#include "kernel/types.h"

struct elf64_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf64_header) == 64, "ABI");

struct elf64_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf64_phdr) == 56, "ABI");

struct elf64_dyn {
	s64 tag;
	u64 value;
};
struct elf64_rela {
	u64 offset, info;
	s64 addend;
};

#define ELF_MAGIC    "\177ELF\2\1\1" /* 64 bits, little-endian, version 1 */
#define ELF_TYPE_DYN 3
#define ELF_X86_64   62

#define PT_LOAD	   1
#define PT_DYNAMIC 2
#define PF_X	   1u
#define PF_W	   2u
#define PF_R	   4u

#define DT_NULL	   0
#define DT_RELA	   7
#define DT_RELASZ  8
#define DT_RELAENT 9

#define R_X86_64_RELATIVE 8

/* The auxiliary vector. */
#define AT_NULL	  0
#define AT_PHDR	  3
#define AT_PHENT  4
#define AT_PHNUM  5
#define AT_PAGESZ 6
#define AT_BASE	  7
#define AT_FLAGS  8
#define AT_ENTRY  9
#define AT_UID	  11
#define AT_EUID	  12
#define AT_GID	  13
#define AT_EGID	  14
#define AT_CLKTCK 17
#define AT_SECURE 23
#define AT_RANDOM 25
#define AT_EXECFN 31
