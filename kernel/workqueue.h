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
/* Wait until everything queued before has run (in a work: all but itself). Context: may sleep. */
void work_flush(void);
void workqueue_init(void);
