/* error(): a message on stderr with the program's name and what errnum means, as GNU has it. */
#ifndef _ERROR_H
#define _ERROR_H

/* Exits with status unless that is 0. */
void error(int, int, const char *, ...) __attribute__((__format__(__printf__, 3, 4)));
extern unsigned int error_message_count;

#endif
