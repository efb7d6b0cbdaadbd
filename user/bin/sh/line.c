/*
 * The line editor. The console is put into raw mode while a line is edited and back into line mode
 * before anything runs. A byte typed at the end is only echoed, so that a log of the serial line reads
 * like what was typed; any other change redraws from the prompt, on as many rows as it takes.
 *
 * Limits: columns are counted in UTF-8 characters, each one column wide; the terminal is taken to be 80
 * wide when it does not tell.
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
	unsigned row;	      /* of the cursor, counted from the prompt's */
	unsigned history;     /* 0: the line itself, n: the n-th youngest */
	char saved[MAX_LINE]; /* the line itself while history is shown */
	char killed[MAX_LINE];
};

static struct editor ed;

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

static void put(const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(1, s, len);

		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

static void puts_raw(const char *s)
{
	put(s, strlen(s));
}

static int get_byte(void)
{
	unsigned char c;
	ssize_t n;

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

static int get_key(void)
{
	int c = get_byte();

	return c == 033 ? get_escape() : c;
}

/* ---- drawing ---- */

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static unsigned width(const char *s, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += !continues(s[i]);
	return n;
}

/* Put the cursor where ed.pos is, having just drawn everything. */
static void place_cursor(unsigned end)
{
	unsigned at = width(ed.prompt, strlen(ed.prompt)) + width(ed.buf, ed.pos);
	unsigned up = end / ed.columns - at / ed.columns;
	char move[32];

	/* At the right edge the terminal has not wrapped yet: make it. */
	if (end % ed.columns == 0)
		puts_raw("\n");
	if (up) {
		snprintf(move, sizeof(move), "\033[%uA", up);
		puts_raw(move);
	}
	puts_raw("\r");
	if (at % ed.columns) {
		snprintf(move, sizeof(move), "\033[%uC", at % ed.columns);
		puts_raw(move);
	}
	ed.row = at / ed.columns;
}

static void redraw(void)
{
	unsigned end = width(ed.prompt, strlen(ed.prompt)) + width(ed.buf, ed.len);
	char move[32];

	if (ed.row) {
		snprintf(move, sizeof(move), "\033[%uA", ed.row);
		puts_raw(move);
	}
	puts_raw("\r");
	puts_raw(ed.prompt);
	put(ed.buf, ed.len);
	puts_raw("\033[J");
	if (ed.pos < ed.len || end % ed.columns == 0)
		place_cursor(end);
	else
		ed.row = end / ed.columns;
}

/* ---- editing ---- */

static void insert(const char *s, size_t n)
{
	bool at_end = ed.pos == ed.len;
	unsigned column;

	if (ed.len + n >= ed.size) {
		puts_raw("\a");
		return;
	}
	memmove(ed.buf + ed.pos + n, ed.buf + ed.pos, ed.len - ed.pos);
	memcpy(ed.buf + ed.pos, s, n);
	ed.pos += n;
	ed.len += n;
	column = width(ed.prompt, strlen(ed.prompt)) + width(ed.buf, ed.len);
	if (at_end && column / ed.columns == ed.row)
		put(s, n);
	else
		redraw();
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

static void move_to(size_t pos)
{
	ed.pos = pos;
	redraw();
}

static void erase(size_t from, size_t to)
{
	memmove(ed.buf + from, ed.buf + to, ed.len - to);
	ed.len -= to - from;
	ed.pos = from;
	redraw();
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
	memcpy(ed.buf, line, len);
	ed.len = ed.pos = len;
	redraw();
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

	if (!text)
		puts_raw("\a");
	else if (*text)
		insert(text, strlen(text));
	else if (list) {
		puts_raw("\n");
		for (char *line = list; *line;) {
			size_t n = strcspn(line, "\n");

			put(line, n);
			puts_raw("\n");
			line += n + (line[n] == '\n');
		}
		ed.row = 0;
		redraw();
	}
	free(text);
	free(list);
}

/* control-r: type a part of an older line. Returns the key that ended it, to be acted upon. */
static int search(void)
{
	char part[128] = "", shown[192];
	size_t len = 0;
	unsigned at = 0;
	int key;

	for (;;) {
		const char *line;

		while ((line = history_get(at)) && !strstr(line, part))
			at++;
		snprintf(shown, sizeof(shown), "\r(search)`%s': ", part);
		puts_raw(shown);
		puts_raw(line ? line : "");
		puts_raw("\033[K");
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
			ed.row = 0;
			if (line && key != CTRL('C') && key != CTRL('G'))
				replace(line);
			else
				redraw();
			return key == CTRL('G') ? KEY_NONE : key;
		}
	}
}

/* A typed character, all of its bytes: half of one must not be drawn. */
static void insert_character(int first)
{
	char bytes[4] = {(char)first};
	size_t n = 1, more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;

	while (more--)
		bytes[n++] = (char)get_byte();
	insert(bytes, n);
}

/* Keys that move or change. */
static void edit(int key)
{
	switch (key) {
	case CTRL('A'):
	case KEY_HOME:
		move_to(0);
		break;
	case CTRL('E'):
	case KEY_END:
		move_to(ed.len);
		break;
	case CTRL('B'):
	case KEY_LEFT:
		move_to(before(ed.pos));
		break;
	case CTRL('F'):
	case KEY_RIGHT:
		move_to(after(ed.pos));
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
	case CTRL('L'):
		puts_raw("\033[H\033[J");
		ed.row = 0;
		redraw();
		break;
	case '\t':
		tab();
		break;
	default:
		if (key >= ' ' && key < 256)
			insert_character(key);
	}
}

/* Returns false at end of input. */
static bool edit_line(void)
{
	for (;;) {
		int key = get_key();

		if (key == CTRL('R'))
			key = search();
		if (key == '\r' || key == '\n')
			break;
		if (key == KEY_EOF || (key == CTRL('D') && ed.len == 0))
			return false;
		if (key == CTRL('C')) {
			ed.len = 0;
			puts_raw("^C");
			break;
		}
		edit(key == CTRL('D') ? KEY_DELETE : key);
	}
	if (ed.pos < ed.len)
		move_to(ed.len);
	return true;
}

static unsigned terminal_columns(void)
{
	struct winsize size;

	if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
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
	ed.len = ed.pos = ed.row = ed.history = 0;
	ed.columns = terminal_columns();
	puts_raw(prompt);
	more = edit_line();
	buf[ed.len] = '\0';
	puts_raw("\n");
	raw_end();
	return more;
}
