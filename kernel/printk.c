/*
 * Kernel messages: formatted into a ring of the last LOG_SIZE bytes (dmesg) and sent to the serial
 * line at once.
 *
 * Locking: console_lock (RANK_CONSOLE, the innermost of all) guards the ring and keeps lines whole
 * on the serial port. A panicking CPU stops asking for it.
 *
 * Limits: one message is at most LINE_MAX bytes; longer ones are cut.
 */
#include "kernel/console.h"
#include "kernel/clock.h"
#include "kernel/console_internal.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"

#define LOG_SIZE (128 * 1024)
#define LINE_MAX 512

static struct spinlock console_lock = SPINLOCK_INIT(RANK_CONSOLE);
static char log_ring[LOG_SIZE];
static u64 log_end; /* bytes ever written; guarded by console_lock */
static bool bypass_lock;

u64 console_lock_begin(void)
{
	return READ_ONCE(bypass_lock) ? 0 : spin_lock_irqsave(&console_lock);
}

void console_lock_end(u64 flags)
{
	if (!READ_ONCE(bypass_lock))
		spin_unlock_irqrestore(&console_lock, flags);
}

void console_bypass_lock(void)
{
	WRITE_ONCE(bypass_lock, true);
}

void console_put_locked(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n')
			arch_console_putc('\r');
		arch_console_putc(s[i]);
	}
}

static void log_append(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		log_ring[log_end++ % LOG_SIZE] = s[i];
}

void printk(const char *fmt, ...)
{
	char line[LINE_MAX], stamp[32];
	u64 now = clock_ns();
	__builtin_va_list ap;
	int len;
	u64 flags;

	__builtin_va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	__builtin_va_end(ap);
	len = MIN(len, (int)sizeof(line) - 2);
	if (len == 0 || line[len - 1] != '\n')
		line[len++] = '\n';

	int stamp_len = snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ",
		(unsigned long long)(now / NSEC_PER_SEC),
		(unsigned long long)(now % NSEC_PER_SEC / NSEC_PER_USEC));

	flags = console_lock_begin();
	log_append(stamp, (size_t)stamp_len);
	log_append(line, (size_t)len);
	console_put_locked(line, (size_t)len);
	console_lock_end(flags);
}

size_t console_log_read(char *buf, size_t size, size_t offset)
{
	u64 flags = console_lock_begin();
	u64 start = (log_end > LOG_SIZE ? log_end - LOG_SIZE : 0) + offset;
	size_t n = 0;

	for (; start < log_end && n < size; start++)
		buf[n++] = log_ring[start % LOG_SIZE];
	console_lock_end(flags);
	return n;
}

size_t console_log_size(void)
{
	return MIN(READ_ONCE(log_end), (u64)LOG_SIZE);
}

#define RATELIMIT_BURST 10

bool ratelimit_ok(struct ratelimit *rl)
{
	u64 now = clock_ns();

	/* Racing callers may print one message more or less; nothing else depends on it. */
	if (now - READ_ONCE(rl->window_start_ns) >= NSEC_PER_SEC) {
		u32 missed = READ_ONCE(rl->missed);

		WRITE_ONCE(rl->window_start_ns, now);
		WRITE_ONCE(rl->printed, 0);
		WRITE_ONCE(rl->missed, 0);
		if (missed)
			printk("(%u messages like the next one were left out)", missed);
	}
	if (READ_ONCE(rl->printed) >= RATELIMIT_BURST) {
		WRITE_ONCE(rl->missed, READ_ONCE(rl->missed) + 1);
		return false;
	}
	WRITE_ONCE(rl->printed, READ_ONCE(rl->printed) + 1);
	return true;
}
