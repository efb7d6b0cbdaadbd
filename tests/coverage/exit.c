/*
 * The hosted kernel ends with _exit, past what a program does at its end. Linked with --wrap=_exit, this
 * writes the counts of the coverage build first (tests/coverage/coverage.mk).
 */
int __llvm_profile_write_file(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
	__llvm_profile_write_file();
	__real__exit(status);
}
