/*
 * Per-CPU access on x86-64. The GS base of a CPU is the distance from the .percpu template to its
 * copy, so `%gs:symbol` is this CPU's word in one instruction. The boot CPU works on the template
 * itself (distance 0). There is one privilege level, so GS is never swapped.
 */
#pragma once

#include "kernel/compiler.h"

/* Distance from the template to this CPU's copy; the same number the GS base holds. */
extern u64 arch_percpu_offset;
extern u64 arch_percpu_offsets[MAX_CPUS];

/* One single access; volatile, because the thread may move between two of them. */
#define this_cpu_read(var) (*(const volatile typeof(var) __seg_gs *)(uintptr_t) & (var))
/* For what stays the same while a thread runs (current): the compiler may keep it. */
#define this_cpu_read_stable(var) (*(const typeof(var) __seg_gs *)(uintptr_t) & (var))
#define this_cpu_write(var, v)	  ((void)(*(volatile typeof(var) __seg_gs *)(uintptr_t) & (var) = (v)))

/* One instruction, so an interrupt cannot come between the read and the write. */
#define this_cpu_add(var, n)                                                                       \
	do {                                                                                       \
		static_assert(sizeof(var) == 4 || sizeof(var) == 8, "32 or 64 bits");              \
		if (sizeof(var) == 4)                                                              \
			__asm__ volatile("addl %1, %%gs:%0" : "+m"(var) : "ri"((u32)(n)) : "cc");  \
		else                                                                               \
			__asm__ volatile("addq %1, %%gs:%0" : "+m"(var) : "re"((u64)(n)) : "cc");  \
	} while (0)

/* Decrement a 32-bit variable; true when it became zero. */
#define this_cpu_dec_and_test(var)                                                                 \
	({                                                                                         \
		bool zero_;                                                                        \
		static_assert(sizeof(var) == 4, "32 bits");                                        \
		__asm__ volatile("decl %%gs:%1" : "=@ccz"(zero_), "+m"(var));                      \
		zero_;                                                                             \
	})

#define this_cpu_ptr(ptr) ((typeof(ptr))((uintptr_t)(ptr) + this_cpu_read(arch_percpu_offset)))
#define per_cpu(var, cpu) (*(typeof(&(var)))((uintptr_t) & (var) + arch_percpu_offsets[cpu]))
