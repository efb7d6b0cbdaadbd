/*
 * Back-traces: saved frame pointers, as on the metal, and names from this program's own symbol table, which
 * is read when the first name is asked for (libc's backtrace knows no static functions).
 *
 * Context: any, also panics and signals; prints with the console's own primitives only.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/sched.h"

#define DEPTH_MAX 32

extern char host_first_run[];
size_t host_copy(void *dst, const void *src, size_t len);

static struct {
	const Elf64_Sym *symbols;
	size_t count;
	const char *names;
	u64 bias; /* from the file's addresses to memory's */
	bool tried;
} table;

static void load_table(void)
{
	const Elf64_Ehdr *file;
	const Elf64_Shdr *sections;
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	table.tried = true;
	if (fd < 0 || fstat(fd, &st))
		return;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return;
	sections = (const Elf64_Shdr *)((const char *)file + file->e_shoff);
	for (unsigned i = 0; i < file->e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB) {
			table.symbols = (const void *)((const char *)file + sections[i].sh_offset);
			table.count = sections[i].sh_size / sizeof(Elf64_Sym);
			table.names = (const char *)file + sections[sections[i].sh_link].sh_offset;
		}
	for (size_t i = 0; i < table.count; i++)
		if (strcmp(table.names + table.symbols[i].st_name, "host_first_run") == 0)
			table.bias = (u64)host_first_run - table.symbols[i].st_value;
}

void arch_symbolize(u64 address, char *buf, size_t size)
{
	const Elf64_Sym *best = NULL;

	if (!table.tried)
		load_table();
	for (size_t i = 0; i < table.count; i++) {
		const Elf64_Sym *s = &table.symbols[i];

		if (ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
			address - table.bias - s->st_value < MAX(s->st_size, 1ul))
			best = s;
	}
	if (best)
		snprintf(buf, size, "%s+%#llx", table.names + best->st_name,
			(unsigned long long)(address - table.bias - best->st_value));
	else
		snprintf(buf, size, "%#llx", (unsigned long long)address);
}

static void print(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			arch_console_putc('\r');
		arch_console_putc(*s);
	}
}

static void print_frame(u64 pc)
{
	char name[80], line[128];

	arch_symbolize(pc, name, sizeof(name));
	snprintf(line, sizeof(line), "  %#llx %s\n", (unsigned long long)pc, name);
	print(line);
}

void host_backtrace_from(u64 pc, u64 bp)
{
	print_frame(pc);
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		u64 frame[2]; /* the caller's frame pointer, where it goes on */

		if (bp % sizeof(u64) || host_copy(frame, (const void *)bp, sizeof(frame)) ||
			!frame[1])
			return;
		print_frame(frame[1]);
		bp = frame[0];
	}
}

__noinline void arch_backtrace(void)
{
	u64 bp = (u64)__builtin_frame_address(0);

	host_backtrace_from((u64)__builtin_return_address(0), *(u64 *)bp);
}

void arch_backtrace_thread(const struct thread *t)
{
	const u64 *sp = (const u64 *)t->arch.sp;

	if (sp) /* as host_switch_stacks left it */
		host_backtrace_from(sp[6], sp[5]);
}
