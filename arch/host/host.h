/* Inside the host port: what its files share. These include libc headers, never kernel/string.h. */
#pragma once

/* libc's headers come first in these files; the kernel has its own of these. */
#include <stdint.h>
#undef __always_inline
#undef __packed
#undef __aligned
#undef __used
#undef static_assert

#include "arch/arch.h"

#if defined(__SANITIZE_ADDRESS__)
#define HOST_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HOST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#elif __has_feature(thread_sanitizer)
#define HOST_TSAN 1
#endif
#endif

/* A sanitizer's run-time has the programs' addresses, and a simulation no signals: they run tests only. */
#if defined(HOST_ASAN) || defined(HOST_TSAN) || defined(HOST_SIM)
#define HOST_LOADS_PROGRAMS 0
#else
#define HOST_LOADS_PROGRAMS 1
#endif

/* ---- cpu.c ---- */

/* How many CPUs arch_smp_start makes; 1 unless asked for. */
void host_set_cpus(unsigned n);
/* A device's interrupt function; each runs on every HOST_IRQ_DEVICE. Before kernel_main. */
void host_device_register(void (*fn)(void));

/* ---- pthread_cpu.c, timer.c; sim/schedule.c has its own of most ---- */

/* Set an interrupt pending on cpu and make it look. Context: any, also Linux threads that are no CPU. */
void host_raise(struct host_cpu *c, enum host_irq irq);
/* Bring up c, whose areas are ready; it waits for host_release_cpus. False when Linux has no more. */
bool host_start_cpu(struct host_cpu *c);
void host_release_cpus(void);
/* c does nothing any more, wherever it is. */
void host_stop(struct host_cpu *c);
/* A Linux thread that runs until the end; false when there can be no more. */
bool host_start_pthread(void *(*fn)(void *arg), void *arg);
/* Wake CPUs for their deadlines also when they are not idle: without it nothing is ever preempted. */
void host_timer_start(void);
/* c's deadline has become earlier, or counts again after idle. */
void host_timer_look(const struct host_cpu *c);
/* Something outside may wake an idle machine (a terminal, a disk): waiting for ever is no dead end. */
extern bool host_expects_events;

/*
 * What the simulation of weak memory must be told (sim/weak.c): an interrupt was sent to a CPU, by this one;
 * this one has taken its interrupts: the hardware orders the two. Something that is no CPU wrote there, or it
 * is somebody else's memory now.
 */
#ifdef HOST_SIM
void sim_weak_interrupt_sent(unsigned to);
void sim_weak_interrupt_taken(void);
void sim_weak_forget(const void *p, size_t size);
#else
#define sim_weak_interrupt_sent(to) ((void)(to))
#define sim_weak_interrupt_taken()  ((void)0)
#define sim_weak_forget(p, size)    ((void)(p), (void)(size))
#endif

/* ---- thread.c ---- */

/* Go on as t, which has not run yet, and never come back. The caller's stack is Linux's. */
__noreturn void host_run_thread(struct thread *t, void (*entry)(void));
/* What host_switch_stacks goes to first on a fresh stack that ends at top: fn(), which never returns. */
u64 host_first_frame(void *top, void (*fn)(void));
/* t, which has not run yet, begins below top, an address in its stack. */
void host_thread_start_at(struct thread *t, void *top, void (*entry)(void));

/* ---- signal.c, program.c ---- */

/* Handlers, for the whole process; once, before kernel_main. */
void host_signals_init(void);
/* What a pthread needs to be a CPU: signal stack, and that programs' system calls come here. */
void host_signals_init_cpu(struct host_cpu *c);
/*
 * What asks this process to end (SIGTERM and its like) is for Linux threads that are no CPU: a CPU may be in
 * program code, where libc has not even its FS base. As Linux's signal mask.
 */
u64 host_end_signals(void);
void host_handle_end_signals(void (*fn)(int signal));
/* Let the calling Linux thread have them, or not. */
void host_take_end_signals(bool take);
/* SIGUSR2: stop for ever; print a back-trace. Atomic bits of host_cpu.requests. */
#define HOST_REQUEST_STOP      1u
#define HOST_REQUEST_BACKTRACE 2u
void host_request(struct host_cpu *c, u32 what);
/* Context: also where FS is a program's, so that libc may not be called. */
void host_set_fs(u64 base);

/*
 * Program code was left: take the state that the signal handler got from Linux to the kernel stack of
 * current and go on there. uc is a ucontext_t. Context: signal stack; FS is libc's again.
 */
__noreturn void host_program_left(int signal, u64 address, const void *uc);

/* ---- memory.c ---- */

/* Map the arena that plays physical memory: size bytes, whole pages; 0: what tests need. */
void host_memory_init(u64 size);
/* Keep Linux out of the programs' part. False when something is there already. */
bool host_programs_reserve(void);
/* Programs' address slots lie here; the kernel, libc and Linux above. */
#define HOST_PROGRAMS_START USER_SLOT_SIZE
#define HOST_PROGRAMS_END   0x500000000000ull
/* Take bytes out of the arena for a boot module, before kernel_main. */
void host_add_module(const void *bytes, u64 size);

/* ---- disk.c, console.c, machine.c, backtrace.c ---- */

/* Serve path as the next of vda, vdb, ...; false with a message when it cannot be opened. Before
 * kernel_main. */
bool host_disk_add(const char *path);
/* Raw mode and the thread that reads; the terminal is restored at the end. */
void host_console_init(void);
void host_console_flush(void);
void host_console_restore(void);
void host_set_cmdline(const char *text);
/* Print who called whom from the frame at bp on, without locks. Context: any, signals too. */
void host_backtrace_from(u64 pc, u64 bp);

/*
 * The real stack of a thread is this big, guard page at its bottom included, and ends where the kernel
 * expects; sanitizers make frames larger than the metal's.
 */
#define HOST_STACK (512 * 1024)
