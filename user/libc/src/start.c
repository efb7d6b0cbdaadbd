/*
 * Program start: from the first instruction to main().
 *
 * A program is a static-PIE image: it may lie anywhere, and nobody but itself need know about its
 * relocations. The order here matters, because nothing that a later step provides may be used before:
 *
 *	_start			the stack holds argc, argv, envp and the auxiliary vector
 *	relocate_self()		only R_X86_64_RELATIVE. The addend is in the table, so doing it twice
 *				changes nothing: a loader may have done it already
 *	tls_start()		FS, the stack protector's canary, TLS variables, errno
 *	constructors		.preinit_array, .init_array
 *	main()
 *
 * Limits: no IFUNC and no symbol relocations; the linker refuses to make any in a static-PIE without
 * shared libraries.
 */
#include "start.h"

#include <linux/auxvec.h>
#include <linux/elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define R_X86_64_RELATIVE 8

/*
 * The kernel enters here with nothing but a stack pointer. The dynamic section's address is passed as
 * an argument because it is the one thing that can be had before relocation.
 */
__asm__(".text\n"
	".globl _start\n"
	".hidden _DYNAMIC\n"
	".type _start, @function\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	lea _DYNAMIC(%rip), %rsi\n"
	"	and $-16, %rsp\n"
	"	call __start_program\n"
	"	hlt\n"
	".size _start, . - _start\n");

char **environ;
char *program_invocation_name = "";
char *program_invocation_short_name = "";

extern int main(int argc, char **argv, char **envp);

typedef void init_function(int, char **, char **);
typedef void fini_function(void);
extern init_function *__preinit_array_start[] __attribute__((visibility("hidden")));
extern init_function *__preinit_array_end[] __attribute__((visibility("hidden")));
extern init_function *__init_array_start[] __attribute__((visibility("hidden")));
extern init_function *__init_array_end[] __attribute__((visibility("hidden")));
extern fini_function *__fini_array_start[] __attribute__((visibility("hidden")));
extern fini_function *__fini_array_end[] __attribute__((visibility("hidden")));

/* Apply the RELATIVE relocations. Runs before any of them holds: no global data, no calls. */
__attribute__((noinline, no_stack_protector)) static void relocate_self(const Elf64_Dyn *dynamic)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;
	const Elf64_Rela *rela = NULL;
	size_t size = 0;

	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == DT_RELA)
			rela = (const Elf64_Rela *)(base + dynamic->d_un.d_ptr);
		else if (dynamic->d_tag == DT_RELASZ)
			size = dynamic->d_un.d_val;
	}
	for (; size >= sizeof(*rela); rela++, size -= sizeof(*rela)) {
		if (ELF64_R_TYPE(rela->r_info) == R_X86_64_RELATIVE)
			*(uintptr_t *)(base + rela->r_offset) = base + (uintptr_t)rela->r_addend;
	}
}

static void run_destructors(void)
{
	fini_function **f = __fini_array_end;

	while (f > __fini_array_start)
		(*--f)();
}

static void run_constructors(int argc, char **argv, char **envp)
{
	for (init_function **f = __preinit_array_start; f < __preinit_array_end; f++)
		(*f)(argc, argv, envp);
	for (init_function **f = __init_array_start; f < __init_array_end; f++)
		(*f)(argc, argv, envp);
}

/* The 16 random bytes the kernel hands over, or NULL. */
__attribute__((no_stack_protector)) static const void *find_random(char **envp)
{
	const struct auxv *aux;

	while (*envp != NULL)
		envp++;
	for (aux = (const void *)(envp + 1); aux->a_type != AT_NULL; aux++) {
		if (aux->a_type == AT_RANDOM)
			return (const void *)aux->a_val;
	}
	return NULL;
}

__attribute__((noreturn, used, no_stack_protector)) void __start_program(
	uintptr_t *stack, const Elf64_Dyn *dynamic)
{
	int argc = (int)stack[0];
	char **argv = (char **)&stack[1];
	char **envp = &argv[argc + 1];
	char *slash;

	relocate_self(dynamic);
	environ = envp;
	tls_start(find_random(envp));
	if (argc > 0 && argv[0] != NULL) {
		program_invocation_name = argv[0];
		slash = strrchr(argv[0], '/');
		program_invocation_short_name = slash != NULL ? slash + 1 : argv[0];
	}
	atexit(run_destructors);
	run_constructors(argc, argv, envp);
	exit(main(argc, argv, envp));
}
