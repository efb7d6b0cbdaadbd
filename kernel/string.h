/* Memory and strings, without SSE, usable on the host port. */
#pragma once

#include "kernel/types.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copy and always terminate; returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);
/* Unsigned number in base 10 or with 0x prefix; false on anything else in s. */
bool parse_u64(const char *s, u64 *out);
