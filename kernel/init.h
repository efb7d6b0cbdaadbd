/* After bring-up: tests, or the first program (init.c). */
#pragma once

#include "kernel/compiler.h"

/* Run what the command line asks for and end the machine with its status. */
__noreturn void init_run(void);

/* Say `exit status N` as the last line and end the machine. Context: any thread. */
__noreturn void system_poweroff(int status);
