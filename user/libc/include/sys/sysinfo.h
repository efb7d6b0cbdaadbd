/* sysinfo(2), and the number of processors. */
#ifndef _SYS_SYSINFO_H
#define _SYS_SYSINFO_H

#include <_ansi.h>
#include <linux/sysinfo.h>

_BEGIN_STD_C

int sysinfo(struct sysinfo *);
int get_nprocs(void);
int get_nprocs_conf(void);

_END_STD_C

#endif
