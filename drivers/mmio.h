/*
 * Device registers. Each helper is exactly one access of its width. Registers are mapped uncached,
 * so accesses reach the device in program order; order against ordinary memory is the caller's
 * (a barrier that names its partner).
 */
#pragma once

#include "kernel/atomic.h"

static inline u8 mmio_read8(void *p)
{
	return READ_ONCE(*(u8 *)p);
}
static inline u16 mmio_read16(void *p)
{
	return READ_ONCE(*(u16 *)p);
}
static inline u32 mmio_read32(void *p)
{
	return READ_ONCE(*(u32 *)p);
}
static inline void mmio_write8(void *p, u8 v)
{
	WRITE_ONCE(*(u8 *)p, v);
}
static inline void mmio_write16(void *p, u16 v)
{
	WRITE_ONCE(*(u16 *)p, v);
}
static inline void mmio_write32(void *p, u32 v)
{
	WRITE_ONCE(*(u32 *)p, v);
}
