/* The kernel's own file clashes with newlib's over struct timespec. */
#include <time.h>
#include <sys/time.h>
