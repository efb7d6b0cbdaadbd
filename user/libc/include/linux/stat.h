/* The kernel's own file clashes with ours over struct statx and the mode bits. */
#include <sys/stat.h>
