/*
 * Words as they lie on a disk or in a device's memory. They are structs, so that an unconverted use
 * does not compile. All our ports are little-endian: for le words the conversion is the type, be words
 * (ext4's journal) are swapped.
 */
#pragma once

#include "kernel/compiler.h"

typedef struct {
	u16 raw;
} __packed le16;
typedef struct {
	u32 raw;
} __packed le32;
typedef struct {
	u64 raw;
} __packed le64;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are little-endian");

static inline u16 le16_get(le16 x)
{
	return x.raw;
}
static inline u32 le32_get(le32 x)
{
	return x.raw;
}
static inline u64 le64_get(le64 x)
{
	return x.raw;
}
static inline le16 le16_put(u16 v)
{
	return (le16){v};
}
static inline le32 le32_put(u32 v)
{
	return (le32){v};
}
static inline le64 le64_put(u64 v)
{
	return (le64){v};
}

typedef struct {
	u16 raw;
} __packed be16;
typedef struct {
	u32 raw;
} __packed be32;
typedef struct {
	u64 raw;
} __packed be64;

static inline u16 be16_get(be16 x)
{
	return __builtin_bswap16(x.raw);
}
static inline u32 be32_get(be32 x)
{
	return __builtin_bswap32(x.raw);
}
static inline u64 be64_get(be64 x)
{
	return __builtin_bswap64(x.raw);
}
static inline be32 be32_put(u32 v)
{
	return (be32){__builtin_bswap32(v)};
}
