/*
 * The line discipline of the console: what a person types becomes lines (canonical mode) or bytes
 * (raw mode, for programs that edit themselves).
 *
 *	UART interrupt -> console_receive -> [edit, echo] -> input ring -> console_read
 *
 * Canonical mode: erase (DEL, BS), ^U kills the line, ^W the last word, ^D ends it (alone: end of
 * file), Enter hands it over; other control characters are input, because what is typed ahead of a
 * program that edits itself must reach it whole. Bytes from line_start to head are still being edited
 * and are not readable. In both modes ^C goes to the foreground program (kernel/process.h) and is not input;
 * raw mode hands it over as a byte as well when nobody is in the foreground.
 *
 * Locking: input_lock (RANK_CONSOLE - 1, interrupts off) guards the ring; the console lock is taken
 * inside it for echo.
 */
#include "kernel/console.h"
#include "abi/errno.h"
#include "kernel/console_internal.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/wait.h"

/* A script pasted in one go must fit: a serial line cannot be told to wait. */
#define INPUT_SIZE 65536
#define CTRL(c)	   ((c) - 'A' + 1)

static struct spinlock input_lock = SPINLOCK_INIT(RANK_CONSOLE - 1);
static char input[INPUT_SIZE];
static u32 tail, line_start, head; /* tail <= line_start <= head, all growing */
static u32 pending_eof;		   /* ^D on an empty line: one read of zero bytes each */
static bool hung_up; /* nothing will be typed any more: what is left, then ends of file */
static bool raw;
static struct waitqueue input_wq = WAITQUEUE_INIT(input_wq);

void console_write(const char *s, size_t len)
{
	while (len) {
		size_t n = MIN(len, 256ul);
		u64 flags = console_lock_begin();

		console_put_locked(s, n);
		console_lock_end(flags);
		s += n;
		len -= n;
	}
}

static void echo(const char *s, size_t len)
{
	u64 flags = console_lock_begin();

	console_put_locked(s, len);
	console_lock_end(flags);
}

/* ---- Editing; input_lock held ---- */

static void append(char c)
{
	if (head - tail < INPUT_SIZE)
		input[head++ % INPUT_SIZE] = c;
	else
		echo("\a", 1);
}

static bool is_control(char c)
{
	return (u8)c < ' ' && c != '\t';
}

static bool erase_one(void)
{
	if (head == line_start)
		return false;
	head--;
	echo("\b \b\b \b", is_control(input[head % INPUT_SIZE]) ? 6 : 3);
	return true;
}

static void erase_word(void)
{
	while (head != line_start && input[(head - 1) % INPUT_SIZE] == ' ')
		erase_one();
	while (head != line_start && input[(head - 1) % INPUT_SIZE] != ' ')
		erase_one();
}

static void edit(char c)
{
	switch (c) {
	case '\b':
	case 0x7f:
		erase_one();
		break;
	case CTRL('U'):
		while (erase_one())
			;
		break;
	case CTRL('W'):
		erase_word();
		break;
	case CTRL('D'):
		if (head == line_start)
			pending_eof++;
		line_start = head;
		break;
	case '\r':
	case '\n':
		append('\n');
		line_start = head;
		echo("\n", 1);
		break;
	default:
		append(c);
		if (is_control(c))
			echo((char[]){'^', (char)(c + '@')}, 2);
		else
			echo(&c, 1);
	}
}

/* Context: the UART's interrupt. */
void console_receive(char c)
{
	bool interrupted = c == CTRL('C') && process_interrupt_foreground();
	u64 flags = spin_lock_irqsave(&input_lock);

	if (interrupted) {
		echo("^C\n", 3);
		head = line_start; /* the half-typed line goes, too */
	} else if (raw) {
		append(c);
		line_start = head;
	} else {
		edit(c);
	}
	spin_unlock_irqrestore(&input_lock, flags);
	if (console_input_ready())
		wake_up_all(&input_wq);
}

void console_hangup(void)
{
	u64 flags = spin_lock_irqsave(&input_lock);

	line_start = head;
	WRITE_ONCE(hung_up, true);
	spin_unlock_irqrestore(&input_lock, flags);
	wake_up_all(&input_wq);
}

bool console_is_hung_up(void)
{
	return READ_ONCE(hung_up);
}

bool console_input_ready(void)
{
	return READ_ONCE(line_start) != READ_ONCE(tail) || READ_ONCE(pending_eof) ||
	       READ_ONCE(hung_up);
}

/* Take up to len bytes: in canonical mode at most one line. */
static size_t take(char *buf, size_t len)
{
	u64 flags = spin_lock_irqsave(&input_lock);
	size_t n = 0;

	if (tail == line_start && pending_eof)
		pending_eof--;
	while (n < len && tail != line_start) {
		char c = input[tail++ % INPUT_SIZE];

		buf[n++] = c;
		if (c == '\n' && !raw)
			break;
	}
	spin_unlock_irqrestore(&input_lock, flags);
	return n;
}

ssize console_read(char *buf, size_t len)
{
	int err;

	if (len == 0)
		return 0;
	err = wait_event_interruptible(&input_wq, console_input_ready());
	if (err)
		return err;
	return (ssize)take(buf, len);
}

void console_set_raw(bool on)
{
	u64 flags = spin_lock_irqsave(&input_lock);

	raw = on;
	line_start = head; /* a half-typed line is readable in the new mode */
	spin_unlock_irqrestore(&input_lock, flags);
	wake_up_all(&input_wq);
}

bool console_is_raw(void)
{
	return READ_ONCE(raw);
}

void console_init(void)
{
	arch_console_irq_enable();
}
