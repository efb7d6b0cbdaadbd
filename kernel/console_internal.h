/* Between printk.c, panic.c and console.c: who may write to the serial port right now. */
#pragma once

#include "kernel/compiler.h"

u64 console_lock_begin(void);
void console_lock_end(u64 flags);
/* From now on nobody waits for the console lock: a panicking CPU must get its message out. */
void console_bypass_lock(void);
void console_put_locked(const char *s, size_t len);
