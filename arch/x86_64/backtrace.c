/*
 * Registers and back-traces in words. Frames are followed through saved RBP (the kernel is built with
 * frame pointers). Every word is looked up in the page tables before it is read, so that a broken chain
 * ends the trace without a fault (which would reuse the stack of the fault being reported); the read
 * itself is a fault-fixed copy, because a program may unmap the page in between.
 *
 * Context: any, also NMI and panic.
 * Limits: a leaf function has no frame of its own, so the caller of an interrupted one is missing.
 */
#include "arch/x86_64/internal.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/process.h"

DEFINE_PERCPU(const struct arch_regs *, arch_fault_regs);

void arch_symbolize(u64 address, char *buf, size_t size)
{
	u64 offset;
	const char *name = NULL;

	if (address >= (u64)__text_start && address < (u64)__text_end)
		name = symbol_lookup(address, &offset);
	if (name)
		snprintf(buf, size, "%s+%#llx", name, (unsigned long long)offset);
	else
		snprintf(buf, size, "%#llx", (unsigned long long)address);
}

static bool read_word(u64 address, u64 *out)
{
	if (address % sizeof(u64) != 0 || arch_lookup_page(address) == ~0ull)
		return false;
	return arch_copy_user(out, (const void *)address, sizeof(*out)) == 0;
}

static void collect(struct backtrace *b, u64 rip, u64 rbp)
{
	b->pc[0] = rip;
	b->n = 1;
	while (b->n < BACKTRACE_MAX) {
		u64 caller, next;

		if (!read_word(rbp, &next) || !read_word(rbp + 8, &caller) || caller == 0)
			return;
		b->pc[b->n++] = caller;
		/* Callers are further up the stack; only a program's frames may lie anywhere. */
		if (next <= rbp && next >= USER_TOP)
			return;
		rbp = next;
	}
}

static void print_frames(const struct backtrace *b)
{
	char name[80];

	for (unsigned i = 0; i < b->n; i++) {
		arch_symbolize(b->pc[i], name, sizeof(name));
		printk("  %#llx %s", (unsigned long long)b->pc[i], name);
	}
}

void backtrace_from(u64 rip, u64 rbp)
{
	struct backtrace b;

	collect(&b, rip, rbp);
	print_frames(&b);
}

__noinline void arch_backtrace(void)
{
	const struct arch_regs *fault = this_cpu_read(arch_fault_regs);
	u64 rbp = (u64)__builtin_frame_address(0), caller = 0;

	if (fault) {
		print_regs(fault);
		backtrace_from(fault->rip, fault->rbp);
		return;
	}
	if (read_word(rbp + 8, &caller) && read_word(rbp, &rbp))
		backtrace_from(caller, rbp);
}

void arch_backtrace_thread(const struct thread *t)
{
	/* What switch_stacks pushed: r15 .. rbx, rbp, return address. */
	u64 sp = READ_ONCE(t->arch.sp), rbp, pc;

	if (read_word(sp + 40, &rbp) && read_word(sp + 48, &pc))
		backtrace_from(pc, rbp);
}

void print_regs(const struct arch_regs *r)
{
	static const char *const names[] = {"r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8",
		"rdi", "rsi", "rbp", "rbx", "rdx", "rcx", "rax"};
	const u64 *v = &r->r15;

	printk("rip %016llx rsp %016llx rflags %08llx vector %llu error %#llx",
		(unsigned long long)r->rip, (unsigned long long)r->rsp,
		(unsigned long long)r->rflags, (unsigned long long)r->vector,
		(unsigned long long)r->error);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i += 3)
		printk("%3s %016llx  %3s %016llx  %3s %016llx", names[i], (unsigned long long)v[i],
			names[i + 1], (unsigned long long)v[i + 1], names[i + 2],
			(unsigned long long)v[i + 2]);
}

/* ---- Of another CPU: it fills in its own, by NMI, and the asking CPU prints ---- */

enum capture_state { CAPTURE_IDLE, CAPTURE_ASKED, CAPTURE_DONE };
#define CAPTURE_PATIENCE_NS (200 * NSEC_PER_MSEC)

static DEFINE_PERCPU(u32, capture_state);	 /* atomic; IDLE -> ASKED -> DONE -> IDLE */
static DEFINE_PERCPU(struct backtrace, capture); /* the CPU's own until DONE, then the asker's */

/* Context: NMI. */
void backtrace_nmi(const struct arch_regs *regs)
{
	struct backtrace *b = this_cpu_ptr(&capture);

	if (load_acquire(this_cpu_ptr(&capture_state)) != CAPTURE_ASKED)
		return;
	b->regs = *regs;
	collect(b, regs->rip, regs->rbp);
	store_release(this_cpu_ptr(&capture_state), CAPTURE_DONE);
}

bool backtrace_capture(unsigned cpu, struct backtrace *out)
{
	u32 *state = &per_cpu(capture_state, cpu), expected = CAPTURE_IDLE;
	u64 deadline = arch_clock_ns() + CAPTURE_PATIENCE_NS;

	if (!atomic_cas(state, &expected, CAPTURE_ASKED))
		return false;
	lapic_send(per_cpu(arch_apic_id, cpu), LAPIC_SEND_NMI);
	while (load_acquire(state) != CAPTURE_DONE) {
		expected = CAPTURE_ASKED;
		if (arch_clock_ns() > deadline && atomic_cas(state, &expected, CAPTURE_IDLE))
			return false;
		arch_cpu_relax();
	}
	*out = per_cpu(capture, cpu);
	store_release(state, CAPTURE_IDLE);
	return true;
}

void arch_backtrace_cpu(unsigned cpu)
{
	struct backtrace b;

	if (!backtrace_capture(cpu, &b)) {
		printk("CPU %u does not say where it is", cpu);
		return;
	}
	printk("CPU %u is at", cpu);
	print_regs(&b.regs);
	print_frames(&b);
}
