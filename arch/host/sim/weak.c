/*
 * Weak mode: what a load may return when CPUs keep stores to themselves for a while and loads run early. A
 * barrier that is missing between READ_ONCEs and WRITE_ONCEs shows only here: ThreadSanitizer takes them
 * for ordered, and a machine that does one access after the other has nothing to reorder.
 *
 * The model. A store goes to memory at once, so that its own CPU sees it in any way it looks; but it leaves
 * a record of what the word was before, and a load by another CPU may be answered from the records as if
 * the store had not reached it yet. Which records a load may go behind is what the kernel's ordering rules
 * (kernel/atomic.h) leave open, no more:
 *
 *	each CPU counts its stores; a view says for every CPU how many of its stores are known
 *	a store with release carries its CPU's view, a load with acquire that reads it takes it over
 *	fences do the same for the loads before and the stores after them
 *	full fences, and fully ordered operations, also meet in one view of all that fence
 *	a CPU never sees a word go back
 *	read-modify-writes read the newest, and hand on the view of what they replace
 *	an interrupt sent to a CPU brings the sender's view along
 *	whatever is older than the horizon of this seed has reached everybody
 *
 * That is the C11 model without loads that overtake later stores of their own CPU.
 *
 * Plain accesses leave records, too, because what is initialised plainly is published and then read with
 * READ_ONCE. A plain load itself cannot be answered from a record; but when there is one it might be
 * answered from, the program has a data race, and that is reported.
 *
 * Of each word the last CELL_RECORDS stores are kept, and of older ones what they released: who reads one of
 * those takes over the views of all. That hides errors and makes none. Forgetting a word would make some, so
 * words stay, and when there is no room for another the rest of the run is not weak.
 */
#include <string.h>

#include "arch/host/sim/sim.h"

#define CELLS	     (1u << 17)
#define BUCKETS_BITS 15
#define CELL_RECORDS 8

struct view {
	u32 known[SIM_MAX_CPUS];
};

/* A store to a word. */
struct record {
	u64 old;       /* the word before */
	u64 sequence;  /* of all stores */
	u32 number;    /* of its CPU's stores */
	u8 cpu, mask;  /* bytes written */
	bool releases; /* view counts */
	struct view view;
	u64 pc;
};

struct cell {
	u64 word; /* address / 8 */
	struct cell *next;
	u64 seen[SIM_MAX_CPUS]; /* sequence of the newest store a CPU knows by having looked */
	u32 count;		/* stores recorded; the last CELL_RECORDS are there */
	struct view dropped;	/* what those before have released, together */
	struct record records[CELL_RECORDS];
};

bool sim_weak;

static struct cell cells[CELLS], *buckets[1u << BUCKETS_BITS];
static u32 nr_cells;
static struct cpu {
	struct view now;
	struct view released; /* at the last release fence */
	struct view acquired; /* what an acquire fence would take over */
	struct view interrupts;
	bool has_released;
} cpus[SIM_MAX_CPUS];
static struct view fences;
static u64 sequence;

static struct sim_random stream;
static u64 stale_one_in, horizon;

void sim_weak_init(void)
{
	sim_random_init(&stream, 2);
	stale_one_in = 1ull << sim_below(&stream, 7);
	horizon = 16ull << sim_below(&stream, 10);
}

/* ---- Views ---- */

static void join(struct view *v, const struct view *with)
{
	for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
		v->known[i] = MAX(v->known[i], with->known[i]);
}

static struct cpu *me(void)
{
	return &cpus[host_cpu()->index];
}

static bool acquires(int order)
{
	return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

static bool releases(int order)
{
	return order >= __ATOMIC_RELEASE;
}

void sim_weak_fence(int order)
{
	struct cpu *c = me();

	if (acquires(order))
		join(&c->now, &c->acquired);
	if (order == __ATOMIC_SEQ_CST) {
		join(&c->now, &fences);
		fences = c->now;
	}
	if (releases(order)) {
		c->released = c->now;
		c->has_released = true;
	}
}

void sim_weak_interrupt_sent(unsigned to)
{
	join(&cpus[to].interrupts, &me()->now);
}

void sim_weak_interrupt_taken(void)
{
	join(&me()->now, &me()->interrupts);
}

/* ---- Records ---- */

static struct cell **bucket_of(u64 word)
{
	return &buckets[word * 0x9e3779b97f4a7c15ull >> (64 - BUCKETS_BITS)];
}

/* NULL: nobody has stored there. */
static struct cell *find_cell(u64 word)
{
	struct cell *cell = *bucket_of(word);

	while (cell && cell->word != word)
		cell = cell->next;
	return cell;
}

static struct cell *make_cell(u64 word)
{
	struct cell *cell = find_cell(word), **bucket = bucket_of(word);

	if (cell)
		return cell;
	cell = &cells[nr_cells];
	if (nr_cells == CELLS - 1) {
		sim_weak = false;
		return cell; /* written, and never found */
	}
	nr_cells++;
	cell->word = word;
	cell->next = *bucket;
	return *bucket = cell;
}

static u8 mask_of(const void *p, unsigned size)
{
	return (u8)((size == 8 ? 0xff : (1u << size) - 1) << ((u64)p & 7));
}

static struct record *nth_back(struct cell *cell, u32 n)
{
	return &cell->records[(cell->count - 1 - n) % CELL_RECORDS];
}

static u32 nr_records(const struct cell *cell)
{
	return MIN(cell->count, CELL_RECORDS);
}

/* Make room for a store; the view is the caller's to fill in. */
static struct record *record(u64 word, u8 mask, u64 pc)
{
	struct cell *cell = make_cell(word);
	unsigned cpu = host_cpu()->index;
	struct record *r;

	r = &cell->records[cell->count++ % CELL_RECORDS];
	if (cell->count > CELL_RECORDS && r->releases)
		join(&cell->dropped, &r->view);
	r->old = *(u64 *)(word * 8);
	r->sequence = ++sequence;
	r->number = ++cpus[cpu].now.known[cpu];
	r->cpu = (u8)cpu;
	r->mask = mask;
	r->releases = false;
	r->pc = pc;
	return r;
}

static bool is_ordered(const struct record *r)
{
	const struct host_cpu *c = host_cpu();

	return r->cpu == c->index || r->number <= cpus[c->index].now.known[r->cpu];
}

static bool has_arrived(const struct cell *cell, const struct record *r)
{
	return is_ordered(r) || r->sequence <= cell->seen[host_cpu()->index] ||
	       sequence - r->sequence > horizon;
}

void sim_weak_forget(const void *p, size_t size)
{
	u64 first = (u64)p / 8, last = ((u64)p + size - 1) / 8;

	if (last - first < nr_cells) {
		for (u64 word = first; word <= last; word++) {
			struct cell *cell = find_cell(word);

			if (cell)
				cell->count = 0;
		}
		return;
	}
	for (u32 i = 0; i < nr_cells; i++)
		if (cells[i].word >= first && cells[i].word <= last)
			cells[i].count = 0;
}

/* ---- Atomic accesses ---- */

/* A relaxed store after a release fence releases what the fence did. */
static void carry_view(struct record *r, int order)
{
	const struct cpu *c = me();

	r->releases = releases(order) || c->has_released;
	r->view = releases(order) ? c->now : c->released;
}

void sim_weak_store(const void *p, unsigned size, int order, u64 pc)
{
	if (order == __ATOMIC_SEQ_CST)
		sim_weak_fence(order);
	carry_view(record((u64)p / 8, mask_of(p, size), pc), order);
	if (order == __ATOMIC_SEQ_CST)
		sim_weak_fence(order);
}

/* The last store to these bytes before the newest `back` ones; NULL: it is not there any more. */
static const struct record *find_store(struct cell *cell, u32 back, u8 mask)
{
	for (u32 i = back; i < nr_records(cell); i++)
		if (nth_back(cell, i)->mask & mask)
			return nth_back(cell, i);
	return NULL;
}

/* The store r of this cell was read, or one that was dropped. */
static void take_over(struct cell *cell, const struct record *r, int order)
{
	u64 *seen = &cell->seen[host_cpu()->index];

	if (r)
		*seen = MAX(*seen, r->sequence);
	if (r && !r->releases)
		return;
	join(&me()->acquired, r ? &r->view : &cell->dropped);
	if (acquires(order))
		join(&me()->now, r ? &r->view : &cell->dropped);
}

/* How many stores a load may go back behind: all after the newest that has arrived. */
static u32 nr_hidden(struct cell *cell, u8 mask)
{
	u32 n = 0;

	for (u32 i = 0; i < nr_records(cell); i++) {
		const struct record *r = nth_back(cell, i);

		if (!(r->mask & mask))
			continue;
		if (has_arrived(cell, r))
			break;
		n = i + 1;
	}
	return n;
}

/* The word as it was n stores ago. */
static u64 undo(struct cell *cell, u32 n)
{
	u64 value = *(u64 *)(cell->word * 8);

	for (u32 i = 0; i < n; i++) {
		const struct record *r = nth_back(cell, i);
		u64 bits = 0;

		for (unsigned byte = 0; byte < 8; byte++)
			if (r->mask & 1u << byte)
				bits |= 0xffull << 8 * byte;
		value = (value & ~bits) | (r->old & bits);
	}
	return value;
}

static u64 field(u64 word, const void *p, unsigned size)
{
	word >>= 8 * ((u64)p & 7);
	return size == 8 ? word : word & ((1ull << 8 * size) - 1);
}

u64 sim_weak_load(const void *p, unsigned size, int order, u64 now, u64 pc)
{
	struct cell *cell = find_cell((u64)p / 8);
	u8 mask = mask_of(p, size);
	u32 back = 0, hidden;

	if (order == __ATOMIC_SEQ_CST)
		sim_weak_fence(order);
	if (!cell)
		return now;
	hidden = order == __ATOMIC_SEQ_CST ? 0 : nr_hidden(cell, mask);
	if (hidden && sim_one_in(&stream, stale_one_in)) {
		back = (u32)sim_below(&stream, hidden + 1);
		now = field(undo(cell, back), p, size);
		if (back)
			sim_trace(SIM_STALE, (u64)p, back, pc);
	}
	take_over(cell, find_store(cell, back, mask), order);
	return now;
}

void sim_weak_rmw(const void *p, unsigned size, int order, u64 pc)
{
	struct cell *cell = find_cell((u64)p / 8);
	u8 mask = mask_of(p, size);
	const struct record *newest;
	struct record *r;
	struct view replaced = {{0}}; /* goes on to what is stored: a release sequence */

	if (order == __ATOMIC_SEQ_CST)
		sim_weak_fence(order);
	if (cell) {
		newest = find_store(cell, 0, mask);
		take_over(cell, newest, order);
		if (!newest || newest->releases)
			replaced = newest ? newest->view : cell->dropped;
	}
	r = record((u64)p / 8, mask, pc);
	carry_view(r, order);
	if (!r->releases)
		r->view = (struct view){{0}};
	join(&r->view, &replaced);
	r->releases = true;
	if (order == __ATOMIC_SEQ_CST)
		sim_weak_fence(order);
}

/* ---- Plain accesses ---- */

static void race(const char *what, const void *p, unsigned size, u64 pc, const struct record *r)
{
	char here[96], there[96];

	arch_symbolize(pc, here, sizeof(here));
	arch_symbolize(r->pc, there, sizeof(there));
	sim_fail("data race: plain %s of %u bytes at %p by cpu %u in %s, written by cpu %u in %s",
		what, size, p, host_cpu()->index, here, r->cpu, there);
}

static void check_word(const char *what, u64 word, u8 mask, const void *p, unsigned size, u64 pc)
{
	struct cell *cell = find_cell(word);

	for (u32 i = 0; cell && i < nr_records(cell); i++) {
		const struct record *r = nth_back(cell, i);

		if (!(r->mask & mask))
			continue;
		if (!is_ordered(r))
			race(what, p, size, pc, r);
		return;
	}
}

/* Call the statement for each word of an access, with its address / 8 in word and its bytes in mask. */
#define for_each_word(p, size, word, mask)                                                         \
	for (u64 at_ = (u64)(p), end_ = at_ + (size), word, mask;                                  \
		at_ < end_ &&                                                                      \
		(word = at_ / 8,                                                                   \
		mask = mask_of((void *)at_, (unsigned)MIN(8 - (at_ & 7), end_ - at_)), true);      \
		at_ = (word + 1) * 8)

void sim_weak_plain_read(const void *p, unsigned size, u64 pc)
{
	for_each_word(p, size, word, mask) check_word("read", word, (u8)mask, p, size, pc);
}

void sim_weak_plain_write(const void *p, unsigned size, u64 pc)
{
	for_each_word(p, size, word, mask)
	{
		check_word("write", word, (u8)mask, p, size, pc);
		carry_view(record(word, (u8)mask, pc), __ATOMIC_RELAXED);
	}
}
