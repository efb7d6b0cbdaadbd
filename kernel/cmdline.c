/*
 * The kernel command line. Values may be percent-encoded (%20 is a space), so that a whole shell
 * command fits into cmd=.
 */
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/string.h"

#define CMDLINE_MAX 4096

static char line[CMDLINE_MAX];

void cmdline_init(const char *text)
{
	if (strlcpy(line, text ? text : "", sizeof(line)) >= sizeof(line))
		printk("command line: longer than %d bytes, the rest is ignored", CMDLINE_MAX - 1);
}

const char *cmdline_whole(void)
{
	return line;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode the word at s (up to a space) into buf, cut to size, always terminated. */
static void decode(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	while (*s && *s != ' ' && n + 1 < size) {
		if (s[0] == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
			buf[n++] = (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
			s += 3;
		} else {
			buf[n++] = *s++;
		}
	}
	if (size)
		buf[n] = '\0';
}

bool cmdline_get(const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);
	const char *s = line;

	while (*s) {
		while (*s == ' ')
			s++;
		if (strncmp(s, key, len) == 0 && (s[len] == '=' || s[len] == ' ' || !s[len])) {
			decode(s[len] == '=' ? s + len + 1 : "", buf, size);
			return true;
		}
		while (*s && *s != ' ')
			s++;
	}
	return false;
}

u64 cmdline_get_u64(const char *key, u64 otherwise)
{
	char text[24];
	u64 value;

	if (!cmdline_get(key, text, sizeof(text)) || !parse_u64(text, &value))
		return otherwise;
	return value;
}
