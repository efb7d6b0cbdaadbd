/*
 * What a fuzz target is. One program per target: the target itself, the kernel code it attacks, one of
 *
 *	driver/hosted.c		brings the hosted kernel up and runs the target in a kernel thread
 *	driver/plain.c		runs it as it is (targets that bring a kernel of their own)
 *
 * and one of
 *
 *	driver/libfuzzer.c	clang's libFuzzer invents inputs
 *	driver/replay.c		files are the inputs: corpora, and crashes of the past
 *
 * An input is a stream of numbers. Where it ends early the rest reads as zeros, so every string of bytes is
 * an input and none is refused. A target finds something wrong by dying: a sanitizer's report, a
 * failed assertion, fuzz_fail.
 */
#pragma once

#include "kernel/compiler.h"

/* What one program attacks; each defines it. */
struct fuzz_target {
	const char *name;
	/*
	 * Inputs are a head of so many bytes and then records of equal size: mutations also take whole
	 * records out, put them in and exchange them. record 0: no such structure.
	 */
	u32 head, record;
	void (*setup)(void); /* once */
	/* One input; leaves the state that it found. Context: with the hosted kernel a kernel thread. */
	void (*run)(const u8 *data, size_t size);
};
extern const struct fuzz_target fuzz_target;

/* The target found something: say it and die. Context: any. */
__noreturn void fuzz_fail(const char *fmt, ...) __printf(1, 2);
/* Inputs until the end; returns the exit status. The target is set up. */
int fuzz_main(int argc, char **argv);

/* ---- Reading an input ---- */

struct fuzz_input {
	const u8 *at, *end;
};

static inline bool fuzz_more(const struct fuzz_input *in)
{
	return in->at < in->end;
}

static inline u64 fuzz_number(struct fuzz_input *in, unsigned bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < bytes && in->at < in->end; i++)
		value |= (u64)*in->at++ << 8 * i;
	return value;
}

static inline u8 fuzz_u8(struct fuzz_input *in)
{
	return (u8)fuzz_number(in, 1);
}

static inline u16 fuzz_u16(struct fuzz_input *in)
{
	return (u16)fuzz_number(in, 2);
}

static inline u32 fuzz_u32(struct fuzz_input *in)
{
	return (u32)fuzz_number(in, 4);
}

static inline u64 fuzz_u64(struct fuzz_input *in)
{
	return fuzz_number(in, 8);
}
