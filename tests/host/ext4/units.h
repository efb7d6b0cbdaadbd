/* Unit tests of the pure parts of fs/ext4. */
#pragma once

/* Prints "ok NAME" and "FAIL NAME ..." lines; 0 when nothing failed. */
int units_run(void);
