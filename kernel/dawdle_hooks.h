/*
 * Before every source file of the debug kernel (-include): reads of shared memory may dawdle.
 * kernel/dawdle.c says what for.
 */
#pragma once

#ifndef __ASSEMBLY__
#define CONFIG_DAWDLE

extern unsigned dawdle_every; /* 0: nobody dawdles */
void dawdle_now(void);
#define dawdle() (__builtin_expect(dawdle_every != 0, 0) ? dawdle_now() : (void)0)

#define READ_ONCE(x)                                                                               \
	({                                                                                         \
		dawdle();                                                                          \
		*(const volatile typeof(x) *)&(x);                                                 \
	})
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define load_acquire(p)                                                                            \
	({                                                                                         \
		dawdle();                                                                          \
		__atomic_load_n((p), __ATOMIC_ACQUIRE);                                            \
	})
#endif
