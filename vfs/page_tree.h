/*
 * The tree of a mapping: page index -> struct page, 64 ways a level, read under RCU.
 *
 *	mapping->root     NULL, a page (index 0 only), or a tagged pointer to a node
 *	node->slots[i]    the same, for (index >> shift) & 63 == i
 *
 * A node knows its own level (shift), so a reader that holds any root, old or new, finds its way.
 * Nodes are freed after a grace period. What a reader finds may have left the tree meanwhile: the page
 * cache takes a reference and checks that the page still belongs to (mapping, index).
 *
 * Changes: mapping->lock held.
 */
#pragma once

#include "vfs/pagecache.h"

/* The page at index, or NULL. Context: RCU read section, or mapping->lock held. */
struct page *page_tree_lookup(const struct mapping *m, u64 index);
/* The first page at or after index, or NULL. Context: mapping->lock held. */
struct page *page_tree_next(const struct mapping *m, u64 index);
/* Put p at index. 0, -EEXIST, or -ENOMEM (never sleeps; nothing changed). Context: mapping->lock held. */
int page_tree_insert(struct mapping *m, u64 index, struct page *p);
/* Take out the page at index, which is there. Context: mapping->lock held. */
void page_tree_remove(struct mapping *m, u64 index);
/* Have memory at hand for the next insertion. 0 or -ENOMEM. Context: may sleep, no locks. */
int page_tree_preload(void);
void page_tree_init(void);
