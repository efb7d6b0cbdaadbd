/*
 * The loader: a fresh copy of a static-PIE image in a process's slot.
 *
 *	check every header field -> map each PT_LOAD, copy -> relocate -> protect -> stack
 *
 * Images are our own, but a user's program (make run APP=...) is one too: every offset and size is
 * checked against the image before it is used, and a bad image is -ENOEXEC with one console line.
 *
 * Segments are filled through the direct map before their final protection is set, so nothing is ever
 * writable and executable. Relocations are all R_X86_64_RELATIVE: the word at base + offset becomes
 * base + addend.
 *
 * The initial stack, from its top down, as Linux has it: strings, 16 random bytes, then auxiliary
 * vector, envp, argv, argc at the 16-byte aligned stack pointer.
 */
#include "abi/elf.h"
#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/process_internal.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define PHDR_MAX    16
#define IMAGE_MAX   (256ull << 20)
#define STRINGS_MAX 1024

const struct program_image *program_find(const char *name)
{
	for (unsigned i = 0; i < nr_program_images; i++)
		if (strcmp(program_images[i].name, name) == 0)
			return &program_images[i];
	return NULL;
}

struct image {
	const char *name;
	const u8 *bytes;
	u64 size;
	struct elf64_header header;
	struct elf64_phdr phdrs[PHDR_MAX];
	u64 phdr_address; /* of the program headers in memory, 0 when in no segment */
	u64 end;	  /* highest address used, relative to the base, page aligned */
};

static int bad(const struct image *im, const char *why)
{
	printk("program %s: %s", im->name, why);
	return -ENOEXEC;
}

static bool inside(u64 offset, u64 length, u64 size)
{
	return offset <= size && length <= size - offset;
}

static int check_segment(struct image *im, const struct elf64_phdr *ph, u64 *last_end)
{
	if (!inside(ph->offset, ph->filesz, im->size))
		return bad(im, "a segment lies outside the file");
	if (ph->filesz > ph->memsz || !inside(ph->vaddr, ph->memsz, IMAGE_MAX))
		return bad(im, "a segment has an impossible size");
	if ((ph->flags & PF_W) && (ph->flags & PF_X))
		return bad(im, "a segment is writable and executable");
	if ((ph->vaddr & PAGE_MASK) < *last_end)
		return bad(im, "segments overlap or are out of order");
	*last_end = ALIGN_UP(ph->vaddr + ph->memsz, PAGE_SIZE);
	if (inside(im->header.phoff, im->header.phnum * sizeof(*ph), ph->offset + ph->filesz) &&
		im->header.phoff >= ph->offset)
		im->phdr_address = ph->vaddr + (im->header.phoff - ph->offset);
	return 0;
}

static int check(struct image *im)
{
	struct elf64_header *h = &im->header;
	bool entry_ok = false;
	int err;

	if (im->size < sizeof(*h))
		return bad(im, "too short for an ELF header");
	memcpy(h, im->bytes, sizeof(*h));
	if (memcmp(h->ident, ELF_MAGIC, 7) != 0 || h->type != ELF_TYPE_DYN ||
		h->machine != ELF_X86_64)
		return bad(im, "not a static-PIE x86-64 ELF file");
	if (h->phentsize != sizeof(struct elf64_phdr) || h->phnum == 0 || h->phnum > PHDR_MAX ||
		!inside(h->phoff, h->phnum * sizeof(struct elf64_phdr), im->size))
		return bad(im, "bad program headers");
	memcpy(im->phdrs, im->bytes + h->phoff, h->phnum * sizeof(struct elf64_phdr));
	for (unsigned i = 0; i < h->phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		if (ph->type != PT_LOAD || ph->memsz == 0)
			continue;
		err = check_segment(im, ph, &im->end);
		if (err)
			return err;
		entry_ok |= (ph->flags & PF_X) && h->entry >= ph->vaddr &&
			    h->entry - ph->vaddr < ph->filesz;
	}
	if (!entry_ok)
		return bad(im, "the entry point is not in an executable segment");
	return 0;
}

static int map_segments(struct process *p, const struct image *im)
{
	for (unsigned i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];
		u64 start = p->image_base + (ph->vaddr & PAGE_MASK);
		u64 end = ALIGN_UP(p->image_base + ph->vaddr + ph->memsz, PAGE_SIZE);
		int err;

		if (ph->type != PT_LOAD || ph->memsz == 0)
			continue;
		err = memory_map_zeroed(p, start, end, PROT_READ);
		if (err)
			return err;
		memory_write(p, p->image_base + ph->vaddr, im->bytes + ph->offset, ph->filesz);
	}
	return 0;
}

/* Copy len bytes at image address vaddr, as they are in the file. */
static bool read_image(const struct image *im, u64 vaddr, void *dst, size_t len)
{
	for (unsigned i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		if (ph->type == PT_LOAD && vaddr >= ph->vaddr &&
			inside(vaddr - ph->vaddr, len, ph->filesz)) {
			memcpy(dst, im->bytes + ph->offset + (vaddr - ph->vaddr), len);
			return true;
		}
	}
	return false;
}

/* Is [vaddr, vaddr + 8) in a writable segment? */
static bool relocatable(const struct image *im, u64 vaddr)
{
	for (unsigned i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		if (ph->type == PT_LOAD && (ph->flags & PF_W) && vaddr >= ph->vaddr &&
			inside(vaddr - ph->vaddr, sizeof(u64), ph->memsz))
			return true;
	}
	return false;
}

static int apply(struct process *p, const struct image *im, u64 table, u64 size)
{
	struct elf64_rela rela;

	for (u64 at = 0; at + sizeof(rela) <= size; at += sizeof(rela)) {
		u64 value;

		if (!read_image(im, table + at, &rela, sizeof(rela)))
			return bad(im, "the relocation table lies outside the file");
		if (rela.info != R_X86_64_RELATIVE)
			return bad(im, "a relocation is not R_X86_64_RELATIVE");
		if (!relocatable(im, rela.offset) || (u64)rela.addend > im->end)
			return bad(im, "a relocation points outside the image");
		value = p->image_base + (u64)rela.addend;
		memory_write(p, p->image_base + rela.offset, &value, sizeof(value));
	}
	return 0;
}

static int relocate(struct process *p, const struct image *im)
{
	u64 table = 0, size = 0, entry = sizeof(struct elf64_rela);
	struct elf64_dyn dyn;

	for (unsigned i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		for (u64 at = 0; ph->type == PT_DYNAMIC && at + sizeof(dyn) <= ph->filesz;
			at += sizeof(dyn)) {
			if (!read_image(im, ph->vaddr + at, &dyn, sizeof(dyn)))
				return bad(im, "the dynamic section lies outside the file");
			if (dyn.tag == DT_NULL)
				break;
			if (dyn.tag == DT_RELA)
				table = dyn.value;
			else if (dyn.tag == DT_RELASZ)
				size = dyn.value;
			else if (dyn.tag == DT_RELAENT)
				entry = dyn.value;
		}
	}
	if (entry != sizeof(struct elf64_rela))
		return bad(im, "unknown size of relocation entries");
	return apply(p, im, table, size);
}

static int protect_segments(struct process *p, const struct image *im)
{
	for (unsigned i = 0; i < im->header.phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];
		unsigned prot = PROT_READ | (ph->flags & PF_W ? PROT_WRITE : 0) |
				(ph->flags & PF_X ? PROT_EXEC : 0);
		int err;

		if (ph->type != PT_LOAD || ph->memsz == 0)
			continue;
		err = memory_protect(p, p->image_base + (ph->vaddr & PAGE_MASK),
			ALIGN_UP(p->image_base + ph->vaddr + ph->memsz, PAGE_SIZE), prot);
		if (err)
			return err;
	}
	return 0;
}

/* ---- The initial stack ---- */

struct stack {
	struct process *p;
	u64 sp;
};

static u64 push(struct stack *s, const void *bytes, size_t len)
{
	s->sp -= len;
	memory_write(s->p, s->sp, bytes, len);
	return s->sp;
}

/* Push strings; their addresses go to out[], NULL-terminated. Returns their number or -E2BIG. */
static int push_strings(struct stack *s, char *const strings[], u64 *out, size_t *budget)
{
	int n = 0;

	for (; strings && strings[n]; n++) {
		size_t len = strlen(strings[n]) + 1;

		if (n == STRINGS_MAX - 1 || len > *budget)
			return -E2BIG;
		*budget -= len;
		out[n] = push(s, strings[n], len);
	}
	out[n] = 0;
	return n;
}

static int build_stack(struct stack *s, const struct image *im, char *const argv[],
	char *const envp[], u64 *args, u64 *envs)
{
	struct process *p = s->p;
	size_t budget = PROGRAM_ARGS_MAX;
	u64 random[2], execfn, random_at, words;
	int argc, envc;

	random_bytes(random, sizeof(random));
	random_at = push(s, random, sizeof(random));
	execfn = push(s, im->name, strlen(im->name) + 1);
	argc = push_strings(s, argv, args, &budget);
	if (argc < 0)
		return argc;
	envc = push_strings(s, envp, envs, &budget);
	if (envc < 0)
		return envc;

	const u64 auxv[][2] = {
		{AT_PHDR, im->phdr_address ? p->image_base + im->phdr_address : 0},
		{AT_PHENT, sizeof(struct elf64_phdr)},
		{AT_PHNUM, im->header.phnum},
		{AT_PAGESZ, PAGE_SIZE},
		{AT_BASE, 0},
		{AT_FLAGS, 0},
		{AT_ENTRY, p->image_base + im->header.entry},
		{AT_UID, 0},
		{AT_EUID, 0},
		{AT_GID, 0},
		{AT_EGID, 0},
		{AT_CLKTCK, 100},
		{AT_SECURE, 0},
		{AT_RANDOM, random_at},
		{AT_EXECFN, execfn},
		{AT_NULL, 0},
	};
	u64 count = (u64)argc;

	words = 1 + (u64)argc + 1 + (u64)envc + 1;
	s->sp = ((s->sp - words * 8 - sizeof(auxv)) & ~15ull) + words * 8 + sizeof(auxv);
	push(s, auxv, sizeof(auxv));
	push(s, envs, ((size_t)envc + 1) * 8);
	push(s, args, ((size_t)argc + 1) * 8);
	push(s, &count, 8);
	return 0;
}

static int make_stack(
	struct process *p, const struct image *im, char *const argv[], char *const envp[], u64 *sp)
{
	u64 top = p->mmap_top, *vectors;
	struct stack s = {.p = p, .sp = top};
	int err = memory_map_zeroed(p, top - PROGRAM_STACK_SIZE, top, PROT_READ | PROT_WRITE);

	if (err)
		return err;
	/* The page below stays free: a guard. */
	p->mmap_top = top - PROGRAM_STACK_SIZE - PAGE_SIZE;
	vectors = kmalloc(2 * STRINGS_MAX * sizeof(u64), ALLOC_WAIT);
	if (!vectors)
		return -ENOMEM;
	err = build_stack(&s, im, argv, envp, vectors, vectors + STRINGS_MAX);
	kfree(vectors);
	*sp = s.sp;
	return err;
}

int program_load(struct process *p, const struct program_image *image, char *const argv[],
	char *const envp[], struct program_start *out)
{
	struct image *im = kzalloc(sizeof(*im), ALLOC_WAIT);
	int err;

	if (!im)
		return -ENOMEM;
	im->name = image->name;
	im->bytes = image->start;
	im->size = (u64)((const u8 *)image->end - im->bytes);
	mutex_lock(&p->memory_lock);
	err = check(im);
	if (!err)
		err = map_segments(p, im);
	if (!err)
		err = relocate(p, im);
	if (!err)
		err = protect_segments(p, im);
	if (!err) {
		p->image_end = p->image_base + im->end;
		p->brk_start = p->brk_end = p->brk_mapped = p->image_end + PAGE_SIZE;
		out->pc = p->image_base + im->header.entry;
		err = make_stack(p, im, argv, envp, &out->sp);
	}
	mutex_unlock(&p->memory_lock);
	kfree(im);
	return err;
}
