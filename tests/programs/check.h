/* The checks of the test programs: each counts in passed or failed, which the program defines, and a failed
 * one says where and what. */
#pragma once

#include <stdio.h>

#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (c) {                                                                           \
			passed++;                                                                  \
		} else {                                                                           \
			failed++;                                                                  \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #c);                             \
		}                                                                                  \
	} while (0)
#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long a_ = (long)(a), b_ = (long)(b);                                               \
		if (a_ == b_) {                                                                    \
			passed++;                                                                  \
		} else {                                                                           \
			failed++;                                                                  \
			printf("%s:%d: %s is %ld, expected %s = %ld\n", __FILE__, __LINE__, #a,    \
				a_, #b, b_);                                                       \
		}                                                                                  \
	} while (0)
