/* Terminal settings, Linux x86-64 layout and values: what ioctl(2) on the console knows. */
#pragma once

#include "kernel/compiler.h"

#define TCGETS	   0x5401
#define TCSETS	   0x5402
#define TCSETSW	   0x5403
#define TCSETSF	   0x5404
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD   0x541b

#define TERMIOS_ICANON 0x2u
#define TERMIOS_ECHO   0x8u

struct termios {
	u32 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line;
	u8 c_cc[19];
};
static_assert(sizeof(struct termios) == 36, "ABI");

struct winsize {
	u16 ws_row, ws_col, ws_xpixel, ws_ypixel;
};
static_assert(sizeof(struct winsize) == 8, "ABI");
