/* ioctl(2). */
#ifndef _SYS_IOCTL_H
#define _SYS_IOCTL_H

#include <_ansi.h>
#include <asm/ioctls.h>
#include <asm/ioctl.h>

struct winsize {
	unsigned short ws_row;
	unsigned short ws_col;
	unsigned short ws_xpixel;
	unsigned short ws_ypixel;
};

_BEGIN_STD_C

int ioctl(int, unsigned long, ...);

_END_STD_C

#endif
