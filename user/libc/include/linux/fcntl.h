/* The kernel's own file clashes with ours over struct flock. */
#include <fcntl.h>
