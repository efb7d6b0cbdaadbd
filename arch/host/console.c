/*
 * The console: this process's standard input and output. A terminal is put into raw mode, so that line
 * editing, ^C and echo are the kernel's as on the serial line, and given back as it was at the end, however
 * that comes.
 *
 * Output is collected and written at the end of a line, when a CPU becomes idle, and at the end. Input is
 * read by a Linux thread into a small ring and handed over by an interrupt of CPU 0; when the ring is full
 * the thread waits, so a pasted script is not lost here. The end of the input, of a pipe or of a terminal, hangs
 * the line up.
 *
 * Locking: out_lock (a bare word: this is called in panics and interrupts) guards the output buffer; the
 * input ring has one writer and one reader.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/console.h"
#include "kernel/spinlock.h"

#define IN_SIZE 4096u

static u32 out_lock;
static char out[4096];
static unsigned out_length; /* out_lock */

static char in[IN_SIZE];
static u32 in_head, in_tail; /* written by the thread; by the interrupt */
static u32 in_ended;	     /* by the thread, after its last byte */

static struct termios before;
static bool is_terminal, is_raw;

/* ---- Output ---- */

static void write_all(const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
}

/* Context: any; a holder that was stopped for a panic keeps us no longer than a while. */
static void lock_output(void)
{
	for (unsigned i = 0; i < 1000000 && !raw_trylock(&out_lock); i++)
		__builtin_ia32_pause();
}

static void flush_locked(void)
{
	unsigned n = out_length;

	WRITE_ONCE(out_length, 0);
	write_all(out, n);
}

void arch_console_putc(char c)
{
	if (c == '\r' && !is_raw)
		return; /* a file or a pipe wants lines */
	lock_output();
	out[out_length] = c;
	WRITE_ONCE(out_length, out_length + 1);
	if (c == '\n' || out_length == sizeof(out))
		flush_locked();
	raw_unlock(&out_lock);
}

void host_console_flush(void)
{
	if (!READ_ONCE(out_length))
		return;
	lock_output();
	flush_locked();
	raw_unlock(&out_lock);
}

/* ---- The terminal ---- */

void host_console_restore(void)
{
	host_console_flush();
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	is_raw = false;
}

static void on_end(int signal)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	_exit(128 + signal);
}

static void make_raw(void)
{
	struct termios raw;

	host_handle_end_signals(on_end);
	is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	if (!is_terminal || !isatty(STDOUT_FILENO))
		return;
	raw = before;
	cfmakeraw(&raw);
	is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* ---- Input ---- */

/* Context: interrupt. */
static void console_interrupt(void)
{
	u32 head, tail;
	bool ended;

	if (this_cpu_id() != 0)
		return;
	ended = load_acquire(&in_ended); /* before the head that it ends */
	tail = in_tail;
	head = load_acquire(&in_head);
	for (; tail != head; tail++)
		console_receive(in[tail % IN_SIZE]);
	store_release(&in_tail, tail);
	if (ended && !console_is_hung_up())
		console_hangup();
}

static void put_input(char c)
{
	const struct timespec moment = {0, 1000000};

	while (in_head - load_acquire(&in_tail) == IN_SIZE)
		nanosleep(&moment, NULL);
	in[in_head % IN_SIZE] = c;
	store_release(&in_head, in_head + 1);
}

static void *input_main(void *arg)
{
	char buf[256];
	ssize_t n;

	(void)arg;
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t i = 0; i < n; i++)
			/* Return is what Enter sends on a serial line. */
			put_input(buf[i] == '\n' && !is_raw ? '\r' : buf[i]);
		host_raise(&host_cpus[0], HOST_IRQ_DEVICE);
	}
	store_release(&in_ended, 1);
	host_raise(&host_cpus[0], HOST_IRQ_DEVICE);
	return NULL;
}

void host_console_init(void)
{
	make_raw();
	host_device_register(console_interrupt);
	host_expects_events = true;
}

void arch_console_irq_enable(void)
{
	if (host_expects_events && !host_start_pthread(input_main, NULL))
		abort();
}
