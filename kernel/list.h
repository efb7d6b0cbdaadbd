/*
 * Doubly linked lists (list_head) and singly headed hash chains that readers may walk under RCU
 * (hlist). The _rcu forms publish with a release store, and removing an entry publishes the next one
 * anew; a reader follows with acquire loads. A removed entry keeps its forward pointer so that a reader
 * standing on it can go on.
 */
#pragma once

#include "kernel/atomic.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)                                                                       \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void list_init(struct list_head *h)
{
	h->next = h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return READ_ONCE(h->next) == h;
}

static inline void list_insert_between_(
	struct list_head *e, struct list_head *prev, struct list_head *next)
{
	e->next = next;
	e->prev = prev;
	next->prev = e;
	store_release(&prev->next, e);
}

static inline void list_add(struct list_head *e, struct list_head *h)
{
	list_insert_between_(e, h, h->next);
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	list_insert_between_(e, h->prev, h);
}

static inline void list_unlink_(struct list_head *e)
{
	e->next->prev = e->prev;
	store_release(&e->prev->next, e->next);
}

/* Remove and leave e an empty list of its own, so that list_empty(e) tells. */
static inline void list_del(struct list_head *e)
{
	list_unlink_(e);
	list_init(e);
}

/* Remove but keep e->next for RCU readers; e may be reused only after a grace period. */
static inline void list_del_rcu(struct list_head *e)
{
	list_unlink_(e);
	e->prev = NULL;
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_unlink_(e);
	list_add_tail(e, h);
}

/* Append all of from to the end of to; from becomes empty. */
static inline void list_splice_tail(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(p, t, m)	  container_of(p, t, m)
#define list_first_entry(h, t, m) list_entry((h)->next, t, m)
#define list_last_entry(h, t, m)  list_entry((h)->prev, t, m)
#define list_for_each(p, h)	  for ((p) = (h)->next; (p) != (h); (p) = (p)->next)
#define list_for_each_entry(e, h, m)                                                               \
	for ((e) = list_entry((h)->next, typeof(*(e)), m); &(e)->m != (h);                         \
		(e) = list_entry((e)->m.next, typeof(*(e)), m))
#define list_for_each_entry_safe(e, n, h, m)                                                       \
	for ((e) = list_entry((h)->next, typeof(*(e)), m),                                         \
	    (n) = list_entry((e)->m.next, typeof(*(e)), m);                                        \
		&(e)->m != (h); (e) = (n), (n) = list_entry((n)->m.next, typeof(*(e)), m))
#define list_for_each_entry_rcu(e, h, m)                                                           \
	for ((e) = list_entry(load_acquire(&(h)->next), typeof(*(e)), m); &(e)->m != (h);          \
		(e) = list_entry(load_acquire(&(e)->m.next), typeof(*(e)), m))

/* Hash chain: one pointer per bucket; pprev makes removal possible without the head. */
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};

static inline bool hlist_unhashed(const struct hlist_node *n)
{
	return READ_ONCE(n->pprev) == NULL;
}

static inline void hlist_add_head_rcu(struct hlist_node *n, struct hlist_head *h)
{
	struct hlist_node *first = h->first;

	n->next = first;
	WRITE_ONCE(n->pprev, &h->first);
	store_release(&h->first, n);
	if (first)
		WRITE_ONCE(first->pprev, &n->next);
}

/* n->next stays for readers that stand on n. */
static inline void hlist_del_rcu(struct hlist_node *n)
{
	struct hlist_node *next = n->next;

	store_release(n->pprev, next);
	if (next)
		WRITE_ONCE(next->pprev, n->pprev);
	WRITE_ONCE(n->pprev, NULL);
}

#define hlist_for_each_entry_rcu(e, h, m)                                                          \
	for (struct hlist_node *n_ = load_acquire(&(h)->first);                                    \
		n_ && ((e) = container_of(n_, typeof(*(e)), m), true);                             \
		n_ = load_acquire(&n_->next))
