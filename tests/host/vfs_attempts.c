/*
 * A walk is tried up to three times (row 1.41 of docs/contract.md): what each answer of an attempt leads to,
 * and with which flags the next one begins.
 */
#include "abi/errno.h"
#include "kernel/ktest.h"
#include "vfs/walk_state.h"

#define ATTEMPTS 3

static struct {
	const int *answers;
	unsigned made, flags[ATTEMPTS + 1];
} now;

static int attempt(const struct walk_start *start, unsigned flags, void *arg)
{
	(void)start, (void)arg;
	now.flags[now.made] = flags;
	return now.made < ATTEMPTS ? now.answers[now.made++] : -EIO;
}

KTEST(walk_attempts_are_three_at_most)
{
	static const struct {
		unsigned flags;
		int answers[ATTEMPTS];
		unsigned made;
		int result;
		unsigned last; /* flags of the last one made */
	} rows[] = {
		{0, {0}, 1, 0, WALK_RCU},
		{0, {-ENOENT}, 1, -ENOENT, WALK_RCU},
		{0, {-ECHILD, 0}, 2, 0, 0},
		{0, {-ECHILD, -EACCES}, 2, -EACCES, 0},
		{0, {-ESTALE, 0}, 2, 0, WALK_REVAL},
		{0, {-ECHILD, -ESTALE, 0}, 3, 0, WALK_REVAL},
		{0, {-ECHILD, -ESTALE, -ESTALE}, 3, -ESTALE, WALK_REVAL},
		{WALK_NO_RCU, {0}, 1, 0, WALK_NO_RCU},
		{WALK_NO_RCU, {-ESTALE, 0}, 2, 0, WALK_NO_RCU | WALK_REVAL},
		/* one that may not block has one attempt, in RCU mode or not at all */
		{WALK_CACHED, {0}, 1, 0, WALK_CACHED | WALK_RCU},
		{WALK_CACHED, {-ENOTDIR}, 1, -ENOTDIR, WALK_CACHED | WALK_RCU},
		{WALK_CACHED, {-ECHILD}, 1, -EAGAIN, WALK_CACHED | WALK_RCU},
		{WALK_CACHED, {-ESTALE}, 1, -EAGAIN, WALK_CACHED | WALK_RCU},
		{WALK_CACHED | WALK_NO_RCU, {0}, 0, -EAGAIN, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct walk_start start = {.flags = rows[i].flags};

		now.answers = rows[i].answers;
		now.made = 0;
		KT_EQ(walk_attempts(&start, attempt, NULL), rows[i].result);
		KT_EQ(now.made, rows[i].made);
		if (now.made)
			KT_EQ(now.flags[now.made - 1], rows[i].last);
	}
}
