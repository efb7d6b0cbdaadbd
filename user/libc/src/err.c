/* err.h and error.h: messages that begin with the program's name. */
#include <err.h>
#include <error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void message(int error, const char *format, va_list ap)
{
	fflush(stdout);
	flockfile(stderr);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	if (format != NULL)
		vfprintf(stderr, format, ap);
	if (error != 0)
		fprintf(stderr, "%s%s", format != NULL ? ": " : "", strerror(error));
	fputc('\n', stderr);
	funlockfile(stderr);
}

void vwarn(const char *format, va_list ap)
{
	message(errno, format, ap);
}

void vwarnx(const char *format, va_list ap)
{
	message(0, format, ap);
}

void verr(int status, const char *format, va_list ap)
{
	message(errno, format, ap);
	exit(status);
}

void verrx(int status, const char *format, va_list ap)
{
	message(0, format, ap);
	exit(status);
}

void warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap);
	va_end(ap);
}

void warnx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarnx(format, ap);
	va_end(ap);
}

void err(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	verr(status, format, ap);
}

void errx(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	verrx(status, format, ap);
}

/* ---- error.h ---- */

unsigned int error_message_count;

void error(int status, int errnum, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(errnum, format, ap);
	va_end(ap);
	error_message_count++;
	if (status != 0)
		exit(status);
}
