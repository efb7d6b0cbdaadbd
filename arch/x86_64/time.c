/*
 * Time: the time-stamp counter, calibrated once at boot, is the clock; the local APIC's one-shot timer
 * (or its TSC deadline) is the alarm; the RTC is asked for the date.
 *
 * Calibration measures TSC and APIC timer against the ACPI PM timer (3.579545 MHz, 24 bits) or, without
 * one, the PIT's second channel. Both ends of the interval are taken at a reference tick, each the best
 * of several tries, so that a descheduled emulator does not spoil the result.
 *
 * Limits: the TSC is taken as constant and the same on all CPUs, as every machine QEMU offers has it.
 */
#include "arch/x86_64/internal.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/panic.h"

#define PM_TIMER_HZ   3579545ull
#define PM_TIMER_MASK 0xffffffu
#define PIT_HZ	      1193182ull
#define PIT_CHANNEL2  0x42
#define PIT_COMMAND   0x43
#define PIT_GATE      0x61
#define CALIBRATE_NS  4000000ull
#define EDGE_TRIES    8

static u64 tsc_start;
static u64 tsc_hz;
/* ns = ticks * ns_mult >> 32, ticks = ns * mult >> 32 */
static u64 ns_mult, tsc_mult, timer_mult;

static u64 scale(u64 v, u64 mult)
{
	return (u64)((unsigned __int128)v * mult >> 32);
}

/* ---- Reference counters: count up, wrap at mask ---- */

static u32 pm_timer_read(void)
{
	return inl(acpi.pm_timer) & PM_TIMER_MASK;
}

/* Channel 2 counts down from 65536 over and over; latched, low byte first. */
static u32 pit_read(void)
{
	u32 low;

	outb(PIT_COMMAND, 0x80);
	low = inb(PIT_CHANNEL2);
	return 0xffff - (low | (u32)inb(PIT_CHANNEL2) << 8);
}

static void pit_start(void)
{
	outb(PIT_GATE, (inb(PIT_GATE) & 0xfc) | 1);
	outb(PIT_COMMAND, 0xb4); /* channel 2, both bytes, rate generator */
	outb(PIT_CHANNEL2, 0);
	outb(PIT_CHANNEL2, 0);
}

struct reference {
	u32 (*read)(void);
	u32 mask;
	u64 hz;
};

static bool pm_timer_works(void)
{
	u32 first;

	if (!acpi.pm_timer)
		return false;
	first = pm_timer_read();
	for (unsigned i = 0; i < 100000; i++)
		if (pm_timer_read() != first)
			return true;
	return false;
}

struct instant {
	u64 tsc;
	u32 reference, timer;
};

/* An instant right after a reference tick, the one read with the least delay of several. */
static struct instant take_instant(const struct reference *r)
{
	struct instant best = {0};
	u64 best_delay = ~0ull;

	for (unsigned i = 0; i < EDGE_TRIES; i++) {
		u32 before = r->read(), now;
		u64 start, end;

		do {
			start = arch_cycles();
			now = r->read();
			end = arch_cycles();
		} while (now == before);
		if (end - start < best_delay) {
			best_delay = end - start;
			best = (struct instant){end, now, lapic_timer_left()};
		}
	}
	return best;
}

/* hz / 10^9 with 32 binary places; whole and fraction apart, because hz << 32 may not fit. */
static u64 ticks_per_ns(u64 hz)
{
	return (hz / NSEC_PER_SEC << 32) + (hz % NSEC_PER_SEC << 32) / NSEC_PER_SEC;
}

static void calibrate(void)
{
	struct reference r = {pm_timer_read, PM_TIMER_MASK, PM_TIMER_HZ};
	struct instant a, b;
	u64 ticks, timer_hz, wait;

	if (!pm_timer_works()) {
		pit_start();
		r = (struct reference){pit_read, 0xffff, PIT_HZ};
	}
	lapic_timer_start(~0u);
	wait = r.hz * CALIBRATE_NS / NSEC_PER_SEC;
	a = take_instant(&r);
	while (((r.read() - a.reference) & r.mask) < wait)
		arch_cpu_relax();
	b = take_instant(&r);
	lapic_timer_start(0);

	ticks = (b.reference - a.reference) & r.mask;
	tsc_hz = (b.tsc - a.tsc) * r.hz / ticks;
	timer_hz = (u64)(a.timer - b.timer) * r.hz / ticks;
	if (tsc_hz < 1000000 || (!cpu_features.tsc_deadline && timer_hz < 10000))
		panic("time: the clocks do not run (TSC %llu Hz, APIC timer %llu Hz)",
			(unsigned long long)tsc_hz, (unsigned long long)timer_hz);
	/* One instruction is exactly one nanosecond under an instruction count: what is that close to
	 * 1 GHz is 1 GHz. */
	if (tsc_hz > 999900000 && tsc_hz < 1000100000)
		tsc_hz = NSEC_PER_SEC;
	ns_mult = (NSEC_PER_SEC << 32) / tsc_hz;
	tsc_mult = ticks_per_ns(tsc_hz);
	timer_mult = ticks_per_ns(timer_hz);
}

void time_init(void)
{
	tsc_start = arch_cycles();
	calibrate();
}

u64 arch_clock_ns(void)
{
	return scale(arch_cycles() - tsc_start, ns_mult);
}

void delay_ns(u64 ns)
{
	u64 deadline = arch_clock_ns() + ns;

	while (arch_clock_ns() < deadline)
		arch_cpu_relax();
}

/* May fire early by the calibration's error; the timer code looks at the clock and arms again. */
void arch_timer_arm(u64 deadline_ns)
{
	u64 now, ticks;

	if (cpu_features.tsc_deadline) {
		lapic_timer_deadline(
			deadline_ns == ~0ull ? 0 : tsc_start + scale(deadline_ns, tsc_mult) + 1);
		return;
	}
	if (deadline_ns == ~0ull) {
		lapic_timer_start(0);
		return;
	}
	now = arch_clock_ns();
	ticks = deadline_ns > now ? scale(MIN(deadline_ns - now, NSEC_PER_SEC), timer_mult) : 0;
	lapic_timer_start((u32)MIN(ticks + 1, 0xffffffffull));
}

/* ---- RTC ---- */

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define RTC_UPDATING 0x80
#define RTC_BINARY   0x04
#define RTC_24H	     0x02
/* An update takes 2 ms of a second. */
#define RTC_TRIES 100000

struct rtc_time {
	u8 second, minute, hour, day, month, year, century;
};

static u8 cmos_read(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static struct rtc_time rtc_read(void)
{
	for (unsigned i = 0; i < RTC_TRIES && cmos_read(0x0a) & RTC_UPDATING; i++)
		arch_cpu_relax();
	return (struct rtc_time){cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7),
		cmos_read(8), cmos_read(9), cmos_read(0x32)};
}

static unsigned from_bcd(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10u + (v & 15u);
}

/* Days from 1970-01-01; years from March on, so that the leap day is the last. */
static u64 days_since_epoch(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;

	return 365ull * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + (day - 1) - 719468;
}

u64 arch_rtc_seconds(void)
{
	struct rtc_time a, b;
	unsigned hour, year, century;
	bool binary;
	u8 mode;

	/* The same twice: not read across an update. */
	do {
		a = rtc_read();
		b = rtc_read();
	} while (a.second != b.second);
	mode = cmos_read(0x0b);
	binary = mode & RTC_BINARY;
	hour = from_bcd(a.hour & 0x7f, binary);
	if (!(mode & RTC_24H))
		hour = hour % 12 + (a.hour & 0x80 ? 12 : 0);
	century = from_bcd(a.century, binary);
	year = (century >= 19 && century <= 30 ? century : 20) * 100 + from_bcd(a.year, binary);
	return days_since_epoch(year, from_bcd(a.month, binary), from_bcd(a.day, binary)) * 86400 +
	       hour * 3600ull + from_bcd(a.minute, binary) * 60ull + from_bcd(a.second, binary);
}
