/*
 * The line editor. The console is put into raw mode while a line is edited and back into line mode
 * before anything runs. Keys change the line here; what the terminal has to be told of it, and when, is
 * screen.c's: a byte typed at the end is only echoed, so that a log of the serial line reads like what
 * was typed, and while more keys wait nothing is drawn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "sh.h"

#undef CTRL
#define CTRL(c) ((c) - '@')

enum key {
	KEY_UP = 256,
	KEY_DOWN,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_HOME,
	KEY_END,
	KEY_DELETE,
	KEY_NONE,
	KEY_EOF,
};

struct editor {
	const char *prompt;
	char *buf;
	size_t size, len, pos;
	unsigned columns;
	unsigned history;     /* 0: the line itself, n: the n-th youngest */
	char saved[MAX_LINE]; /* the line itself while history is shown */
	char killed[MAX_LINE];
	int pushed_back; /* a byte that get_byte gives again, or KEY_NONE */
};

static struct editor ed = {.pushed_back = KEY_NONE};

/* ---- terminal ---- */

static struct termios cooked;

static bool raw_begin(void)
{
	struct termios raw;

	if (tcgetattr(0, &cooked) < 0)
		return false;
	raw = cooked;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_iflag &= ~(tcflag_t)ICRNL;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(0, TCSADRAIN, &raw) == 0;
}

static void raw_end(void)
{
	tcsetattr(0, TCSADRAIN, &cooked);
}

static int get_byte(void)
{
	int again = ed.pushed_back;
	unsigned char c;
	ssize_t n;

	ed.pushed_back = KEY_NONE;
	if (again != KEY_NONE)
		return again;
	do
		n = read(0, &c, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? c : KEY_EOF;
}

/* What follows ESC [ or ESC O. */
static int get_escape(void)
{
	static const char finals[] = "ABDCHF";
	int c = get_byte(), number = 0;
	const char *at;

	if (c != '[' && c != 'O')
		return KEY_NONE;
	while ((c = get_byte()) == ';' || (c >= '0' && c <= '9'))
		number = c == ';' ? 0 : number * 10 + c - '0';
	if (c == '~')
		return number == 1 || number == 7   ? KEY_HOME
		       : number == 4 || number == 8 ? KEY_END
		       : number == 3		    ? KEY_DELETE
						    : KEY_NONE;
	at = c > 0 && c < 256 ? strchr(finals, c) : NULL;
	return at ? KEY_UP + (int)(at - finals) : KEY_NONE;
}

/* Has more been typed already? Then drawing can wait: only the last picture of a pasted line is seen. */
static bool input_waits(void)
{
	int n = 0;

	return ed.pushed_back != KEY_NONE || (ioctl(0, FIONREAD, &n) == 0 && n > 0);
}

/* Show the line as it is now, and wait for a key. */
static int get_key(void)
{
	int c;

	if (!input_waits())
		screen_show(ed.buf, ed.len, ed.pos);
	c = get_byte();
	return c == 033 ? get_escape() : c;
}

/* ---- editing ---- */

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static void insert(const char *s, size_t n)
{
	if (ed.len + n >= ed.size) {
		screen_control("\a");
		return;
	}
	screen_changed(ed.pos);
	memmove(ed.buf + ed.pos + n, ed.buf + ed.pos, ed.len - ed.pos);
	memcpy(ed.buf + ed.pos, s, n);
	ed.pos += n;
	ed.len += n;
}

static size_t before(size_t pos)
{
	while (pos > 0 && continues(ed.buf[--pos]))
		;
	return pos;
}

static size_t after(size_t pos)
{
	if (pos < ed.len)
		pos++;
	while (pos < ed.len && continues(ed.buf[pos]))
		pos++;
	return pos;
}

static void erase(size_t from, size_t to)
{
	screen_changed(from);
	memmove(ed.buf + from, ed.buf + to, ed.len - to);
	ed.len -= to - from;
	ed.pos = from;
}

static void cut(size_t from, size_t to)
{
	if (from == to)
		return;
	memcpy(ed.killed, ed.buf + from, to - from);
	ed.killed[to - from] = '\0';
	erase(from, to);
}

static size_t word_start(void)
{
	size_t pos = ed.pos;

	while (pos > 0 && ed.buf[pos - 1] == ' ')
		pos--;
	while (pos > 0 && ed.buf[pos - 1] != ' ')
		pos--;
	return pos;
}

static void replace(const char *line)
{
	size_t len = strlen(line);

	if (len >= ed.size)
		len = ed.size - 1;
	screen_changed(0);
	memcpy(ed.buf, line, len);
	ed.len = ed.pos = len;
}

static void show_history(unsigned at)
{
	if (at > 0 && !history_get(at - 1))
		return;
	if (ed.history == 0) {
		memcpy(ed.saved, ed.buf, ed.len);
		ed.saved[ed.len] = '\0';
	}
	ed.history = at;
	replace(at ? history_get(at - 1) : ed.saved);
}

static void tab(void)
{
	char *list = NULL, *text = complete(ed.buf, ed.pos, &list);

	if (!text) {
		screen_control("\a");
	} else if (*text) {
		insert(text, strlen(text));
	} else if (list) {
		screen_leave(ed.buf, ed.len);
		screen_control(list);
		screen_begin(ed.prompt, ed.columns);
	}
	free(text);
	free(list);
}

/* control-r: type a part of an older line. Returns the key that ended it, to be acted upon. */
static int search(void)
{
	static char typed[MAX_LINE];
	char part[128] = "", prompt[192];
	size_t len = 0;
	unsigned at = 0;
	const char *line;
	int key;

	memcpy(typed, ed.buf, ed.len);
	typed[ed.len] = '\0';
	for (;;) {
		while ((line = history_get(at)) && !strstr(line, part))
			at++;
		snprintf(prompt, sizeof(prompt), "(search)`%s': ", part);
		screen_prompt(prompt);
		replace(line ? line : "");
		key = get_key();
		if (key == CTRL('R') && line && history_get(at + 1)) {
			at++;
		} else if (key >= ' ' && key < 127 && len + 1 < sizeof(part)) {
			part[len++] = (char)key;
			part[len] = '\0';
		} else if ((key == 127 || key == CTRL('H')) && len) {
			part[--len] = '\0';
			at = 0;
		} else if (key != CTRL('R')) {
			break;
		}
	}
	if (!line || key == CTRL('C') || key == CTRL('G'))
		replace(typed);
	screen_prompt(ed.prompt);
	return key == CTRL('G') ? KEY_NONE : key;
}

/* A typed character, all of its bytes: half of one must not be drawn. What does not continue it is a key. */
static void insert_character(int first)
{
	char bytes[4] = {(char)first};
	size_t n = 1, more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;

	while (more--) {
		int c = get_byte();

		if (c == KEY_EOF || !continues((char)c)) {
			ed.pushed_back = c;
			break;
		}
		bytes[n++] = (char)c;
	}
	insert(bytes, n);
}

/* Keys that move or change. */
static void edit(int key)
{
	switch (key) {
	case CTRL('A'):
	case KEY_HOME:
		ed.pos = 0;
		break;
	case CTRL('E'):
	case KEY_END:
		ed.pos = ed.len;
		break;
	case CTRL('B'):
	case KEY_LEFT:
		ed.pos = before(ed.pos);
		break;
	case CTRL('F'):
	case KEY_RIGHT:
		ed.pos = after(ed.pos);
		break;
	case CTRL('P'):
	case KEY_UP:
		show_history(ed.history + 1);
		break;
	case CTRL('N'):
	case KEY_DOWN:
		if (ed.history)
			show_history(ed.history - 1);
		break;
	case CTRL('H'):
	case 127:
		erase(before(ed.pos), ed.pos);
		break;
	case KEY_DELETE:
		erase(ed.pos, after(ed.pos));
		break;
	case CTRL('K'):
		cut(ed.pos, ed.len);
		break;
	case CTRL('U'):
		cut(0, ed.pos);
		break;
	case CTRL('W'):
		cut(word_start(), ed.pos);
		break;
	case CTRL('Y'):
		insert(ed.killed, strlen(ed.killed));
		break;
	case CTRL('G'): /* whoever types by program knows by the bell that all before is drawn */
		screen_show(ed.buf, ed.len, ed.pos);
		screen_control("\a");
		break;
	case CTRL('L'):
		screen_control("\033[H\033[J");
		screen_begin(ed.prompt, ed.columns);
		break;
	case '\t':
		tab();
		break;
	default:
		if (key >= ' ' && key < 256)
			insert_character(key);
	}
}

/* Returns false at end of input; a last line without an end is one. */
static bool edit_line(void)
{
	for (;;) {
		int key = get_key();

		if (key == CTRL('R'))
			key = search();
		if (key == CTRL('C')) {
			screen_show(ed.buf, ed.len, ed.len);
			screen_control("^C\n");
			ed.len = 0;
			return true;
		}
		if (key == '\r' || key == '\n' || key == KEY_EOF ||
			(key == CTRL('D') && ed.len == 0)) {
			screen_leave(ed.buf, ed.len);
			return key == '\r' || key == '\n' || (key == KEY_EOF && ed.len > 0);
		}
		edit(key == CTRL('D') ? KEY_DELETE : key);
	}
}

/* Without a terminal: plain lines. */
static bool read_plain(char *buf, size_t size)
{
	size_t len = 0;
	int c;

	while ((c = get_byte()) != KEY_EOF && c != '\n')
		if (len + 1 < size)
			buf[len++] = (char)c;
	buf[len] = '\0';
	return c == '\n' || len > 0;
}

bool line_read(const char *prompt, char *buf, size_t size)
{
	bool more;

	if (!raw_begin())
		return read_plain(buf, size);
	ed.prompt = prompt;
	ed.buf = buf;
	ed.size = size;
	ed.len = ed.pos = ed.history = 0;
	ed.columns = terminal_columns();
	screen_begin(prompt, ed.columns);
	more = edit_line();
	buf[ed.len] = '\0';
	raw_end();
	return more;
}
