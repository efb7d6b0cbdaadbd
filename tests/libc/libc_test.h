/* Shared by the files of libctest. */
#pragma once

#include <stdio.h>

extern unsigned passed, failed; /* atomic */

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (cond)                                                                          \
			__atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);                          \
		else {                                                                             \
			__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);                          \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                          \
		}                                                                                  \
	} while (0)

void test_threads(void);
/* What a thread left in stdout's buffer is written at exit, though the main thread never used stdio. */
void print_in_thread(void);
