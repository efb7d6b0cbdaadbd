/*
 * The console as a character device: reads and writes go to the line discipline of kernel/console.h;
 * the terminal calls that isatty and line editing need are answered here.
 *
 * Of struct termios only the local flags mean something: without ICANON or ECHO the console is raw. The
 * other words are kept and given back. The window has the rows= and columns= of the kernel's command line,
 * 24 by 80 without, until a program sets it.
 *
 * Locking: tty_lock guards the settings.
 */
#include "abi/errno.h"
#include "abi/termios.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/mutex.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "vfs/file_internal.h"

#define CHUNK 512

static struct spinlock tty_lock = SPINLOCK_INIT(RANK_FS_SPIN);
static struct termios tty_termios = {
	.c_iflag = 0x500,  /* ICRNL | IXON */
	.c_oflag = 0x5,	   /* OPOST | ONLCR */
	.c_cflag = 0xbf,   /* B38400 | CS8 | CREAD */
	.c_lflag = 0x8a3b, /* ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN */
	.c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22},
};
static struct winsize tty_winsize;

void console_file_init(void)
{
	tty_winsize.ws_row = (u16)cmdline_get_u64("rows", 24);
	tty_winsize.ws_col = (u16)cmdline_get_u64("columns", 80);
}

static ssize console_file_read(
	struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	char chunk[CHUNK];
	bool nowait = (call_flags & FILE_CALL_NOWAIT) || (READ_ONCE(f->flags) & O_NONBLOCK);

	(void)pos;
	if (len == 0)
		return 0;
	if (nowait && !console_input_ready())
		return -EAGAIN;
	ssize n = console_read(chunk, MIN(len, sizeof(chunk)));

	if (n > 0 && copy_to_user(buf, chunk, (size_t)n))
		return -EFAULT;
	return n;
}

static ssize console_file_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	char chunk[CHUNK];
	size_t done = 0;

	(void)f, (void)pos;
	if (call_flags & FILE_CALL_NOWAIT)
		return -EAGAIN;
	while (done < len) {
		size_t n = MIN(len - done, sizeof(chunk));

		if (copy_from_user(chunk, (const char __user *)buf + done, n))
			return done ? (ssize)done : -EFAULT;
		console_write(chunk, n);
		done += n;
	}
	return (ssize)done;
}

static long set_termios(const void __user *from)
{
	struct termios t;

	if (copy_from_user(&t, from, sizeof(t)))
		return -EFAULT;
	spin_lock(&tty_lock);
	tty_termios = t;
	spin_unlock(&tty_lock);
	console_set_raw(
		(t.c_lflag & (TERMIOS_ICANON | TERMIOS_ECHO)) != (TERMIOS_ICANON | TERMIOS_ECHO));
	return 0;
}

static long get_termios(void __user *to)
{
	spin_lock(&tty_lock);
	struct termios t = tty_termios;

	spin_unlock(&tty_lock);
	return copy_to_user(to, &t, sizeof(t));
}

static long set_winsize(const void __user *from)
{
	struct winsize w;

	if (copy_from_user(&w, from, sizeof(w)))
		return -EFAULT;
	spin_lock(&tty_lock);
	tty_winsize = w;
	spin_unlock(&tty_lock);
	return 0;
}

static long get_winsize(void __user *to)
{
	spin_lock(&tty_lock);
	struct winsize w = tty_winsize;

	spin_unlock(&tty_lock);
	return copy_to_user(to, &w, sizeof(w));
}

static long console_file_ioctl(struct file *f, unsigned command, u64 argument)
{
	(void)f;
	switch (command) {
	case TCGETS:
		return get_termios((void __user *)argument);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios((const void __user *)argument);
	case TIOCGWINSZ:
		return get_winsize((void __user *)argument);
	case TIOCSWINSZ:
		return set_winsize((const void __user *)argument);
	case FIONREAD: {
		int ready = console_input_ready();

		return put_user(ready, (int __user *)argument);
	}
	default:
		return -ENOTTY;
	}
}

const struct file_ops console_file_ops = {
	.read = console_file_read,
	.write = console_file_write,
	.ioctl = console_file_ioctl,
	.no_seek = true,
};
