/* Between the page allocator, slab.c and reclaim.c. */
#pragma once

#include "kernel/page.h"

/* Start the reclaim thread when it is not running. Context: any. */
void reclaim_wake(void);
/* True in a thread that is reclaiming: its own allocations may use the last pages. */
bool reclaim_is_current(void);
/* Free pages are still below what the reclaim thread aims for. */
bool page_below_low(void);
/* Give this CPU's list of single pages back to the buddy lists. */
void page_drain_local(void);
/* page_alloc, but no point at which memory can be made to run out (kernel/faults.h): the object is one. */
struct page *page_alloc_for_slab(unsigned order, enum alloc_mode mode);
void page_account_slab(s64 pages);
