/* Sleeping locks: mutex, and rwsem (many readers or one writer; writers are not starved). */
#pragma once

#include "kernel/wait.h"

struct mutex {
	struct thread *owner; /* NULL when free; atomic */
	u16 rank;
	struct waitqueue wq;
};

#define MUTEX_INIT(name, r)                                                                        \
	{                                                                                          \
		.owner = NULL, .rank = (r), .wq = WAITQUEUE_INIT((name).wq)                        \
	}

void mutex_init(struct mutex *m, enum lock_rank rank);
/* Context: may sleep. */
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m, unsigned subclass);
/* 0, or -EINTR when the thread was interrupted or killed while waiting. */
int mutex_lock_interruptible(struct mutex *m);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
static inline bool mutex_held(const struct mutex *m)
{
	return READ_ONCE(m->owner) == current;
}

struct rwsem {
	struct spinlock lock;
	s32 readers;	     /* guarded by lock; -1 while a writer is inside */
	u32 writers_waiting; /* guarded by lock; new readers queue behind them */
	u32 readers_waiting; /* guarded by lock */
	u32 reader_turn;     /* guarded by lock: waiting readers that go before the next writer */
	u16 rank;
	struct waitqueue wq;
};

void rwsem_init(struct rwsem *s, enum lock_rank rank);
void rwsem_down_read(struct rwsem *s);
bool rwsem_try_down_read(struct rwsem *s);
void rwsem_up_read(struct rwsem *s);
void rwsem_down_write(struct rwsem *s);
void rwsem_down_write_nested(struct rwsem *s, unsigned subclass);
bool rwsem_try_down_write(struct rwsem *s);
void rwsem_up_write(struct rwsem *s);
