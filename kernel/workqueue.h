/* Deferred work in thread context: one queue of kernel threads for the whole kernel. fn may sleep. */
#pragma once

#include "kernel/list.h"

struct work {
	struct list_head node; /* empty while not queued; guarded by the queue's lock */
	void (*fn)(struct work *w);
	u64 number; /* place in the order of queueing; guarded by the queue's lock */
};

void work_init(struct work *w, void (*fn)(struct work *w));
/* False when it was already queued. Context: any. */
bool work_queue(struct work *w);
/* Wait until everything queued before has run. Context: may sleep; not from a work. */
void work_flush(void);
/*
 * Wait until all that w was queued for so far is done; what is still queued runs here. It may happen that
 * fn runs here and on a work thread at once. Context: may sleep; from a work, but not from w itself.
 */
void work_finish(struct work *w);
void workqueue_init(void);
