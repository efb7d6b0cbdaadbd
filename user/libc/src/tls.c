/*
 * Thread-local storage, x86-64 variant II, and the stack protector.
 *
 * The TLS image (PT_TLS) is copied once per thread, to end right below its struct __pthread, to which FS
 * points. The linker resolved every TLS access to a constant negative offset from FS, computed from the
 * image's size rounded up to its alignment; tls_block_init() has to put the copy at exactly that offset.
 *
 * Limits: TLS alignment up to a page.
 */
#include <linux/elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "start.h"

#define ARCH_SET_FS_ 0x1002

static struct {
	const void *image;
	size_t file_size;
	size_t size;  /* in memory, rounded up to align */
	size_t align; /* of the block, at least struct __pthread's */
} tls = {.align = 64};

static void find_tls_image(void)
{
	const char *base = (const char *)&__ehdr_start;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);

	for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
		if (phdr[i].p_type != PT_TLS || phdr[i].p_memsz == 0)
			continue;
		tls.image = base + phdr[i].p_vaddr;
		tls.file_size = phdr[i].p_filesz;
		if (phdr[i].p_align > tls.align)
			tls.align = phdr[i].p_align;
		tls.size = (phdr[i].p_memsz + phdr[i].p_align - 1) & -phdr[i].p_align;
	}
}

/* Bytes needed for a thread's TLS variables and struct __pthread, slack for alignment included. */
size_t tls_block_size(void)
{
	return tls.align + tls.size + sizeof(struct __pthread);
}

/*
 * Lay out a zeroed block of tls_block_size() bytes. Returns the thread control block at its end, with
 * self and canary set. Context: also before FS is set, so no stack protector here.
 */
__attribute__((no_stack_protector)) struct __pthread *tls_block_init(void *block)
{
	uintptr_t at = ((uintptr_t)block + tls.size + tls.align - 1) & -tls.align;
	struct __pthread *t = (struct __pthread *)at;

	if (tls.image != NULL)
		memcpy((char *)at - tls.size, tls.image, tls.file_size);
	t->self = t;
	return t;
}

/* Without the kernel's random bytes: getrandom(), and the time stamp counter for want of that. */
__attribute__((no_stack_protector)) static uintptr_t make_canary(const void *random)
{
	uintptr_t canary = 0;

	if (random != NULL)
		memcpy(&canary, random, sizeof(canary));
	else if (RAW3(__NR_getrandom, &canary, sizeof(canary), 0) != sizeof(canary))
		canary = __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ul;
	return canary & ~0xfful; /* a zero byte stops string functions from leaking it */
}

__attribute__((no_stack_protector)) void tls_start(const void *random)
{
	struct __pthread *t;
	long block;

	find_tls_image();
	block = RAW6(__NR_mmap, 0, tls_block_size(), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block < 0 && block > -4096)
		RAW1(__NR_exit_group, 127);
	t = tls_block_init((void *)block);
	t->canary = make_canary(random);
	t->reent = _GLOBAL_REENT;
	RAW2(__NR_arch_prctl, ARCH_SET_FS_, t);
	t->tid = (int)RAW1(__NR_set_tid_address, &t->tid);
}

/* Called by compiled code when a function finds its canary changed. */
void __stack_chk_fail(void);
__attribute__((noreturn)) void __stack_chk_fail(void)
{
	static const char message[] = "*** stack smashing detected ***\n";

	RAW3(__NR_write, STDERR_FILENO, message, sizeof(message) - 1);
	abort();
}
