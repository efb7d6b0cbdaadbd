/*
 * Per-CPU access of the host port. CPU 0 works on the template, the others on copies, as on the metal.
 * More than one instruction each, which is sound because interrupts are only taken at known points
 * (host_cpu.h): nothing comes between the address and the access.
 */
#pragma once

#include "arch/host_cpu.h"

#define this_cpu_ptr(p)	  ((typeof(p))((uintptr_t)(p) + host_cpu()->percpu_offset))
#define per_cpu(var, cpu) (*(typeof(&(var)))((uintptr_t) & (var) + host_cpus[cpu].percpu_offset))

/* Other CPUs may look: single accesses, though not single instructions. */
#define this_cpu_read(var)	  __atomic_load_n(this_cpu_ptr(&(var)), __ATOMIC_RELAXED)
#define this_cpu_read_stable(var) this_cpu_read(var)
#define this_cpu_write(var, v)	  __atomic_store_n(this_cpu_ptr(&(var)), (v), __ATOMIC_RELAXED)
#define this_cpu_add(var, n)                                                                       \
	do {                                                                                       \
		typeof(var) *here_ = this_cpu_ptr(&(var));                                         \
		__atomic_store_n(here_,                                                            \
			__atomic_load_n(here_, __ATOMIC_RELAXED) + (typeof(var))(n),               \
			__ATOMIC_RELAXED);                                                         \
	} while (0)

/*
 * Only preempt_enable uses it, of preempt_word: true also when an interrupt is pending and this was the
 * last level (all bits but the topmost, kernel/preempt.h), so that a thread that never sleeps can be
 * preempted.
 */
#define this_cpu_dec_and_test(var)                                                                 \
	({                                                                                         \
		struct host_cpu *cpu_ = host_cpu();                                                \
		u32 *here_ = (u32 *)((uintptr_t) & (var) + cpu_->percpu_offset);                   \
		u32 left_ = __atomic_load_n(here_, __ATOMIC_RELAXED) - 1;                          \
		__atomic_store_n(here_, left_, __ATOMIC_RELAXED);                                  \
		left_ == 0 || (unlikely(__atomic_load_n(&cpu_->pending, __ATOMIC_RELAXED)) &&      \
				      !(left_ & 0x7fffffff));                                      \
	})
