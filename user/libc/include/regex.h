/* newlib's regex.h uses off_t without declaring it. */
#include <sys/types.h>
#include_next <regex.h>
