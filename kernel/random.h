/* Random bytes: hash salts, AT_RANDOM, getrandom. Seeded from the cycle counter, clock and RTC. */
#pragma once

#include "kernel/types.h"

/* Context: any. */
void random_bytes(void *buf, size_t len);
u64 random_u64(void);
