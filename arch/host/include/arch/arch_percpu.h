/*
 * Per-CPU access of the host port. CPU 0 works on the template, the others on copies, as on the metal.
 * More than one instruction each, which is sound because interrupts are only taken at known points
 * (host_cpu.h): nothing comes between the address and the access.
 */
#pragma once

#include "arch/host_cpu.h"

#define this_cpu_ptr(p)	  ((typeof(p))((uintptr_t)(p) + host_cpu()->percpu_offset))
#define per_cpu(var, cpu) (*(typeof(&(var)))((uintptr_t) & (var) + host_cpus[cpu].percpu_offset))

#define this_cpu_read(var)	  (*(volatile typeof(var) *)this_cpu_ptr(&(var)))
#define this_cpu_read_stable(var) this_cpu_read(var)
#define this_cpu_write(var, v)	  ((void)(this_cpu_read(var) = (v)))
#define this_cpu_add(var, n)                                                                       \
	do {                                                                                       \
		volatile typeof(var) *here_ = this_cpu_ptr(&(var));                                \
		*here_ += (typeof(var))(n);                                                        \
	} while (0)

/*
 * Only preempt_enable uses it, of preempt_word: true also when an interrupt is pending and this was the
 * last level (all bits but the topmost, kernel/preempt.h), so that a thread that never sleeps can be
 * preempted.
 */
#define this_cpu_dec_and_test(var)                                                                 \
	({                                                                                         \
		struct host_cpu *cpu_ = host_cpu();                                                \
		volatile u32 *here_ = (volatile u32 *)((uintptr_t) & (var) + cpu_->percpu_offset); \
		u32 left_ = *here_ - 1;                                                            \
		*here_ = left_;                                                                    \
		left_ == 0 || (unlikely(__atomic_load_n(&cpu_->pending, __ATOMIC_RELAXED)) &&      \
				      !(left_ & 0x7fffffff));                                      \
	})
