/*
 * Linked into each program of the coverage build (tests/coverage/coverage.mk).
 *
 * The hosted kernel ends with _exit, past what a program does at its end. Linked with --wrap=_exit, this
 * writes the counts first. A test that brings a kernel of its own lacks what makes readers dawdle.
 */
int __llvm_profile_write_file(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
void dawdle_now(void);

_Noreturn void __wrap__exit(int status)
{
	__llvm_profile_write_file();
	__real__exit(status);
}

__attribute__((weak)) unsigned dawdle_every;

__attribute__((weak)) void dawdle_now(void)
{
}
