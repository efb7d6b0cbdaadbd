/*
 * Symbol names of kernel code, for back-traces. The table is made by kernel/symbols.awk from the
 * first link and put into the second one; the first link carries an empty table.
 */
#include "kernel/entry.h"

extern const u64 kernel_symbol_base;
extern const u32 kernel_symbol_count;
extern const u32 kernel_symbol_offsets[], kernel_symbol_names[];
extern const char kernel_symbol_text[];

/* Context: any, also while panicking. */
const char *symbol_lookup(u64 address, u64 *offset)
{
	u32 low = 0, high = kernel_symbol_count;

	if (high == 0 || address < kernel_symbol_base)
		return NULL;
	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (kernel_symbol_base + kernel_symbol_offsets[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	*offset = address - kernel_symbol_base - kernel_symbol_offsets[low];
	return &kernel_symbol_text[kernel_symbol_names[low]];
}
