/* reboot(2). */
#ifndef _SYS_REBOOT_H
#define _SYS_REBOOT_H

#include <_ansi.h>

#define RB_AUTOBOOT    0x01234567
#define RB_HALT_SYSTEM 0xcdef0123
#define RB_POWER_OFF   0x4321fedc

_BEGIN_STD_C

int reboot(int);

_END_STD_C

#endif
