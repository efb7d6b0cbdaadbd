/* After bring-up: tests, or the first program (init.c). */
#pragma once

#include "kernel/compiler.h"

/* Run what the command line asks for and end the machine with its status. */
__noreturn void init_run(void);

/*
 * Say `exit status N` as the last line and end the machine. In a debug kernel that happens a little later, when
 * all programs have been ended and what they had is back (kernel/leaks.h). Context: a program's thread.
 */
void system_poweroff(int status);
