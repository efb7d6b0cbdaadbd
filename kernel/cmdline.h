/* The kernel command line: space-separated key or key=value; values may be percent-encoded. */
#pragma once

#include "kernel/compiler.h"

void cmdline_init(const char *line);
const char *cmdline_whole(void);
/* True when key is present; its decoded value (possibly "") goes to buf. */
bool cmdline_get(const char *key, char *buf, size_t size);
u64 cmdline_get_u64(const char *key, u64 otherwise);
