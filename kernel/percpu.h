/*
 * Per-CPU variables. Each CPU has a copy of the .percpu section; the arch turns the address of the
 * template into this CPU's copy (x86-64: the GS base; one instruction for a read or an increment).
 *
 *   static DEFINE_PERCPU(u64, walks);       this_cpu_inc(walks);
 *
 * this_cpu_read/write/add are single accesses and need no protection when any CPU's copy will do
 * (counters). Whoever takes this_cpu_ptr must be unable to move: preemption or interrupts off.
 */
#pragma once

#include "kernel/compiler.h"

#define DEFINE_PERCPU(type, name)  __section(".percpu") typeof(type) name
#define DECLARE_PERCPU(type, name) extern typeof(type) name

#include "arch/arch_percpu.h"

/*
 * The arch gives: this_cpu_read(var), this_cpu_read_stable(var) (the compiler may reuse the value: for
 * what does not change while a thread runs), this_cpu_write(var, v), this_cpu_add(var, n),
 * this_cpu_dec_and_test(var), this_cpu_ptr(&var), per_cpu(var, cpu) (an lvalue on that CPU's copy).
 */
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_add(var, -1)

/* Sum of a per-CPU counter over all CPUs; a snapshot, exact only when nobody counts. */
#define percpu_sum(var)                                                                            \
	({                                                                                         \
		u64 sum_ = 0;                                                                      \
		for (unsigned cpu_ = 0; cpu_ < nr_cpus; cpu_++)                                    \
			sum_ += (u64)READ_ONCE(per_cpu(var, cpu_));                                \
		sum_;                                                                              \
	})

/* CPUs present (set once at boot, before the others start) and the index of this one. */
extern unsigned nr_cpus;
DECLARE_PERCPU(unsigned, cpu_number);
#define this_cpu_id() this_cpu_read(cpu_number)

#define for_each_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus; (cpu)++)
