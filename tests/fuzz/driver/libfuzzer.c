/*
 * clang's libFuzzer as the source of inputs. Its options are the program's arguments. Besides its own
 * mutations of bytes there are some of whole records, for targets that have them: most of what bytes inserted
 * in the middle do is to shift every record behind them into nonsense.
 */
#include <string.h>

#include "arch/host/host.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const u8 *data, size_t size));
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t most, unsigned seed);

static int run_one(const u8 *data, size_t size)
{
	fuzz_target.run(data, size);
	return 0;
}

#define MAX_ARGUMENTS 4096

/* The port has handlers of its own, which must not be called through libFuzzer's: they nest. */
int fuzz_main(int argc, char **argv)
{
	static char *ours[] = {"-handle_segv=0", "-handle_bus=0", "-handle_fpe=0", "-handle_ill=0",
		"-handle_usr1=0", "-handle_usr2=0"};
	static char *all[MAX_ARGUMENTS + 1];
	char **arguments = all;
	int n = 0;

	all[n++] = argv[0];
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		all[n++] = ours[i];
	for (int i = 1; i < argc && n < MAX_ARGUMENTS; i++)
		all[n++] = argv[i];
	return LLVMFuzzerRunDriver(&n, &arguments, run_one);
}

static u32 next_random(u32 *state, u32 below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/* Change the records at data (count of them, room for `room`); returns how many there are now. */
static size_t mutate_records(u8 *data, size_t count, size_t room, u32 *state)
{
	const size_t size = fuzz_target.record;
	u8 *a = data + next_random(state, (u32)count) * size,
	   *b = data + next_random(state, (u32)count) * size, *end = data + count * size;
	u8 spare[256];

	switch (next_random(state, 4)) {
	case 0: /* one less */
		memmove(a, a + size, (size_t)(end - a) - size);
		return count - 1;
	case 1: /* a copy of one elsewhere */
		if (count == room)
			return count;
		memcpy(spare, b, size);
		memmove(a + size, a, (size_t)(end - a));
		memcpy(a, spare, size);
		return count + 1;
	case 2: /* two change places */
		memcpy(spare, a, size);
		memmove(a, b, size);
		memcpy(b, spare, size);
		return count;
	default: /* one becomes something else */
		LLVMFuzzerMutate(a, size, size);
		return count;
	}
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t most, unsigned seed)
{
	const size_t head = fuzz_target.head, record = fuzz_target.record;
	u32 state = seed;
	size_t count;

	if (!record || size < head + record || next_random(&state, 2))
		return LLVMFuzzerMutate(data, size, most);
	count = (size - head) / record;
	return head + record * mutate_records(data + head, count, (most - head) / record, &state);
}
