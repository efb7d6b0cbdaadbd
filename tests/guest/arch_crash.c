/*
 * Our own bugs end in a panic that says what happened. Run by run-crashes, one a boot, with crash=NAME on
 * the command line: the machine must end with status 101 and the words below on the console.
 *
 *	overflow	"kernel stack overflow"
 *	text		"invalid write": kernel text is read-only
 *	exec		"jump to unmapped or non-executable memory": data is not executable
 *	null		the same: a call through a NULL pointer is the kernel's fault, not a program's
 *	opcode		"illegal instruction"
 *	wild		"protection fault": a non-canonical address
 *	everyone	"illegal instruction", one whole panic, although all CPUs but one panic at once
 */
#include "arch/x86_64/internal.h"
#include "kernel/cmdline.h"
#include "kernel/ktest.h"
#include "kernel/string.h"

static u32 depth_wanted = 1000000;

static __noinline u32 recurse(u32 depth)
{
	volatile u8 frame[256];

	frame[0] = (u8)depth;
	if (depth == READ_ONCE(depth_wanted))
		return 0;
	return recurse(depth + 1) + frame[0];
}

static void crash_overflow(void)
{
	WRITE_ONCE(depth_wanted, recurse(0));
}

static void crash_text(void)
{
	*(volatile u8 *)__text_start = 0xcc;
}

static void crash_exec(void)
{
	static u8 data[] = {0xc3};

	((void (*)(void))data)();
}

static void crash_null(void)
{
	void (*volatile nothing)(void) = NULL;

	nothing();
}

static void crash_opcode(void)
{
	__asm__ volatile("ud2");
}

static void crash_wild(void)
{
	WRITE_ONCE(*(u32 *)0xdead000000000000ull, 0);
}

static void illegal(void *arg)
{
	(void)arg;
	crash_opcode();
}

static void crash_everyone(void)
{
	arch_call_others(illegal, NULL);
}

static const struct {
	const char *name;
	void (*fn)(void);
} crashes[] = {
	{"overflow", crash_overflow},
	{"text", crash_text},
	{"exec", crash_exec},
	{"null", crash_null},
	{"opcode", crash_opcode},
	{"wild", crash_wild},
	{"everyone", crash_everyone},
};

KTEST(arch_crash)
{
	char name[16];

	if (!cmdline_get("crash", name, sizeof(name))) {
		ktest_skip("only with crash=NAME");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (strcmp(name, crashes[i].name) == 0)
			crashes[i].fn();
	KT_CHECK(!"the machine survived");
}
