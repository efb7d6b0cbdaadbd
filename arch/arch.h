/*
 * What a port gives to the kernel. arch/x86_64 is the metal, arch/host a Linux process. Everything
 * above arch/ uses the machine through this header alone; the small inline parts (interrupt flag,
 * pause, struct arch_thread) come from the port's arch_inline.h, per-CPU access from arch_percpu.h.
 */
#pragma once

#include "kernel/compiler.h"

struct thread;
struct process;

/*
 * The port's inline part defines:
 *   struct arch_thread                     what a thread saves: stack pointer, FS base, FPU area
 *   u64  arch_irq_save(void)               interrupts off; returns the previous state
 *   void arch_irq_restore(u64 flags)
 *   void arch_irq_enable(void), arch_irq_disable(void), bool arch_irqs_enabled(void)
 *   void arch_cpu_relax(void)              pause
 *   u64  arch_cycles(void)                 time-stamp counter
 *   arch_mb_after_lock()                   what makes a lock just taken a full barrier
 *   arch_call_preempt_schedule()           preempt_schedule(), and
 *   arch_call_raw_lock_wait(word)          raw_lock_wait(word), preserving all registers if it can
 */
#include "arch/arch_inline.h"

/* ---- CPUs ---- */
/* Start the other CPUs; each ends in sched_idle(). Sets nr_cpus before the first one runs. */
void arch_smp_start(void);
enum arch_ipi { ARCH_IPI_RESCHED, ARCH_IPI_RCU, ARCH_IPI_CALL, ARCH_IPI_STOP };
/* Context: any. RESCHED: make the CPU look at its run queue (also out of hlt); RCU: make it report a
 * quiescent state; CALL: arch_call_others' own; STOP: halt for panic, also with interrupts off. */
void arch_send_ipi(unsigned cpu, enum arch_ipi kind);
/* Run fn(arg) on every other CPU in interrupt context and wait. Context: interrupts on, preemption
 * may be off. */
void arch_call_others(void (*fn)(void *arg), void *arg);
/* Interrupts on and wait for one, atomically; called with interrupts off by the idle loop. */
void arch_idle_wait(void);

/* ---- Threads ---- */
/* First switch to t calls entry() on its kernel stack with interrupts off. */
void arch_thread_init(struct thread *t, void (*entry)(void));
void arch_thread_release(struct thread *t);
/* Save prev, run next; returns in prev when it is switched to again, with the thread that ran before
 * it. Interrupts off. */
struct thread *arch_switch(struct thread *prev, struct thread *next);
/* Leave the kernel for program code for the first time. FPU state is fresh. */
__noreturn void arch_enter_program(u64 pc, u64 sp);
/*
 * clone(2): give t (from arch_thread_init, not started, with an FPU area) the registers of current's
 * system call, returning 0 on stack sp (0: same), with FS base tls when set_tls. t then leaves the
 * kernel when first switched to. Context: the clone system call, entered through arch_syscall_clone.
 */
void arch_clone_program(struct thread *t, u64 sp, bool set_tls, u64 tls);
/* What stands for sys_clone in syscall_table: keeps all registers, then calls sys_clone. */
long arch_syscall_clone(long a, long b, long c, long d, long e, long f);
u64 arch_get_tls(void);
void arch_set_tls(u64 base);
/* Give t an FPU save area (program threads). 0 or -ENOMEM. */
int arch_fpu_alloc(struct thread *t);
/* The program's pc of current's system call, for messages. */
u64 arch_program_pc(void);

/* ---- Memory ---- */
/* Usable physical memory, in ascending order; false past the last range. The port has taken out the
 * kernel image, modules and everything firmware claims. */
bool arch_memory_range(unsigned i, u64 *start, u64 *end);
/* The direct map. */
void *arch_phys_to_virt(u64 phys);
u64 arch_virt_to_phys(const void *direct_map_address);
#define ARCH_MAP_WRITE	  1u
#define ARCH_MAP_EXEC	  2u
#define ARCH_MAP_UNCACHED 4u
/* Map one page at virt in the kernel's or a program's half. 0 or -ENOMEM (page tables). May allocate
 * with ALLOC_NOWAIT only. */
int arch_map_page(u64 virt, u64 phys, unsigned flags);
/* Unmap; returns the physical address that was there, or ~0. No TLB flush: see arch_tlb_flush. */
u64 arch_unmap_page(u64 virt);
/* Change the protection of a mapped page. */
int arch_protect_page(u64 virt, unsigned flags);
/* Translate; ~0 when not mapped. */
u64 arch_lookup_page(u64 virt);
/* Forget translations of [start, end) on every CPU. Context: interrupts on. */
void arch_tlb_flush(u64 start, u64 end);
/* Free the page tables of a program slot whose pages are all unmapped; flushes the slot's range on every
 * CPU first. Context: interrupts on. */
void arch_slot_release(u32 slot);
/* Map device registers; NULL when out of address space. */
void *arch_map_device(u64 phys, size_t size);
/* A kernel stack of KSTACK_SIZE with a guard page below; NULL when short of memory. */
void *arch_kstack_alloc(void);
void arch_kstack_free(void *stack);
/* Freed stacks are kept for the next thread: how many; give the memory of up to nr of them back, and how
 * many went. Context of the second: may sleep. */
u64 arch_kstack_cached(void);
u64 arch_kstack_shrink(u64 nr);
/* Virtual range for vzalloc: size bytes of address space with a guard page after; 0 when none. */
u64 arch_vmap_reserve(size_t size);
void arch_vmap_release(u64 virt, size_t size);

/* ---- Program memory: fault-fixed copies; the range check is the caller's (kernel/uaccess.c) ---- */
/* Bytes NOT copied (0 = all). */
size_t arch_copy_user(void *dst, const void *src, size_t len);
size_t arch_clear_user(void *dst, size_t len);
/* Length without the NUL, or -EFAULT, or -ENAMETOOLONG. Word at a time where it can. */
ssize arch_strncpy_user(char *dst, const char *src, size_t size);
/* Word-sized read that yields zero for bytes on an unmapped page (name hashing past a string's end). */
u64 arch_load_word_zeropad(const void *p);

/* ---- Time ---- */
u64 arch_clock_ns(void);
/* Seconds since 1970 from the RTC. */
u64 arch_rtc_seconds(void);
/* Ask for a timer interrupt on this CPU at clock_ns() >= deadline; ~0 for none. */
void arch_timer_arm(u64 deadline_ns);

/* ---- Devices ---- */
/* A message-signalled interrupt: vector on cpu for fn(arg). 0 or -ENOSPC. The device is given
 * *address and *data to write. */
int arch_msi_alloc(unsigned cpu, void (*fn)(void *arg), void *arg, u64 *address, u32 *data);
/* PCI configuration space (ECAM or ports), 1, 2 or 4 bytes. */
u32 arch_pci_read(u16 bdf, u16 offset, unsigned size);
void arch_pci_write(u16 bdf, u16 offset, unsigned size, u32 value);
/* The i-th boot module (PVH module list): physical address and size; false past the last. */
bool arch_boot_module(unsigned i, u64 *phys, u64 *size);
const char *arch_cmdline(void);
/* Register the block devices that only this port has. Context: the first thread. */
void arch_devices_init(void);

/* ---- Console and end ---- */
/* Before and during panics too: polls, takes no lock. */
void arch_console_putc(char c);
/* Interrupt-driven receive from now on: calls console_receive. */
void arch_console_irq_enable(void);
/* End with status 0..127: isa-debug-exit where there is one, power-off otherwise. */
__noreturn void arch_exit(int status);
__noreturn void arch_poweroff(void);
/* Print a symbol back-trace of the caller / of a thread that is not running. */
void arch_backtrace(void);
void arch_backtrace_thread(const struct thread *t);
/* Print what another CPU is doing right now, also with interrupts off there: registers and back-trace.
 * Context: any. */
void arch_backtrace_cpu(unsigned cpu);
/* "symbol+0x12", or a hexadecimal number. */
void arch_symbolize(u64 address, char *buf, size_t size);
