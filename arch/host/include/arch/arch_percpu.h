/*
 * Per-CPU access of the host port: one CPU, so a per-CPU variable is an ordinary one. Nothing
 * interrupts a test, and a test runs on one Linux thread.
 */
#pragma once

#define this_cpu_read(var)	   (var)
#define this_cpu_read_stable(var)  (var)
#define this_cpu_write(var, v)	   ((void)((var) = (v)))
#define this_cpu_add(var, n)	   ((void)((var) += (typeof(var))(n)))
#define this_cpu_dec_and_test(var) (--(var) == 0)
#define this_cpu_ptr(p)		   (p)
#define per_cpu(var, cpu)	   (*((void)(cpu), &(var)))
