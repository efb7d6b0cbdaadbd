/*
 * difftest [-b BASE] [-d DEVICE] [-k NUMBERS] [-n OPERATIONS] [-x FLAVOURS] [-hlps] SEED COUNT
 *
 *	-b BASE		the folder to mount on, default /difftest
 *	-d DEVICE	a read-only ext4 in the place of an empty tmpfs
 *	-k 3,7-9	of the sequence only these operations
 *	-n 200		operations of a sequence
 *	-x 4		flavours never to be drawn, a sum of enum flavour
 *	-h		no hard links by other users than root
 *	-p		leave the machine's own file systems first, with pivot_root
 *	-s		no sticky directories
 *	-l		write each word at once, to see in which call a system hangs
 *
 * A line per operation, `SEED.NUMBER call(arguments) = result`; `SEED.0` lines are what a sequence leaves
 * behind. Needs to be root, and on Linux a mount namespace of its own.
 */
#include "difftest.h"

#define OPERATIONS_MOST 10000
#define BEGINNING	30

struct options options = {.base = "/difftest", .operations = 200};
unsigned flavour;

static bool kept[OPERATIONS_MOST + 1];
static const struct family *const families[] = {&open_family, &name_family, &attr_family,
	&file_family, &dir_family, &mount_family, &user_family};

void give_up(const char *what, long error)
{
	fflush(stdout);
	printf("difftest: %s: error %ld\n", what, -error);
	fflush(stdout);
	exit(2);
}

/* ---- Choosing an operation ---- */

static unsigned weight_of(const struct operation *o)
{
	if (o->flavour && !(o->flavour & flavour))
		return 0;
	return options.device && o->changes ? (o->weight + 7) / 8 : o->weight;
}

static const struct operation *draw_any(void)
{
	unsigned total = 0, left;

	for (size_t f = 0; f < COUNT_OF(families); f++)
		for (unsigned i = 0; i < families[f]->count; i++)
			total += weight_of(&families[f]->operations[i]);
	left = draw(total);
	for (size_t f = 0;; f++)
		for (unsigned i = 0; i < families[f]->count; i++) {
			const struct operation *o = &families[f]->operations[i];

			if (left < weight_of(o))
				return o;
			left -= weight_of(o);
		}
}

/* A sequence begins with what makes things rather than with what asks for them. */
static const struct operation *draw_operation(unsigned number)
{
	const struct operation *o = draw_any();

	for (unsigned i = 0; i < 3 && number <= BEGINNING && !o->changes; i++)
		o = draw_any();
	return o;
}

/* A sequence is about one of the flavours, about all of them, or about none. */
static void draw_flavour(uint64_t seed)
{
	draw_begin(seed, 0);
	flavour = (unsigned)ONE_OF(0, 0, WITH_FIFOS, WITH_USERS, WITH_USERS, WITH_MOUNTS,
		WITH_MOUNTS, WITH_RING, WITH_RING | WITH_USERS, ALL_FLAVOURS);
	flavour &= ~options.leave_out;
	if (options.device)
		flavour |= WITH_FIFOS; /* the image has some */
}

static void run_seed(uint64_t seed)
{
	numbers_forget();
	draw_flavour(seed);
	sandbox_enter();
	for (unsigned i = 1; i <= options.operations; i++) {
		if (!kept[i])
			continue;
		draw_begin(seed, i);
		line_begin(seed, i);
		draw_operation(i)->run();
		line_end();
	}
	sandbox_leave(seed);
	fflush(stdout);
}

/* ---- Options ---- */

static void keep(const char *numbers)
{
	memset(kept, 0, sizeof(kept));
	while (*numbers) {
		char *end;
		unsigned long first = strtoul(numbers, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i <= OPERATIONS_MOST; i++)
			kept[i] = true;
		numbers = *end ? end + 1 : end;
	}
}

static void take_option(int option, const char *value)
{
	switch (option) {
	case 'b':
		options.base = value;
		break;
	case 'd':
		options.device = value;
		break;
	case 'h':
		options.no_user_links = true;
		break;
	case 'k':
		keep(value);
		break;
	case 'l':
		options.live = true;
		break;
	case 'n':
		options.operations = (unsigned)strtoul(value, NULL, 10);
		if (options.operations > OPERATIONS_MOST)
			options.operations = OPERATIONS_MOST;
		break;
	case 'p':
		options.cut_off = true;
		break;
	case 's':
		options.no_sticky = true;
		break;
	case 'x':
		options.leave_out = (unsigned)strtoul(value, NULL, 0);
		break;
	default:
		printf("see tests/differential/difftest/main.c\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int option;

	memset(kept, 1, sizeof(kept));
	setvbuf(stdout, NULL, _IOFBF, 64 * 1024);
	while ((option = getopt(argc, argv, "b:d:hk:ln:psx:")) != -1)
		take_option(option, optarg);
	uint64_t seed = optind < argc ? strtoull(argv[optind], NULL, 0) : 1;
	uint64_t count = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 0) : 1;

	signal(SIGPIPE, SIG_IGN);
	sandbox_prepare();
	if (!(options.leave_out & WITH_RING))
		ring_prepare();
	for (uint64_t i = 0; i < count; i++)
		run_seed(seed + i);
	printf("difftest: done\n");
	return 0;
}
