/* The calls that only Unlazy has. On Linux they fail with ENOSYS. */
#ifndef UNLAZY_H
#define UNLAZY_H

#include <sys/types.h>

#define UNLAZY_SYS_SPAWN    1000
#define UNLAZY_SYS_POWEROFF 1001

/*
 * Start the built-in program name with argv and envp (both NULL-terminated). fds are the caller's
 * descriptors that become the program's 0, 1 and 2; NULL hands on the caller's own 0, 1 and 2.
 * Returns its process id, for waitpid(); or -1 and errno: ENOENT no such program, ENOMEM, EBADF,
 * EFAULT, ENOSYS not running on Unlazy.
 */
pid_t unlazy_spawn(const char *name, char *const argv[], char *const envp[], const int fds[3]);

/* Switch the machine off with status (the emulator's exit status). Returns only on failure. */
int unlazy_poweroff(int status);

#endif
