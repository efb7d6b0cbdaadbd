/* Terminal modes, with the kernel's struct termios. */
#ifndef _TERMIOS_H
#define _TERMIOS_H

#include <_ansi.h>
#include <asm/termbits.h>
#include <asm/ioctls.h>

_BEGIN_STD_C

int tcgetattr(int, struct termios *);
int tcsetattr(int, int, const struct termios *);
int tcflush(int, int);
int tcdrain(int);
int tcsendbreak(int, int);
void cfmakeraw(struct termios *);
speed_t cfgetispeed(const struct termios *);
speed_t cfgetospeed(const struct termios *);

_END_STD_C

#endif
