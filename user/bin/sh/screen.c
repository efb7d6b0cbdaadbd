/*
 * A prompt and a line on the terminal, and the cursor in it. What the terminal shows is remembered, and
 * screen_show() writes no more than what differs: a byte added at the end costs that byte.
 *
 *	cell 0                    columns-1
 *	unlazy:/# echo one two thre		cell: counted over all rows, from the first of the prompt
 *	e > /tmp/f_				cursor: the byte of the line it stands before
 *
 * A full row is followed by a newline, so that the cursor is never in the state between two rows in
 * which terminals differ, and a terminal wider than we believe shows the same rows.
 *
 * Limits: a character of UTF-8 is one column wide, whatever it is.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sh.h"

static struct {
	const char *prompt;
	unsigned columns;
	unsigned prompt_cells;
	bool prompt_shown;
	size_t cursor; /* byte of the line */
	unsigned cell; /* of the cursor */
	unsigned end;  /* cell behind the last one shown */
	size_t changed; /* from this byte on the terminal shows something else; NOTHING: all is right */
} screen;

#define NOTHING SIZE_MAX

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

void screen_control(const char *s)
{
	put(s, strlen(s));
}

unsigned terminal_columns(void)
{
	struct winsize size;

	if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static unsigned cells(const char *s, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += !continues(s[i]);
	return n;
}

static void escape(unsigned n, char what)
{
	char text[16];

	if (n) {
		snprintf(text, sizeof(text), "\033[%u%c", n, what);
		screen_control(text);
	}
}

static void move_to_cell(unsigned to)
{
	unsigned row = screen.cell / screen.columns, to_row = to / screen.columns;

	if (to_row < row)
		escape(row - to_row, 'A');
	else
		escape(to_row - row, 'B');
	if (to_row == row && to + 1 == screen.cell) {
		screen_control("\b");
	} else if (to % screen.columns != screen.cell % screen.columns) {
		screen_control("\r");
		escape(to % screen.columns, 'C');
	}
	screen.cell = to;
}

/* Put the cursor before byte `to` of buf, which is shown as it is up to there. */
static void move_to_byte(const char *buf, size_t to)
{
	/* Most moves go ahead, and then what lies before the cursor needs no counting. */
	if (to >= screen.cursor)
		move_to_cell(screen.cell + cells(buf + screen.cursor, to - screen.cursor));
	else
		move_to_cell(screen.prompt_cells + cells(buf, to));
	screen.cursor = to;
}

/* Write text from the cursor on, row by row. */
static void draw(const char *s, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		screen.cell += !continues(s[i]);
		if (i + 1 < len && continues(s[i + 1]))
			continue;
		if (screen.cell % screen.columns == 0) {
			put(s + from, i + 1 - from);
			put("\n", 1);
			from = i + 1;
		}
	}
	put(s + from, len - from);
}

void screen_begin(const char *prompt, unsigned columns)
{
	screen.columns = columns;
	screen.cell = screen.end = 0;
	screen.cursor = 0;
	screen_prompt(prompt);
}

void screen_prompt(const char *prompt)
{
	screen.prompt = prompt;
	screen.prompt_shown = false;
	screen.changed = 0;
}

void screen_changed(size_t from)
{
	if (from < screen.changed)
		screen.changed = from;
}

void screen_show(const char *buf, size_t len, size_t pos)
{
	if (!screen.prompt_shown) {
		move_to_cell(0);
		draw(screen.prompt, strlen(screen.prompt));
		screen.prompt_cells = screen.cell;
		screen.cursor = 0;
		screen.prompt_shown = true;
	}
	if (screen.changed != NOTHING) {
		move_to_byte(buf, screen.changed);
		draw(buf + screen.changed, len - screen.changed);
		if (screen.end > screen.cell)
			screen_control("\033[J");
		screen.end = screen.cell;
		screen.cursor = len;
		screen.changed = NOTHING;
	}
	move_to_byte(buf, pos);
}

void screen_leave(const char *buf, size_t len)
{
	screen_show(buf, len, len);
	if (screen.cell == 0 || screen.cell % screen.columns != 0)
		screen_control("\n");
}
