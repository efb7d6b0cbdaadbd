/*
 * vsnprintf: the subset kernel/console.h promises. Floating point does not exist in the kernel.
 */
#include "kernel/console.h"
#include "kernel/string.h"

struct output {
	char *buf;
	size_t size, length; /* length counts what would have been written, too */
};

struct spec {
	bool minus, zero, alternate;
	int width, precision; /* precision -1: none given */
	int longs;	      /* hh -2, h -1, none 0, l 1, ll/z 2 */
};

static void put(struct output *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void put_repeated(struct output *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_padded(struct output *o, const struct spec *s, const char *text, size_t len)
{
	int pad = s->width - (int)len;

	if (!s->minus)
		put_repeated(o, ' ', pad);
	for (size_t i = 0; i < len; i++)
		put(o, text[i]);
	if (s->minus)
		put_repeated(o, ' ', pad);
}

static void put_string(struct output *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(
		o, s, text, s->precision >= 0 ? strnlen(text, (size_t)s->precision) : strlen(text));
}

/* sign is '-' or 0; prefix "" or "0x". */
static void put_number(struct output *o, const struct spec *s, u64 v, unsigned base, bool upper,
	const char *sign, const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int len = 0, zeros, total;

	for (; v || (len == 0 && s->precision != 0); v /= base)
		text[len++] = digits[v % base];
	zeros = s->precision > len ? s->precision - len : 0;
	total = (int)strlen(sign) + (int)strlen(prefix) + zeros + len;
	if (s->zero && !s->minus && s->precision < 0 && total < s->width) {
		zeros += s->width - total;
		total = s->width;
	}
	if (!s->minus)
		put_repeated(o, ' ', s->width - total);
	while (*sign)
		put(o, *sign++);
	while (*prefix)
		put(o, *prefix++);
	put_repeated(o, '0', zeros);
	while (len)
		put(o, text[--len]);
	if (s->minus)
		put_repeated(o, ' ', s->width - total);
}

static const char *parse_spec(const char *f, struct spec *s, __builtin_va_list *ap)
{
	*s = (struct spec){.precision = -1};
	for (;; f++) {
		if (*f == '-')
			s->minus = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '#')
			s->alternate = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = __builtin_va_arg(*ap, int);
		if (s->width < 0) {
			s->minus = true;
			s->width = -s->width;
		}
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (*f - '0');
	if (*f == '.') {
		s->precision = 0;
		if (*++f == '*') {
			s->precision = __builtin_va_arg(*ap, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			s->precision = s->precision * 10 + (*f - '0');
	}
	for (;; f++) {
		if (*f == 'l')
			s->longs++;
		else if (*f == 'z' || *f == 'j' || *f == 't')
			s->longs = 2;
		else if (*f == 'h')
			s->longs--;
		else
			return f;
	}
}

static s64 take_signed(const struct spec *s, __builtin_va_list *ap)
{
	if (s->longs > 0)
		return __builtin_va_arg(*ap, long);
	s64 v = __builtin_va_arg(*ap, int);

	return s->longs == -1 ? (s16)v : s->longs <= -2 ? (s8)v : v;
}

static u64 take_unsigned(const struct spec *s, __builtin_va_list *ap)
{
	if (s->longs > 0)
		return __builtin_va_arg(*ap, unsigned long);
	u64 v = __builtin_va_arg(*ap, unsigned);

	return s->longs == -1 ? (u16)v : s->longs <= -2 ? (u8)v : v;
}

static void put_conversion(struct output *o, struct spec *s, char type, __builtin_va_list *ap)
{
	s64 v;
	char c;

	switch (type) {
	case 'd':
	case 'i':
		v = take_signed(s, ap);
		put_number(o, s, v < 0 ? 0 - (u64)v : (u64)v, 10, false, v < 0 ? "-" : "", "");
		break;
	case 'u':
		put_number(o, s, take_unsigned(s, ap), 10, false, "", "");
		break;
	case 'x':
	case 'X': {
		u64 u = take_unsigned(s, ap);

		put_number(o, s, u, 16, type == 'X', "", s->alternate && u ? "0x" : "");
		break;
	}
	case 'o':
		put_number(o, s, take_unsigned(s, ap), 8, false, "", s->alternate ? "0" : "");
		break;
	case 'p':
		put_number(o, s, (u64) __builtin_va_arg(*ap, void *), 16, false, "", "0x");
		break;
	case 'c':
		c = (char)__builtin_va_arg(*ap, int);
		put_padded(o, s, &c, 1);
		break;
	case 's':
		put_string(o, s, __builtin_va_arg(*ap, const char *));
		break;
	case '%':
		put(o, '%');
		break;
	default:
		put(o, '%');
		put(o, type);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
	struct output o = {.buf = buf, .size = size};
	__builtin_va_list args;

	__builtin_va_copy(args, ap);
	for (; *fmt; fmt++) {
		struct spec s;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &args);
		if (!*fmt)
			break;
		put_conversion(&o, &s, *fmt, &args);
	}
	__builtin_va_end(args);
	if (size)
		buf[MIN(o.length, size - 1)] = '\0';
	return (int)o.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;
	int len;

	__builtin_va_start(ap, fmt);
	len = vsnprintf(buf, size, fmt, ap);
	__builtin_va_end(ap);
	return len;
}
