/* Fixed-width integers and the few words every file needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef s64 ssize;

/* Marks a pointer into program memory: it is only ever handed to kernel/uaccess.h. */
#define __user

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* The most CPUs one image can drive. */
#define MAX_CPUS   64
#define CACHE_LINE 64
