/* Per-CPU state that must be set up before its CPU runs; called for CPU 0 by the *_init functions. */
#pragma once

void clock_init_cpu(unsigned cpu);
void rcu_init_cpu(unsigned cpu);

static inline void percpu_init(unsigned cpu)
{
	clock_init_cpu(cpu);
	rcu_init_cpu(cpu);
}
