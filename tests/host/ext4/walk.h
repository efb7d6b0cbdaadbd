/* Everything that a mounted ext4 has, looked at through its own operations (shim.h). */
#pragma once

#include "tests/host/ext4/shim.h"

/* What a walk does, and how it ended. */
struct walk {
	const char *folder; /* contents go here; NULL: nowhere */
	bool print;
	u64 names, errors, bytes;
	u64 budget; /* names and pages before the walk is cut short: damaged trees may be bushy */
	char path[16384];
	size_t path_len;
};

/* All names from the root on, their inodes and contents, and names that are not there. */
void walk_all(struct walk *w, struct super_block *sb);
/* Die when an object of the shim's is left. */
void expect_nothing_left(void);
