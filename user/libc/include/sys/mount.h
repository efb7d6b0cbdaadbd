/* mount(2) and umount2(2). */
#ifndef _SYS_MOUNT_H
#define _SYS_MOUNT_H

#include <_ansi.h>
#include <linux/mount.h>

#define MNT_FORCE	1
#define MNT_DETACH	2
#define MNT_EXPIRE	4
#define UMOUNT_NOFOLLOW 8

_BEGIN_STD_C

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount(const char *);
int umount2(const char *, int);

_END_STD_C

#endif
