/*
 * The console: formatted kernel messages (kept for dmesg and shown on the serial line) and the
 * line discipline of the serial port (vfs turns it into /dev/console).
 */
#pragma once

#include "kernel/compiler.h"

/* One message; a newline is added when missing. Context: any. */
void printk(const char *fmt, ...) __printf(1, 2);
/* The same, at most burst messages per second per call site; the rest are counted and reported. */
#define printk_ratelimited(...)                                                                    \
	do {                                                                                       \
		static struct ratelimit rl_;                                                       \
		if (ratelimit_ok(&rl_))                                                            \
			printk(__VA_ARGS__);                                                       \
	} while (0)
struct ratelimit {
	u64 window_start_ns;
	u32 printed, missed;
};
bool ratelimit_ok(struct ratelimit *rl);

/* printf into a buffer, always terminated; returns the length it would have had.
 * Knows d i u x X c s p % l ll z h hh, width, precision, 0, - and #. */
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap);

/* Raw output for programs. Context: may sleep. */
void console_write(const char *s, size_t len);
/*
 * Input bytes. Blocks until at least one is there; canonical mode gives lines (with echo and
 * erase), raw mode bytes. Returns the count, 0 at an end of file, or -EINTR. Context: may sleep.
 */
ssize console_read(char *buf, size_t len);
void console_set_raw(bool raw);
bool console_is_raw(void);
bool console_input_ready(void);
/* Called by the UART interrupt for each byte. */
void console_receive(char c);
/* The line was hung up: after what has come in every read is an end of file. Context: interrupt. */
void console_hangup(void);
bool console_is_hung_up(void);
/* The kept messages, oldest first; returns bytes copied. */
size_t console_log_read(char *buf, size_t size, size_t offset);
size_t console_log_size(void);
void console_init(void);
